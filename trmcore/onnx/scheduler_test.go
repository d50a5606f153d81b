package onnx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/trm-go/refiner/trmcore"
)

// countArch is the architecture of counter: two tokens, two numbers of state in each of two positions.
var countArch = Arch{VocabSize: 64, SeqLen: 2, HiddenSize: 2, LLayers: 1, HCycles: 1, LCycles: 1, MLPT: true}

// counter is an engine that needs no library. It counts a problem's steps in z_H, doubles the count in z_L, answers with
// the problem's own tokens, and believes itself after as many steps as the first token says. So a solution's steps show
// whether its state stayed with it wherever it was moved.
type counter struct {
	delay   func() time.Duration
	fail    func() error
	running atomic.Int32
	most    atomic.Int32 // steps at once
	steps   atomic.Int64 // sum of problems stepped
	open    atomic.Int32 // batches that were not closed
	batches atomic.Int32 // batches made
	closed  atomic.Bool
}

func (c *counter) device() Device  { return CPU }
func (c *counter) runtime() string { return "counter" }
func (c *counter) close() error {
	if c.closed.Swap(true) {
		return errors.New("closed twice")
	}
	return nil
}

func (c *counter) bind(b *batch) (stepper, error) {
	c.open.Add(1)
	c.batches.Add(1)
	return &countStepper{counter: c, batch: b}, nil
}

type countStepper struct {
	*counter
	batch *batch
	inUse atomic.Bool
}

func (l *countStepper) close() error { l.open.Add(-1); return nil }

func (l *countStepper) step(ctx context.Context, n int) error {
	if l.inUse.Swap(true) {
		return errors.New("a batch is stepped by two goroutines")
	}
	defer l.inUse.Store(false)
	running := l.running.Add(1)
	defer l.running.Add(-1)
	for most := l.most.Load(); running > most && !l.most.CompareAndSwap(most, running); most = l.most.Load() {
	}
	l.steps.Add(int64(n))
	if l.delay != nil {
		select {
		case <-time.After(l.delay()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if l.fail != nil {
		if err := l.fail(); err != nil {
			return err
		}
	}
	b := l.batch
	clear(b.logits)
	next := 1 - b.current
	for i := range n {
		h, z := b.latents(i)
		for j := range 4 {
			b.h[next][4*i+j], b.l[next][4*i+j] = h[j]+1, z[j]+2
		}
		b.q[2*i] = -1
		if count := b.h[next][4*i]; int32(count) >= b.tokens[2*i] && b.l[next][4*i] == 2*count {
			b.q[2*i] = 1
		}
		for j := range 2 {
			b.logits[(2*i+j)*countArch.VocabSize+int(b.tokens[2*i+j])] = 1
		}
	}
	return nil
}

func counting(t testing.TB, c *counter, threads, batch int) *Solver {
	t.Helper()
	m := &Model{Arch: countArch, initH: make([]float32, 2), initL: make([]float32, 2)}
	s := newSolver(m, c, &Options{Threads: threads, Batch: batch})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n := c.open.Load(); n != 0 {
			t.Errorf("%d batches were not closed", n)
		}
	})
	return s
}

func countProblems(needs ...int32) []Problem {
	problems := make([]Problem, len(needs))
	for i, n := range needs {
		problems[i].Tokens = []int32{n, int32(i % countArch.VocabSize)}
	}
	return problems
}

// TestEveryProblemIsSolvedOnceWithItsOwnState is the scheduler's contract, for any number of problems, threads and slots.
func TestEveryProblemIsSolvedOnceWithItsOwnState(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		needs := rapid.SliceOfN(rapid.Int32Range(1, 40), 0, 40).Draw(rt, "needs")
		threads, batch := rapid.IntRange(1, 4).Draw(rt, "threads"), rapid.IntRange(1, 6).Draw(rt, "batch")
		limit := rapid.IntRange(1, 32).Draw(rt, "limit")
		c := &counter{}
		if rapid.Bool().Draw(rt, "slow") {
			c.delay = func() time.Duration { return time.Duration(rand.IntN(50)) * time.Microsecond }
		}
		s := counting(t, c, threads, batch)
		problems := countProblems(needs...)
		seen := make([]bool, len(problems))
		want := 0
		for got, err := range s.Solve(context.Background(), slices.Values(problems), &SolveOptions{Steps: limit, QHalt: true}) {
			if err != nil {
				rt.Fatal(err)
			}
			if seen[got.Index] {
				rt.Fatalf("problem %d was solved twice", got.Index)
			}
			seen[got.Index] = true
			need := int(needs[got.Index])
			want += min(need, limit)
			if halted := got.Stop == trmcore.StopHalted; got.N != min(need, limit) || halted != (need <= limit) {
				rt.Fatalf("problem %d needs %d of %d steps: %d steps, halted %v", got.Index, need, limit, got.N, halted)
			}
			if !slices.Equal(got.Tokens, problems[got.Index].Tokens) {
				rt.Fatalf("problem %d: answer %v, want %v", got.Index, got.Tokens, problems[got.Index].Tokens)
			}
		}
		if i := slices.Index(seen, false); i >= 0 {
			rt.Fatalf("problem %d was not solved", i)
		}
		if got := int(c.steps.Load()); got != want {
			rt.Fatalf("%d problem-steps, want %d: a halted problem was stepped on", got, want)
		}
		if most := int(c.most.Load()); most > threads {
			rt.Fatalf("%d steps at once on %d threads", most, threads)
		}
	})
}

