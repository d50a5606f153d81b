package memory_test

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
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
	for _, who := range []string{"ann", "bob"} {
		scope := memory.Scope{User: who}
		found, err := store.Candidates(ctx, scope, memory.Query{Text: "Where did Ruth move?"})
		if err != nil {
			log.Fatal(err)
		}
		slices.SortFunc(found.List, func(a, b memory.Candidate) int { return cmp.Compare(b.Lexical, a.Lexical) })
		fmt.Println(len(found.List), "candidates for", who)
		if len(found.List) > 0 {
			best, err := store.Fetch(ctx, scope, found.List[0].Row)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(best[0].Text)
		}
	}
	// Output:
	// 3 candidates for ann
	// My sister Ruth moved to Lisbon last week.
	// 0 candidates for bob
}
