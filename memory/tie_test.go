package memory

import (
	"context"
	"testing"

	"github.com/trm-go/refiner/memory/internal/index"
)

func TestWhatIsARemark(t *testing.T) {
	for s, want := range map[string]bool{
		"I never finished that marathon.": true, "So tired today!": true, "今日は疲れた。": true, `She said "never again."`: true,
		"where does Nora live": false, "Where does Nora live?": false, "Nora lives where? Tell me.": false, "東京はどこ？": false, "": false, "tea": false,
	} {
		if got := index.IsRemark(s); got != want {
			t.Errorf("%q is a remark: %v", s, got)
		}
	}
	for s, want := range map[string]string{"Caroline: I am tired.": "I am tired.", "It is late. Note: I go.": "It is late. Note: I go.", "x: ": "x: "} {
		if got := index.Spoken(s); got != want {
			t.Errorf("%q is spoken as %q", s, got)
		}
	}
}

// planted gives each text the vector that a test names.
type planted map[string][]float32

func (planted) Model() string { return "planted" }
func (planted) Dim() int      { return 3 }
func (p planted) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, s := range texts {
		vectors[i] = p[s]
	}
	return vectors, nil
}

// What is near to everything is not tied to a remark, what is near to it alone is, and a question ties nothing.
func TestARemarkIsTied(t *testing.T) {
	e := planted{"I feel heavy.": {1, 0, .2}, "feel heavy?": {1, 0, .2}, "own": {.9, 0, .6}, "hub": {.95, .3, 0}, "a": {.9, .42, 0}, "b": {.92, .4, .05}, "c": {.93, .36, .03}}
	s := newStore(t, &Options{Embedder: e})
	for i, text := range []string{"hub", "a", "b", "c", "own"} {
		r := turn(text)
		r.Position = 2 * i
		if _, err := s.Add(t.Context(), Scope{User: "ann"}, r); err != nil {
			t.Fatal(err)
		}
	}
	ties := map[string]float64{}
	ask := func(q string) *Candidates {
		t.Helper()
		c, err := s.Candidates(t.Context(), Scope{User: "ann"}, Query{Text: q})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.List {
			records, err := s.Fetch(t.Context(), Scope{User: "ann"}, x.Row)
			if err != nil {
				t.Fatal(err)
			}
			ties[records[0].Text] = x.Tie
		}
		return c
	}
	if c := ask("Ann: I feel heavy."); !c.Remark || len(c.List) != 5 || ties["own"] <= ties["hub"] || ties["own"] <= ties["a"] {
		t.Errorf("the ties are %v", ties)
	}
	if c := ask("feel heavy?"); c.Remark || ties["own"] != 0 {
		t.Errorf("a question ties %v", ties)
	}
}
