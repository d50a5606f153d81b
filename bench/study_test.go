package bench

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/memory"
)

// The study runs over real HTTP; what naive refinement does to a model that always invents is known.
func TestHallucination(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	set := &eval.Dataset{Name: "test", Conversations: []eval.Conversation{{ID: "c", Questions: []eval.Question{{ID: "q", Text: "Where did Ruth move?", Answer: "Lisbon", Category: "single-hop", Evidence: []string{"1"}}}}}}
	recall := func(context.Context, memory.Scope, string) ([]memory.Record, error) {
		at := time.Date(2025, 3, 9, 12, 0, 0, 0, time.UTC)
		return []memory.Record{
			{ID: "a", Speaker: "Ruth", Role: "user", Text: "I moved to a small flat in Lisbon.", Created: at, Origin: memory.Observed, Meta: map[string]string{"ref": "1"}},
			{ID: "b", Speaker: "Ben", Role: "user", Text: "I love rye bread with butter.", Created: at, Origin: memory.Observed, Meta: map[string]string{"ref": "2"}},
		}, nil
	}
	r, err := Hallucination(t.Context(), set, &StudyOptions{Recall: recall, Rounds: 3, Resamples: 100, Models: []StudyModel{{Name: "always", Invent: 1}, {Name: "agrees", Invent: 1, Agree: true}}})
	if err != nil {
		t.Fatal(err)
	}
	naive, ours := r.Models[0].Arms[ArmNaive], r.Models[0].Arms[ArmRefiner]
	if naive.Unsupported[0].Mean != 1 || naive.Unsupported[3].Mean < 3 || naive.Calls != 4 {
		t.Errorf("naive: %+v", naive)
	}
	if ours.Unsupported[0].Mean != 1 || ours.Unsupported[3].Mean > .5 || ours.Kept[3].Mean < .6 {
		t.Errorf("refiner: %+v", ours)
	}
	if a := r.Models[1].Arms[ArmNaive]; a.Unsupported[3].Mean != a.Unsupported[0].Mean {
		t.Errorf("agreeing: %+v", a)
	}
	if len(r.Judge) == 0 {
		t.Error("the judge is not examined")
	}
	for _, name := range []string{"study.svg"} {
		path := filepath.Join(t.TempDir(), name)
		if err := r.Plot(path); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() < 1000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := Hallucination(t.Context(), set, &StudyOptions{}); err == nil {
		t.Error("a study without memories runs")
	}
}
