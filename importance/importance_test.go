package importance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
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
	// decay 0.70, habituation 1.00: default 1.00, ada 0.91
	// decay 0.49, habituation 0.50: default 0.50, ada 0.20
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

// conversation is a session of turns that hold the given terms.
func conversation(turns ...[]memory.Term) *memory.Candidates {
	c := &memory.Candidates{Len: len(turns), MeanTerms: 2}
	for i, terms := range turns {
		c.List = append(c.List, memory.Candidate{Row: int64(i + 1), Position: int32(i), Terms: terms, Lexical: float64(len(terms))})
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
	c.Query, c.Weights = []memory.Term{1, 2}, []float64{1, 1}
	together := importance.Relevance(c, importance.NewSequence(c.List))
	if together[1] <= together[4] || together[2] <= 0 || together[8] != 0 {
		t.Errorf("with its neighbours: %v", together)
	}
	// A neighbour that repeats the term lends nothing.
	c = conversation([]memory.Term{1}, []memory.Term{1}, nil, nil, nil, []memory.Term{1})
	c.Query, c.Weights = []memory.Term{1}, []float64{1}
	if r := importance.Relevance(c, importance.NewSequence(c.List)); r[0] != r[5] {
		t.Errorf("a repeated term counts twice: %v", r)
	}
}

// candidates draws any candidates, sorted as a store gives them.
func candidates(t *rapid.T) *memory.Candidates {
	c := &memory.Candidates{Len: 100, MeanTerms: rapid.Float64Range(1, 100).Draw(t, "mean")}
	terms := func(name string) []memory.Term {
		var list []memory.Term
		for x := range memory.Term(12) {
			if rapid.Float64Range(0, 1).Draw(t, name) < .3 {
				list = append(list, x)
			}
		}
		return list
	}
	session, position := int32(0), int32(0)
	for i := range rapid.IntRange(0, 40).Draw(t, "n") {
		if rapid.IntRange(0, 5).Draw(t, "new session") == 0 {
			session, position = session+1, 0
		}
		position += rapid.Int32Range(1, 2).Draw(t, "gap")
		c.List = append(c.List, memory.Candidate{Row: int64(i), Session: session, Position: position, Speaker: rapid.Int32Range(-1, 2).Draw(t, "speaker"),
			Lexical: rapid.Float64Range(0, 20).Draw(t, "lexical"), Vector: rapid.Float64Range(-1, 1).Draw(t, "vector"),
			Created: rapid.Int64Range(0, 1e9).Draw(t, "created"), Surprise: rapid.Float32Range(0, 1).Draw(t, "surprise"),
			Asks: rapid.Bool().Draw(t, "asks"), Terms: terms("term")})
	}
	c.Query = terms("query")
	for range c.Query {
		c.Weights = append(c.Weights, rapid.Float64Range(.01, 10).Draw(t, "weight"))
	}
	if rapid.Bool().Draw(t, "named") {
		c.Speakers = []int32{1}
	}
	return c
}

func TestGraphNeverMakesMoreOfWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := candidates(t)
		g := importance.NewGraph(c.List, importance.NewSequence(c.List))
		ones, out := make([]float64, len(c.List)), make([]float64, len(c.List))
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
	})
}

// TestAnswersFollowQuestions checks the edge into a turn: it weighs most after a question, and less the longer the turn.
func TestAnswersFollowQuestions(t *testing.T) {
	c := conversation([]memory.Term{1}, []memory.Term{1, 2}, nil)
	into := func(i int) float32 {
		for _, e := range importance.NewGraph(c.List, importance.NewSequence(c.List)).Edges(i) {
			if e.Reason == importance.Before {
				return e.Weight
			}
		}
		return 0
	}
	statement, short := into(1), into(2)
	c.List[0].Asks = true
	if question := into(1); !(question > statement && statement < short) {
		t.Errorf("after a statement %v, after a question %v, a short turn after a statement %v", statement, question, short)
	}
}

func TestFeaturesAreFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := candidates(t)
		table := importance.Features(c, importance.NewSequence(c.List))
		table.Accept([]int{0, 1}[:min(2, len(table.At))])
		if len(table.Values) != len(table.At)*len(importance.Names) || len(table.At) > importance.Most {
			t.Fatalf("%d values for %d rows", len(table.Values), len(table.At))
		}
		for i, x := range table.Values {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%s is %v", importance.Names[i%len(importance.Names)], x)
			}
		}
	})
}

// feature is the value of one feature of a row.
func feature(t *testing.T, table *importance.Table, row int, name string) float32 {
	t.Helper()
	at := slices.Index(importance.Names, name)
	if at < 0 {
		t.Fatalf("no feature %q", name)
	}
	return table.Row(row)[at]
}

