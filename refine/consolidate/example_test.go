package consolidate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := memory.Create(ctx, filepath.Join(dir, "memory.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	ana := memory.Scope{User: "ana", Session: "monday"}
	said := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	for i, text := range []string{
		"Hey! How are you?",
		"Great, thanks. I signed up for a pottery class in Lisbon, it starts on March 4.",
		"Wow, that sounds lovely! What will you make?",
		"Bowls, I think. I haven't tried the wheel yet. It was about time to do something with my hands.",
	} {
		speaker := []string{"Ben", "Ana"}[i%2]
		_, err := store.Add(ctx, ana, memory.Record{Speaker: speaker, Text: text, Position: i, Created: said.Add(time.Duration(i) * time.Minute), Importance: .5, Confidence: 1})
		if err != nil {
			log.Fatal(err)
		}
	}

	plan, err := consolidate.New(ctx, store, memory.Scope{User: "ana"}, &consolidate.Options{Now: said.AddDate(0, 1, 0)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Changes[0].Write.Text)
	if _, err := consolidate.Apply(ctx, store, plan, nil); err != nil {
		log.Fatal(err)
	}
	run, err := consolidate.Undo(ctx, store, "", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.State, run.Before.Records, "→", run.After.Records, "records")
	// Output:
	// 2024-01-08
	// Ana: I signed up for a pottery class in Lisbon, it starts on March 4. … I haven't tried the wheel yet.
	// undone 4 → 1 records
}
