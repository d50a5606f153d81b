package refine

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore"
)

// Certificate says how a ranking came to its end.
type Certificate struct {
	Steps    int          `json:"steps"`
	Stop     trmcore.Stop `json:"stop"`
	Residual float64      `json:"residual"` // the greatest change of a weight in the last step
	// Rate is that of contraction: each step leaves at most this share of the error. 0 where nothing spreads.
	Rate float64 `json:"rate"`
	// Bound is the greatest error that any weight can still have: residual·rate/(1−rate).
	Bound float64 `json:"bound"`
}

// Ranking is what [Rescore] makes of candidates. Slices are by candidate, in the order of the list.
type Ranking struct {
	Signals []importance.Signals
	Seed    []float64 // what each memory says for itself, in [0, 1]
	Weights []float64 // in [0, 1], the best at 1
	Order   []int     // the candidates, best first; those without weight are left out
	Certificate

	candidates *memory.Candidates
	seq        importance.Sequence
	table      *importance.Table // nil where nothing was learned
	field      *field            // nil without recursion
	last       []float64
	loop       *trmcore.Loop[*field, []float64, evidence]
}

// Rescore ranks candidates. A nil o means the default. The time it takes is linear in the candidates.
func Rescore(ctx context.Context, c *memory.Candidates, o *Options) (*Ranking, error) {
	opts, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("rescore: %w", err)
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	r := &Ranking{candidates: c, seq: importance.NewSequence(c.List), Certificate: Certificate{Stop: trmcore.StopMaxSteps}}
	relevance, err := r.relevance(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("rescore: %w", err)
	}
	r.Signals = importance.Measure(c.List, relevance, opts.Now, nil)
	r.Seed = make([]float64, len(c.List))
	for i, s := range r.Signals {
		r.Seed[i] = opts.Weights.Score(s)
	}
	r.Weights = slices.Clone(r.Seed)
	if opts.Mode == FixedPoint {
		normalise(r.Seed)
		if err := r.settle(ctx, opts); err != nil {
			return nil, fmt.Errorf("rescore: %w", err)
		}
		copy(r.Weights, r.last)
	}
	normalise(r.Weights)
	if c.Remark && r.table != nil {
		r.remind()
	}
	r.order()
	if r.table != nil {
		r.keepPlaces()
	}
	return r, nil
}

// relevance is how well each candidate answers the question, in [0, 1], as the mode has it.
func (r *Ranking) relevance(ctx context.Context, o Options) ([]float64, error) {
	list := r.candidates.List
	words, cosines := make([]float64, len(list)), make([]float64, len(list))
	for i := range list {
		words[i], cosines[i] = list[i].Lexical, max(0, list[i].Vector)
	}
	normalise(words)
	normalise(cosines)
	const lexicalWeight = .7 // of the words in the mix; the vectors have the rest
	switch o.Mode {
	case BM25:
		return words, nil
	case Vector:
		return cosines, nil
	case Hybrid:
		for i := range words {
			words[i] = lexicalWeight*words[i] + (1-lexicalWeight)*cosines[i]
		}
		return words, nil
	}
	return r.learned(ctx, o)
}

// remind ranks what a remark reminds of by how it is tied to it. Its words only part those that are tied alike: in remarks they
// mislead more than they tell. Without vectors nothing is tied, and the words rank.
func (r *Ranking) remind() {
	list := r.candidates.List
	low, high := math.Inf(1), math.Inf(-1)
	for i := range list {
		if t := list[i].Tie; t != 0 {
			low, high = min(low, t), max(high, t)
		}
	}
	if !(high > low) || r.covered() > .75 {
		return
	}
	for i := range list {
		w := r.Weights[i]
		r.Weights[i] = .1 * w
		if t := list[i].Tie; t != 0 {
			r.Weights[i] = .1 + .9*(t-low)/(high-low)
		}
	}
}

// covered is the greatest share of the weight of the query's words that one memory holds.
func (r *Ranking) covered() float64 {
	c := r.candidates
	total, most := 0.0, 0.0
	for _, w := range c.Weights {
		total += w
	}
	for i := range c.List {
		held := 0.0
		for k, t := range c.Query {
			if _, ok := slices.BinarySearch(c.List[i].Terms, t); ok {
				held += c.Weights[k]
			}
		}
		most = max(most, held)
	}
	if total == 0 {
		return 0
	}
	return most / total
}

