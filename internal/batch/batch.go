// Package batch does work in the background, in batches: a [Batcher] hands over what was put, in its order, and together what
// has gathered meanwhile. That makes writing cheap: a commit costs the same for one as for many.
package batch

import (
	"sync"
	"time"
)

// Batcher hands what is put to a function, one call at a time. Its goroutine runs only while there is something to hand over,
// and [Batcher.Wait] waits for its end. It is safe for concurrent use.
type Batcher[T any] struct {
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

// New makes a batcher in which at most so many wait. It lingers before each call of do, for more to come: zero hands over at
// once what there is.
func New[T any](most int, linger time.Duration, do func([]T)) *Batcher[T] {
	b := &Batcher[T]{do: do, most: most, linger: linger, hurry: make(chan struct{}, 1)}
	b.changed.L = &b.mu
	return b
}

// Put hands x over. Where too many wait, it waits until there is room.
func (b *Batcher[T]) Put(x T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.pending) >= b.most {
		b.hasten()
		b.changed.Wait()
	}
	b.put(x)
}

// Offer hands x over, or reports that too many wait. It does not wait itself.
func (b *Batcher[T]) Offer(x T) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) >= b.most {
		return false
	}
	b.put(x)
	return true
}

func (b *Batcher[T]) put(x T) {
	b.pending = append(b.pending, x)
	if !b.running {
		b.running = true
		go b.run() // ends when nothing is left
	}
}

// hasten ends a linger that is under way, or else the next one.
func (b *Batcher[T]) hasten() {
	select {
	case b.hurry <- struct{}{}:
	default:
	}
}

// Len is how many wait to be handed over.
func (b *Batcher[T]) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pending)
}

// Wait returns when everything that was put is done. It does not linger.
func (b *Batcher[T]) Wait() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting++
	defer func() { b.waiting-- }()
	for b.running {
		b.hasten()
		b.changed.Wait()
	}
}

func (b *Batcher[T]) run() {
	for {
		b.mu.Lock()
		if len(b.pending) == 0 {
			b.running = false
			b.changed.Broadcast()
			b.mu.Unlock()
			return
		}
		if b.linger > 0 && b.waiting == 0 && len(b.pending) < b.most {
			b.mu.Unlock()
			timer := time.NewTimer(b.linger)
			select {
			case <-timer.C:
			case <-b.hurry:
				timer.Stop()
			}
			b.mu.Lock()
		}
		list := b.pending
		b.pending = nil
		b.changed.Broadcast()
		b.mu.Unlock()
		b.do(list)
	}
}
