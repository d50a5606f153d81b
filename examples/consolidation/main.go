// Command consolidation reads a conversation into a store, plans its consolidation, shows the plan, applies it and takes it
// back again. The file may be ChatGPT's export, an OpenAI transcript or JSON Lines (docs/import-formats.md).
//
//	go run ./examples/consolidation internal/sample/sample.jsonl
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

func main() {
	path := flag.String("store", "consolidation.db", "the store's file, which is made")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("name the file of a conversation")
	}
	if err := run(context.Background(), *path, flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, path, conversation string) error {
	store, err := memory.Create(ctx, path, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	f, err := os.Open(conversation)
	if err != nil {
		return err
	}
	defer f.Close()
	scope := memory.Scope{User: "ada"}
	added, err := store.AddAll(ctx, scope, transcript.Read(ctx, f, conversation, &transcript.Options{Scope: scope}), nil)
	if err != nil {
		return err
	}
	fmt.Printf("read %d turns\n\n", added.Count)

	plan, err := consolidate.New(ctx, store, scope, nil)
	if err != nil {
		return err
	}
	if err := plan.Diff(os.Stdout, 1, nil); err != nil {
		return err
	}
	done, err := consolidate.Apply(ctx, store, plan, nil)
	if err != nil {
		return err
	}
	fmt.Printf("\napplied %s: %d changes; the store was copied before\n", done.Name, len(plan.Changes))
	if _, err := consolidate.Undo(ctx, store, done.Name, nil); err != nil {
		return err
	}
	fmt.Println("taken back")
	return nil
}
