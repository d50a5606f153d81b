// Command refine keeps an assistant's memories and recalls them, rescored to a fixed point.
//
// It imports conversations into a store, searches them, explains why a memory was recalled, measures the recall, and
// looks after the store: check, snapshot, restore, delete. Start with
//
//	refine init
//	refine import --sample
//	refine search "when are Jo and Dev going to the cottage?"
//	refine explain "when are Jo and Dev going to the cottage?"
//
// Data goes to stdout and talk to stderr. --json prints what docs/cli-json.md promises, and the exit codes are those of
// docs/exit-codes.md. Every command is one file of this folder.
package main

import (
	"context"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
)

// version is set when a release is built.
var version string

func main() {
	cli.Version = version
	cli.Main(run)
}

// run runs the command line and returns the exit code.
func run(ctx context.Context, term *ui.Terminal, args []string) int {
	term.In = ui.Interruptible(ctx, term.In)
	app := &app{term: term}
	root := app.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return term.Report(cli.Explain(ctx, err, fixes))
}
