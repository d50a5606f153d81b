// Package behind does work behind the answers, so that nobody waits for it: a [Queue] hands over what was put, in its order,
// and together what has gathered meanwhile. That is what makes writing cheap: a commit costs the same for one as for many.
package behind

import (
	"sync"
	"time"
)

// Queue hands what is put to a function, one call at a time. Its goroutine runs only while there is something to hand over,
// and [Queue.Wait] waits for its end. It is safe for concurrent use.
type Queue[T any] struct {
	do     func([]T)
	most   int
	linger time.Duration

	mu      sync.Mutex
	changed sync.Cond // something was handed over, or the goroutine ends
	pending []T
	running bool
	waiting int           // calls of Wait
	hurry   chan struct{} // ends a linger
}

// New makes a queue in which at most so many wait. It lingers before each call of do, for more to come: zero hands over at
// once what there is.
func New[T any](most int, linger time.Duration, do func([]T)) *Queue[T] {
	q := &Queue[T]{do: do, most: most, linger: linger, hurry: make(chan struct{}, 1)}
	q.changed.L = &q.mu
	return q
}

// Put hands x over. Where too many wait, it waits until there is room.
func (q *Queue[T]) Put(x T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) >= q.most {
		q.hasten()
		q.changed.Wait()
	}
	q.put(x)
}

// Offer hands x over, or reports that too many wait. It does not wait itself.
func (q *Queue[T]) Offer(x T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.pending) >= q.most {
		return false
	}
	q.put(x)
	return true
}

func (q *Queue[T]) put(x T) {
	q.pending = append(q.pending, x)
	if !q.running {
		q.running = true
		go q.run() // ends when nothing is left
	}
}

// hasten ends a linger that is under way, or else the next one.
func (q *Queue[T]) hasten() {
	select {
	case q.hurry <- struct{}{}:
	default:
	}
}

// Len is how many wait to be handed over.
func (q *Queue[T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.pending)
}

// Wait returns when everything that was put is done. It does not linger.
func (q *Queue[T]) Wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting++
	defer func() { q.waiting-- }()
	for q.running {
		q.hasten()
		q.changed.Wait()
	}
}

func (q *Queue[T]) run() {
	for {
		q.mu.Lock()
		if len(q.pending) == 0 {
			q.running = false
			q.changed.Broadcast()
			q.mu.Unlock()
			return
		}
		if q.linger > 0 && q.waiting == 0 && len(q.pending) < q.most {
			q.mu.Unlock()
			timer := time.NewTimer(q.linger)
			select {
			case <-timer.C:
			case <-q.hurry:
				timer.Stop()
			}
			q.mu.Lock()
		}
		list := q.pending
		q.pending = nil
		q.changed.Broadcast()
		q.mu.Unlock()
		q.do(list)
	}
}
