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
// docs/exit-codes.md.
package main

import (
	"context"
	"io/fs"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/ada"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
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

// fixes say what to do about the errors of a store, and how the command exits.
var fixes = []cli.Fix{
	{Is: memory.ErrNoStore, Code: ui.ExitNoStore, Hint: "make one with `refine init`, or name another with --store"},
	{Is: memory.ErrLocked, Code: ui.ExitLocked, Hint: "wait for the other process, or give it longer with REFINE_STORE_WAIT=1m"},
	{Is: memory.ErrCorrupt, Code: ui.ExitCorrupt, Hint: "see the damage with `refine check --full`, and go back with `refine restore SNAPSHOT --force`"},
	{Is: memory.ErrSchema, Code: ui.ExitError, Hint: "a newer refine wrote this store: update this one"},
	{Is: integration.ErrCopyDiffers, Code: ui.ExitThreshold, Hint: "copy into a store that holds nothing else of that user, and from which nothing of theirs was deleted, while nobody writes"},
	{Is: memory.ErrExists, Code: ui.ExitError, Hint: "name a path that is free"},
	{Is: memory.ErrModel, Code: ui.ExitError, Hint: "embed the store anew with `refine reembed`, or configure the embedder it was made with"},
	{Is: memory.ErrDimension, Code: ui.ExitError, Hint: "check the embedder: `refine doctor`"},
	{Is: memory.ErrNotFound, Code: ui.ExitError, Hint: "check the id and the scope: --tenant, --user, --agent, --session"},
	{Is: memory.ErrDerived, Code: ui.ExitError, Hint: "delete what rests on it too, with --derived"},
	{Is: memory.ErrReadOnly, Code: ui.ExitError, Hint: "check who may write there: `refine doctor`"},
	{Is: memory.ErrFull, Code: ui.ExitError, Hint: "make room on the disk and try again"},
	{Is: serve.ErrKeys, Code: ui.ExitError, Hint: "mend the file of keys, or name a new key otherwise than those that are there"},
	{Is: ada.ErrResponse, Code: ui.ExitError, Hint: "start Ada, or give its address: `refine ada import URL`"},
	{Is: fs.ErrNotExist, Code: ui.ExitError, Hint: "check the name and the folder"},
	{Is: fs.ErrPermission, Code: ui.ExitError, Hint: "check who may read and write there"},
}
