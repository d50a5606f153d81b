package eval

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var approximately = cmpopts.EquateApprox(0, 1e-9)

func TestScore(t *testing.T) {
	list := func(prefix string, n int) []string {
		var l []string
		for i := range n {
			l = append(l, prefix+string(rune('A'+i)))
		}
		return l
	}
	tests := []struct {
		name             string
		evidence, answer []string
		want             Scores
	}{
		{"perfect", []string{"a"}, []string{"a", "b"}, Scores{1, 1, 1, 1, 1}},
		{"nothing", []string{"a"}, nil, Scores{}},
		{"wrong", []string{"a"}, []string{"b", "c"}, Scores{}},
		{"no evidence", nil, []string{"a"}, Scores{}},
		// Ranks 2 and 4 of 2: gain 1/log2(3) + 1/log2(5) = .63093 + .43068 over 1 + .63093.
		{"two of two", []string{"a", "b"}, []string{"x", "a", "y", "b"}, Scores{1, 1, 1, 1.0616063116448504 / 1.6309297535714575, .5}},
		// Rank 6 is beyond 5, rank 11 beyond 10, rank 21 beyond 20; gain 1/log2(7) over 1 + 1/log2(3) + 1/log2(4).
		{"the cuts", []string{"a", "b", "c"}, append(append(append(append(append(list("x", 5), "a"), list("y", 4)...), "b"), list("z", 9)...), "c"),
			Scores{0, 1. / 3, 2. / 3, 0.35620718710802255 / 2.1309297535714578, 1. / 6}},
		// The repeated x does not push a down: a is second.
		{"repeats", []string{"a"}, []string{"x", "x", "x", "a", "a"}, Scores{1, 1, 1, 1 / math.Log2(3), .5}},
		{"repeated evidence", []string{"a", "a"}, []string{"a"}, Scores{1, 1, 1, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Score(tt.evidence, tt.answer), approximately); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestManyEvidence has more evidence than places: nDCG is 1 where the ten best are all right.
func TestManyEvidence(t *testing.T) {
	var all []string
	for i := range 40 {
		all = append(all, string(rune('0'+i)))
	}
	if diff := cmp.Diff(Scores{5. / 40, 10. / 40, 20. / 40, 1, 1}, Score(all, all[:20]), approximately); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLatency(t *testing.T) {
	var times []time.Duration
	for i := 20; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	if got := latency(times); got != (Latency{P50: 10, P95: 19}) {
		t.Errorf("of 1 to 20 ms: %+v, want 10 and 19", got)
	}
	if got := latency(times[:1]); got != (Latency{P50: 20, P95: 20}) {
		t.Errorf("of one time: %+v", got)
	}
}

func TestDelta(t *testing.T) {
	// Two conversations that each agree with themselves: the questions say 0 ± .98·.1/√..., the conversations -1 to 1.
	flat := func(v float64, n int) []float64 {
		list := make([]float64, n)
		for i := range list {
			list[i] = v
		}
		return list
	}
	d := Bootstrap([][]float64{flat(1, 50), flat(-1, 50)}, 10_000, 1)
	if d.Mean != 0 || d.CI95Conversations != (Interval{-1, 1}) {
		t.Errorf("%+v, want the mean 0 and -1 to 1 over conversations", d)
	}
	// The standard error over questions is 1/√100, so the interval is ±.196.
	if math.Abs(d.CI95[0]+.196) > .03 || math.Abs(d.CI95[1]-.196) > .03 {
		t.Errorf("%v over questions, want about ±.196", d.CI95)
	}
	if again := Bootstrap([][]float64{flat(1, 50), flat(-1, 50)}, 10_000, 1); again != d {
		t.Errorf("the same seed gives %+v and %+v", d, again)
	}
	if got := Bootstrap([][]float64{flat(.25, 3), nil, flat(.25, 1)}, 100, 0); got != (Delta{.25, Interval{.25, .25}, Interval{.25, .25}}) {
		t.Errorf("of a constant: %+v", got)
	}
	if got := Bootstrap([][]float64{flat(.5, 2)}, 100, 0); got.CI95 != (Interval{.5, .5}) || got.CI95Conversations.Known() {
		t.Errorf("of one conversation: %+v", got)
	}
	if got := Bootstrap(nil, 100, 0); got != (Delta{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

// TestScoreLaws checks what must hold of any answer: figures in [0, 1], recall that grows with k, and no figure that falls
// when the first wrong turn before an evidence is swapped with it.
func TestScoreLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := rapid.StringMatching("[a-h]|x[0-9]")
		evidence := rapid.SliceOfN(ref, 1, 8).Draw(t, "evidence")
		answer := rapid.SliceOfDistinct(ref, func(s string) string { return s }).Draw(t, "answer")
		s := Score(evidence, answer)
		for _, m := range metrics {
			if v := m.value(s); !(v >= 0 && v <= 1+1e-12) {
				t.Fatalf("%s is %v", m.name, v)
			}
		}
		if s.Recall5 > s.Recall10 || s.Recall10 > s.Recall20 {
			t.Fatalf("recall falls: %+v", s)
		}
		for i := 1; i < len(answer); i++ {
			if slices.Contains(evidence, answer[i]) && !slices.Contains(evidence, answer[i-1]) {
				better := slices.Clone(answer)
				better[i-1], better[i] = better[i], better[i-1]
				after := Score(evidence, better)
				for _, m := range metrics {
					if m.value(after) < m.value(s)-1e-12 {
						t.Fatalf("%s falls from %v to %v with %q before %q", m.name, m.value(s), m.value(after), answer[i], answer[i-1])
					}
				}
				break
			}
		}
	})
}
