package eval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
)

// fixed answers every question with the same turns.
func fixed(refs ...string) System {
	return func(_ context.Context, _ memory.Scope, _ string, k int) ([]string, error) {
		return refs[:min(k, len(refs))], nil
	}
}

func load(t *testing.T) *Dataset {
	t.Helper()
	d, err := LoCoMo(context.Background(), "testdata/locomo.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRun checks the JSON that is printed against what the fixture's three questions (evidence D1:1 and D1:3; D2:2; D1:1)
// give by hand.
func TestRun(t *testing.T) {
	var progress []int
	report, err := Run(context.Background(), load(t), Systems{
		Main:      fixed("D1:1", "D2:2"),
		Baselines: map[string]System{"fixed_point": fixed(), "bm25": fixed("D1:1")},
	}, &Options{Seed: 7, Resamples: 100, Parameters: map[string]any{"alpha": .5}, Progress: func(done, total int) {
		progress = append(progress, total*100+done)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{901, 902, 903, 904, 905, 906, 907, 908, 909}; !slices.Equal(progress, want) {
		t.Errorf("progress %v, want %v", progress, want)
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	// Recall: (1/2 + 1 + 1) / 3. MRR: (1 + 1/2 + 1) / 3. nDCG: 1/1.63093 for the first, 1/log2(3) = .63093 for the second.
	for name, want := range map[string]any{"dataset": "locomo", "questions": 3., "questions_without_evidence": 1., "turns": 5.,
		"recall@5": 2.5 / 3, "recall@10": 2.5 / 3, "recall@20": 2.5 / 3, "mrr": 2.5 / 3, "ndcg@10": (1/1.6309297535714575 + .6309297535714575 + 1) / 3} {
		if diff := cmp.Diff(want, got[name], approximately); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	at := func(path ...string) any {
		var v any = got
		for _, name := range path {
			m, ok := v.(map[string]any)
			if !ok || m[name] == nil {
				t.Fatalf("the report has no %q of %q", name, path)
			}
			v = m[name]
		}
		return v
	}
	if v := at("by_category", "temporal", "mrr"); v != .5 {
		t.Errorf("MRR of temporal %v, want .5", v)
	}
	if v := at("baselines", "bm25", "by_category", "temporal", "recall@10"); v != 0. {
		t.Errorf("recall of temporal by words %v, want 0", v)
	}
	if v := at("baselines", "fixed_point", "recall@5"); v != 0. {
		t.Errorf("recall of the fixed point %v, want 0", v)
	}
	if v := at("delta", "recall@10", "mean"); cmp.Diff(1./3, v, approximately) != "" {
		t.Errorf("difference %v, want 1/3", v)
	}
	if v := at("delta", "recall@10", "ci95").([]any); len(v) != 2 || v[0].(float64) < 0 || v[1].(float64) > 1 || v[0].(float64) > 1./3 || v[1].(float64) < 1./3 {
		t.Errorf("interval %v", v)
	}
	if v, there := at("delta", "recall@10").(map[string]any)["ci95_conversations"]; !there || v != nil {
		t.Errorf("interval over one conversation %v, want null", v)
	}
	if at("parameters", "alpha") != .5 || at("parameters", "seed") != 7. {
		t.Errorf("parameters %v", got["parameters"])
	}
	if p50, p95 := at("latency_ms", "p50").(float64), at("latency_ms", "p95").(float64); p50 < 0 || p95 < p50 {
		t.Errorf("latencies %v and %v", p50, p95)
	}
	if r := report.Results[1]; r.Question.ID != "conv-41/qa1" || r.Scores.MRR != .5 || len(r.Answer) != 2 {
		t.Errorf("result %+v", r)
	}
}

// TestScope checks that a question is asked of its own conversation.
func TestScope(t *testing.T) {
	d, err := BEAM(context.Background(), "testdata/beam")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	_, err = Run(context.Background(), d, Systems{Main: func(_ context.Context, s memory.Scope, question string, k int) ([]string, error) {
		asked = append(asked, fmt.Sprintf("%s %d %s", s, k, question))
		return nil, nil
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-/2/-/- 20 Do I have a key?", "-/2/-/- 20 Do I have a key?", "-/2/-/- 20 What did I lack?", "-/10/-/- 20 Do I have a key?", "-/10/-/- 20 What did I lack?"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRunRefuses(t *testing.T) {
	broken := func(context.Context, memory.Scope, string, int) ([]string, error) { return nil, errors.New("boom") }
	many := func(context.Context, memory.Scope, string, int) ([]string, error) { return make([]string, 21), nil }
	d := load(t)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name    string
		ctx     context.Context
		d       *Dataset
		systems Systems
		options *Options
		want    string
	}{
		{"no system", context.Background(), d, Systems{}, nil, "there is no system"},
		{"no questions", context.Background(), &Dataset{Name: "x"}, Systems{Main: fixed()}, nil, `the dataset "x" has no questions`},
		{"shallow", context.Background(), d, Systems{Main: fixed()}, &Options{Depth: 10}, "too small for recall@20"},
		{"few resamples", context.Background(), d, Systems{Main: fixed()}, &Options{Resamples: 3}, "too few"},
		{"error", context.Background(), d, Systems{Main: broken}, nil, "the main system: question conv-41/qa0: boom"},
		{"error of a baseline", context.Background(), d, Systems{Main: fixed(), Baselines: map[string]System{"bm25": broken}}, nil, "the baseline bm25: question conv-41/qa0: boom"},
		{"too many", context.Background(), d, Systems{Main: many}, nil, "21 turns, 20 were asked for"},
		{"cancelled", cancelled, d, Systems{Main: fixed()}, nil, context.Canceled.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(tt.ctx, tt.d, tt.systems, tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}
