package refine

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore"
	"pgregory.net/rapid"
)

// anyField draws a question of the recursion: seeds up to 1, and a graph of sessions.
func anyField(t *rapid.T, random *rand.Rand) *field {
	c := &memory.Candidates{}
	x := &field{sessions: 1, spread: rapid.Float64Range(0, .6).Draw(t, "spread"), lift: rapid.Float64Range(0, .35).Draw(t, "lift")}
	for i := range rapid.IntRange(1, 50).Draw(t, "n") {
		if i > 0 && random.IntN(7) == 0 {
			x.sessions++
		}
		c.List = append(c.List, memory.Candidate{Session: int32(x.sessions), Position: int32(i)})
		x.session = append(x.session, int32(x.sessions-1))
		x.start = append(x.start, random.Float64())
	}
	x.graph = importance.NewGraph(c.List, importance.NewSequence(c.List))
	return x
}

func settled(t *rapid.T, x *field, start []float64) []float64 {
	loop := trmcore.Loop[*field, []float64, evidence]{
		Stepper: trmcore.Deep(spreading{}, 1, 1), MaxSteps: 2000,
		Halt: []trmcore.Rule[[]float64, evidence]{trmcore.FixedPoint[[]float64, evidence](1e-12, farthest)},
	}
	r, err := loop.Run(context.Background(), x, trmcore.State[[]float64, evidence]{Y: start})
	if err != nil || r.Stop != trmcore.StopFixedPoint {
		t.Fatalf("stop %q, error %v", r.Stop, err)
	}
	return r.State.Y
}

func TestOneFixedPointFromAnyStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		x := anyField(t, random)
		start := make([]float64, len(x.start))
		for i := range start {
			start[i] = 5 * random.Float64()
		}
		if d := farthest(settled(t, x, x.start), settled(t, x, start)); d > 1e-9 {
			t.Fatalf("two fixed points, %v apart", d)
		}
	})
}

// TestStepContracts checks the certificate's claim on any two answers: a step brings them nearer by its rate.
func TestStepContracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		x := anyField(t, random)
		step := func(y []float64) []float64 {
			s, err := trmcore.Deep(spreading{}, 1, 1).Step(context.Background(), x, trmcore.State[[]float64, evidence]{Y: y})
			if err != nil {
				t.Fatal(err)
			}
			return s.Y
		}
		a, b := make([]float64, len(x.start)), make([]float64, len(x.start))
		for i := range a {
			a[i], b[i] = random.Float64(), random.Float64()
		}
		before, after := farthest(a, b), farthest(step(a), step(b))
		if after > (x.spread+x.lift)*before*(1+1e-6)+1e-12 || math.IsNaN(after) {
			t.Fatalf("%v apart before the step, %v after it, at rate %v", before, after, x.spread+x.lift)
		}
	})
}
