package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/trm-go/refiner/memory/internal/index"
)

// View is what the records of one tenant and user are found by: their words, their order and their vectors, in memory. It is
// safe for concurrent use, but for Apply, which one goroutine calls at a time.
type View struct {
	mu    sync.RWMutex
	index *index.Index
	dim   int
}

// Row is a record as a View is told of it.
type Row struct {
	Row                 int64
	Scope               Scope
	Superseded          bool
	Of                  []int64 // of a derived summary: the rows that it was made of
	Shown, Used         int32
	LastShown, LastUsed int64     // microseconds since 1970; 0: never
	Digest              []byte    // [Incoming].Digest
	Vector              []float32 // nil: none
}

// NewView makes an empty view for vectors of dim dimensions.
func NewView(dim int) *View { return &View{index: index.New(dim, nil), dim: dim} }

// Apply takes over rows that were written, in ascending order, and the numbers of rows that were deleted. It is not ok where one
// of them was known, or an old row has come to life again: the view must then be made anew of all rows. It keeps nothing of rows.
func (v *View) Apply(ctx context.Context, rows []Row, deleted []int64) (ok bool, err error) {
	entries := make([]index.Entry, len(rows))
	for i, r := range rows {
		entries[i] = index.Entry{Row: r.Row, Place: placeOf(r.Scope), Superseded: r.Superseded, Of: r.Of, Shown: r.Shown, Used: r.Used,
			LastShown: r.LastShown, LastUsed: r.LastUsed, Digest: r.Digest, Vector: r.Vector}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	ok, err = v.index.Follow(ctx, entries, deleted)
	if errors.Is(err, index.ErrDigest) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return ok && err == nil, err
}

// Bytes is about how much memory the view takes.
func (v *View) Bytes() int64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.index.Bytes()
}
