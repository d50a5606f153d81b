package trmcore_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/trm-go/refiner/trmcore"
	"pgregory.net/rapid"
)

type (
	state   = trmcore.State[float64, int]
	step    = trmcore.Step[float64, int]
	stepper = trmcore.StepperFunc[float64, float64, int]
	loop    = trmcore.Loop[float64, float64, int]
	rule    = trmcore.Rule[float64, int]
)

func distance(a, b float64) float64 { return math.Abs(a - b) }

// contraction moves y towards x/(1−rate) by the rate, and counts its steps in z.
func contraction(rate float64) stepper {
	return func(_ context.Context, x float64, s state) (state, error) {
		return state{Y: x + rate*s.Y, Z: s.Z + 1}, nil
	}
}

// sequence answers with the given values, one a step, again and again.
func sequence(values ...float64) stepper {
	return func(_ context.Context, _ float64, s state) (state, error) {
		return state{Y: values[s.Z%len(values)], Z: s.Z + 1}, nil
	}
}

func TestContractionReachesOneFixedPointFromAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(-.9, .9).Draw(t, "rate")
		x := rapid.Float64Range(-100, 100).Draw(t, "x")
		start := rapid.Float64Range(-1e6, 1e6).Draw(t, "start")
		l := loop{Stepper: contraction(rate), MaxSteps: 1000, Halt: []rule{trmcore.FixedPoint[float64, int](1e-9, distance)}}
		r, err := l.Run(context.Background(), x, state{Y: start})
		if err != nil || r.Stop != trmcore.StopFixedPoint {
			t.Fatalf("stop %q, error %v", r.Stop, err)
		}
		if want := x / (1 - rate); math.Abs(r.Best.Y-want) > 1e-8*math.Max(1, math.Abs(want)) {
			t.Fatalf("from %v: %v, want %v", start, r.Best.Y, want)
		}
		if r.State.Z != r.N || r.BestStep != r.N {
			t.Fatalf("%d steps, counted %d, best %d", r.N, r.State.Z, r.BestStep)
		}
	})
}

func TestResidualsOfAContractionFall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(.05, .9).Draw(t, "rate")
		l := loop{Stepper: contraction(rate), MaxSteps: 50, Halt: []rule{trmcore.FixedPoint[float64, int](1e-9, distance)}}
		last := math.Inf(1)
		for s, err := range l.Steps(context.Background(), 1, state{Y: rapid.Float64Range(-1e3, 1e3).Draw(t, "start")}) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Residual > last*rate*(1+1e-6)+1e-9 {
				t.Fatalf("step %d: residual %v after %v at rate %v", s.N, s.Residual, last, rate)
			}
			last = s.Residual
		}
	})
}

func TestPlantedCycleIsNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(2, 6).Draw(t, "length")
		lead := rapid.IntRange(0, 5).Draw(t, "lead")
		walk := stepper(func(_ context.Context, _ float64, s state) (state, error) {
			n := s.Z + 1
			if n <= lead {
				return state{Y: float64(-n), Z: n}, nil
			}
			return state{Y: float64((n - lead) % length), Z: n}, nil
		})
		l := loop{Stepper: walk, MaxSteps: 100, Halt: []rule{
			trmcore.FixedPoint[float64, int](0, distance),
			trmcore.Cycle[float64, int](func(y float64) float64 { return y }),
		}}
		r, err := l.Run(context.Background(), 0, state{Y: -1000})
		if err != nil || r.Stop != trmcore.StopCycle || r.N != lead+length+1 {
			t.Fatalf("lead %d, length %d: stop %q after %d steps, error %v", lead, length, r.Stop, r.N, err)
		}
	})
}

func TestCycleThroughTheStart(t *testing.T) {
	l := loop{Stepper: sequence(1, 0), Halt: []rule{trmcore.Cycle[float64, int](func(y float64) float64 { return y })}}
	r, err := l.Run(context.Background(), 0, state{Y: 0})
	if err != nil || r.Stop != trmcore.StopCycle || r.N != 2 {
		t.Errorf("stop %q after %d steps, error %v; want a cycle after 2", r.Stop, r.N, err)
	}
}

