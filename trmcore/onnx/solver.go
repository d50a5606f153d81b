package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/trm-go/refiner/trmcore"
)

// Options says how a model is run. The zero value, or nil, runs it on the best device in fp32 with all cores.
type Options struct {
	// Device is where it runs. Empty means Auto: every candidate is compared with the CPU on one step, and taken only if
	// it agrees and is faster.
	Device Device
	// Precision of the weights. Empty means FP32, or what an ONNX file holds.
	Precision Precision
	// Threads that run steps. Zero means GOMAXPROCS on the CPU, and on a GPU one.
	Threads int
	// Latency runs each step on all Threads instead of one step on each: one problem is done as soon as possible, many
	// take longer. For a program that solves one problem at a time.
	Latency bool
	// Batch is the number of problems that a thread steps together. Zero means as many as fit the cache, 8 at most on
	// the CPU (8 for Sudoku, 1 for ARC), and 128 on a GPU.
	Batch int
	// Library is the path of ONNX Runtime's shared library. Empty means that [FindLibrary] looks for it.
	Library string
	// Log tells which device was chosen and why others were not. Nil discards.
	Log *slog.Logger
}

// Problem is one puzzle.
type Problem struct {
	// Tokens has SeqLen tokens in 0..VocabSize-1.
	Tokens []int32
	// PuzzleVec is the puzzle's embedding, PuzzleEmbNdim numbers; see [Model.PuzzleVec]. Nil means row 0 of the table if
	// that is its only row (Sudoku, Maze), and zeros otherwise. A model without a puzzle embedding ignores it.
	PuzzleVec []float32
}

// Step is the state of one problem after one supervision step.
type Step struct {
	Index  int       // the problem's place in the sequence, from 0
	N      int       // 1 for the first step
	Tokens []int32   // the answer: the likeliest token of each position, SeqLen of them
	Q      float32   // the halting logit: above 0 the model believes that the answer is right
	Logits []float32 // [SeqLen, VocabSize]
	H, L   []float32 // the latents z_H and z_L, [Len, D] each
	Stop   trmcore.Stop
}

// SolveOptions says how long a problem is worked on. The zero value, or nil, makes 16 steps, as the official evaluation.
//
// The slices of a Step that a function is given belong to the solver: they are valid until it returns.
type SolveOptions struct {
	// Steps bounds the supervision steps. Zero means trmcore.DefaultSteps.
	Steps int
	// QHalt ends a problem after the first step at which the model believes that its answer is right: its halting logit
	// is above 0.
	QHalt bool
	// Halt ends a problem after a step that it returns true for, such as a check of the rules. It is called by many
	// goroutines at once. Nil never halts.
	Halt func(*Step) bool
	// OnStep is called after every step of every problem, by one goroutine at a time.
	OnStep func(*Step)
	// Noise is the standard deviation of Gaussian noise that is added to z_L before every step but the first, so that
	// repeated runs explore different trajectories (PTRM, arXiv 2605.19943, uses .3). It depends on the seed, the problem's
	// index and the step alone. Zero adds none.
	Noise float32
	// Seed is that of Noise, and of the noise that the first latents of a model with Arch.InitNoise get: another one is
	// another try. All problems of a call begin with the same latents, so that an answer depends on the puzzle and the seed.
	Seed uint64

	perturb func(index, n int, zH, zL []float32) // changes a state before a step, in tests
}

// disturb changes the state of a problem before its step n.
func (o *SolveOptions) disturb(index, n int, zH, zL []float32) {
	if o.perturb != nil {
		o.perturb(index, n, zH, zL)
	}
	if n == 1 || o.Noise == 0 {
		return
	}
	rng := rand.New(rand.NewPCG(o.Seed, uint64(index)<<16|uint64(n)))
	for i := range zL {
		zL[i] += o.Noise * float32(rng.NormFloat64())
	}
}

// The recursion's types for a trained model: trmcore's y is a [Step]; z is in its batch.
type (
	state    = trmcore.State[Step, struct{}]
	stepping = trmcore.Step[Step, struct{}]
)

// rules are the options as rules of trmcore's recursion. Solve and Steps halt by them alike.
func (o *SolveOptions) rules() []trmcore.Rule[Step, struct{}] {
	return []trmcore.Rule[Step, struct{}]{trmcore.Halted(func(s state) bool {
		return o.QHalt && s.Y.Q > 0 || o.Halt != nil && o.Halt(&s.Y)
	})}
}

// Solver runs a model. It is safe for concurrent use: simultaneous calls share the threads.
type Solver struct {
	// fixed at creation
	arch   Arch
	model  *Model
	engine engine
	batch  int
	turns  chan struct{} // one for each thread that may run a step

	mu     sync.Mutex
	closed bool
	free   map[int][]*batch // batches that nobody uses, by their slots
	calls  sync.WaitGroup   // calls that use the engine
}

// Open makes a solver of a model. Close it to free what ONNX Runtime holds.
func Open(ctx context.Context, m *Model, o *Options) (*Solver, error) {
	if o == nil {
		o = &Options{}
	}
	eng, err := chooseEngine(ctx, m, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cmp.Or(m.Card.Name, "model"), err)
	}
	return newSolver(m, eng, o), nil
}