// keepPlaces moves two sorts of candidates up, whatever else speaks for the others: what states the answer word for word is
// not buried. A fact that holds all words of the question keeps its place by words alone; and the best by words stays before
// those that hold no word of the question, and so does the best that asks nothing. They take the
// weight of the one whose place they take. For turns that hold all words the first would cost BEAM .017 of recall@10: there a long turn that asks holds them all too.
func (r *Ranking) keepPlaces() {
	c := r.candidates
	lexical := slices.Clone(r.Order)
	slices.SortStableFunc(lexical, func(a, b int) int { return cmp.Compare(c.List[b].Lexical, c.List[a].Lexical) })
	stated := false // the best by words that asks nothing was seen
	for place, at := range lexical {
		m := &c.List[at]
		if m.Lexical <= 0 || len(c.Query) == 0 {
			break
		}
		if !stated {
			stated = !m.Asks
			if first := slices.IndexFunc(r.Order, func(i int) bool { return c.List[i].Lexical <= 0 && c.List[i].Vector <= 0 }); first >= 0 {
				r.raise(at, first)
			}
		}
		if m.Kind != memory.KindTurn && holdsAll(m.Terms, c.Query) {
			r.raise(at, place)
		}
	}
}

// raise moves a candidate up to a place, if it is below it.
func (r *Ranking) raise(at, place int) {
	if now := slices.Index(r.Order, at); now > place {
		r.Weights[at] = r.Weights[r.Order[place]]
		copy(r.Order[place+1:now+1], r.Order[place:now])
		r.Order[place] = at
	}
}

// holdsAll reports whether a sorted list holds all of the terms.
func holdsAll(sorted, terms []memory.Term) bool {
	for _, t := range terms {
		if _, ok := slices.BinarySearch(sorted, t); !ok {
			return false
		}
	}
	return true
}

// order sorts the candidates by weight; equal ones by age, the youngest first, then by row, so that it is the same on
// every machine and in every run.
func (r *Ranking) order() {
	list := r.candidates.List
	for i, w := range r.Weights {
		if w > 0 {
			r.Order = append(r.Order, i)
		}
	}
	slices.SortFunc(r.Order, func(a, b int) int {
		if x, y := r.Weights[a], r.Weights[b]; x != y { // nearly always: the rest is not looked at
			return cmp.Compare(y, x)
		}
		return cmp.Or(cmp.Compare(list[b].Created, list[a].Created), cmp.Compare(list[a].Row, list[b].Row))
	})
}

// Step is a ranking on its way.
type Step struct {
	N        int       // 0 before the first step
	Weights  []float64 // of every candidate, on one scale for all steps, so that a weight can be seen to rise and fall
	Residual float64   // the greatest change of a weight in the step
}

// Steps yields the weights before the first step and after each of them, as in the certificate. It runs the recursion again: only
// explaining needs it. A mode without recursion yields its weights once.
func (r *Ranking) Steps(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if r.field == nil {
			yield(Step{Weights: slices.Clone(r.Weights)}, nil)
			return
		}
		unit := max(1e-300, slices.Max(append(slices.Clone(r.last), 0)))
		scaled := func(y []float64) []float64 {
			w := make([]float64, len(y))
			for i := range y {
				w[i] = y[i] / unit
			}
			return w
		}
		if !yield(Step{Weights: scaled(r.field.start)}, nil) {
			return
		}
		for step, err := range r.loop.Steps(ctx, r.field, trmcore.State[[]float64, evidence]{Y: r.field.start}) {
			if err != nil {
				yield(Step{}, err)
				return
			}
			s := Step{N: step.N, Weights: scaled(step.State.Y), Residual: step.Residual}
			if step.Stop != "" { // what the ranking makes of the last answer is what counts
				s.Weights = slices.Clone(r.Weights)
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// normalise divides by the greatest value, if there is one above 0.
func normalise(x []float64) {
	most := 0.0
	for _, v := range x {
		most = max(most, v)
	}
	if most > 0 {
		for i := range x {
			x[i] /= most
		}
	}
}
