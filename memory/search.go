package memory

import (
	"cmp"
	"context"
	"slices"
)

// Hit is a record that answers a query, with its scores.
type Hit struct {
	Record
	Lexical float64 // BM25, ≥ 0
	Vector  float64 // cosine, in [-1, 1]
	Score   float64 // in [0, 1]: LexicalWeight of Lexical and the rest of Vector, each as a share of the best hit's
}

// LexicalWeight is the share of the words in a hit's score; the vector has the rest. With the hashed embedder it is a
// compromise: recall@10 of words alone, this mix and equal shares is .655, .646 and .631 on LoCoMo's short turns, and .402,
// .462 and .471 on BEAM's long ones. Fusing ranks (RRF) gave .617 and .462.
const LexicalWeight = .7

// Search returns the records that match a query best, by words and by vector, best first. It looks at each record for
// itself; package refine looks at them together. Where a summary stands for a record, the summary is returned, with
// the scores of the best that it stands for.
func (s *Store) Search(ctx context.Context, scope Scope, query Query) ([]Hit, error) {
	hits, err := hits(ctx, engine{s}, scope, query)
	return hits, fail("search", err)
}

func hits(ctx context.Context, e Engine, scope Scope, query Query) ([]Hit, error) {
	limit := query.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	type scored struct {
		row, shown      int64 // of what answers, and of what is shown for it
		lexical, vector float64
		score           float64
	}
	var best []scored
	err := ask(ctx, e, scope, query, &CandidateOptions{Limit: max(100, 4*limit)}, func(m *shard, q *question) error {
		p := m.p
		scratch := borrow(len(p.docs))
		here := p.area(scope)
		list, _, err := p.match(ctx, q, here, m.index, scratch)
		if err != nil {
			return err
		}
		var topLexical, topVector float64
		for _, x := range list {
			topLexical, topVector = max(topLexical, x.lexical), max(topVector, x.vector)
		}
		for _, x := range list {
			row := p.docs[x.doc].row
			h := scored{row: row, shown: row, lexical: x.lexical, vector: x.vector}
			if summary := p.shownFor(x.doc, q, here); summary != nil {
				h.shown = summary.row
			}
			share := LexicalWeight
			if topVector <= 0 {
				share = 1
			}
			if topLexical > 0 {
				h.score += share * x.lexical / topLexical
			}
			if topVector > 0 {
				h.score += (1 - share) * max(0, x.vector) / topVector
			}
			if h.score > 0 {
				best = append(best, h)
			}
		}
		scratch.finish(list)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(best, func(a, b scored) int {
		if c := cmp.Compare(b.score, a.score); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row)
	})
	// A summary is shown once, where the best of what it stands for is.
	seen := make(map[int64]bool, limit)
	best = slices.DeleteFunc(best, func(h scored) bool {
		again := seen[h.shown]
		seen[h.shown] = true
		return again
	})
	best = best[:min(limit, len(best))]
	rows := make([]int64, len(best))
	for i, h := range best {
		rows[i] = h.shown
	}
	records, err := e.Rows(ctx, scope, rows)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(best))
	for _, h := range best {
		// Another process may have deleted it meanwhile.
		if r, ok := records[h.shown]; ok {
			hits = append(hits, Hit{Record: r, Lexical: h.lexical, Vector: h.vector, Score: h.score})
		}
	}
	return hits, nil
}
