// Command trm solves and measures puzzles with the Tiny Recursive Model: Sudoku, ARC and Maze. Start with
//
//	trm doctor
//	trm runtime install
//	trm solve 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
//	trm bench sudoku puzzles.csv --compare
//
// Data goes to stdout and messages to stderr. The exit codes are those of docs/exit-codes.md. Every command is one file of
// this folder.
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
	root := (&app{term: term}).root()
	root.SetArgs(args)
	return term.Report(cli.Explain(ctx, root.ExecuteContext(ctx), fixes))
}
