package refine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/trmcore"
	"pgregory.net/rapid"
)

var now = time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC)

// draw makes any candidates, sorted as a store gives them.
func draw(t *rapid.T, most int) *memory.Candidates {
	c := &memory.Candidates{MeanTerms: 4, Word: func(x memory.Term) string { return fmt.Sprint(x) }}
	seed := rapid.Uint64().Draw(t, "seed")
	random := func(n int) int { // splitmix64: drawing each number with rapid would be slow
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return int((z ^ z>>31) % uint64(n))
	}
	terms := func(base memory.Term) []memory.Term {
		var list []memory.Term
		for x := range memory.Term(20) {
			if random(5) == 0 {
				list = append(list, base+x)
			}
		}
		return list
	}
	n := rapid.IntRange(0, most).Draw(t, "n")
	session, position := int32(0), int32(0)
	for i := range n {
		if random(8) == 0 {
			session, position = session+1, 0
		}
		position += int32(1 + random(2))
		c.List = append(c.List, memory.Candidate{Row: int64(i + 1), Kind: memory.KindTurn, Session: session, Position: position, Speaker: int32(random(3)) - 1,
			Lexical: float64(random(1000)) / 50, Vector: float64(random(200))/100 - 1, Surprise: float32(random(100)) / 100,
			Created: now.Unix() - int64(random(1e7)), Shown: int32(random(4)), LastShown: now.Unix() - int64(random(1e6)),
			Terms: terms(0)})
	}
	c.Len = n + 10
	c.Query = terms(0)
	for range c.Query {
		c.Weights = append(c.Weights, 1+float64(random(50))/10)
	}
	if random(2) == 0 {
		c.Speakers = []int32{0}
	}
	return c
}

func parameters(t *rapid.T) *refine.Parameters {
	p := refine.DefaultParameters
	p.Spread = rapid.Float64Range(0, .6).Draw(t, "spread")
	p.Session = rapid.Float64Range(0, .3).Draw(t, "session")
	p.Epsilon, p.Steps = 1e-10, 1000
	return &p
}

func TestWeightsAreFiniteAndOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t, 60)
		mode := rapid.SampledFrom(refine.Modes).Draw(t, "mode")
		o := &refine.Options{Mode: mode, Parameters: parameters(t), Now: now}
		r, err := refine.Rescore(context.Background(), c, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range r.Weights {
			if !(w >= 0 && w <= 1) || !(r.Seed[i] >= 0 && r.Seed[i] <= 1) {
				t.Fatalf("weight %v, seed %v", w, r.Seed[i])
			}
		}
		if !slices.IsSortedFunc(r.Order, func(a, b int) int { return -cmpFloat(r.Weights[a], r.Weights[b]) }) {
			t.Fatalf("order %v of weights %v", r.Order, r.Weights)
		}
		if len(r.Order) > 0 && r.Weights[r.Order[0]] != 1 {
			t.Fatalf("the best weighs %v", r.Weights[r.Order[0]])
		}
		again, err := refine.Rescore(context.Background(), c, o)
		if err != nil || !slices.Equal(again.Order, r.Order) {
			t.Fatalf("a second run: %v, order %v, not %v", err, again.Order, r.Order)
		}
	})
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// TestCertificateHolds compares the ranking with one that is run far longer: no weight before normalisation may be off by
// more than the bound says.
func TestCertificateHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t, 60)
		p := *parameters(t)
		exact, err := refine.Rescore(context.Background(), c, &refine.Options{Mode: refine.FixedPoint, Parameters: &p, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if exact.Stop != trmcore.StopFixedPoint || exact.Residual > p.Epsilon || exact.Rate != p.Spread+p.Session {
			t.Fatalf("certificate %+v", exact.Certificate)
		}
		p.Steps = rapid.IntRange(1, 8).Draw(t, "steps")
		early, err := refine.Rescore(context.Background(), c, &refine.Options{Mode: refine.FixedPoint, Parameters: &p, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if early.Certificate.Steps > p.Steps || math.Abs(early.Bound-early.Residual*early.Rate/(1-early.Rate)) > 1e-12 {
			t.Fatalf("certificate %+v", early.Certificate)
		}
		// The bound falls with the steps at the rate of contraction.
		worst := math.Pow(early.Rate, float64(early.Certificate.Steps)) / (1 - early.Rate)
		if early.Bound > worst+1e-9 {
			t.Fatalf("bound %v after %d steps at rate %v, at most %v", early.Bound, early.Certificate.Steps, early.Rate, worst)
		}
	})
}

func TestStepsSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t, 40)
		r, err := refine.Rescore(context.Background(), c, &refine.Options{Mode: rapid.SampledFrom(refine.Modes).Draw(t, "mode"), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		var steps [][]float64
		for step, err := range r.Steps(context.Background()) {
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step.Weights)
		}
		if len(steps) != r.Certificate.Steps+1 {
			t.Fatalf("%d weights for %d steps", len(steps), r.Certificate.Steps)
		}
		for i, w := range steps[len(steps)-1] {
			if math.Abs(w-r.Weights[i]) > 1e-9 {
				t.Fatalf("the last step gives %v, the ranking %v", w, r.Weights[i])
			}
		}
	})
}

