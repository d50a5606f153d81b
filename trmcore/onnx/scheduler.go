package onnx

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/trm-go/refiner/trmcore"
)

// Solve works on the problems and yields the last step of each as it finishes, so not in order: Step.Index tells which
// problem it is. Its tokens and logits are the caller's; it has no latents. Each thread steps a micro-batch; a problem that
// has halted leaves it and another takes its place. The sequence is read by one goroutine at a time, not more than
// Threads x Batch problems ahead. A problem that the model cannot read ends the sequence with
// [ErrProblem] after those before it; any other error ends it at once. Breaking out of the range ends the work.
func (s *Solver) Solve(ctx context.Context, problems iter.Seq[Problem], o *SolveOptions) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		if err := s.enter(); err != nil {
			yield(Step{}, err)
			return
		}
		defer s.calls.Done()
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)

		r := &run{solver: s, options: cmp.Or(o, &SolveOptions{}), solutions: make(chan Step)}
		r.h, r.l = s.model.initial(r.options.Seed)
		next, stop := iter.Pull(problems)
		r.source = &source{check: s.check, next: next}
		// The first problems are dealt out one by one, so that few are spread over all threads.
		first := make([][]job, s.Threads())
		for i := range s.Threads() * s.batch {
			t := i % s.Threads()
			first[t] = r.source.take(first[t], len(first[t])+1)
		}
		var workers sync.WaitGroup
		for _, jobs := range first {
			workers.Go(func() {
				if err := r.work(ctx, jobs); err != nil {
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
		stop()
		if err := cmp.Or(context.Cause(ctx), r.source.err); err != nil && more {
			yield(Step{}, err)
		}
	}
}

// run is one call of Solve.
type run struct {
	solver    *Solver
	options   *SolveOptions
	source    *source
	solutions chan Step
	trace     sync.Mutex // held while OnStep is called
	h, l      []float32  // the latents that a problem begins with
}

// job is a problem in a slot.
type job struct {
	index   int
	n       int // steps made
	problem Problem
	halting *trmcore.Halting[Step, struct{}] // nil until it is in a slot
}

// work is a thread's loop: step, let the halted go, fill the free slots.
func (r *run) work(ctx context.Context, jobs []job) error {
	s := r.solver
	b, err := s.borrow(s.batch)
	if err != nil {
		return err
	}
	defer s.giveBack(b)
	tokens := make([]int32, s.arch.SeqLen)
	for ; len(jobs) > 0; jobs = r.source.take(jobs, s.batch) {
		for i := range jobs { // each lies in the slot of its place
			j := &jobs[i]
			if j.halting == nil {
				j.halting = trmcore.NewHalting(r.options.rules(), r.options.Steps)
				b.put(i, j.problem.Tokens, s.puzzle(j.problem), r.h, r.l)
			}
			h, l := b.latents(i)
			r.options.disturb(j.index, j.n+1, h, l)
		}
		if err := s.run(ctx, b, len(jobs)); err != nil {
			return err
		}
		// From the last slot to the first: the one that fills a gap has been looked at.
		for i := len(jobs) - 1; i >= 0; i-- {
			step := r.look(b, i, &jobs[i], tokens)
			if step.Stop == "" {
				continue
			}
			step.Tokens, step.Logits, step.H, step.L = slices.Clone(step.Tokens), slices.Clone(step.Logits), nil, nil
			select {
			case r.solutions <- step:
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
	}
	return nil
}

// look examines the slot after a step, and sets Stop if its problem is done.
func (r *run) look(b *batch, slot int, j *job, tokens []int32) Step {
	j.n++
	step := b.look(slot, tokens)
	step.Index, step.N = j.index, j.n
	now := stepping{N: j.n, State: state{Y: step}}
	j.halting.Examine(state{}, &now)
	step.Stop = now.Stop
	if r.options.OnStep != nil {
		r.trace.Lock()
		r.options.OnStep(&step)
		r.trace.Unlock()
	}
	return step
}

// source hands out the problems of one call of Solve to its threads.
type source struct {
	check func(Problem) error

	mu    sync.Mutex
	next  func() (Problem, bool)
	ended bool  // next has nothing more
	index int   // of the next problem
	err   error // why the sequence ended early
}

// take appends problems to jobs until there are n, or the sequence has ended.
func (q *source) take(jobs []job, n int) []job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(jobs) < n && !q.ended {
		p, ok := q.next()
		if !ok {
			q.ended = true
		} else if err := q.check(p); err != nil {
			q.ended, q.err = true, fmt.Errorf("problem %d: %w", q.index, err)
		} else {
			jobs = append(jobs, job{index: q.index, problem: p})
			q.index++
		}
	}
	return jobs
}
