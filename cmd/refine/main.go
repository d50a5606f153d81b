// Command refine keeps an assistant's memories and recalls them, rescored to a fixed point.
//
// It imports conversations into a store, searches them, explains why a memory was recalled, measures the recall, and
// looks after the store: check, snapshot, restore, delete. Start with
//
//	refine init
//	refine import --sample
//	refine search "where does Nora live now?"
//	refine explain "where does Nora live now?"
//
// Data goes to stdout and talk to stderr. --json prints what docs/cli-json.md promises, and the exit codes are those of
// docs/exit-codes.md. Every command is one file of this folder.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/trm-go/refiner/internal/ui"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	code := run(ctx, ui.Std(), os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs the command line and returns the exit code.
func run(ctx context.Context, term *ui.Terminal, args []string) int {
	term.In = ui.Interruptible(ctx, term.In)
	app := &app{term: term}
	root := app.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return term.Report(mended(ctx, err))
}