// turns is a conversation of two speakers; term 1 is the question's.
func turns(lexical ...float64) *memory.Candidates {
	c := &memory.Candidates{Len: 100, MeanTerms: 3, Query: []memory.Term{1}, Weights: []float64{3}, Word: func(memory.Term) string { return "word" }}
	for i, x := range lexical {
		m := memory.Candidate{Row: int64(i + 1), Position: int32(i), Speaker: int32(i % 2), Lexical: x, Surprise: .5, Terms: []memory.Term{9, 10, 11}}
		if x > 0 {
			m.Terms = []memory.Term{1, 9, 10}
		}
		c.List = append(c.List, m)
	}
	return c
}

func rank(t *testing.T, c *memory.Candidates, o *refine.Options) *refine.Ranking {
	t.Helper()
	r, err := refine.Rescore(context.Background(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWeightSpreadsToTheAnswer(t *testing.T) {
	r := rank(t, turns(0, 0, 5, 0, 0, 0, 0, 0), &refine.Options{Now: now})
	if r.Order[0] != 2 || r.Order[1] != 3 {
		t.Errorf("order %v: the turn after the one that matches should come second", r.Order)
	}
	alone := rank(t, turns(0, 0, 5, 0, 0, 0, 0, 0), &refine.Options{Mode: refine.BM25, Now: now})
	if diff := cmp.Diff([]int{2}, alone.Order); diff != "" {
		t.Errorf("BM25 alone (-want +got):\n%s", diff)
	}
}

func TestModes(t *testing.T) {
	c := turns(5, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	c.List[9].Vector, c.List[0].Vector = .9, .1
	for mode, want := range map[refine.Mode][]int{refine.BM25: {0, 1}, refine.Vector: {9, 0}, refine.Hybrid: {0, 1, 9}} {
		r := rank(t, c, &refine.Options{Mode: mode, Now: now})
		if diff := cmp.Diff(want, r.Order); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mode, diff)
		}
		if r.Steps(context.Background()) == nil || r.Certificate.Steps != 0 {
			t.Errorf("%s: %+v", mode, r.Certificate)
		}
	}
	if r := rank(t, c, &refine.Options{Now: now}); r.Certificate.Steps != 1 || r.Stop != trmcore.StopMaxSteps {
		t.Errorf("learned: %+v", r.Certificate)
	}
}

// TestFactIsNotBuried: what a fact states word for word stays first, though the question names one who also speaks.
func TestFactIsNotBuried(t *testing.T) {
	c := turns(3, 3, 3, 3, 3, 3)
	for i := range c.List {
		c.List[i].Kind, c.List[i].Speaker = memory.KindTurn, 0
	}
	c.Query, c.Weights, c.Speakers = []memory.Term{1, 2}, []float64{1, 3}, []int32{0}
	c.List = append(c.List, memory.Candidate{Row: 9, Kind: memory.KindFact, Session: 1, Position: -1, Speaker: 1, Lexical: 4, Terms: []memory.Term{1, 2}})
	if r := rank(t, c, &refine.Options{Now: now}); r.Order[0] != 6 {
		t.Errorf("order %v: the fact holds all words and should come first", r.Order)
	}
}

func TestOptionsAreRefused(t *testing.T) {
	bad := func(change func(p *refine.Parameters)) *refine.Options {
		p := refine.DefaultParameters
		change(&p)
		return &refine.Options{Parameters: &p}
	}
	for want, o := range map[string]*refine.Options{
		"unknown mode":      {Mode: "best"},
		"a signal's weight": {Weights: importance.Weights{Decay: -1, Relevance: 2}},
		"spread + session":  bad(func(p *refine.Parameters) { p.Spread, p.Session = .9, .9 }),
		"parameter epsilon": bad(func(p *refine.Parameters) { p.Epsilon = 0 }),
		"parameter steps":   bad(func(p *refine.Parameters) { p.Steps = -1 }),
		"parameter spread":  bad(func(p *refine.Parameters) { p.Spread = math.NaN() }),
	} {
		if _, err := refine.Rescore(context.Background(), turns(1), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one of %s", err, want)
		}
	}
}

func TestRescoreNothing(t *testing.T) {
	for _, mode := range refine.Modes {
		if r := rank(t, turns(), &refine.Options{Mode: mode}); len(r.Order) != 0 {
			t.Errorf("%s: %+v", mode, r)
		}
	}
	if r := rank(t, turns(0, 0, 0), nil); len(r.Order) != 0 {
		t.Errorf("nothing matches, and yet: %v", r.Order)
	}
}

func TestRescoreIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := refine.Rescore(ctx, turns(1, 2), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// BenchmarkRescore measures candidates as LoCoMo's are: 20 terms each, sessions of 20 turns.
func BenchmarkRescore(b *testing.B) {
	for _, n := range []int{200, 1000, 2000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := &memory.Candidates{Len: 10_000, MeanTerms: 20}
			for i := range n {
				m := memory.Candidate{Row: int64(i), Session: int32(i / 20), Position: int32(i % 20), Speaker: int32(i % 2), Surprise: .5}
				for k := range 20 {
					m.Terms = append(m.Terms, memory.Term(k*300+(i*7919+k*104729)%300))
				}
				m.Lexical = float64(i*31%100) / 10
				c.List = append(c.List, m)
			}
			c.Query, c.Weights, c.Speakers = c.List[7].Terms[:8], []float64{1, 2, 3, 4, 5, 6, 7, 8}, []int32{0}
			var spent []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := refine.Rescore(context.Background(), c, &refine.Options{Now: now}); err != nil {
					b.Fatal(err)
				}
				spent = append(spent, time.Since(start))
			}
			slices.Sort(spent)
			b.ReportMetric(float64(spent[len(spent)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
