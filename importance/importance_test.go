package importance_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"pgregory.net/rapid"
)

var now = time.Date(2023, 6, 1, 12, 0, 0, 0, time.UTC)

func Example() {
	list := []memory.Candidate{
		{Created: now.Add(-72 * time.Hour).Unix(), Importance: 1, Surprise: .9},
		{Created: now.Add(-72 * time.Hour).Unix(), Shown: 4, LastShown: now.Unix()},
	}
	for _, s := range importance.Measure(list, []float64{1, .5}, now, nil) {
		fmt.Printf("decay %.2f, habituation %.2f: default %.2f, ada %.2f\n", s.Decay, s.Habituation, importance.Default.Score(s), importance.Ada.Score(s))
	}
	// Output:
	// decay 0.70, habituation 1.00: default 0.97, ada 0.91
	// decay 0.49, habituation 0.50: default 0.36, ada 0.20
}

func TestRetention(t *testing.T) {
	for _, c := range []struct {
		age        time.Duration
		importance float64
		used       int
		want       float64
	}{
		{0, 0, 0, 1},
		{-time.Hour, 0, 0, 1}, // a clock that ran backwards
		{time.Hour, 0, 0, .5},
		{2 * time.Hour, 0, 0, .25},
		{2 * time.Hour, 1, 0, .5}, // importance 1 doubles the half-life
		{2 * time.Hour, 0, 1, .5}, // so does the first use
		{8 * time.Hour, 1, 3, math.Exp2(-8. / 6)},
		{math.MaxInt64, 1, math.MaxInt32, 0},
	} {
		if got := importance.Retention(c.age, time.Hour, c.importance, c.used); math.Abs(got-c.want) > 1e-3 {
			t.Errorf("Retention(%v, 1h, %v, %d) = %v, want %v", c.age, c.importance, c.used, got, c.want)
		}
	}
}

// TestAdaDecay reproduces Ada's exp(−age/(τ(1+importance))), τ = 100 h, with the default half-life ln 2·τ.
func TestAdaDecay(t *testing.T) {
	for _, age := range []float64{0, 1, 24, 100, 1000} {
		for _, imp := range []float64{0, .5, 1} {
			want := math.Exp(-age / (100 * (1 + imp)))
			got := importance.Retention(time.Duration(age*float64(time.Hour)), importance.DefaultHalfLife, imp, 0)
			if math.Abs(got-want) > 1e-3 {
				t.Errorf("after %v h at importance %v: %v, want %v", age, imp, got, want)
			}
		}
	}
}

func TestHabituation(t *testing.T) {
	for _, c := range []struct {
		shown int
		since time.Duration
		want  float64
	}{
		{0, 0, 0}, {-1, 0, 0}, {4, 0, .5}, {8, 0, .75}, {4, 24 * time.Hour, .25}, {4, -time.Hour, .5}, {math.MaxInt32, 0, 1},
	} {
		if got := importance.Habituation(c.shown, c.since, 4, 24*time.Hour); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("Habituation(%d, %v) = %v, want %v", c.shown, c.since, got, c.want)
		}
	}
}

func TestMeasure(t *testing.T) {
	h := importance.Times{HalfLife: time.Hour, Span: 30 * time.Minute, Recovery: time.Hour, Habit: 1}
	list := []memory.Candidate{
		{Created: now.Add(-time.Hour).Unix(), Surprise: .3},
		{Created: now.Add(time.Hour).Unix(), Surprise: float32(math.NaN()), Shown: 1, LastShown: now.Add(-time.Hour).Unix()},
	}
	want := []importance.Signals{
		{Relevance: .8, Surprise: .3, Decay: .5, Habituation: 1, Attention: .2},
		{Relevance: 1, Surprise: 0, Decay: 1, Habituation: .75, Attention: 1},
	}
	got := importance.Measure(list, []float64{.8, 1}, now, &h)
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSignalsStayInBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := memory.Candidate{
			Created: rapid.Int64().Draw(t, "created"), LastShown: rapid.Int64().Draw(t, "last shown"),
			Shown: rapid.Int32().Draw(t, "shown"), Used: rapid.Int32().Draw(t, "used"),
			Importance: rapid.Float32().Draw(t, "importance"), Surprise: rapid.Float32().Draw(t, "surprise"),
		}
		s := importance.Measure([]memory.Candidate{c}, []float64{rapid.Float64Range(0, 1).Draw(t, "relevance")}, now, nil)[0]
		for name, x := range map[string]float64{"relevance": s.Relevance, "surprise": s.Surprise, "decay": s.Decay, "habituation": s.Habituation,
			"attention": s.Attention, "default": importance.Default.Score(s), "ada": importance.Ada.Score(s)} {
			if !(x >= 0 && x <= 1) {
				t.Fatalf("%s is %v for %+v", name, x, c)
			}
		}
	})
}

