package integration_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// A backend remembers each turn, and recalls before it asks its language model.
func Example() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Store.Path = filepath.Join(dir, "store.db")
	c.Scope = config.Scope{User: "ada", Session: "2025-03-09"}

	ctx := context.Background()
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()

	said := time.Date(2025, 3, 9, 18, 30, 0, 0, time.UTC)
	_, err = plugin.Remember(ctx, plugin.Scope,
		memory.Record{Role: "user", Speaker: "Ada", Text: "My sister Ruth moved to Lisbon.", Position: 0, Created: said},
		memory.Record{Role: "assistant", Text: "How does she like it?", Position: 1, Created: said},
		memory.Record{Role: "user", Speaker: "Ada", Text: "She loves the light there.", Position: 2, Created: said})
	if err != nil {
		log.Fatal(err)
	}
	question := "Where does Ruth live?"
	recalled, err := plugin.Recall(ctx, plugin.Scope, memory.Query{Text: question, Limit: 1})
	if err != nil {
		log.Fatal(err)
	}
	packed := refine.Pack(recalled.Memories, question, 100, nil)
	fmt.Println(packed.Text())
	fmt.Println(recalled.Certificate.Stop)
	// Output:
	// 2025-03-09 Ada: My sister Ruth moved to Lisbon.
	// max steps
}
