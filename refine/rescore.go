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

// Certificate says how near to its fixed point a ranking is.
type Certificate struct {
	Steps    int          `json:"steps"`
	Stop     trmcore.Stop `json:"stop"`
	Residual float64      `json:"residual"` // the greatest change of a weight in the last step
	Rate     float64      `json:"rate"`     // of contraction: each step leaves at most this share of the error
	// Bound is the greatest error that any weight can still have: residual·rate/(1−rate).
	Bound float64 `json:"bound"`
}

// Ranking is what [Rescore] makes of candidates. Slices are by candidate, in the order of the list.
type Ranking struct {
	Signals []importance.Signals
	Seed    []float64 // s: what each memory says for itself, in [0, 1]
	Fit     []float64 // how well it fits the question beyond its words
	Weights []float64 // in [0, 1], the best at 1
	Order   []int     // the candidates, best first; those without weight are left out
	Certificate

	candidates *memory.Candidates
	field      *field // nil where nothing spread
	last       []float64
	loop       *trmcore.Loop[*field, []float64, evidence]
}

// field is the question x of the recursion: what stays as it is.
type field struct {
	seed     []float64 // s
	graph    *importance.Graph
	session  []int32 // of each memory
	sessions int
	spread   float64 // α
	lift     float64 // γ
}

// evidence is the latent z: for each session its best memory, and how much it weighs.
type evidence struct {
	weight []float64
	best   []int32
}

// weights is the net: Reason reads the memories that weigh most, Answer weighs them anew.
type weights struct{}

func (weights) Reason(_ context.Context, x *field, y []float64, _ evidence) (evidence, error) {
	z := evidence{weight: make([]float64, x.sessions), best: make([]int32, x.sessions)}
	for i, w := range y {
		if s := x.session[i]; w > z.weight[s] {
			z.weight[s], z.best[s] = w, int32(i)
		}
	}
	return z, nil
}

func (weights) Answer(_ context.Context, x *field, y []float64, z evidence) ([]float64, error) {
	next := make([]float64, len(y))
	x.graph.Spread(next, y)
	own := 1 - x.spread - x.lift
	for i, s := range x.seed {
		next[i] = s*(own+x.lift*z.weight[x.session[i]]) + x.spread*next[i]
	}
	return next, nil
}

