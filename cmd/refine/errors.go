package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

// mends say what to do about the errors of a store, and how the command exits.
var mends = []struct {
	is   error
	code int
	hint string
}{
	{memory.ErrNoStore, ui.ExitNoStore, "make one with `refine init`, or name another with --store"},
	{memory.ErrLocked, ui.ExitLocked, "wait for the other process, or give it longer with REFINE_STORE_WAIT=1m"},
	{memory.ErrCorrupt, ui.ExitCorrupt, "see the damage with `refine check --full`, and go back with `refine restore SNAPSHOT --force`"},
	{memory.ErrSchema, ui.ExitError, "a newer refine wrote this store: update this one"},
	{memory.ErrExists, ui.ExitError, "name a path that is free"},
	{memory.ErrModel, ui.ExitError, "embed the store anew with `refine reembed`, or configure the embedder it was made with"},
	{memory.ErrDimension, ui.ExitError, "check the embedder: `refine doctor`"},
	{memory.ErrNotFound, ui.ExitError, "check the id and the scope: --tenant, --user, --agent, --session"},
	{memory.ErrDerived, ui.ExitError, "delete what rests on it too, with --derived"},
	{memory.ErrReadOnly, ui.ExitError, "check who may write there: `refine doctor`"},
	{memory.ErrFull, ui.ExitError, "make room on the disk; nothing was half written"},
	{fs.ErrNotExist, ui.ExitError, "check the name and the folder"},
	{fs.ErrPermission, ui.ExitError, "check who may read and write there"},
}

// mended gives an error its exit code and its mend.
func mended(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // whatever failed then, failed of it
		return ui.Fail(ui.ExitInterrupted, "", "interrupted; nothing is half done")
	}
	if failure := (*ui.Failure)(nil); errors.As(err, &failure) {
		return err
	}
	for _, m := range mends {
		if errors.Is(err, m.is) {
			return &ui.Failure{Err: err, Hint: m.hint, Code: m.code}
		}
	}
	return err
}
