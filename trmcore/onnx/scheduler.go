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
		r.source = newSource(next, s.check, s.Threads(), s.batch)
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
	halting *trmcore.Halting[Step, struct{}]
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
	for {
		for _, j := range r.source.take(s.batch - len(jobs)) {
			j.halting = trmcore.NewHalting(r.options.rules(), r.options.Steps)
			b.put(len(jobs), j.problem.Tokens, s.puzzle(j.problem), r.h, r.l)
			jobs = append(jobs, j)
		}
		if len(jobs) == 0 {
			return nil
		}
		for i, j := range jobs {
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
	queue []job // read ahead
	share int   // of a thread's first fill, so that few problems are spread over all threads
	fresh int   // threads that have not yet taken their first
	err   error // why the sequence ended early
}

// newSource reads ahead what the threads can begin with.
func newSource(next func() (Problem, bool), check func(Problem) error, threads, batch int) *source {
	q := &source{next: next, check: check, fresh: threads}
	for len(q.queue) < threads*batch && q.read() {
	}
	q.share = (len(q.queue) + threads - 1) / threads
	return q
}

// read queues one more problem of the sequence.
func (q *source) read() bool {
	if q.ended {
		return false
	}
	p, ok := q.next()
	if ok {
		q.err = q.check(p)
	}
	if !ok || q.err != nil {
		if q.ended = true; q.err != nil {
			q.err = fmt.Errorf("problem %d: %w", q.index, q.err)
		}
		return false
	}
	q.queue = append(q.queue, job{index: q.index, problem: p})
	q.index++
	return true
}

// take returns up to n problems, and none when the sequence has ended.
func (q *source) take(n int) []job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fresh > 0 && n >= q.share {
		q.fresh--
		n = q.share
	}
	for len(q.queue) < n && q.read() {
	}
	n = min(n, len(q.queue))
	jobs := slices.Clone(q.queue[:n])
	q.queue = slices.Delete(q.queue, 0, n)
	return jobs
}
