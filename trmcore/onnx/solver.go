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
	"sync/atomic"
	"time"

	"github.com/trm-go/refiner/trmcore"
)

// Options says how a model is run. The zero value, or nil, runs it on the best device in fp32 with all cores.
type Options struct {
	// Device is where it runs. Empty means Auto: every candidate is compared with the CPU on one step, and taken only if
	// it agrees and is faster.
	Device Device
	// Precision of the weights. Empty means FP32, or what an ONNX file holds.
	Precision Precision
	// Threads that run steps. Zero means GOMAXPROCS on the CPU, and on a GPU one; or two on CUDA, so that one prepares
	// while the other runs.
	Threads int
	// Latency runs each step on all Threads instead of one step on each: one problem is done as soon as possible, many
	// take longer. For a program that solves one problem at a time.
	Latency bool
	// Batch is the number of problems that a thread steps together. Zero means as many as fit the cache, 8 at most on
	// the CPU (8 for Sudoku, 1 for ARC), and 128 on a GPU.
	Batch int
	// Library is the path of ONNX Runtime's shared library. Empty means that [FindLibrary] looks for it.
	Library string
	// GPU says how a CUDA device is driven.
	GPU GPU
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
}

// halts says whether a problem ends after the step.
func (o *SolveOptions) halts(s *Step) bool {
	return o.QHalt && s.Q > 0 || o.Halt != nil && o.Halt(s)
}

// unwatched says whether nobody looks at or touches a problem between its steps.
func (o *SolveOptions) unwatched() bool { return o.Halt == nil && o.OnStep == nil && o.Perturb == nil }

func (o *SolveOptions) steps() int {
	if o.Steps > 0 {
		return o.Steps
	}
	return trmcore.DefaultSteps
}

// Solver runs a model. It is safe for concurrent use: simultaneous calls share the threads.
type Solver struct {
	// fixed at creation
	arch   Arch
	initH  []float32
	initL  []float32
	puzzle []float32 // the default puzzle vector, nil for zeros
	engine engine
	batch  int
	turns  chan struct{} // one for each thread that may run a step
	busy   atomic.Int64  // nanoseconds within steps

	mu     sync.Mutex
	closed bool
	free   map[laneKind][]lane // lanes that nobody uses
	calls  sync.WaitGroup      // calls that use the engine
}

// laneKind tells lanes apart.
type laneKind struct {
	slots   int
	several bool // see engine.lane
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
	threads, batch := o.Threads, o.Batch
	gpu := eng.device() != CPU
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
		if _, bound := eng.(*boundEngine); bound {
			threads = 2
		} else if gpu {
			threads = 1
		}
	}
	if o.Latency {
		threads = 1
	}
	if batch <= 0 {
		batch = min(8, max(1, 800/m.Arch.Len()))
		if gpu {
			batch = 128
		}
	}
	s := &Solver{arch: m.Arch, initH: m.initH, initL: m.initL, engine: eng, batch: batch, turns: make(chan struct{}, threads), free: map[laneKind][]lane{}}
	if m.table.rows == 1 {
		s.puzzle = m.table.values
	}
	return s
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
	for _, lanes := range s.free {
		for _, l := range lanes {
			errs = append(errs, l.close())
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

// borrow takes a lane; giveBack returns it. They are kept, so that ten thousand solves allocate no more than the first.
func (s *Solver) borrow(kind laneKind) (lane, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pool := s.free[kind]; len(pool) > 0 {
		last := len(pool) - 1
		s.free[kind] = pool[:last]
		return pool[last], nil
	}
	return s.engine.lane(kind.slots, kind.several)
}

func (s *Solver) giveBack(kind laneKind, l lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free[kind] = append(s.free[kind], l)
}

// state makes room for one of a problem's two latents.
func (s *Solver) state() []float32 { return make([]float32, s.arch.Len()*s.arch.HiddenSize) }

// run makes a step of a lane when a thread is free.
func (s *Solver) run(ctx context.Context, l lane, n int) error {
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	begin := time.Now()
	defer func() {
		s.busy.Add(int64(time.Since(begin)))
		<-s.turns
	}()
	return l.step(ctx, n)
}

// Busy is the time that was spent within supervision steps so far, summed over the threads. What is left of their time
// is the Go side's: filling, reading answers, halting, moving.
func (s *Solver) Busy() time.Duration { return time.Duration(s.busy.Load()) }

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

// put writes a problem and the initial state into a slot.
func (s *Solver) put(l lane, slot int, p Problem) {
	copy(l.tokens()[slot*s.arch.SeqLen:], p.Tokens)
	if puzzles := l.puzzles(); puzzles != nil {
		row := puzzles[slot*s.arch.PuzzleEmbNdim : (slot+1)*s.arch.PuzzleEmbNdim]
		switch {
		case p.PuzzleVec != nil:
			copy(row, p.PuzzleVec)
		case s.puzzle != nil:
			copy(row, s.puzzle)
		default:
			clear(row)
		}
	}
	l.reset(slot)
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

// Steps works on one problem and yields every step. It halts like [Solver.Solve]. An error ends the sequence; breaking
// out of the range ends the work.
func (s *Solver) Steps(ctx context.Context, p Problem, o *SolveOptions) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		o := cmp.Or(o, &SolveOptions{})
		var rules []trmcore.Rule[Answer, Latent]
		tokens := make([]int32, s.arch.SeqLen)
		current := func(n int, y Answer) Step {
			argmax(tokens, y.Logits, s.arch.VocabSize)
			return Step{N: n, Tokens: tokens, Q: y.Q[0], Logits: y.Logits}
		}
		if o.Halt != nil || o.QHalt {
			rules = append(rules, func() trmcore.Check[Answer, Latent] {
				return func(_ trmcore.State[Answer, Latent], step *trmcore.Step[Answer, Latent]) trmcore.Stop {
					now := current(step.N, step.State.Y)
					if o.halts(&now) {
						return trmcore.StopHalted
					}
					return ""
				}
			})
		}
		x, state, err := s.Begin(p)
		if err != nil {
			yield(Step{}, err)
			return
		}
		stepper, n := s.Stepper(), 0
		perturbed := trmcore.StepperFunc[Batch, Answer, Latent](func(ctx context.Context, x Batch, st trmcore.State[Answer, Latent]) (trmcore.State[Answer, Latent], error) {
			if n++; o.Perturb != nil {
				st.Y.H, st.Z = slices.Clone(st.Y.H), slices.Clone(st.Z) // the loop keeps earlier states
				o.Perturb(0, n, st.Y.H, st.Z)
			}
			return stepper.Step(ctx, x, st)
		})
		loop := trmcore.Loop[Batch, Answer, Latent]{Stepper: perturbed, MaxSteps: o.steps(), Halt: rules}
		for step, err := range loop.Steps(ctx, x, state) {
			if err != nil {
				yield(Step{N: step.N, Stop: step.Stop}, err)
				return
			}
			if step.Stop == trmcore.StopDeadline {
				yield(Step{N: step.N, Stop: step.Stop}, ctx.Err())
				return
			}
			now := current(step.N, step.State.Y)
			now.Stop = step.Stop
			if o.OnStep != nil {
				o.OnStep(&now)
			}
			if !yield(now, nil) {
				return
			}
		}
	}
}