func TestFixedPointIsNoCycle(t *testing.T) {
	l := loop{Stepper: sequence(3), MaxSteps: 4, Halt: []rule{trmcore.Cycle[float64, int](func(y float64) float64 { return y })}}
	r, err := l.Run(context.Background(), 0, state{Y: 3})
	if err != nil || r.Stop == trmcore.StopCycle && r.N < 2 {
		t.Errorf("stop %q after %d steps, error %v", r.Stop, r.N, err)
	}
	l.Halt = []rule{trmcore.FixedPoint[float64, int](0, distance), l.Halt[0]}
	if r, err = l.Run(context.Background(), 0, state{Y: 3}); err != nil || r.Stop != trmcore.StopFixedPoint || r.N != 1 {
		t.Errorf("stop %q after %d steps, error %v; want a fixed point after 1", r.Stop, r.N, err)
	}
}

func TestFailingStepperReturnsTheIncumbent(t *testing.T) {
	broken := errors.New("broken")
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1, 12).Draw(t, "scores")
		start := rapid.Float64Range(-10, 10).Draw(t, "start")
		fails := func(_ context.Context, _ float64, s state) (state, error) {
			if s.Z == len(scores) {
				return state{Y: 1e9}, broken
			}
			return state{Y: scores[s.Z], Z: s.Z + 1}, nil
		}
		l := loop{Stepper: stepper(fails), MaxSteps: 100, Judge: func(_ context.Context, _, y float64) (float64, error) { return y, nil }}
		r, err := l.Run(context.Background(), 0, state{Y: start})
		if !errors.Is(err, broken) || r.Stop != trmcore.StopError || r.N != len(scores) {
			t.Fatalf("stop %q after %d steps, error %v", r.Stop, r.N, err)
		}
		best, at := start, 0
		for i, s := range scores {
			if s > best {
				best, at = s, i+1
			}
		}
		if r.Best.Y != best || r.BestStep != at || r.BestScore != best {
			t.Fatalf("best %v of step %d, want %v of step %d", r.Best.Y, r.BestStep, best, at)
		}
	})
}

func TestFailingJudge(t *testing.T) {
	broken := errors.New("broken")
	l := loop{Stepper: sequence(1, 2, 3), Judge: func(_ context.Context, _, y float64) (float64, error) {
		if y == 2 {
			return 0, broken
		}
		return y, nil
	}}
	r, err := l.Run(context.Background(), 0, state{})
	if !errors.Is(err, broken) || r.Stop != trmcore.StopError || r.Best.Y != 1 {
		t.Errorf("stop %q, best %v, error %v", r.Stop, r.Best.Y, err)
	}
	l.Judge = func(context.Context, float64, float64) (float64, error) { return 0, broken }
	if r, err = l.Run(context.Background(), 0, state{Y: 7}); !errors.Is(err, broken) || r.Best.Y != 7 || r.N != 0 {
		t.Errorf("a judge that fails at the start: %+v, %v", r, err)
	}
}

func TestNaNScoreIsTheLowest(t *testing.T) {
	l := loop{Stepper: sequence(math.NaN(), -5, math.NaN()), MaxSteps: 3, Judge: func(_ context.Context, _, y float64) (float64, error) { return y, nil }}
	r, err := l.Run(context.Background(), 0, state{Y: math.NaN()})
	if err != nil || r.Best.Y != -5 || r.BestScore != -5 {
		t.Errorf("best %v with score %v, error %v", r.Best.Y, r.BestScore, err)
	}
}

func TestCancelledContextStopsWithinOneStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, 10).Draw(t, "at")
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		made := 0
		l := loop{MaxSteps: 100, Stepper: stepper(func(_ context.Context, _ float64, s state) (state, error) {
			if made++; made == at {
				cancel()
			}
			return state{Y: s.Y + 1}, nil
		})}
		if at == 0 {
			cancel()
		}
		r, err := l.Run(ctx, 0, state{})
		if !errors.Is(err, context.Canceled) || r.Stop != trmcore.StopError || made != at || r.Best.Y != float64(at) {
			t.Fatalf("cancelled in step %d: %d made, stop %q, best %v, error %v", at, made, r.Stop, r.Best.Y, err)
		}
	})
}

func TestCancelledContextEndsADeepStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	n := net{reason: func(y float64, z int) (int, error) {
		if calls++; calls == 2 {
			cancel()
		}
		return z + 1, nil
	}}
	l := loop{Stepper: trmcore.Deep(n, 6, 3)}
	if r, err := l.Run(ctx, 0, state{Y: 5}); !errors.Is(err, context.Canceled) || calls != 2 || r.Best.Y != 5 {
		t.Errorf("%d calls after the context was cancelled in the second; best %v, error %v", calls, r.Best.Y, err)
	}
}

func TestDeadlineIsNoError(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	l := loop{Stepper: sequence(1)}
	r, err := l.Run(ctx, 0, state{Y: 9})
	if err != nil || r.Stop != trmcore.StopDeadline || r.N != 0 || r.Best.Y != 9 {
		t.Errorf("%+v, %v", r, err)
	}
	// A step that ends for the deadline ends the run for it too; another deadline of its own is a failure.
	l.Stepper = stepper(func(ctx context.Context, _ float64, s state) (state, error) { return s, context.DeadlineExceeded })
	if r, err = l.Run(context.Background(), 0, state{}); !errors.Is(err, context.DeadlineExceeded) || r.Stop != trmcore.StopError {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRules(t *testing.T) {
	judge := func(_ context.Context, _, y float64) (float64, error) { return y, nil }
	for _, c := range []struct {
		name  string
		loop  loop
		stop  trmcore.Stop
		steps int
		best  float64
	}{
		{"max steps", loop{Stepper: sequence(1, 2, 3, 4), MaxSteps: 3}, trmcore.StopMaxSteps, 3, 3},
		{"default steps", loop{Stepper: contraction(1)}, trmcore.StopMaxSteps, trmcore.DefaultSteps, 0},
		{"halted", loop{Stepper: sequence(1, 2, 3), Halt: []rule{trmcore.Halted(func(s state) bool { return s.Z == 2 })}}, trmcore.StopHalted, 2, 2},
		{"threshold", loop{Stepper: sequence(1, 5, 9), Judge: judge, Halt: []rule{trmcore.Threshold[float64, int](5)}}, trmcore.StopThreshold, 2, 5},
		{"threshold without a judge", loop{Stepper: sequence(1, 5), MaxSteps: 2, Halt: []rule{trmcore.Threshold[float64, int](1)}}, trmcore.StopMaxSteps, 2, 5},
		{"no gain", loop{Stepper: sequence(3, 2, 4, 1, 1, 9), Judge: judge, Halt: []rule{trmcore.NoGain[float64, int](2)}}, trmcore.StopNoGain, 5, 4},
		{"no gain at once", loop{Stepper: sequence(-1, 9), Judge: judge, Halt: []rule{trmcore.NoGain[float64, int](0)}}, trmcore.StopNoGain, 1, 0},
		{"an equal score is no gain", loop{Stepper: sequence(0, 9), Judge: judge, Halt: []rule{trmcore.NoGain[float64, int](1)}}, trmcore.StopNoGain, 1, 0},
		{"no gain without a judge", loop{Stepper: sequence(0), MaxSteps: 5, Halt: []rule{trmcore.NoGain[float64, int](1)}}, trmcore.StopMaxSteps, 5, 0},
		{"the first rule wins", loop{Stepper: sequence(0), Halt: []rule{
			trmcore.FixedPoint[float64, int](0, distance), trmcore.Halted(func(state) bool { return true })}}, trmcore.StopFixedPoint, 1, 0},
		{"a NaN is no fixed point", loop{Stepper: sequence(math.NaN()), MaxSteps: 3, Halt: []rule{trmcore.FixedPoint[float64, int](1, distance)}}, trmcore.StopMaxSteps, 3, math.NaN()},
		{"keep the best", loop{Stepper: sequence(1, 7, 2), MaxSteps: 3, Judge: judge}, trmcore.StopMaxSteps, 3, 7},
		{"keep the start", loop{Stepper: sequence(-1, -7), MaxSteps: 2, Judge: judge}, trmcore.StopMaxSteps, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // a loop holds no state of a run
				r, err := c.loop.Run(context.Background(), 0, state{})
				same := r.Best.Y == c.best || math.IsNaN(r.Best.Y) && math.IsNaN(c.best)
				if err != nil || r.Stop != c.stop || r.N != c.steps || !same {
					t.Errorf("stop %q after %d steps with %v, error %v; want %q after %d with %v", r.Stop, r.N, r.Best.Y, err, c.stop, c.steps, c.best)
				}
			}
		})
	}
}