func TestWeights(t *testing.T) {
	s := importance.Signals{Relevance: .5, Surprise: 1, Decay: .25, Habituation: 1, Attention: .75}
	if got, want := importance.Ada.Score(s), .2*.5+.6*1+.1*.25+.1*1; math.Abs(got-want) > 1e-12 {
		t.Errorf("Ada: %v, want %v", got, want)
	}
	if got := (importance.Weights{Attention: 10}).Score(s); got != .75 {
		t.Errorf("a single weight: %v, want its signal", got)
	}
	if got := (importance.Weights{}).Score(s); got != 0 {
		t.Errorf("no weights: %v", got)
	}
	for _, w := range []importance.Weights{{}, {Relevance: -1}, {Surprise: math.NaN()}, {Decay: math.Inf(1)}} {
		if w.Validate() == nil {
			t.Errorf("%+v passes", w)
		}
	}
	for _, w := range []importance.Weights{importance.Default, importance.Ada} {
		if err := w.Validate(); err != nil {
			t.Errorf("%+v: %v", w, err)
		}
	}
}

// TestAdaWithoutSurprise reproduces what is known of Ada's weights: with surprise at its default of .5 and importance .5,
// no memory reaches the level full, and none is dropped.
func TestAdaWithoutSurprise(t *testing.T) {
	least := importance.Ada.Score(importance.Signals{Surprise: .5, Habituation: 1})
	most := importance.Ada.Score(importance.Signals{Relevance: 1, Surprise: .5, Decay: 1, Habituation: 1})
	if math.Abs(least-.40) > 1e-9 || math.Abs(most-.70) > 1e-9 {
		t.Errorf("scores from %v to %v, want .40 to .70", least, most)
	}
	if a, b := importance.DefaultThresholds.Level(least), importance.DefaultThresholds.Level(most); a != importance.Summary || b != importance.Chunk {
		t.Errorf("levels %s and %s", a, b)
	}
}

func TestLevels(t *testing.T) {
	for score, want := range map[float64]importance.Level{
		1: importance.Full, .75: importance.Full, .7499: importance.Chunk, .5: importance.Chunk, .4999: importance.Summary,
		.2: importance.Summary, .1999: importance.Dropped, 0: importance.Dropped, -1: importance.Dropped,
	} {
		if got := importance.DefaultThresholds.Level(score); got != want {
			t.Errorf("Level(%v) = %s, want %s", score, got, want)
		}
	}
	if got := importance.DefaultThresholds.Level(math.NaN()); got != importance.Dropped {
		t.Errorf("Level(NaN) = %s", got)
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		scale importance.Scale
		x     float64
		unit  float64
	}{
		{importance.Stars, 1, 0}, {importance.Stars, 3, .5}, {importance.Stars, 5, 1}, {importance.Unit, .3, .3}, {importance.Ten, 7, .7}, {importance.Ten, 0, 0},
	} {
		got, err := c.scale.ToUnit(c.x)
		if err != nil || math.Abs(got-c.unit) > 1e-12 {
			t.Errorf("%+v.ToUnit(%v) = %v, %v; want %v", c.scale, c.x, got, err, c.unit)
		}
		if back := c.scale.FromUnit(got); math.Abs(back-c.x) > 1e-12 {
			t.Errorf("%+v: %v comes back as %v", c.scale, c.x, back)
		}
	}
	for _, x := range []float64{0, 5.5, math.NaN(), math.Inf(1)} {
		if got, err := importance.Stars.ToUnit(x); err == nil {
			t.Errorf("Stars.ToUnit(%v) = %v", x, got)
		}
	}
	if got := importance.Stars.Whole(.6); got != 3 {
		t.Errorf("Stars.Whole(.6) = %d", got)
	}
	if got := importance.Ten.FromUnit(7); got != 10 {
		t.Errorf("Ten.FromUnit(7) = %v", got)
	}
}

