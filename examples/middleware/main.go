// Command middleware is a chat handler of a backend, wrapped so that it has a memory. The handler knows nothing of it: the
// memories reach it within the messages, as they reach a model, and what it answers is remembered.
//
//	go run ./examples/middleware
//	curl -s localhost:8080/chat -H 'Content-Type: application/json' -d '{"messages": [{"role": "user", "content": "My sister Ruth moved to Lisbon."}]}'
//	curl -s localhost:8080/chat -H 'Content-Type: application/json' -d '{"messages": [{"role": "user", "content": "Where did Ruth move?"}]}'
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strings"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address and port")
	store := flag.String("store", "backend.db", "the store's file; it is made if there is none")
	flag.Parse()
	c := config.Default()
	c.Store.Path, c.Scope.User = *store, "ada"
	plugin, err := integration.New(context.Background(), c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /chat", integration.Middleware(plugin, nil)(http.HandlerFunc(chat))) // the line that changes
	log.Printf("listening on http://%s/chat", *listen)
	log.Fatal(http.ListenAndServe(*listen, mux))
}

// chat stands for your own handler. In place of a model it repeats what it was told to answer from.
func chat(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Messages []struct{ Role, Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := "I know nothing about this yet."
	for _, m := range request.Messages {
		if _, notes, ok := strings.Cut(m.Content, "\n<memories>\n"); ok {
			answer = "I remember: " + strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(notes), "</memories>"))
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]string{"answer": answer}); err != nil {
		log.Print(err)
	}
}
