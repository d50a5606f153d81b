package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/trm-go/refiner/memory"
)

// counter counts what was shown, behind the answers: a count waits for the disk and for other processes that write, and no
// answer should. It runs only while there is something to count.
type counter struct {
	store *memory.Store
	log   *slog.Logger

	mu      sync.Mutex
	idle    sync.Cond // all is counted
	pending []showing
	running bool
}

// showing is what one answer showed.
type showing struct {
	scope memory.Scope
	ids   []memory.ID
}

// The bounds of counting. Beyond them a showing is not counted: it is a statistic, and nothing is lost with it.
const (
	mostShowings = 1024             // that wait
	countTime    = 10 * time.Second // for those that wait together
)

func newCounter(s *memory.Store, log *slog.Logger) *counter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &counter{store: s, log: log}
	c.idle.L = &c.mu
	return c
}

// put hands a showing over. It does not wait.
func (c *counter) put(scope memory.Scope, ids []memory.ID) {
	if len(ids) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) >= mostShowings {
		c.log.Warn("what was shown is not counted: too much waits to be", "scope", scope.String())
		return
	}
	c.pending = append(c.pending, showing{scope, ids})
	if !c.running {
		c.running = true
		go c.run() // ends when nothing is left to count
	}
}

// wait returns when everything that was put is counted, or could not be.
func (c *counter) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running {
		c.idle.Wait()
	}
}

func (c *counter) run() {
	for {
		c.mu.Lock()
		list := c.pending
		c.pending = nil
		if len(list) == 0 {
			c.running = false
			c.idle.Broadcast()
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.count(list)
	}
}

// count counts showings, those of one scope in one transaction: a commit is an fsync.
func (c *counter) count(list []showing) {
	ctx, stop := context.WithTimeout(context.Background(), countTime) // the answers are given
	defer stop()
	var scopes []memory.Scope
	ids := map[memory.Scope][]memory.ID{}
	for _, s := range list {
		if _, known := ids[s.scope]; !known {
			scopes = append(scopes, s.scope)
		}
		ids[s.scope] = append(ids[s.scope], s.ids...)
	}
	for _, scope := range scopes {
		err := c.store.MarkShown(ctx, scope, ids[scope]...)
		if errors.Is(err, memory.ErrNotFound) { // one was deleted meanwhile
			err = nil
			for _, id := range ids[scope] {
				if one := c.store.MarkShown(ctx, scope, id); one != nil && !errors.Is(one, memory.ErrNotFound) {
					err = errors.Join(err, one)
				}
			}
		}
		if err != nil {
			c.log.Warn("what was shown is not counted", "scope", scope.String(), "error", err)
		}
	}
}

// Shown counts that memories of a scope were shown to somebody or put into a prompt, which habituation reckons with. The
// zero Scope is the plugin's. It counts behind the caller's back and does not wait; [Plugin.Flush] does. What cannot be
// counted is logged. A plugin that only reads counts nothing.
func (p *Plugin) Shown(scope memory.Scope, ids ...memory.ID) {
	if !p.readOnly {
		p.counter.put(p.scope(scope), slices.Clone(ids))
	}
}

// Flush returns when everything that was shown is counted.
func (p *Plugin) Flush() { p.counter.wait() }

// ReadOnly is a plugin on the same store that writes nothing: its writes return [memory.ErrReadOnly], and what it shows is
// not counted. [Plugin.Store] stays as it is. Closing either closes both.
func (p *Plugin) ReadOnly() *Plugin {
	reader := *p
	reader.readOnly = true
	return &reader
}

// writes returns an error if the plugin only reads.
func (p *Plugin) writes(what string) error {
	if p.readOnly {
		return fmt.Errorf("%s: %w", what, memory.ErrReadOnly)
	}
	return nil
}
