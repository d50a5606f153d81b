package memory_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/trm-go/refiner/memory"
)

func Example() {
	dir, err := os.MkdirTemp("", "memory")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	ctx := context.Background()
	store, err := memory.Create(ctx, filepath.Join(dir, "ann.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	ann := memory.Scope{User: "ann", Session: "1"}
	said := time.Date(2025, 3, 9, 18, 30, 0, 0, time.UTC)
	_, err = store.Add(ctx, ann,
		memory.Record{Role: "user", Text: "My sister Ruth moved to Lisbon last week.", Position: 0, Created: said},
		memory.Record{Role: "assistant", Text: "How does she like it?", Position: 1, Created: said},
		memory.Record{Role: "user", Text: "I started to bake bread with rye flour.", Position: 2, Created: said})
	if err != nil {
		log.Fatal(err)
	}
	hits, err := store.Search(ctx, memory.Scope{User: "ann"}, memory.Query{Text: "Where did Ruth move?", Limit: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range hits {
		fmt.Println(h.Text)
	}
	hits, err = store.Search(ctx, memory.Scope{User: "bob"}, memory.Query{Text: "Where did Ruth move?"})
	fmt.Println(len(hits), "for bob", err)
	// Output:
	// My sister Ruth moved to Lisbon last week.
	// 0 for bob <nil>
}
