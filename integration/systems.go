package integration

import (
	"cmp"
	"context"
	"slices"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/memory"
)

// Systems are the configured recall and what it is compared with, for [bench.Run]: words alone (bm25), the vector alone
// (vector), both without recursion (hybrid), and the recursion stopped after one step (single_pass).
func (p *Plugin) Systems() (bench.Systems, error) {
	by := func(score func(memory.Candidate) float64) bench.System {
		return func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
			c, err := p.Store.Candidates(ctx, scope, memory.Query{Text: question}, &memory.CandidateOptions{Radius: -1})
			if err != nil {
				return nil, err
			}
			list := slices.DeleteFunc(slices.Clone(c.List), func(c memory.Candidate) bool { return score(c) <= 0 })
			slices.SortStableFunc(list, func(a, b memory.Candidate) int { return cmp.Compare(score(b), score(a)) })
			var rows []int64
			for _, c := range list[:min(k, len(list))] {
				rows = append(rows, c.Row)
			}
			records, err := p.Store.Fetch(ctx, scope, rows...)
			return refs(records), err
		}
	}
	hybrid := func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
		hits, err := p.Store.Search(ctx, scope, memory.Query{Text: question, Limit: k})
		records := make([]memory.Record, len(hits))
		for i, h := range hits {
			records[i] = h.Record
		}
		return refs(records), err
	}
	return bench.Systems{
		Main: hybrid,
		Baselines: map[string]bench.System{
			"bm25":   by(func(c memory.Candidate) float64 { return c.Lexical }),
			"vector": by(func(c memory.Candidate) float64 { return c.Vector }),
			"hybrid": hybrid,
		},
	}, nil
}

func refs(records []memory.Record) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = bench.Ref(r)
	}
	return out
}
