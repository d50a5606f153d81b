package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Explain gives an error of SQLite the sentinel that a caller can act on.
func Explain(err error) error {
	wrap := func(sentinel error, hint string) error { return fmt.Errorf("%w: %s (%w)", sentinel, hint, err) }
	var code *sqlite.Error
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "sql: Scan error"): // a value that the schema forbids
		return wrap(ErrCorrupt, "restore a snapshot")
	case !errors.As(err, &code):
		return err
	}
	switch code.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return wrap(ErrLocked, "try again, or wait longer with Options.Wait")
	case lib.SQLITE_FULL:
		return wrap(ErrFull, "make room and try again")
	case lib.SQLITE_READONLY, lib.SQLITE_PERM, lib.SQLITE_CANTOPEN:
		return wrap(ErrReadOnly, "the file and its folder must be writable, or open it with Options.ReadOnly")
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return wrap(ErrCorrupt, "restore a snapshot")
	case lib.SQLITE_INTERRUPT:
		return context.Canceled
	}
	return err
}

// FileError gives an error of the file system the sentinel that a caller can act on.
func FileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %w", ErrExists, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
