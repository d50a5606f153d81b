package mcp_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
)

// A server of one user's memories, and a client that recalls from it.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(dir, "store.db"), "mara"
	ctx := context.Background()
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()
	server := mcp.New(plugin, memory.Scope{}, nil) // the zero Scope is the plugin's

	here, there := sdk.NewInMemoryTransports() // as mcp.Serve does with stdin and stdout
	if _, err := server.Connect(ctx, there, nil); err != nil {
		log.Fatal(err)
	}
	client, err := sdk.NewClient(&sdk.Implementation{Name: "example"}, nil).Connect(ctx, here, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	said := time.Date(2025, 3, 9, 0, 0, 0, 0, time.UTC)
	if _, err := plugin.Remember(ctx, plugin.Scope, memory.Record{Speaker: "Mara", Text: "I am allergic to walnuts.", Created: said}); err != nil {
		log.Fatal(err)
	}
	answer, err := client.CallTool(ctx, &sdk.CallToolParams{Name: "recall", Arguments: map[string]any{"question": "What is Mara allergic to?"}})
	if err != nil {
		log.Fatal(err)
	}
	best := answer.StructuredContent.(map[string]any)["memories"].([]any)[0].(map[string]any)
	fmt.Println(best["said"], best["speaker"], best["text"])
	// Output:
	// 2025-03-09T00:00:00Z Mara I am allergic to walnuts.
}
