// Command trm solves and benchmarks puzzles with the Tiny Recursive Model: Sudoku, ARC and Maze.
//
// Exit codes: 0 ok, 1 error, 2 usage, 3 completed but a threshold was missed or a puzzle failed, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker; see the Makefile.
var version = "dev"

// The exit codes, the same as those of refine.
const (
	exitError       = 1
	exitUsage       = 2
	exitMissed      = 3
	exitInterrupted = 130
)

// errMissed is a run that completed without reaching what was asked: a threshold, or a valid answer.
var errMissed = errors.New("not reached")

// usageError marks an error of the command line, so that it exits with 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() { os.Exit(run()) }

// run runs the command and returns its exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "trm: interrupted")
		return exitInterrupted
	}
	fmt.Fprintln(os.Stderr, "trm:", err)
	switch usage := (usageError{}); {
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errMissed):
		return exitMissed
	}
	return exitError
}

// newRoot makes the command with everything below it.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "trm",
		Short:         "Solve puzzles with the Tiny Recursive Model",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newData())
	return root
}
