package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trm-go/refiner/memory/internal/index"
)

// An engine keeps records elsewhere than in one SQLite file. What is here is what it shares with the [Store]: how a record is
// made ready, how new it is, how a question is answered and what an export looks like. The engine brings rows; the ranking is
// computed from them by the same code, so that every engine ranks alike.

// Engine is what a question asks of the place where records live.
type Engine interface {
	// Embedder makes the vector of a question; nil: there is none.
	Embedder() Embedder
	// Now is the clock.
	Now() time.Time
	// View is what the records of the scope's tenant and user are found by, at a moment or, if it is zero, now.
	View(ctx context.Context, scope Scope, at time.Time) (*View, error)
	// Texts calls f with the text of each of some rows of the scope.
	Texts(ctx context.Context, scope Scope, rows []int64, f func(row int64, text string)) error
	// Fetch returns the records of rows, in that order. Rows that are not there, or not in the scope, are left out.
	Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error)
}

// FindCandidates is [Store.Candidates] for the records of another engine.
func FindCandidates(ctx context.Context, e Engine, scope Scope, q Query) (*Candidates, error) {
	return candidates(ctx, e, scope, q, DefaultRadius)
}

// engine is a Store as an Engine.
type engine struct{ s *Store }

func (e engine) Embedder() Embedder { return e.s.Embedder() }
func (e engine) Now() time.Time     { return e.s.now() }

func (e engine) View(ctx context.Context, scope Scope, at time.Time) (*View, error) {
	return e.s.viewAt(ctx, scope, at)
}

func (e engine) Fetch(ctx context.Context, scope Scope, rows ...int64) ([]Record, error) {
	return e.s.Fetch(ctx, scope, rows...)
}

// Analysis names how this version reads texts. Digests that another has made are to be made anew with [Record.Digest].
func Analysis() string { return index.Fingerprint() }

// Digest is [Incoming].Digest of a record that is there, complete.
func (r *Record) Digest(surprise float64) []byte {
	_, digest := analyse(r)
	index.SetSurprise(digest, surprise)
	return digest
}

// View is what the records of one tenant and user are found by: their words, their order and their vectors, in memory. It is
// safe for concurrent use, but for Apply, which one goroutine calls at a time.
type View struct {
	mu    sync.RWMutex
	index *index.Index
	dim   int
}

// Row is what a View takes from a record.
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
