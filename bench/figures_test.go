package bench_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/refine/consolidate"
)

var updateFigures = flag.Bool("update", false, "write testdata/figures.json anew")

// TestFigures compares what is measured with testdata/figures.json, which holds shares in [0, 1] by dataset and name. None
// may fall by more than half a point; what has risen is told, and -update takes it over. It takes minutes: "make figures".
func TestFigures(t *testing.T) {
	if os.Getenv("REFINER_FIGURES") == "" {
		t.Skip("takes minutes: make figures")
	}
	const tolerance = .005
	ctx := t.Context()
	golden := map[string]map[string]float64{}
	data, err := os.ReadFile("testdata/figures.json")
	if err == nil {
		err = json.Unmarshal(data, &golden)
	}
	if err != nil && !*updateFigures {
		t.Fatal(err)
	}
	root := os.Getenv("REFINER_DATA")
	if root == "" {
		root = "../../shared/data"
	}
	for name, load := range map[string]func() (*eval.Dataset, error){
		"sample": func() (*eval.Dataset, error) { return eval.Sample(ctx) },
		"locomo": func() (*eval.Dataset, error) {
			return eval.LoCoMo(ctx, filepath.Join(root, "locomo/locomo_dev.json"), &eval.LoCoMoOptions{Corrections: filepath.Join(root, "locomo/locomo_dev_corrections.json")})
		},
		"beam": func() (*eval.Dataset, error) { return eval.BEAM(ctx, filepath.Join(root, "beam/100K")) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := load()
			if errors.Is(err, fs.ErrNotExist) {
				t.Skipf("the data is not there: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			got := figures(ctx, t, d)
			for _, figure := range slices.Sorted(maps.Keys(got)) {
				was, now := golden[name][figure], got[figure]
				switch {
				case *updateFigures:
				case now < was-tolerance:
					t.Errorf("%s fell from %.4f to %.4f", figure, was, now)
				case now > was+tolerance:
					t.Logf("%s rose from %.4f to %.4f", figure, was, now)
				}
			}
			for figure := range golden[name] {
				if _, ok := got[figure]; !ok && !*updateFigures {
					t.Errorf("%s was not measured", figure)
				}
			}
			golden[name] = got
		})
	}
	if *updateFigures {
		data, err := json.MarshalIndent(golden, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/figures.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func figures(ctx context.Context, t *testing.T, d *eval.Dataset) map[string]float64 {
	settings := config.Default()
	settings.Store.Path = filepath.Join(t.TempDir(), "store.db")
	p, err := integration.New(ctx, settings, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, c := range d.Conversations {
		if _, err := p.Store.Add(ctx, c.Scope, c.Records...); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]float64{}
	recall, err := eval.Run(ctx, d, eval.Systems{Main: eval.Modes(p).Main}, &eval.Options{Resamples: 40})
	if err != nil {
		t.Fatal(err)
	}
	got["recall@10"], got["mrr"] = recall.Recall10, recall.MRR
	if d.Name != "beam" { // which gives no short answers
		answers, err := eval.RunAnswers(ctx, d, eval.Ask(p, integration.Request{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		got["answers contain"], got["answers hold all"] = answers.Scores.Contains, answers.Scores.All
	}
	points, err := bench.Consolidation(ctx, d, &bench.ConsolidationOptions{
		Shares: []float64{consolidate.DefaultShare}, Budgets: []int{500}, Dir: t.TempDir(), Short: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range points {
		got["consolidation: recall@10 in 500 tokens, "+c.System] = c.Recall[0]
	}
	for name, v := range got {
		got[name] = math.Round(v*1e4) / 1e4
	}
	return got
}
