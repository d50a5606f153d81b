// Command trm solves and measures puzzles with the Tiny Recursive Model: Sudoku, ARC and Maze. Start with
//
//	trm doctor
//	trm runtime install
//	trm solve 1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..
//	trm bench sudoku puzzles.csv --compare
//
// Data goes to stdout and talk to stderr. The exit codes are those of docs/exit-codes.md. Every command is one file of
// this folder.
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
	root := (&app{term: term}).root()
	root.SetArgs(args)
	return term.Report(explained(ctx, root.ExecuteContext(ctx)))
}
