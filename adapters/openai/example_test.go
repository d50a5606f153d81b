package openai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/trm-go/refiner/adapters/openai"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/specialists"
)

func ExampleNewEmbedder() {
	// Stands for a server of one's own, such as Ollama at http://localhost:11434/v1.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.6, 0.8]}]}`)
	}))
	defer server.Close()

	ctx := context.Background()
	embedder, err := openai.NewEmbedder(ctx, &openai.EmbedderOptions{
		Endpoint: openai.Endpoint{BaseURL: server.URL + "/v1", Key: "sk-..."},
		Model:    "nomic-embed-text",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	vectors, err := embedder.Embed(ctx, []string{"We moved to Porto."})
	fmt.Println(embedder.Model(), embedder.Dim(), vectors, err)
	// Output: nomic-embed-text 2 [[0.6 0.8]] <nil>
}

func ExampleNewChat() {
	server, err := scripted.New(scripted.Says("Ruth lives in Lisbon [1]."))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	model, err := openai.NewChat(&openai.ChatOptions{Endpoint: openai.Endpoint{BaseURL: server.URL}, Model: "llama3.2"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer model.Close()
	done, err := model.Complete(context.Background(), specialists.Prompt{Messages: []specialists.Message{{Role: "user", Content: "Where does Ruth live?"}}})
	fmt.Println(done.Text, err)
	// Output: Ruth lives in Lisbon [1]. <nil>
}