func newSolver(m *Model, eng engine, o *Options) *Solver {
	threads, slots := runtime.GOMAXPROCS(0), min(8, max(1, 800/m.Arch.Len()))
	if eng.device() != CPU {
		threads, slots = 1, 128
	}
	if o.Threads > 0 {
		threads = o.Threads
	}
	if o.Latency {
		threads = 1
	}
	if o.Batch > 0 {
		slots = o.Batch
	}
	return &Solver{arch: m.Arch, model: m, engine: eng, batch: slots, turns: make(chan struct{}, threads), free: map[int][]*batch{}}
}

// Device is the device in use.
func (s *Solver) Device() Device { return s.engine.device() }

// Runtime is the version of ONNX Runtime in use.
func (s *Solver) Runtime() string { return s.engine.runtime() }

// Arch is the architecture of the model.
func (s *Solver) Arch() Arch { return s.arch }

// Batch and Threads are the problems of a micro-batch and the micro-batches that run at once.
func (s *Solver) Batch() int   { return s.batch }
func (s *Solver) Threads() int { return cap(s.turns) }

// Close waits for the calls that are running and frees what ONNX Runtime holds. Calls that begin later return
// [ErrClosed]. Closing twice does nothing.
func (s *Solver) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	var errs []error
	for _, pool := range s.free {
		for _, b := range pool {
			errs = append(errs, b.stepper.close())
		}
	}
	clear(s.free)
	return errors.Join(append(errs, s.engine.close())...)
}

// enter registers a call; the caller must call s.calls.Done.
func (s *Solver) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.calls.Add(1)
	return nil
}

// borrow takes a batch; giveBack returns it. They are kept, so that ten thousand solves allocate no more than the first.
func (s *Solver) borrow(slots int) (*batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pool := s.free[slots]; len(pool) > 0 {
		last := len(pool) - 1
		s.free[slots] = pool[:last]
		return pool[last], nil
	}
	return newBatch(s.engine, s.arch, slots)
}

func (s *Solver) giveBack(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free[b.slots()] = append(s.free[b.slots()], b)
}

// run makes a step of a batch when a thread is free.
func (s *Solver) run(ctx context.Context, b *batch, n int) error {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turns }()
	return b.step(ctx, n)
}

// check refuses a problem that the model cannot read.
func (s *Solver) check(p Problem) error {
	if len(p.Tokens) != s.arch.SeqLen {
		return fmt.Errorf("%w: it has %d tokens, the model reads %d", ErrProblem, len(p.Tokens), s.arch.SeqLen)
	}
	for i, t := range p.Tokens {
		if t < 0 || int(t) >= s.arch.VocabSize {
			return fmt.Errorf("%w: token %d is %d, the model knows 0 to %d", ErrProblem, i, t, s.arch.VocabSize-1)
		}
	}
	if p.PuzzleVec != nil && s.arch.PuzzleEmbLen > 0 && len(p.PuzzleVec) != s.arch.PuzzleEmbNdim {
		return fmt.Errorf("%w: its puzzle vector has %d numbers, the model needs %d", ErrProblem, len(p.PuzzleVec), s.arch.PuzzleEmbNdim)
	}
	return nil
}

// puzzle is the vector of a problem's puzzle embedding, nil for zeros.
func (s *Solver) puzzle(p Problem) []float32 {
	if p.PuzzleVec == nil && s.model.table.rows == 1 {
		return s.model.table.values
	}
	return p.PuzzleVec
}

// Steps works on one problem and yields every step; its slices are valid until the iteration goes on. It halts like
// [Solver.Solve]. An error ends the sequence; breaking out of the range ends the work.
func (s *Solver) Steps(ctx context.Context, p Problem, o *SolveOptions) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if err := s.steps(ctx, p, cmp.Or(o, &SolveOptions{}), yield); err != nil {
			yield(Step{Stop: trmcore.StopError}, err)
		}
	}
}

func (s *Solver) steps(ctx context.Context, p Problem, o *SolveOptions, yield func(Step, error) bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.calls.Done()
	if err := s.check(p); err != nil {
		return err
	}
	b, err := s.borrow(1)
	if err != nil {
		return err
	}
	defer s.giveBack(b)
	h, l := s.model.initial(o.Seed)
	b.put(0, p.Tokens, s.puzzle(p), h, l)
	tokens := make([]int32, s.arch.SeqLen)
	stepper := trmcore.StepperFunc[*batch, Step, struct{}](func(ctx context.Context, b *batch, last state) (state, error) {
		h, l := b.latents(0)
		n := last.Y.N + 1
		o.disturb(0, n, h, l)
		if err := s.run(ctx, b, 1); err != nil {
			return last, err
		}
		next := b.look(0, tokens)
		next.N = n
		return state{Y: next}, nil
	})
	loop := trmcore.Loop[*batch, Step, struct{}]{Stepper: stepper, MaxSteps: o.Steps, Halt: o.rules()}
	for step, err := range loop.Steps(ctx, b, state{}) {
		if err == nil && step.Stop == trmcore.StopDeadline {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		now := step.State.Y
		now.Stop = step.Stop
		if o.OnStep != nil {
			o.OnStep(&now)
		}
		if !yield(now, nil) {
			return nil
		}
	}
	return nil
}
