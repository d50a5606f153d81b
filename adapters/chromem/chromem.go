// Package chromem puts chromem-go, a vector database in pure Go, behind [memory.Index].
//
// It is used in memory only: chromem-go's own persistence loses documents (its file names are 32 bits of a hash), and one
// torn file makes the whole database unreadable. The store is where data lives, and fills the index when it opens.
//
//	store, err := memory.Open(ctx, path, &memory.Options{NewIndex: func(dim, count int) (memory.Index, error) {
//		return chromem.New(dim)
//	}})
//
// The package closes what chromem-go v0.7.0 leaves open: an empty filter that deletes everything, a cancelled context that
// looks like no result, more results asked for than there are documents, vectors that turn every score into NaN, one
// vector of another length that breaks every later query, ties in random order, and a default that sends text to another
// machine. Its tests name each.
package chromem

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/philippgille/chromem-go"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory"
)

// index is a [memory.Index] on a chromem-go database. Each tenant and user has a collection of its own, so that a search
// reads nobody else's vectors.
type index struct {
	dim int

	// chromem-go locks a collection for each document alone; mu makes a batch one step, and keeps searches out of it.
	mu    sync.RWMutex
	db    *chromem.DB
	byKey map[tenantKey]*chromem.Collection
	home  map[int64]*chromem.Collection // collection of each row
}

var _ memory.Index = (*index)(nil)

// tenantKey is the part of a scope that no search crosses.
type tenantKey struct{ tenant, user string }

// New makes an empty index for vectors of dim dimensions.
func New(dim int) (memory.Index, error) {
	if dim <= 0 {
		return nil, fmt.Errorf("%w: %d dimensions", memory.ErrDimension, dim)
	}
	return &index{dim: dim, db: chromem.NewDB(), byKey: map[tenantKey]*chromem.Collection{}, home: map[int64]*chromem.Collection{}}, nil
}

// errNoText is what an attempt to embed ends with. With no function at all, chromem-go would call OpenAI.
var errNoText = errors.New("the index takes vectors, never text")

func noText(context.Context, string) ([]float32, error) { return nil, errNoText }

// unit copies v, made 1 long, or says why it has no direction.
func (x *index) unit(v []float32) ([]float32, error) {
	if len(v) != x.dim {
		return nil, fmt.Errorf("%w: it has %d dimensions, the index has %d", memory.ErrDimension, len(v), x.dim)
	}
	if _, ok := vector.Length(v); !ok {
		return nil, fmt.Errorf("%w: it holds a NaN, an infinity or only zeros", memory.ErrDimension)
	}
	u := make([]float32, len(v))
	vector.Unit(u, v)
	return u, nil
}

// Upsert implements [memory.Index]. All vectors are checked before the first is put in.
func (x *index) Upsert(ctx context.Context, rows []int64, scopes []memory.Scope, vectors [][]float32) error {
	if len(scopes) != len(rows) || len(vectors) != len(rows) {
		return fmt.Errorf("%w: %d rows, %d scopes, %d vectors", memory.ErrInvalid, len(rows), len(scopes), len(vectors))
	}
	units := make([][]float32, len(vectors))
	for i, v := range vectors {
		var err error
		if units[i], err = x.unit(v); err != nil {
			return fmt.Errorf("row %d: %w", rows[i], err)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		c, err := x.collection(tenantKey{scopes[i].Tenant, scopes[i].User})
		if err != nil {
			return err
		}
		if old := x.home[row]; old != nil && old != c {
			if err := remove(ctx, old, row); err != nil {
				return err
			}
		}
		// Every document carries both, so that no filter meets one without.
		err = c.AddDocument(ctx, chromem.Document{ID: strconv.FormatInt(row, 10), Embedding: units[i],
			Metadata: map[string]string{"agent": scopes[i].Agent, "session": scopes[i].Session}})
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
		x.home[row] = c
	}
	return nil
}

// collection is that of a tenant and user, made if it is new.
func (x *index) collection(w tenantKey) (*chromem.Collection, error) {
	if c := x.byKey[w]; c != nil {
		return c, nil
	}
	c, err := x.db.CreateCollection(fmt.Sprintf("%q/%q", w.tenant, w.user), nil, noText)
	if err != nil {
		return nil, err
	}
	x.byKey[w] = c
	return c, nil
}

// remove takes one document out. Filters must be nil, not empty: an empty one matches everything and the ID is ignored.
func remove(ctx context.Context, c *chromem.Collection, row int64) error {
	return c.Delete(ctx, nil, nil, strconv.FormatInt(row, 10))
}

// Delete implements [memory.Index].
func (x *index) Delete(ctx context.Context, rows ...int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if c := x.home[row]; c != nil {
			if err := remove(ctx, c, row); err != nil {
				return err
			}
			delete(x.home, row)
		}
	}
	return nil
}

// Len is the number of vectors.
func (x *index) Len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.home)
}

// slack is how far chromem-go's score of a match may lie from ours: it adds up in another order.
const slack = 1e-5

// Search implements [memory.Index].
func (x *index) Search(ctx context.Context, scope memory.Scope, query []float32, k int) ([]memory.Match, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q, err := x.unit(query)
	if err != nil {
		return nil, fmt.Errorf("the query's vector: %w", err)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	c := x.byKey[tenantKey{scope.Tenant, scope.User}]
	if c == nil || k <= 0 || c.Count() == 0 {
		return nil, nil
	}
	where := map[string]string{"agent": scope.Agent, "session": scope.Session}
	maps.DeleteFunc(where, func(_, part string) bool { return part == "" })
	// Which of several equal matches chromem-go returns is chance. So more are asked for, until the last of them is
	// clearly worse than the last that counts.
	for n := min(k+8, c.Count()); ; n = min(4*n, c.Count()) {
		found, err := c.QueryEmbedding(ctx, q, n, where, nil)
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err // chromem-go returns what it had so far, without an error
		}
		matches := make([]memory.Match, len(found))
		for i, f := range found {
			row, err := strconv.ParseInt(f.ID, 10, 64)
			if err != nil {
				return nil, err
			}
			matches[i] = memory.Match{Row: row, Score: max(-1, min(1, float64(vector.Dot(q, f.Embedding))))}
		}
		slices.SortFunc(matches, func(a, b memory.Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row)) })
		if n == c.Count() || len(found) < n || matches[len(matches)-1].Score < matches[k-1].Score-slack {
			return matches[:min(k, len(matches))], nil
		}
	}
}
