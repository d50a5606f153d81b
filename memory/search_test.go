package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/trm-go/refiner/memory/internal/index"
)

// letters is an embedder that needs no model: what is spelled alike is near.
type letters struct{ dim int }

func (letters) Model() string { return "letters" }
func (l letters) Dim() int    { return cmp.Or(l.dim, 384) }
func (l letters) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, s := range texts {
		vectors[i] = make([]float32, l.Dim())
		for j, x := range index.Lookalike(s) {
			vectors[i][j%l.Dim()] += x
		}
	}
	return vectors, ctx.Err()
}

// hit is a record that was found.
type hit struct {
	Record
	Lexical, Vector, Score float64
}

// search ranks the candidates of a query by words and vector alone.
func search(ctx context.Context, s *Store, scope Scope, q Query) ([]hit, error) {
	c, err := s.candidates(ctx, scope, q, 0)
	if err != nil {
		return nil, err
	}
	var topLexical, topVector float64
	for _, x := range c.List {
		topLexical, topVector = max(topLexical, x.Lexical), max(topVector, x.Vector)
	}
	best := map[int64]hit{}
	var rows []int64
	for _, x := range c.List {
		share, h := .7, hit{Lexical: x.Lexical, Vector: x.Vector}
		if topVector <= 0 {
			share = 1
		}
		if topLexical > 0 {
			h.Score += share * x.Lexical / topLexical
		}
		if topVector > 0 {
			h.Score += (1 - share) * max(0, x.Vector) / topVector
		}
		row := cmp.Or(x.Summary, x.Row)
		if old, ok := best[row]; h.Score > 0 && (!ok || h.Score > old.Score) {
			if !ok {
				rows = append(rows, row)
			}
			best[row] = h
		}
	}
	slices.SortStableFunc(rows, func(a, b int64) int { return cmp.Or(cmp.Compare(best[b].Score, best[a].Score), cmp.Compare(a, b)) })
	limit := cmp.Or(q.Limit, DefaultLimit)
	rows = rows[:min(limit, len(rows))]
	found, err := s.fetch(ctx, scope, rows)
	var hits []hit
	for _, row := range rows {
		if r, ok := found[row]; ok {
			h := best[row]
			h.Record = r
			hits = append(hits, h)
		}
	}
	return hits, err
}
