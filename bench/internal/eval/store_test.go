package eval

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trm-go/refiner/memory"
)

// searching fills a store with the dataset, and returns the system that searches it, each record for itself.
func searching(t testing.TB, d *Dataset) System {
	t.Helper()
	ctx := context.Background()
	store, err := memory.Create(ctx, filepath.Join(t.TempDir(), "store"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range d.Conversations {
		if _, err := store.Add(ctx, c.Scope, c.Records...); err != nil {
			t.Fatal(err)
		}
	}
	return func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
		c, err := store.Candidates(ctx, scope, memory.Query{Text: question})
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(c.List, func(a, b memory.Candidate) int { return cmp.Compare(b.Lexical, a.Lexical) })
		var rows []int64
		for _, x := range c.List[:min(k, len(c.List))] {
			rows = append(rows, x.Row)
		}
		hits, err := store.Fetch(ctx, scope, rows...)
		var refs []string
		for _, h := range hits {
			refs = append(refs, Ref(h))
		}
		return refs, err
	}
}

// TestStoreOnSample runs the whole way, from the bundled conversation through the store to the report. What is measured
// is too little to judge a ranking by; the bounds are those below which something is broken.
func TestStoreOnSample(t *testing.T) {
	d, err := Sample(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	answers := searching(t, d)
	reversed := func(ctx context.Context, s memory.Scope, question string, k int) ([]string, error) {
		refs, err := answers(ctx, s, question, k)
		slices.Reverse(refs)
		return refs, err
	}
	report, err := Run(context.Background(), d, Systems{Main: answers, Baselines: map[string]System{"reversed": reversed}}, &Options{Against: "reversed"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("recall@10 %.3f, MRR %.3f, nDCG@10 %.3f, p95 %.2f ms", report.Recall10, report.MRR, report.NDCG10, report.Latency.P95)
	if report.Recall10 < .40 || report.MRR < .35 {
		t.Errorf("recall@10 %.3f and MRR %.3f: something is broken", report.Recall10, report.MRR)
	}
	if gain := report.Delta["mrr"]; gain.CI95[0] <= 0 {
		t.Errorf("the right order is not better than the reverse: %+v", gain)
	}
}
