package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// Errors of a record or a query: the caller's input is at fault.
var (
	// ErrInvalid is returned for a record or a query that breaks a rule; the message names it.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound is returned when no record of the scope has the id. A record of another scope is not found either.
	ErrNotFound = errors.New("not found")
	// ErrDimension is returned when a vector has another length than the store's, or holds a NaN, an infinity or only
	// zeros.
	ErrDimension = errors.New("unusable vector")
	// ErrModel is returned when the embedder is not the one that the store's vectors were made with.
	ErrModel = errors.New("another embedding model")
	// ErrDerived is returned when a record cannot be deleted alone, because others rest on it.
	ErrDerived = errors.New("others are derived from it")
)

// Errors of the store: the file or the machine is at fault.
var (
	// ErrNoStore is returned when there is no store at the path.
	ErrNoStore = errors.New("no store")
	// ErrExists is returned when there is something at a path that must be free.
	ErrExists = disk.ErrExists
	// ErrLocked is returned when another process keeps the store busy for longer than the store was told to wait.
	ErrLocked = disk.ErrLocked
	// ErrCorrupt is returned when a file is not a store, or is damaged.
	ErrCorrupt = disk.ErrCorrupt
	// ErrSchema is returned when the store was written by a version of this module that this one does not read, a newer one as a rule.
	ErrSchema = disk.ErrSchema
	// ErrReadOnly is returned for a write to a store that cannot be written.
	ErrReadOnly = disk.ErrReadOnly
	// ErrFull is returned when the disk has no room for a write; the write did not happen.
	ErrFull = disk.ErrFull
	// ErrReplaced is returned when the file that was opened is not at its path any more: it was deleted, or another was moved
	// over it. Nothing was written; open the store anew.
	ErrReplaced = errors.New("the file was replaced")
	// ErrClosed is returned by every method of a closed store.
	ErrClosed = errors.New("store is closed")
)

// sentinels are the errors that callers act on.
var sentinels = []error{ErrInvalid, ErrNotFound, ErrDimension, ErrModel, ErrDerived, ErrNoStore, ErrExists, ErrLocked, ErrCorrupt, ErrSchema,
	ErrReadOnly, ErrFull, ErrReplaced, ErrClosed, context.Canceled, context.DeadlineExceeded}

// fail says what was being done when err happened, and gives it the sentinel that a caller can act on.
func fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if !slices.ContainsFunc(sentinels, func(known error) bool { return errors.Is(err, known) }) {
		err = disk.Explain(err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// fail is that of a store. What fails on a closed one fails because of that.
func (s *Store) fail(doing string, err error) error {
	if err != nil && s.closed.Load() && !errors.Is(err, ErrClosed) {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return fail(doing, err)
}
