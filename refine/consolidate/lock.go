package consolidate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/trm-go/refiner/memory"
)

// errHeld is what tryLock returns if another process holds the lock.
var errHeld = errors.New("held")

// Lock takes the lock of a folder, which it makes. The operating system gives it back when the process ends, however it
// ends. It does not wait: whoever holds it does the same work, and the error wraps [memory.ErrLocked].
func Lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, wrapFile(err)
	}
	path := filepath.Join(dir, "lock")
	f, err := tryLock(path)
	switch {
	case errors.Is(err, errHeld):
		return nil, fmt.Errorf("%w: another consolidation of this store is running", memory.ErrLocked)
	case err != nil:
		return nil, wrapFile(err)
	}
	return func() { _ = f.Close() }, nil
}

// wrapFile gives an error of the file system the sentinel that a caller can act on.
func wrapFile(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", memory.ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", memory.ErrFull, err)
	}
	return err
}
