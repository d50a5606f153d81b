package openai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/trm-go/refiner/adapters/openai"
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
