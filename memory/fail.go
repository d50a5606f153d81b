package memory

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// fail says what was being done when err happened, and gives it the sentinel that a caller can act on.
func fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrInvalid, ErrNotFound, ErrDimension, ErrModel, ErrDerived, ErrNoStore, ErrExists, ErrLocked,
		ErrCorrupt, ErrSchema, ErrReadOnly, ErrFull, ErrReplaced, ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return fmt.Errorf("%s: %w", doing, err)
		}
	}
	var code *sqlite.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	wrap := func(sentinel error, mend string) error {
		return fmt.Errorf("%s: %w: %s (%w)", doing, sentinel, mend, err)
	}
	switch code.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return wrap(ErrLocked, "try again, or wait longer with Options.Wait")
	case lib.SQLITE_FULL:
		return wrap(ErrFull, "make room and try again; nothing was written")
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return wrap(ErrReadOnly, "the file and its folder must be writable, or open it with Options.ReadOnly")
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return wrap(ErrCorrupt, "restore a snapshot")
	case lib.SQLITE_INTERRUPT:
		return fmt.Errorf("%s: %w", doing, context.Canceled)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
