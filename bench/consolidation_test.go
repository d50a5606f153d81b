package bench_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/refine/consolidate"
)

// TestConsolidation holds what consolidation must reach: at most .40 of the tokens, recall@10 better than that of the turns
// at every budget, and strictly within 2 points of it; 99 % of the facts of what people said, and none invented.
// REFINER_CURVES names a folder to write the whole curves and plots to; "-" measures BEAM too, at the default alone.
func TestConsolidation(t *testing.T) {
	if testing.Short() {
		t.Skip("consolidates whole conversations")
	}
	ctx := t.Context()
	for name, load := range map[string]func() (*eval.Dataset, error){
		"locomo": func() (*eval.Dataset, error) {
			return eval.LoCoMo(ctx, "../../shared/data/locomo/locomo_dev.json", nil)
		},
		"beam":   func() (*eval.Dataset, error) { return eval.BEAM(ctx, "../../shared/data/beam/100K") },
		"sample": func() (*eval.Dataset, error) { return eval.Sample(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			curves := os.Getenv("REFINER_CURVES")
			if name == "beam" && curves == "" {
				t.Skip("takes minutes: set REFINER_CURVES")
			}
			if curves == "-" {
				curves = ""
			}
			d, err := load()
			if os.IsNotExist(err) {
				t.Skipf("the development data is not there: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			o := &bench.ConsolidationOptions{Shares: []float64{consolidate.DefaultShare}, Budgets: []int{250, 500, 1000, 2000}, Dir: t.TempDir(), Short: curves == ""}
			if curves != "" {
				o.Shares = nil
			}
			points, err := bench.Consolidation(ctx, d, o)
			if err != nil {
				t.Fatal(err)
			}
			turns := points[0]
			for _, p := range points {
				t.Logf("%-9s share %.1f tokens %.3f records %4d recall@10 %.3f strict %.3f filled %.3f closed %.3f facts %d/%d invented %d",
					p.System, p.Share, p.Tokens, p.Records, p.Recall, p.Strict, p.Filled, p.Closed, p.FactsKept, p.FactsAsked, p.Invented)
				if p.System != "recursion" || p.Share != consolidate.DefaultShare {
					continue
				}
				if p.Invented != 0 {
					t.Errorf("%d facts were invented", p.Invented)
				}
				if p.FactsKept*100 < p.FactsAsked*99 {
					t.Errorf("%d of %d facts are kept, want 99 %%", p.FactsKept, p.FactsAsked)
				}
				if p.Tokens > .40 {
					t.Errorf("%.3f of the tokens are left, want at most .40", p.Tokens)
				}
				for i, budget := range o.Budgets {
					if p.Recall[i] <= turns.Recall[i] || p.Strict[i] < turns.Strict[i]-.025 {
						t.Errorf("recall@10 in %d tokens is %.3f, strictly %.3f, that of the turns %.3f and %.3f", budget, p.Recall[i], p.Strict[i], turns.Recall[i], turns.Strict[i])
					}
				}
			}
			if curves != "" {
				data, err := json.MarshalIndent(map[string]any{"dataset": d.Name, "budgets": o.Budgets, "points": points}, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(curves, "consolidation-"+name+".json"), append(data, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := bench.PlotConsolidation(filepath.Join(curves, "consolidation-"+name+".svg"), d.Name, points, 1, o.Budgets[1]); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestPlotConsolidation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "curve.svg")
	points := []bench.ConsolidationPoint{
		{System: "turns", Tokens: 1, Recall: []float64{.5}},
		{System: "one pass", Tokens: .3, Recall: []float64{.2}}, {System: "one pass", Tokens: .6, Recall: []float64{.4}},
		{System: "recursion", Tokens: .3, Recall: []float64{.5}}, {System: "recursion", Tokens: .6, Recall: []float64{.6}},
	}
	if err := bench.PlotConsolidation(path, "made up", points, 0, 500); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "recursion", "one pass", "made up: recall@10 within 500 tokens"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the picture does not hold %q", want)
		}
	}
}
