package onnx

import (
	"cmp"
	"context"
	"iter"
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
		r.h, r.l = s.model.initial(r.options.Seed)
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
	h, l      []float32  // the latents that a problem begins with
}

// job is a problem in a slot, or on its way from one thread to another with its state.
type job struct {
	index   int
	n       int // steps made
	problem Problem
	halting *trmcore.Halting[Answer, Latent] // nil before the first step
	h, l    []float32                        // nil before the first step, and in a slot
}

// work is a thread's loop: fill the free slots, step, let the halted go.
func (r *run) work(ctx context.Context) error {
	s := r.solver
	b, err := s.borrow(s.batch)
	if err != nil {
		return err
	}
	defer s.giveBack(b)
	jobs := make([]job, 0, s.batch) // by slot
	tokens := make([]int32, s.arch.SeqLen)
	var holds bool
	defer r.source.leave(&holds)
	for {
		more, err := r.source.take(ctx, s.batch-len(jobs), len(jobs) == 0, &holds)
		if err != nil {
			return err
		}
		for _, j := range more {
			jobs = append(jobs, r.place(b, len(jobs), j))
		}
		if len(jobs) == 0 {
			return nil
		}
		if r.options.Perturb != nil {
			for i, j := range jobs {
				h, l := b.latents(i)
				r.options.Perturb(j.index, j.n+1, h, l)
			}
		}
		if err := s.run(ctx, b, len(jobs)); err != nil {
			return err
		}
		// From the last slot to the first: the one that fills a gap has been looked at.
		for i := len(jobs) - 1; i >= 0; i-- {
			solution, done := r.look(b, i, &jobs[i], tokens)
			if !done {
				continue
			}
			select {
			case r.solutions <- solution:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			last := len(jobs) - 1
			if i != last {
				b.move(i, last)
				jobs[i] = jobs[last]
			}
			jobs = jobs[:last]
		}
		jobs = r.donate(b, jobs)
	}
}

// place puts a job into a slot.
func (r *run) place(b *batch, slot int, j job) job {
	if j.halting == nil {
		j.halting = trmcore.NewHalting(r.options.rules(j.index), r.options.Steps)
		j.h, j.l = r.h, r.l
	}
	b.put(slot, j.problem, r.solver.puzzle(j.problem), j.h, j.l)
	j.h, j.l = nil, nil
	return j
}

// look examines the slot after a step: whether its problem is done, and with what.
func (r *run) look(b *batch, slot int, j *job, tokens []int32) (Solution, bool) {
	j.n++
	now := trmcore.Step[Answer, Latent]{N: j.n, State: trmcore.State[Answer, Latent]{Y: b.answer(slot, tokens)}}
	j.halting.Examine(trmcore.State[Answer, Latent]{}, &now)
	step := stepOf(j.index, &now)
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

// donate gives jobs to the threads that wait for work, and returns those that are left.
func (r *run) donate(b *batch, jobs []job) []job {
	n := r.source.wanted(len(jobs))
	if n == 0 {
		return jobs
	}
	kept := len(jobs) - n
	given := slices.Clone(jobs[kept:])
	for i := range given {
		h, l := b.latents(kept + i)
		given[i].h, given[i].l = slices.Clone(h), slices.Clone(l)
	}
	r.source.give(given...)
	return jobs[:kept]
}
