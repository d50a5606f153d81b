package refine

import (
	"context"
	"math"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/trmcore"
)

// field is the question x of the recursion: what stays as it is.
type field struct {
	start []float64 // the answer y before the first step
	table *importance.Table

	// Of the fixed point only:
	graph    *importance.Graph
	session  []int32 // of each memory
	sessions int
	spread   float64 // α
	lift     float64 // γ
}

// evidence is the latent z: the rows of the table that were accepted, or for each session its best memory and its weight.
type evidence struct {
	accepted []int
	weight   []float64
	best     []int32
}

// readers is the learned net: Reason accepts the best memories, Answer reads all of them anew in their light.
type readers struct{}

func (readers) Reason(_ context.Context, x *field, y []float64, _ evidence) (evidence, error) {
	return evidence{accepted: x.table.Top(y, importance.Accepted)}, nil
}

func (readers) Answer(_ context.Context, x *field, y []float64, z evidence) ([]float64, error) {
	return x.table.Score(z.accepted), nil
}

// learned is how well each candidate answers the question as the trees have it.
func (r *Ranking) learned(ctx context.Context, o Options) ([]float64, error) {
	r.table = importance.Features(r.candidates, r.seq)
	x := &field{table: r.table, start: r.table.Relevance}
	loop := &trmcore.Loop[*field, []float64, evidence]{
		Stepper:  trmcore.Deep(readers{}, 1, 1),
		MaxSteps: 1,
		Halt:     []trmcore.Rule[[]float64, evidence]{trmcore.FixedPoint[[]float64, evidence](o.Parameters.Epsilon, farthest)},
	}
	if o.Mode == Learned {
		loop.MaxSteps = max(1, o.Parameters.Steps)
	}
	result, err := loop.Run(ctx, x, trmcore.State[[]float64, evidence]{Y: x.start})
	if err != nil {
		return nil, err
	}
	if o.Mode == Learned {
		r.field, r.loop, r.last = x, loop, result.State.Y
		r.Certificate = Certificate{Steps: result.N, Stop: result.Stop, Residual: result.Residual}
	}
	return result.State.Y, nil
}

// spreading is the net of the fixed point: Reason reads the memories that weigh most, Answer weighs them anew.
type spreading struct{}

func (spreading) Reason(_ context.Context, x *field, y []float64, _ evidence) (evidence, error) {
	z := evidence{weight: make([]float64, x.sessions), best: make([]int32, x.sessions)}
	for i, w := range y {
		if s := x.session[i]; w > z.weight[s] {
			z.weight[s], z.best[s] = w, int32(i)
		}
	}
	return z, nil
}

func (spreading) Answer(_ context.Context, x *field, y []float64, z evidence) ([]float64, error) {
	next := make([]float64, len(y))
	x.graph.Spread(next, y)
	own := 1 - x.spread - x.lift
	for i, s := range x.start {
		next[i] = s*(own+x.lift*z.weight[x.session[i]]) + x.spread*next[i]
	}
	return next, nil
}

// settle runs the recursion of the fixed point from the seed.
func (r *Ranking) settle(ctx context.Context, o Options) error {
	p := o.Parameters
	list := r.candidates.List
	x := &field{start: r.Seed, graph: importance.NewGraph(list, r.seq), session: make([]int32, len(list)), spread: p.Spread, lift: p.Session}
	for i := range list {
		if i > 0 && list[i].Session != list[i-1].Session {
			x.sessions++
		}
		x.session[i] = int32(x.sessions)
	}
	x.sessions++
	r.field = x
	r.loop = &trmcore.Loop[*field, []float64, evidence]{
		Stepper:  trmcore.Deep(spreading{}, 1, 1),
		MaxSteps: p.Steps,
		Halt:     []trmcore.Rule[[]float64, evidence]{trmcore.FixedPoint[[]float64, evidence](p.Epsilon, farthest)},
	}
	result, err := r.loop.Run(ctx, x, trmcore.State[[]float64, evidence]{Y: x.start})
	if err != nil {
		return err
	}
	rate := p.Spread + p.Session
	r.last = result.State.Y
	r.Certificate = Certificate{Steps: result.N, Stop: result.Stop, Residual: result.Residual, Rate: rate, Bound: result.Residual * rate / (1 - rate)}
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
