package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/trm-go/refiner/internal/vector"
)

// Flat is an exact [Index]: it compares with all vectors. Nothing else is exact, and nothing is needed that is not: the best of
// 100,000 vectors of 384 dimensions take some milliseconds.
type Flat struct {
	mu     sync.RWMutex
	flat   vector.Flat
	scopes []Scope // by their group
	number map[Scope]int32
}

var _ Index = (*Flat)(nil)

// NewFlat makes an empty index for vectors of dim dimensions.
func NewFlat(dim int) *Flat { return &Flat{flat: vector.Flat{Dim: dim}, number: map[Scope]int32{}} }

// checkVector reports why v cannot be kept in a store of dimension dim, as an error that wraps [ErrDimension].
func checkVector(v []float32, dim int) error {
	if len(v) != dim {
		return fmt.Errorf("%w: it has %d dimensions, the store has %d", ErrDimension, len(v), dim)
	}
	if _, ok := vector.Length(v); !ok {
		return fmt.Errorf("%w: it holds a NaN, an infinity or only zeros", ErrDimension)
	}
	return nil
}

// Upsert implements [Index].
func (f *Flat) Upsert(ctx context.Context, rows []int64, scopes []Scope, vectors [][]float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, v := range vectors {
		if err := checkVector(v, f.flat.Dim); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	groups := make([]int32, len(scopes))
	for i, s := range scopes {
		n, ok := f.number[s]
		if !ok {
			n = int32(len(f.scopes))
			f.scopes = append(f.scopes, s)
			f.number[s] = n
		}
		groups[i] = n
	}
	f.flat.Put(rows, groups, vectors)
	return nil
}

// Delete implements [Index].
func (f *Flat) Delete(ctx context.Context, rows ...int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flat.Delete(rows...)
	return nil
}

// Len implements [Index].
func (f *Flat) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.flat.Len()
}

// Search implements [Index].
func (f *Flat) Search(ctx context.Context, scope Scope, query []float32, k int) ([]Match, error) {
	return f.search(ctx, scope, nil, query, k)
}

// SearchRows is Search among some rows of the scope only, in ascending order. Fewer rows take less time.
func (f *Flat) SearchRows(ctx context.Context, scope Scope, rows []int64, query []float32, k int) ([]Match, error) {
	if rows == nil {
		rows = []int64{}
	}
	return f.search(ctx, scope, rows, query, k)
}

func (f *Flat) search(ctx context.Context, scope Scope, only []int64, query []float32, k int) ([]Match, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkVector(query, f.flat.Dim); err != nil {
		return nil, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	if k <= 0 {
		return nil, nil
	}
	in := make([]bool, len(f.scopes))
	for i, s := range f.scopes {
		in[i] = scope.Contains(s)
	}
	if !slices.Contains(in, false) {
		in = nil
	}
	found := f.flat.Search(query, k, in, only)
	matches := make([]Match, len(found))
	for i, m := range found {
		matches[i] = Match(m)
	}
	return matches, nil
}

// Vector copies a row's vector, made 1 long.
func (f *Flat) Vector(row int64) ([]float32, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.flat.Vector(row)
}

// cosines are those of a query with some rows, 0 for one that is not there; mean is that with all of the index.
func (f *Flat) cosines(query []float32, rows []int64) (cosines []float64, mean float64) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.flat.Cosines(query, rows)
}
