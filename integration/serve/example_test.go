package serve_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/memory"
)

// A server is an http.Handler over a plugin. Without an upstream the memories answer.
func Example() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(dir, "store.db"), "ada"
	plugin, err := integration.New(context.Background(), c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()
	_, err = plugin.Remember(context.Background(), plugin.Scope, memory.Record{Role: "user", Speaker: "Ada", Text: "Ruth moved to Lisbon.",
		Created: time.Date(2025, 3, 9, 18, 30, 0, 0, time.UTC), Confidence: 1})
	if err != nil {
		log.Fatal(err)
	}

	server, err := serve.New(plugin, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	h := httptest.NewServer(server)
	defer h.Close()
	response, err := h.Client().Post(h.URL+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model": "refine", "messages": [{"role": "user", "content": "Where did Ruth move?"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode == http.StatusOK, strings.Contains(string(answer), "Ruth moved to Lisbon."))
	// Output: true true
}
