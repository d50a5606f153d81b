package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/batch"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// counter counts in the background which memories were shown: a count waits for the disk and for other processes that write, and no
// answer should.
type counter struct {
	store refine.Changes
	log   *slog.Logger
	queue *batch.Batcher[impression]
}

// impression are the memories that one answer showed.
type impression struct {
	scope memory.Scope
	ids   []memory.ID
}

// The bounds of counting. Beyond them an impression is not counted: it is a statistic, and nothing is lost with it.
const (
	mostImpressions = 1024                   // that wait
	countTime       = 10 * time.Second       // for those that wait together
	countLinger     = 100 * time.Millisecond // for more to come
)

func newCounter(s refine.Changes, log *slog.Logger) *counter {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &counter{store: s, log: log}
	c.queue = batch.New(mostImpressions, countLinger, c.count)
	return c
}

// put hands an impression over. It does not wait.
func (c *counter) put(scope memory.Scope, ids []memory.ID) {
	if len(ids) > 0 && !c.queue.Offer(impression{scope, ids}) {
		c.log.Warn("memories shown are not counted: too many counts are pending", "scope", scope.String())
	}
}

// count counts impressions, those of one scope in one transaction: a commit is an fsync.
func (c *counter) count(list []impression) {
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
			c.log.Warn("memories shown are not counted", "scope", scope.String(), "error", err)
		}
	}
}

// Shown counts that memories of a scope were shown to somebody or put into a prompt, which habituation reckons with. The
// zero Scope is the plugin's. It counts in the background, within a tenth of a second, and does not wait;
// [Plugin.Flush] does. What cannot be counted is logged. A plugin that only reads counts nothing.
func (p *Plugin) Shown(scope memory.Scope, ids ...memory.ID) {
	if !p.readOnly {
		p.counter.put(p.scope(scope), slices.Clone(ids))
	}
}

// Flush returns when everything that was shown is counted.
func (p *Plugin) Flush() { p.counter.queue.Wait() }

// ReadOnly is a plugin on the same store that writes nothing: its writes return [memory.ErrReadOnly], and what it shows is
// not counted. [Plugin.Store] stays as it is. Closing either closes both.
func (p *Plugin) ReadOnly() *Plugin {
	reader := *p
	reader.readOnly = true
	return &reader
}

// Writes returns an error that wraps [memory.ErrReadOnly] if the plugin only reads. what is what would be done.
func (p *Plugin) Writes(what string) error {
	if p.readOnly {
		return fmt.Errorf("%s: %w", what, memory.ErrReadOnly)
	}
	return nil
}