func TestBreakEndsTheWork(t *testing.T) {
	c := &counter{delay: func() time.Duration { return 100 * time.Microsecond }}
	s := counting(t, c, 3, 2)
	endless := func(yield func(Problem) bool) {
		for yield(Problem{Tokens: []int32{3, 0}}) {
		}
	}
	n := 0
	for _, err := range s.Solve(t.Context(), endless, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("%d solutions, want 5", n)
	}
}

func TestCancelEndsTheWork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := counting(t, &counter{delay: func() time.Duration { return 50 * time.Microsecond }}, 2, 2)
	endless := func(yield func(Problem) bool) {
		for yield(Problem{Tokens: []int32{1, 0}}) {
		}
	}
	var last error
	for _, err := range s.Solve(ctx, endless, &SolveOptions{QHalt: true}) {
		if last = err; err == nil {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", last)
	}
}

func TestAFailedStepEndsTheSequence(t *testing.T) {
	boom := errors.New("boom")
	var calls atomic.Int32
	c := &counter{fail: func() error {
		if calls.Add(1) == 7 {
			return boom
		}
		return nil
	}}
	s := counting(t, c, 2, 2)
	var errs []error
	for _, err := range s.Solve(t.Context(), slices.Values(countProblems(slices.Repeat([]int32{9}, 20)...)), nil) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) != 1 || !errors.Is(errs[0], boom) {
		t.Errorf("errors %v, want boom once", errs)
	}
}

func TestABadProblemIsNamedAfterTheGoodOnes(t *testing.T) {
	for name, bad := range map[string]Problem{
		"too short": {Tokens: []int32{1}},
		"negative":  {Tokens: []int32{1, -1}},
		"too large": {Tokens: []int32{1, 64}},
	} {
		s := counting(t, &counter{}, 2, 2)
		solved := 0
		var last error
		for _, err := range s.Solve(t.Context(), slices.Values(append(countProblems(1, 2, 3), bad, Problem{Tokens: []int32{1, 1}})), nil) {
			if last = err; err == nil {
				solved++
			}
		}
		if solved != 3 || !errors.Is(last, ErrProblem) {
			t.Errorf("%s: %d solved, error %v; want 3 and ErrProblem", name, solved, last)
		}
	}
}

func TestConcurrentCallsShareTheThreads(t *testing.T) {
	c := &counter{delay: func() time.Duration { return 20 * time.Microsecond }}
	s := counting(t, c, 2, 3)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			n := 0
			for got, err := range s.Solve(t.Context(), slices.Values(countProblems(1, 5, 9, 2, 2, 7)), &SolveOptions{QHalt: true}) {
				if err != nil {
					t.Error(err)
				}
				n += got.N
			}
			if n != 26 {
				t.Errorf("%d steps, want 26", n)
			}
			for step, err := range s.Steps(t.Context(), Problem{Tokens: []int32{4, 1}}, &SolveOptions{QHalt: true}) {
				if err != nil || step.Stop == trmcore.StopHalted && step.N != 4 {
					t.Errorf("step %d, error %v", step.N, err)
				}
			}
		})
	}
	wg.Wait()
	if most := c.most.Load(); most > 2 {
		t.Errorf("%d steps at once on 2 threads", most)
	}
}