// conversation is a session of turns that hold the given terms; term 0 is in all of them.
func conversation(turns ...[]memory.Term) *memory.Candidates {
	df := map[memory.Term]int{}
	c := &memory.Candidates{Len: len(turns), DocFreq: func(t memory.Term) int { return df[t] }}
	for i, terms := range turns {
		c.List = append(c.List, memory.Candidate{Row: int64(i + 1), Position: int32(i), Terms: terms, Lexical: float64(len(terms))})
		for _, t := range terms {
			df[t]++
		}
	}
	return c
}

func TestSequence(t *testing.T) {
	list := []memory.Candidate{
		{Session: 0, Position: 0}, {Session: 0, Position: 1}, {Session: 0, Position: 3}, // a gap
		{Session: 1, Position: 4}, {Session: 1, Position: 5}, // another session
		{Session: 2, Position: -1}, {Session: 2, Position: 0}, // no position
	}
	got := importance.NewSequence(list)
	want := importance.Sequence{Before: []int32{-1, 0, -1, -1, 3, -1, -1}, After: []int32{1, -1, -1, 4, -1, -1, -1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRelevanceLendsWhatATurnDoesNotSay(t *testing.T) {
	// The question has terms 1 and 2. Turn 0 holds 1; turn 1, the answer, holds 2; turn 4 holds 2 far from everything.
	c := conversation([]memory.Term{1}, []memory.Term{2}, nil, nil, []memory.Term{2}, nil, nil, nil, nil)
	c.Query = []memory.Term{1, 2}
	seq := importance.NewSequence(c.List)
	alone := importance.Relevance(c, seq, importance.Context{})
	if alone[1] != alone[4] || alone[2] != 0 {
		t.Errorf("without context: %v", alone)
	}
	together := importance.Relevance(c, seq, importance.Context{Before: .3, After: .3, Fade: .7})
	if together[1] <= together[4] || together[2] <= 0 || together[8] != 0 {
		t.Errorf("with context: %v", together)
	}
	// A neighbour that repeats the term lends nothing.
	c = conversation([]memory.Term{1}, []memory.Term{1}, nil, nil, nil, []memory.Term{1})
	c.Query = []memory.Term{1}
	if r := importance.Relevance(c, importance.NewSequence(c.List), importance.DefaultContext); r[0] != r[5] {
		t.Errorf("a repeated term counts twice: %v", r)
	}
}

func TestRelevanceMixesInTheVector(t *testing.T) {
	c := conversation([]memory.Term{1}, nil, nil)
	c.Query = []memory.Term{1}
	c.List[2].Vector, c.List[1].Vector = .5, -.9
	r := importance.Relevance(c, importance.NewSequence(c.List), importance.Context{Vector: .4})
	if diff := cmp.Diff([]float64{1, 0, .4 / .6}, r, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.List[0].Lexical, c.Query = 0, nil
	if r = importance.Relevance(c, importance.NewSequence(c.List), importance.DefaultContext); r[2] != 1 || r[0] != 0 {
		t.Errorf("by vector alone: %v", r)
	}
}

// candidates draws any candidates, sorted as a store gives them.
func candidates(t *rapid.T) *memory.Candidates {
	df := map[memory.Term]int{}
	c := &memory.Candidates{DocFreq: func(x memory.Term) int { return df[x] }}
	terms := func(name string, base memory.Term) []memory.Term {
		var list []memory.Term
		for x := range memory.Term(12) {
			if rapid.Float64Range(0, 1).Draw(t, name) < .3 {
				list = append(list, base+x)
				df[base+x]++
			}
		}
		return list
	}
	n := rapid.IntRange(0, 40).Draw(t, "n")
	session, position := int32(0), int32(0)
	for i := range n {
		if rapid.IntRange(0, 5).Draw(t, "new session") == 0 {
			session, position = session+1, 0
		}
		position += rapid.Int32Range(1, 2).Draw(t, "gap")
		c.List = append(c.List, memory.Candidate{Row: int64(i), Session: session, Position: position,
			Lexical: rapid.Float64Range(0, 20).Draw(t, "lexical"), Vector: rapid.Float64Range(-1, 1).Draw(t, "vector"),
			Asks: rapid.Bool().Draw(t, "asks"), Terms: terms("term", 0), Links: terms("link", 100)})
	}
	c.Len = n + rapid.IntRange(0, 100).Draw(t, "others")
	c.Query = terms("query", 0)
	return c
}

func TestGraphNeverMakesMoreOfWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := candidates(t)
		after := rapid.Float64Range(0, 1).Draw(t, "after")
		ties := importance.Ties{After: after, Before: rapid.Float64Range(0, 1-after).Draw(t, "before"), Answer: rapid.Float64Range(0, 1-after).Draw(t, "answer"),
			Length: rapid.Float64Range(0, 100).Draw(t, "length"), Shared: rapid.Float64Range(0, 1).Draw(t, "shared"), Common: rapid.IntRange(0, 8).Draw(t, "common")}
		g := importance.NewGraph(c, importance.NewSequence(c.List), ties)
		if g.Len() != len(c.List) {
			t.Fatalf("%d of %d memories", g.Len(), len(c.List))
		}
		ones, out := make([]float64, g.Len()), make([]float64, g.Len())
		for i := range ones {
			ones[i] = 1
		}
		g.Spread(out, ones)
		for i := range out {
			sum := 0.0
			for _, e := range g.Edges(i) {
				sum += float64(e.Weight)
				if int(e.From) == i || e.Weight < 0 {
					t.Fatalf("edge %+v into %d", e, i)
				}
			}
			if out[i] != sum || sum > 1+1e-6 {
				t.Fatalf("memory %d: %v flows in over edges of %v", i, out[i], sum)
			}
		}
		for _, r := range importance.Relevance(c, importance.NewSequence(c.List), importance.DefaultContext) {
			if !(r >= 0 && r <= 1) {
				t.Fatalf("relevance %v", r)
			}
		}
	})
}

// TestAnswersFollowQuestions checks the edge into a turn: it weighs most after a question, and less the longer the turn.
func TestAnswersFollowQuestions(t *testing.T) {
	c := conversation([]memory.Term{1}, []memory.Term{1, 2}, nil)
	ties := importance.Ties{Before: .5, Answer: .8, After: .1}
	into := func(i int) float32 {
		for _, e := range importance.NewGraph(c, importance.NewSequence(c.List), ties).Edges(i) {
			if e.Reason == importance.Before {
				return e.Weight
			}
		}
		return 0
	}
	if got := into(1); got != .5 {
		t.Errorf("after a statement: %v", got)
	}
	c.List[0].Asks = true
	if got := into(1); got != .8 {
		t.Errorf("after a question: %v", got)
	}
	ties.Length = 2
	if got := into(1); got != .4 {
		t.Errorf("of two terms, where two halve it: %v", got)
	}
	if got := into(2); got != .5 {
		t.Errorf("of no terms: %v", got)
	}
}

// TestTypesJoinNothing: two rules are not about the same.
func TestTypesJoinNothing(t *testing.T) {
	c := conversation(nil, nil)
	c.Word = func(x memory.Term) string { return map[memory.Term]string{5: "t:rule", 6: "n:rosa"}[x] }
	for i := range c.List {
		c.List[i].Session, c.List[i].Links = int32(i), []memory.Term{5}
	}
	ties := importance.Ties{Shared: .2, Common: 3}
	if got := importance.NewGraph(c, importance.NewSequence(c.List), ties).Edges(0); len(got) != 0 {
		t.Errorf("joined by type: %v", got)
	}
	for i := range c.List {
		c.List[i].Links = []memory.Term{5, 6}
	}
	if got := importance.NewGraph(c, importance.NewSequence(c.List), ties).Edges(0); len(got) != 1 || got[0].Link != 6 {
		t.Errorf("joined by a name: %v", got)
	}
}

func TestGraphJoinsByRareLinks(t *testing.T) {
	c := conversation(nil, nil, nil, nil)
	for i := range c.List {
		c.List[i].Session = int32(i)
		c.List[i].Links = []memory.Term{7} // all hold it: too common
	}
	c.List[0].Links, c.List[3].Links = []memory.Term{5, 7}, []memory.Term{5, 7}
	g := importance.NewGraph(c, importance.NewSequence(c.List), importance.Ties{Before: .7, Shared: .2, Common: 3})
	want := []importance.Edge{{From: 3, Weight: .2, Reason: importance.Shared, Link: 5}}
	if diff := cmp.Diff(want, g.Edges(0)); diff != "" {
		t.Errorf("edges of 0 (-want +got):\n%s", diff)
	}
	if got := g.Edges(1); len(got) != 0 {
		t.Errorf("edges of 1: %v", got)
	}
}