func TestFeatures(t *testing.T) {
	c := conversation([]memory.Term{1}, []memory.Term{1, 2}, nil)
	c.Query, c.Weights, c.Missing = []memory.Term{1, 2}, []float64{1, 2}, 1
	for i := range c.List {
		c.List[i].Speaker, c.List[i].Created = int32(i%2), int64(i)*86400
	}
	c.List[0].Asks, c.Speakers = true, []int32{1}
	table := importance.Features(c, importance.NewSequence(c.List))
	for _, x := range []struct {
		row  int
		name string
		want float32
	}{
		{0, "lex", .5}, {1, "lex", 1}, {0, "cover", .25}, {1, "cover", .75}, {1, "cover_known", 1}, {0, "rarest", 0}, {1, "rarest", 1}, {0, "second", 1},
		{0, "window1", .75}, {1, "before_cover", .25}, {1, "before_asks", 1}, {1, "before_asks_lex", .5}, {2, "before_lex", 1}, {2, "window2", .75},
		{0, "asks", 1}, {0, "named", 0}, {1, "named", 1}, {2, "before_named", 1}, {0, "later_cover", float32(math.Log(2))}, {1, "earlier_cover", 0},
		{0, "recency", 0}, {2, "recency", 1}, {1, "session_lex", 1}, {0, "to_session_best", -1},
	} {
		if got := feature(t, table, x.row, x.name); math.Abs(float64(got-x.want)) > 1e-6 {
			t.Errorf("%s of row %d is %v, want %v", x.name, x.row, got, x.want)
		}
	}
	table.Accept([]int{1})
	for name, want := range map[string][]float32{"accepted": {0, 1, 0}, "accepted_session": {1, 0, 1}, "accepted_beside": {1, 0, 1}, "accepted_like": {.5, 0, 0}} {
		for row, w := range want {
			if got := feature(t, table, row, name); got != w {
				t.Errorf("%s of row %d is %v, want %v", name, row, got, w)
			}
		}
	}
}

// TestTreesAgreeWithLightGBM checks scores against those of the library that trained the trees: testdata holds rows of features
// with their scores, written together with each model.
func TestTreesAgreeWithLightGBM(t *testing.T) {
	for name, trees := range map[string]*importance.Trees{"trees.json": importance.Ranker()} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		var stored []struct {
			Row   []float32
			Score float64
		}
		if err := json.Unmarshal(data, &stored); err != nil || len(stored) < 100 {
			t.Fatalf("%s: %d rows: %v", name, len(stored), err)
		}
		average := 0.0
		for i, s := range stored {
			if got := trees.Score(s.Row); math.Abs(got-s.Score) > 1e-6 {
				t.Errorf("%s: row %d scores %v, LightGBM says %v", name, i, got, s.Score)
			}
			// What the splits add up to is the score less what the trees say on average, which is the same for all rows.
			out := make([]float64, len(importance.Names))
			trees.Attribute(s.Row, out)
			sum := 0.0
			for _, p := range importance.ByReason(out) {
				sum += p.Share
			}
			if base := s.Score - sum; i > 0 && math.Abs(base-average) > 1e-3 {
				t.Errorf("%s: row %d: parts and score are %v apart, not %v", name, i, base, average)
			} else if i == 0 {
				average = base
			}
		}
	}
}

func TestTreesAreRefused(t *testing.T) {
	good := []byte("TRE1\x01\x00\x01\x00\x00\x00\x80\x3f" + "\x02\x00\x00\x00\x80\x3f\xff\xfe\x00\x00\x00\x00" + "\x00\x00\x80\x3f\x00\x00\x00\x40")
	trees, err := importance.ReadTrees(good, 1)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := trees.Score([]float32{1}), trees.Score([]float32{1.5}); a != 1 || b != 2 {
		t.Errorf("scores %v and %v, want 1 and 2", a, b)
	}
	change := func(at int, to byte) []byte {
		b := slices.Clone(good)
		b[at] = to
		return b
	}
	for name, bad := range map[string][]byte{"empty": {}, "magic": change(0, 'x'), "features": change(4, 2), "scale": change(11, 0xff), "short": good[:20],
		"circle": change(18, 0), "no such leaf": change(18, 0xf0), "feature": change(13, 1), "more": append(slices.Clone(good), 0)} {
		if _, err := importance.ReadTrees(bad, 1); !errors.Is(err, importance.ErrTrees) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func FuzzReadTrees(f *testing.F) {
	f.Add([]byte("TRE1\x01\x00\x01\x00\x00\x00\x80\x3f\x01\x00\x00\x80\x3f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if trees, err := importance.ReadTrees(b, 1); err == nil {
			trees.Score([]float32{0})
		}
	})
}

// BenchmarkScore ranks as many candidates as a question has at most, without allocating.
func BenchmarkScore(b *testing.B) {
	table := importance.Table{At: make([]int, importance.Most), Values: make([]float32, importance.Most*len(importance.Names))}
	for i := range table.Values {
		table.Values[i] = float32(i*7919%1000) / 1000
	}
	trees := importance.Ranker()
	b.ReportAllocs()
	for b.Loop() {
		for i := range table.At {
			trees.Score(table.Row(i))
		}
	}
}
