package onnx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"runtime"
	"slices"
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

// Step is the state of one problem after one supervision step. Its slices belong to the solver: they are valid until the
// callback returns or the iteration goes on.
type Step struct {
	Index  int       // the problem's place in the sequence, from 0
	N      int       // 1 for the first step
	Tokens []int32   // the answer: the likeliest token of each position, SeqLen of them
	Q      float32   // the halting logit: above 0 the model believes that the answer is right
	Logits []float32 // [SeqLen, VocabSize]
	H, L   []float32 // the latents z_H and z_L, [Len, D]; only of Solver.Steps
	Stop   trmcore.Stop
}

// Solution is a problem's last step. Its slices are the caller's.
type Solution struct {
	Index  int          // the problem's place in the sequence, from 0
	Tokens []int32      // the answer, SeqLen tokens
	Q      float32      // the halting logit of the last step
	Steps  int          // supervision steps made
	Halted bool         // whether Halt ended it
	Logits []float32    // [SeqLen, VocabSize], only if SolveOptions.Logits asks for it
	Stop   trmcore.Stop // StopHalted or StopMaxSteps
}

// SolveOptions says how long a problem is worked on. The zero value, or nil, makes 16 steps, as the official evaluation.
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
	// Perturb may change a problem's state, [Len, D] each, before a step; n is 1 before the first. It is called by many
	// goroutines at once. [Noise] is one.
	Perturb func(index, n int, zH, zL []float32)
	// Logits asks for the logits in the solutions.
	Logits bool
	// Seed is that of the noise that the first latents of a model with Arch.InitNoise get: another one is another try. All
	// problems of a call begin with the same noise, so that an answer depends on the puzzle and the seed alone.
	Seed uint64
}

// rules are the options as rules of trmcore's recursion, for the problem of an index. Solve and Steps halt by them alike.
func (o *SolveOptions) rules(index int) []trmcore.Rule[Answer, Latent] {
	if o.Halt == nil && !o.QHalt {
		return nil
	}
	return []trmcore.Rule[Answer, Latent]{func() trmcore.Check[Answer, Latent] {
		return func(_ trmcore.State[Answer, Latent], s *trmcore.Step[Answer, Latent]) trmcore.Stop {
			if o.QHalt && s.State.Y.Q > 0 {
				return trmcore.StopHalted
			}
			if o.Halt == nil {
				return ""
			}
			step := stepOf(index, s)
			if o.Halt(&step) {
				return trmcore.StopHalted
			}
			return ""
		}
	}}
}

// stepOf is a step of the recursion as this package shows it.
func stepOf(index int, s *trmcore.Step[Answer, Latent]) Step {
	y := s.State.Y
	return Step{Index: index, N: s.N, Tokens: y.Tokens, Q: y.Q, Logits: y.Logits, H: y.H, L: s.State.Z, Stop: s.Stop}
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
	threads, slots := o.Threads, o.Batch
	gpu := eng.device() != CPU
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
		if gpu {
			threads = 1
		}
	}
	if o.Latency {
		threads = 1
	}
	if slots <= 0 {
		slots = min(8, max(1, 800/m.Arch.Len()))
		if gpu {
			slots = 128
		}
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

// fill repeats one position's vector over all positions.
func fill(rows, one []float32) {
	for ; len(rows) > 0; rows = rows[len(one):] {
		copy(rows, one)
	}
}

// argmax writes the likeliest token of each position; the first wins a tie, as in PyTorch.
func argmax(tokens []int32, logits []float32, vocab int) {
	for i := range tokens {
		row := logits[i*vocab : (i+1)*vocab]
		best, top := 0, float32(math.Inf(-1))
		for j, v := range row {
			if v > top {
				best, top = j, v
			}
		}
		tokens[i] = int32(best)
	}
}

// Steps works on one problem and yields every step, with the latents. It halts like [Solver.Solve]. An error ends the
// sequence; breaking out of the range ends the work.
func (s *Solver) Steps(ctx context.Context, p Problem, o *SolveOptions) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		o := cmp.Or(o, &SolveOptions{})
		n := 0
		stepper := trmcore.StepperFunc[Problem, Answer, Latent](func(ctx context.Context, p Problem, state trmcore.State[Answer, Latent]) (trmcore.State[Answer, Latent], error) {
			if n++; o.Perturb != nil {
				state.Y.H, state.Z = slices.Clone(state.Y.H), slices.Clone(state.Z) // the loop keeps earlier states
				o.Perturb(0, n, state.Y.H, state.Z)
			}
			return s.step(ctx, p, state)
		})
		loop := trmcore.Loop[Problem, Answer, Latent]{Stepper: stepper, MaxSteps: o.Steps, Halt: o.rules(0)}
		for step, err := range loop.Steps(ctx, p, s.Begin(o.Seed)) {
			if err == nil && step.Stop == trmcore.StopDeadline {
				err = ctx.Err()
			}
			if err != nil {
				yield(Step{N: step.N, Stop: step.Stop}, err)
				return
			}
			now := stepOf(0, &step)
			if o.OnStep != nil {
				o.OnStep(&now)
			}
			if !yield(now, nil) {
				return
			}
		}
	}
}
