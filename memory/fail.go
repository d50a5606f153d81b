package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory/internal/disk"
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