// TestBatchesAreReused bounds what many calls allocate from the runtime: nothing after the first ones.
func TestBatchesAreReused(t *testing.T) {
	c := &counter{}
	s := counting(t, c, 2, 2)
	for range 500 {
		for _, err := range s.Solve(t.Context(), slices.Values(countProblems(1, 1)), &SolveOptions{QHalt: true}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, err := range s.Steps(t.Context(), Problem{Tokens: []int32{1, 1}}, &SolveOptions{QHalt: true}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := c.batches.Load(); n > 3 {
		t.Errorf("%d batches were made for 1000 calls, want 3 at most", n)
	}
}

func TestClosedSolver(t *testing.T) {
	c := &counter{}
	s := counting(t, c, 1, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Solve(t.Context(), slices.Values(countProblems(1)), nil) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("Solve: error %v, want ErrClosed", err)
		}
	}
	for _, err := range s.Steps(t.Context(), countProblems(1)[0], nil) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("Steps: error %v, want ErrClosed", err)
		}
	}
}

func TestCloseWaitsForTheWork(t *testing.T) {
	c := &counter{delay: func() time.Duration { return time.Millisecond }}
	s := counting(t, c, 1, 1)
	next, stop := iter.Pull2(s.Solve(t.Context(), slices.Values(countProblems(2, 2, 2)), &SolveOptions{QHalt: true}))
	if _, err, ok := next(); err != nil || !ok {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Close() }()
	select {
	case <-done:
		t.Error("Close returned while a call was running")
	case <-time.After(5 * time.Millisecond):
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTraceAndPerturb(t *testing.T) {
	s := counting(t, &counter{}, 2, 3)
	var trace []string
	o := &SolveOptions{
		QHalt: true,
		OnStep: func(step *Step) {
			trace = append(trace, fmt.Sprintf("%d.%d q%+.0f %s", step.Index, step.N, step.Q, step.Stop))
		},
		perturb: func(index, n int, h, z []float32) {
			if index == 1 && n == 2 { // pretend that the second problem has made ten steps more
				for i := range h {
					h[i] += 10
					z[i] += 20
				}
			}
		},
	}
	for _, err := range s.Solve(t.Context(), slices.Values(countProblems(2, 12)), o) {
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(trace)
	want := []string{"0.1 q-1 ", "0.2 q+1 halted", "1.1 q-1 ", "1.2 q+1 halted"}
	if !slices.Equal(trace, want) {
		t.Errorf("trace %q, want %q", trace, want)
	}
}

func TestStepsPerturbs(t *testing.T) {
	s := counting(t, &counter{}, 1, 1)
	o := &SolveOptions{QHalt: true, perturb: func(_, n int, h, z []float32) {
		if n == 3 {
			for i := range h {
				h[i], z[i] = h[i]+5, z[i]+10
			}
		}
	}}
	last := 0
	for step, err := range s.Steps(t.Context(), Problem{Tokens: []int32{8, 0}}, o) {
		if err != nil {
			t.Fatal(err)
		}
		last = step.N
	}
	if last != 3 {
		t.Errorf("halted after %d steps, want 3", last)
	}
}

func TestNoiseDependsOnSeedIndexAndStepAlone(t *testing.T) {
	draw := func(seed uint64, index, n int) []float32 {
		z := make([]float32, 1000)
		(&SolveOptions{Noise: .3, Seed: seed}).disturb(index, n, nil, z)
		return z
	}
	base := draw(1, 0, 2)
	if !slices.Equal(base, draw(1, 0, 2)) {
		t.Error("the same noise twice differs")
	}
	for name, other := range map[string][]float32{"seed": draw(2, 0, 2), "index": draw(1, 1, 2), "step": draw(1, 0, 3)} {
		if slices.Equal(base, other) {
			t.Errorf("another %s gives the same noise", name)
		}
	}
	var sum float64
	for _, v := range base {
		sum += float64(v) * float64(v)
	}
	if variance := sum / 1000; variance < .075 || variance > .105 {
		t.Errorf("variance %.3f, want .09", variance)
	}
	if slices.ContainsFunc(draw(1, 0, 1), func(v float32) bool { return v != 0 }) {
		t.Error("the first step was perturbed: the initial state belongs to the model")
	}
}
