package index

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/internal/vector"
)

// Port keeps the vectors of an index elsewhere. It is safe for concurrent use, orders equal scores by row, and returns fewer matches
// than asked for where there are fewer.
type Port interface {
	Upsert(ctx context.Context, rows []int64, places []Place, vectors [][]float32) error
	Delete(ctx context.Context, rows ...int64) error
	Search(ctx context.Context, place Place, query []float32, k int) ([]vector.Match, error)
}

// upsert gives a port the vectors of entries that have become documents.
func (x *Index) upsert(ctx context.Context, fresh []*Entry) error {
	var rows []int64
	var places []Place
	var vectors [][]float32
	for _, e := range fresh {
		if len(e.Vector) > 0 {
			rows, places, vectors = append(rows, e.Row), append(places, e.Place), append(vectors, e.Vector)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := x.port.Upsert(ctx, rows, places, vectors); err != nil {
		return fmt.Errorf("vector index: %w", err)
	}
	return nil
}

// nearest are the best documents by vector; a match's Row is the document's number. What a filter leaves out must not crowd out
// what it keeps: a port, which cannot be told the filter, is asked for more, until enough of what it finds is allowed.
func (x *Index) nearest(ctx context.Context, q *Question, a part, allowed []bool) ([]vector.Match, error) {
	takes := x.takes(a, allowed)
	if x.port == nil {
		query := x.flat.Query(q.Vector)
		return query.Nearest(q.Limit, takes), ctx.Err()
	}
	for k := min(q.Limit, a.live); k > 0; k *= 4 {
		found, err := x.port.Search(ctx, q.Place, q.Vector, min(k, a.live))
		if err != nil {
			return nil, fmt.Errorf("vector index: %w", err)
		}
		var kept []vector.Match
		for _, m := range found {
			if at, ok := x.find(m.Row); ok && (takes == nil || takes(int(at))) {
				kept = append(kept, vector.Match{Row: int64(at), Score: m.Score})
			}
		}
		if k >= a.live || len(found) < k || len(kept) >= q.Limit {
			return kept[:min(len(kept), q.Limit)], nil
		}
	}
	return nil, nil
}

// cosines sets those of all that was found, and returns the mean of the question's with all vectors. A port tells those of the nearest
// only.
func (x *Index) cosines(q *Question, list []matched) (mean float64) {
	if x.port != nil || len(q.Vector) == 0 {
		return 0
	}
	query := x.flat.Query(q.Vector)
	for i, m := range list {
		list[i].vector = query.Cosine(int(m.doc))
	}
	return query.Mean()
}