func TestNoStepper(t *testing.T) {
	if r, err := (&loop{}).Run(context.Background(), 0, state{Y: 4}); !errors.Is(err, trmcore.ErrNoStepper) || r.Best.Y != 4 || r.Stop != trmcore.StopError {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestStepsTellWhatRunTells compares the trace with the result, and breaks off the trace.
func TestStepsTellWhatRunTells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 10).Draw(t, "values")
		l := loop{Stepper: sequence(values...), MaxSteps: len(values), Judge: func(_ context.Context, _, y float64) (float64, error) { return y, nil },
			Halt: []rule{trmcore.NoGain[float64, int](3)}}
		r, err := l.Run(context.Background(), 0, state{})
		if err != nil {
			t.Fatal(err)
		}
		var all []step
		for s, err := range l.Steps(context.Background(), 0, state{}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		last := all[len(all)-1]
		best := 0
		for _, s := range all {
			if s.BestStep == s.N {
				best = s.N
			}
			if (s.Stop != "") != (s.N == len(all)) {
				t.Fatalf("step %d of %d stops with %q", s.N, len(all), s.Stop)
			}
		}
		if diff := cmp.Diff([]any{r.N, r.Stop, r.State, r.BestStep}, []any{last.N, last.Stop, last.State, best}); diff != "" {
			t.Fatalf("(-run +steps):\n%s", diff)
		}
		breakAt := rapid.IntRange(1, len(all)).Draw(t, "break")
		for s := range l.Steps(context.Background(), 0, state{}) {
			if s.N > breakAt {
				t.Fatalf("step %d after breaking off at %d", s.N, breakAt)
			}
			if s.N == breakAt {
				break
			}
		}
	})
}

// net is a Net of functions; a nil one does nothing.
type net struct {
	reason func(y float64, z int) (int, error)
	answer func(y float64, z int) (float64, error)
}

func (n net) Reason(_ context.Context, _ float64, y float64, z int) (int, error) {
	if n.reason == nil {
		return z, nil
	}
	return n.reason(y, z)
}

func (n net) Answer(_ context.Context, _ float64, y float64, z int) (float64, error) {
	if n.answer == nil {
		return y, nil
	}
	return n.answer(y, z)
}

func TestDeepFollowsTheSchedule(t *testing.T) {
	for _, c := range []struct{ reasons, cycles, wantReasons, wantAnswers int }{
		{0, 0, 1, 1},
		{1, 1, 1, 1},
		{4, 2, 8, 2},
	} {
		reasons, answers := 0, 0
		n := net{
			reason: func(_ float64, z int) (int, error) { reasons++; return z + 1, nil },
			answer: func(y float64, z int) (float64, error) { answers++; return y + float64(z), nil },
		}
		s, err := trmcore.Deep(n, c.reasons, c.cycles).Step(context.Background(), 0, state{})
		if err != nil || reasons != c.wantReasons || answers != c.wantAnswers || s.Z != reasons {
			t.Errorf("Deep(%d, %d): %d reasons, %d answers, state %+v, error %v", c.reasons, c.cycles, reasons, answers, s, err)
		}
	}
}

func TestDeepFailsWithTheStateItWasGiven(t *testing.T) {
	broken := errors.New("broken")
	for name, n := range map[string]net{
		"reason": {reason: func(float64, int) (int, error) { return 9, broken }},
		"answer": {reason: func(_ float64, z int) (int, error) { return z + 1, nil }, answer: func(float64, int) (float64, error) { return 9, broken }},
	} {
		s, err := trmcore.Deep(n, 2, 2).Step(context.Background(), 0, state{Y: 1, Z: 2})
		if !errors.Is(err, broken) || s != (state{Y: 1, Z: 2}) {
			t.Errorf("%s: state %+v, error %v", name, s, err)
		}
	}
}
