package onnx

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// source hands out the problems of one call of Solve to its threads.
type source struct {
	check func(Problem) error

	mu      sync.Mutex
	changed sync.Cond
	next    func() (Problem, bool)
	ended   bool  // next has nothing more
	index   int   // of the next problem
	queue   []job // read ahead, or given by a thread
	share   int   // of a thread's first fill, so that few problems are spread over all threads
	fresh   int   // threads that have not yet taken their first
	idle    int   // threads that wait for work
	working int   // threads that hold jobs
	err     error // why the sequence ended early
}

// newSource reads ahead what the threads can begin with.
func newSource(next func() (Problem, bool), check func(Problem) error, threads, batch int) *source {
	q := &source{next: next, check: check, fresh: threads}
	q.changed.L = &q.mu
	for len(q.queue) < threads*batch && q.read() {
	}
	q.share = max(1, (len(q.queue)+threads-1)/threads)
	return q
}

// read queues one more problem of the sequence.
func (q *source) read() bool {
	if q.ended {
		return false
	}
	p, ok := q.next()
	if !ok {
		q.ended = true
		return false
	}
	if err := q.check(p); err != nil {
		q.ended, q.err = true, fmt.Errorf("problem %d: %w", q.index, err)
		return false
	}
	q.queue = append(q.queue, job{index: q.index, problem: p})
	q.index++
	return true
}

// take returns up to n jobs. A thread that is empty waits for them, and gets none only when no work will ever come.
// holds remembers between calls whether the thread counts as working.
func (q *source) take(ctx context.Context, n int, empty bool, holds *bool) ([]job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if empty {
		q.release(holds)
	}
	if !empty && q.idle > 0 {
		return nil, nil // what is queued is for those that wait
	}
	if q.fresh > 0 && empty {
		q.fresh--
		n = min(n, q.share)
	}
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for len(q.queue) < n && q.read() {
		}
		if len(q.queue) > 0 {
			if q.ended && empty { // leave the others that wait their part
				n = min(n, (len(q.queue)+q.idle)/(q.idle+1))
			}
			n = min(n, len(q.queue))
			jobs := slices.Clone(q.queue[:n])
			q.queue = slices.Delete(q.queue, 0, n)
			if !*holds {
				*holds = true
				q.working++
			}
			return jobs, nil
		}
		if !empty || q.working == 0 {
			return nil, nil
		}
		q.idle++
		q.changed.Wait()
		q.idle--
	}
}

// wanted is how many of its jobs a thread should give away: what those that wait would get of an even share.
func (q *source) wanted(holding int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == 0 || len(q.queue) > 0 {
		return 0
	}
	return holding - (holding+q.idle)/(q.idle+1)
}

// give queues jobs with their state.
func (q *source) give(jobs ...job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, jobs...)
	q.changed.Broadcast()
}

// leave is a thread's end.
func (q *source) leave(holds *bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.release(holds)
}

// release counts a thread out of those that hold jobs; the last one tells those that wait.
func (q *source) release(holds *bool) {
	if *holds {
		*holds = false
		q.working--
	}
	q.changed.Broadcast()
}

// wake makes those that wait look at their context.
func (q *source) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}