// Rescore ranks candidates. A nil o means the measured default. The time it takes is linear in candidates and links.
func Rescore(ctx context.Context, c *memory.Candidates, o *Options) (*Ranking, error) {
	opts, err := o.resolve()
	if err != nil {
		return nil, fmt.Errorf("rescore: %w", err)
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	p := opts.Parameters
	n := len(c.List)
	r := &Ranking{candidates: c, Fit: make([]float64, n), Certificate: Certificate{Stop: trmcore.StopFixedPoint}}
	seq := importance.NewSequence(c.List)
	r.Signals = importance.Measure(c.List, relevance(c, seq, opts.Mode, p.Context), opts.Now, &opts.Times)
	r.Seed = make([]float64, n)
	if opts.Mode != FixedPoint && opts.Mode != SinglePass {
		opts.Weights = importance.Weights{Relevance: 1} // what is compared with has no other signal
	}
	for i, s := range r.Signals {
		r.Seed[i] = opts.Weights.Score(s)
		r.Fit[i] = 1
	}
	r.Weights = slices.Clone(r.Seed)
	if opts.Mode == FixedPoint || opts.Mode == SinglePass {
		fit(r.Fit, c, p)
		for i := range r.Seed {
			// Half of the fit decides where weight spreads from, the other half who keeps it.
			r.Seed[i] *= math.Sqrt(r.Fit[i])
		}
		normalise(r.Seed)
		if err := r.settle(ctx, seq, opts); err != nil {
			return nil, fmt.Errorf("rescore: %w", err)
		}
		for i := range r.Weights {
			r.Weights[i] = r.last[i] * math.Sqrt(r.Fit[i])
		}
	}
	normalise(r.Weights)
	if c.Remark && (opts.Mode == FixedPoint || opts.Mode == SinglePass) {
		r.remind()
	}
	r.order()
	if opts.Mode == FixedPoint || opts.Mode == SinglePass {
		r.keepPlaces()
	}
	return r, nil
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
	idf := make([]float64, len(c.Query))
	for k, t := range c.Query {
		df := float64(c.DocFreq(t))
		idf[k] = math.Log(1 + (float64(c.Len)-df+.5)/(df+.5))
		total += idf[k]
	}
	for i := range c.List {
		held := 0.0
		for k, t := range c.Query {
			if _, ok := slices.BinarySearch(c.List[i].Terms, t); ok {
				held += idf[k]
			}
		}
		most = max(most, held)
	}
	if total == 0 {
		return 0
	}
	return most / total
}

// keepPlaces moves each fact that holds all words of the question up to its place by words alone, if it is below
// it: whatever else speaks for the others, what states the answer word for word is not buried. It takes the weight of the
// one whose place it takes. For turns this costs BEAM .017 of recall@10: there a long turn that asks holds them all too.
func (r *Ranking) keepPlaces() {
	c := r.candidates
	lexical := slices.Clone(r.Order)
	slices.SortStableFunc(lexical, func(a, b int) int { return cmp.Compare(c.List[b].Lexical, c.List[a].Lexical) })
	for place, at := range lexical {
		if m := &c.List[at]; len(c.Query) == 0 || m.Kind == memory.KindTurn || m.Lexical <= 0 || !holdsAll(m.Terms, c.Query) {
			continue
		}
		if now := slices.Index(r.Order, at); now > place {
			r.Weights[at] = r.Weights[r.Order[place]]
			copy(r.Order[place+1:now+1], r.Order[place:now])
			r.Order[place] = at
		}
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

// relevance is what the words and vectors say, as far as the mode listens to them.
func relevance(c *memory.Candidates, seq importance.Sequence, mode Mode, ctx importance.Context) []float64 {
	switch mode {
	case BM25:
		ctx = importance.Context{}
	case Vector:
		ctx = importance.Context{Vector: 1}
	case Hybrid:
		ctx = importance.Context{Vector: 1 - memory.LexicalWeight}
	}
	return importance.Relevance(c, seq, ctx)
}

// fit fills in how well each memory fits the question beyond its words.
func fit(fit []float64, c *memory.Candidates, p *Parameters) {
	named := map[int32]bool{}
	for _, s := range c.Speakers {
		named[s] = true
	}
	if others := slices.ContainsFunc(c.List, func(m memory.Candidate) bool { return !named[m.Speaker] }); !others {
		clear(named) // naming everybody tells nobody apart
	}
	for i := range c.List {
		m := &c.List[i]
		// A note of its own, as a fact, speaks of somebody and is said by nobody: a named speaker must not outweigh it.
		if named[m.Speaker] || len(named) > 0 && (m.Kind == memory.KindFact || m.Position < 0) {
			fit[i] *= 1 + p.Speaker
		}
		for _, l := range c.Links {
			if _, ok := slices.BinarySearch(m.Links, l); ok {
				fit[i] *= 1 + p.Type
			}
		}
		if n := float64(len(m.Terms)); p.Short > 0 {
			fit[i] *= n / (n + p.Short)
		}
	}
}

// settle runs the recursion from the seed.
func (r *Ranking) settle(ctx context.Context, seq importance.Sequence, o Options) error {
	p := o.Parameters
	list := r.candidates.List
	x := &field{seed: r.Seed, graph: importance.NewGraph(r.candidates, seq, p.Ties), session: make([]int32, len(list)), spread: p.Spread, lift: p.Session}
	for i := range list {
		if i > 0 && list[i].Session != list[i-1].Session {
			x.sessions++
		}
		x.session[i] = int32(x.sessions)
	}
	x.sessions++
	r.field = x
	r.loop = &trmcore.Loop[*field, []float64, evidence]{
		Stepper:  trmcore.Deep(weights{}, 1, 1),
		MaxSteps: p.Steps,
		Halt:     []trmcore.Rule[[]float64, evidence]{trmcore.FixedPoint[[]float64, evidence](p.Epsilon, farthest)},
	}
	if o.Mode == SinglePass {
		r.loop.MaxSteps = 1
	}
	result, err := r.loop.Run(ctx, x, trmcore.State[[]float64, evidence]{Y: r.Seed})
	if err != nil {
		return err
	}
	rate := p.Spread + p.Session
	r.last = result.Last.Y
	r.Certificate = Certificate{Steps: result.Steps, Stop: result.Stop, Residual: result.Residual, Rate: rate, Bound: result.Residual * rate / (1 - rate)}
	return nil
}

// farthest is the greatest difference between two answers.
func farthest(a, b []float64) float64 {
	d := 0.0
	for i, x := range a {
		if change := math.Abs(x - b[i]); change > d { // max would see to NaN as well, which no weight is
			d = change
		}
	}
	return d
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

// Steps yields the weight of every candidate before the first step and after each of them, as in the certificate. It
// runs the recursion again: only explaining needs it. A mode without recursion yields its weights once.
func (r *Ranking) Steps(ctx context.Context) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		if r.field == nil {
			yield(slices.Clone(r.Weights), nil)
			return
		}
		weigh := func(y []float64) []float64 {
			w := make([]float64, len(y))
			for i := range y {
				w[i] = y[i] * math.Sqrt(r.Fit[i])
			}
			return w
		}
		// All steps are measured with the same rule, so that a weight can be seen to rise and fall.
		unit := 0.0
		for _, w := range weigh(r.last) {
			unit = max(unit, w)
		}
		scaled := func(y []float64) []float64 {
			w := weigh(y)
			for i := range w {
				if unit > 0 {
					w[i] /= unit
				}
			}
			return w
		}
		if !yield(scaled(r.Seed), nil) {
			return
		}
		for step, err := range r.loop.Steps(ctx, r.field, trmcore.State[[]float64, evidence]{Y: r.Seed}) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(scaled(step.State.Y), nil) {
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
