package index

import (
	"math"
	"testing"

	"github.com/trm-go/refiner/internal/vector"
)

func TestLookalike(t *testing.T) {
	var vs [][]float32
	for i, s := range []string{"The greenhouse needs new panes", "new panes are needed by the greenhouse", "greenhuose panes", "my flight was cancelled", "", "the", "🥐", "?!"} {
		vs = append(vs, Lookalike(s))
		if n, ok := vector.Length(vs[i]); !ok || math.Abs(n-1) > 1e-5 {
			t.Errorf("vector %d is %v long", i, n)
		}
	}
	same, typo, other := vector.Dot(vs[0], vs[1]), vector.Dot(vs[0], vs[2]), vector.Dot(vs[0], vs[3])
	if !(same > typo && typo > other+.2 && other < .2) {
		t.Errorf("cosines %v %v %v do not fall", same, typo, other)
	}
	// The trees of the ranking have learnt from surprises that were measured with these vectors. Computed once, kept here.
	sum := 0.0
	for i, x := range vs[0] {
		sum += float64(x) * float64(i%17-8)
	}
	if want := -2.25728964; math.Abs(sum-want) > 1e-4 {
		t.Errorf("the vectors have changed: %v, not %v", sum, want)
	}
}

func FuzzLookalike(f *testing.F) {
	f.Add("plain words")
	f.Add("\xff\x00")
	f.Add("日本語 🥐 …")
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := vector.Length(Lookalike(s)); !ok {
			t.Fatalf("%q has no direction", s)
		}
	})
}
