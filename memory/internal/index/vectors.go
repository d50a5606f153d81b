package index

import (
	"context"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/internal/vector"
)

// Port keeps the vectors of an index elsewhere. It is safe for concurrent use, orders equal scores by row, and returns fewer matches
// than asked for where there are fewer.
type Port interface {
	Upsert(ctx context.Context, rows []int64, places []Place, vectors [][]float32) error
	Delete(ctx context.Context, rows ...int64) error
	Search(ctx context.Context, place Place, query []float32, k int) ([]vector.Match, error)
}

// vectors are those of the records of an index. Without a port they are compared with all, which is exact: the best of 100,000 of 384
// dimensions take some milliseconds.
type vectors struct {
	dim  int
	flat vector.Flat
	port Port
}

// PutVectors gives vectors to rows, which are found. Other rows are left out.
func (x *Index) PutVectors(ctx context.Context, rows []int64, vectors [][]float32) error {
	sessions, places := make([]int32, 0, len(rows)), make([]Place, 0, len(rows))
	known, theirs := make([]int64, 0, len(rows)), make([][]float32, 0, len(rows))
	for i, row := range rows {
		if at, ok := x.find(row); ok {
			session := x.lean[at].session
			sessions, places = append(sessions, session), append(places, x.sessions[session].place)
			known, theirs = append(known, row), append(theirs, vectors[i])
		}
	}
	if x.vectors.port != nil {
		return x.vectors.port.Upsert(ctx, known, places, theirs)
	}
	x.vectors.flat.Put(known, sessions, theirs)
	return ctx.Err()
}

// Vectors are those of an index that is being made, in 8 bits.
type Vectors struct{ flat vector.Flat }

// NewVectors makes an empty set of vectors of dim dimensions.
func NewVectors(dim int) *Vectors { return &Vectors{vector.Flat{Dim: dim}} }

// Put adds vectors, in the order of the rows.
func (v *Vectors) Put(rows []int64, vectors [][]float32) {
	v.flat.Put(rows, make([]int32, len(rows)), vectors)
}

// SetVectors gives an index its vectors. Those of rows that it does not know are left out.
func (x *Index) SetVectors(ctx context.Context, v *Vectors) error {
	known := v.flat.Regroup(func(row int64) (int32, bool) {
		at, ok := x.find(row)
		if !ok {
			return 0, false
		}
		return x.lean[at].session, true
	})
	if x.vectors.port == nil {
		x.vectors.flat = v.flat
		return ctx.Err()
	}
	for rows := range slices.Chunk(known, 1024) {
		vectors := make([][]float32, len(rows))
		for i, row := range rows {
			vectors[i], _ = v.flat.Vector(row)
		}
		if err := x.PutVectors(ctx, rows, vectors); err != nil {
			return fmt.Errorf("vector index: %w", err)
		}
	}
	return ctx.Err()
}

// deleteVectors takes the vectors of rows out.
func (x *Index) deleteVectors(ctx context.Context, rows []int64) error {
	if x.vectors.port != nil && len(rows) > 0 {
		return x.vectors.port.Delete(ctx, rows...)
	}
	x.vectors.flat.Delete(rows...)
	return nil
}

// nearest are the best by vector. What a filter leaves out must not crowd out what it keeps: a port, which cannot be told the
// rows, is asked for more, until enough of what it finds is allowed.
func (x *Index) nearest(ctx context.Context, q *Question, a part, allowed []bool) ([]vector.Match, error) {
	rows, most := x.rows(allowed), a.live
	if allowed != nil {
		most = len(rows)
	}
	if most == 0 {
		return nil, nil
	}
	if x.vectors.port == nil {
		return x.vectors.flat.Search(q.Vector, min(q.Limit, most), a.sessions, rows), ctx.Err()
	}
	for k := min(q.Limit, a.live); ; k *= 4 {
		found, err := x.vectors.port.Search(ctx, q.Place, q.Vector, min(k, a.live))
		if err != nil {
			return nil, fmt.Errorf("vector index: %w", err)
		}
		enough := k >= a.live || len(found) < k
		if allowed != nil {
			found = slices.DeleteFunc(found, func(m vector.Match) bool { _, ok := slices.BinarySearch(rows, m.Row); return !ok })
		}
		if enough || len(found) >= min(q.Limit, most) {
			return found[:min(len(found), q.Limit)], nil
		}
	}
}

// cosines sets those of all that was found, and returns the mean of the question's with all vectors. A port tells those of the nearest
// only.
func (x *Index) cosines(q *Question, list []matched) (mean float64) {
	if x.vectors.port != nil || len(q.Vector) == 0 {
		return 0
	}
	rows := make([]int64, len(list))
	for i, m := range list {
		rows[i] = x.docs[m.doc].Row
	}
	cosines, mean := x.vectors.flat.Cosines(q.Vector, rows, nil)
	for i := range list {
		list[i].vector = cosines[i]
	}
	return mean
}
