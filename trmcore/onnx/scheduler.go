package onnx

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/trm-go/refiner/trmcore"
)

// Solve works on the problems and yields their solutions as they finish, so not in order: Solution.Index tells which it
// is. Each thread steps a micro-batch; a problem that has halted leaves it and another takes its place, and when the
// sequence runs out, a thread with work left gives half of it to one without. The sequence is read by one goroutine at a
// time, not more than Threads x Batch problems ahead. A problem that the model cannot read ends the sequence with
// [ErrProblem] after those before it; any other error ends it at once. Breaking out of the range ends the work.
func (s *Solver) Solve(ctx context.Context, problems iter.Seq[Problem], o *SolveOptions) iter.Seq2[Solution, error] {
	return func(yield func(Solution, error) bool) {
		if err := s.enter(); err != nil {
			yield(Solution{}, err)
			return
		}
		defer s.calls.Done()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)

		r := &run{solver: s, options: cmp.Or(o, &SolveOptions{}), solutions: make(chan Solution)}
		r.several = s.engine.stride() > 1 && r.options.unwatched()
		if r.threshold = float32(math.Inf(1)); r.options.QHalt {
			r.threshold = 0
		}
		next, stop := iter.Pull(problems)
		r.source = newSource(next, s.check, s.Threads(), s.batch)
		// A thread that waits for work must see a cancellation as well.
		awake := context.AfterFunc(ctx, r.source.wake)
		var workers sync.WaitGroup
		for range s.Threads() {
			workers.Go(func() {
				if err := r.work(ctx); err != nil {
					cancel(err)
				}
			})
		}
		go func() {
			workers.Wait()
			close(r.solutions)
		}()
		more := true
		for solution := range r.solutions {
			if more && !yield(solution, nil) {
				more = false
				cancel(nil)
			}
		}
		awake()
		stop()
		if err := cmp.Or(context.Cause(ctx), r.source.err); err != nil && more {
			yield(Solution{}, err)
		}
	}
}

// run is one call of Solve.
type run struct {
	solver    *Solver
	options   *SolveOptions
	source    *source
	solutions chan Solution
	trace     sync.Mutex // held while OnStep is called
	several   bool       // nobody looks between the supervision steps, so that the engine may make several at once
	threshold float32    // the halting logit above which it freezes a problem
}

// job is a problem in a slot, or on its way from one thread to another with its state.
type job struct {
	index   int
	n       int // steps made
	problem Problem
	h, l    []float32 // nil before the first step
}

// work is a thread's loop: fill the free slots, step, let the halted go.
func (r *run) work(ctx context.Context) error {
	s := r.solver
	kind := laneKind{s.batch, r.several}
	l, err := s.borrow(kind)
	if err != nil {
		return err
	}
	defer s.giveBack(kind, l)
	strides, several := l.(strider)
	slots := make([]job, 0, s.batch)
	tokens := make([]int32, s.arch.SeqLen)
	var h, z []float32 // for Perturb
	if r.options.Perturb != nil {
		h, z = s.state(), s.state()
	}
	var holds bool
	defer r.source.leave(&holds)
	for {
		jobs, err := r.source.take(ctx, s.batch-len(slots), len(slots) == 0, &holds)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			s.put(l, len(slots), j.problem)
			if j.h != nil {
				if err := l.store(len(slots), j.h, j.l); err != nil {
					return err
				}
				j.h, j.l = nil, nil
			}
			slots = append(slots, j)
		}
		if len(slots) == 0 {
			return nil
		}
		if r.options.Perturb != nil {
			for i, j := range slots {
				if err := l.load(i, h, z); err != nil {
					return err
				}
				r.options.Perturb(j.index, j.n+1, h, z)
				if err := l.store(i, h, z); err != nil {
					return err
				}
			}
		}
		if several {
			strides.haltAbove(r.threshold)
			for i, j := range slots {
				strides.limit(i, r.options.steps()-j.n)
			}
		}
		if err := s.run(ctx, l, len(slots)); err != nil {
			return err
		}
		// From the last slot to the first: the one that fills a gap has been looked at.
		for i := len(slots) - 1; i >= 0; i-- {
			made := 1
			if several {
				made = strides.made(i)
			}
			slots[i].n += made
			solution, done := r.look(l, i, slots[i], tokens)
			if !done {
				continue
			}
			select {
			case r.solutions <- solution:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			last := len(slots) - 1
			if i != last {
				r.move(l, i, last)
				slots[i] = slots[last]
			}
			slots = slots[:last]
		}
		if slots, err = r.donate(l, slots); err != nil {
			return err
		}
	}
}

// look examines the slot after a step: whether its problem is done, and with what.
func (r *run) look(l lane, slot int, j job, tokens []int32) (Solution, bool) {
	a := r.solver.arch
	logits, q := l.results()
	size := a.SeqLen * a.VocabSize
	step := Step{Index: j.index, N: j.n, Tokens: tokens, Q: q[2*slot], Logits: logits[slot*size : (slot+1)*size : (slot+1)*size]}
	argmax(tokens, step.Logits, a.VocabSize)
	switch {
	case r.options.halts(&step):
		step.Stop = trmcore.StopHalted
	case j.n >= r.options.steps():
		step.Stop = trmcore.StopMaxSteps
	}
	if r.options.OnStep != nil {
		r.trace.Lock()
		r.options.OnStep(&step)
		r.trace.Unlock()
	}
	if step.Stop == "" {
		return Solution{}, false
	}
	solution := Solution{Index: j.index, Tokens: slices.Clone(tokens), Q: step.Q, Steps: j.n, Halted: step.Stop == trmcore.StopHalted, Stop: step.Stop}
	if r.options.Logits {
		solution.Logits = slices.Clone(step.Logits)
	}
	return solution, true
}

// move copies everything of slot from into slot to.
func (r *run) move(l lane, to, from int) {
	a := r.solver.arch
	copy(l.tokens()[to*a.SeqLen:(to+1)*a.SeqLen], l.tokens()[from*a.SeqLen:(from+1)*a.SeqLen])
	if p := l.puzzles(); p != nil {
		copy(p[to*a.PuzzleEmbNdim:(to+1)*a.PuzzleEmbNdim], p[from*a.PuzzleEmbNdim:(from+1)*a.PuzzleEmbNdim])
	}
	l.move(to, from)
}

// donate gives jobs to the threads that wait for work, and returns those that are left.
func (r *run) donate(l lane, slots []job) ([]job, error) {
	n := r.source.wanted(len(slots))
	if n == 0 {
		return slots, nil
	}
	kept := len(slots) - n
	given := slices.Clone(slots[kept:])
	for i := range given {
		given[i].h, given[i].l = r.solver.state(), r.solver.state()
		if err := l.load(kept+i, given[i].h, given[i].l); err != nil {
			return slots, err
		}
	}
	r.source.give(given...)
	return slots[:kept], nil
}
