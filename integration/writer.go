package integration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/trm-go/refiner/internal/batch"
	"github.com/trm-go/refiner/memory"
)

// Writer remembers turns in the background, in their order, so that nobody waits for the disk. It is safe for concurrent
// use.
type Writer struct {
	plugin *Plugin
	queue  *batch.Batcher[exchange]
	WriterOptions
}

// WriterOptions say who is told of a Writer's work. Nil is the same as a zero WriterOptions.
type WriterOptions struct {
	// Log gets what could not be written. Nil disables it.
	Log *slog.Logger
	// Written and Failed are told how many records were written and could not be; what was there already is neither. Nil
	// disables them.
	Written, Failed func(records int)
}

// exchange is a turn and its answer on their way into memory.
type exchange struct {
	turn   *Turn
	answer string
}

// The bounds of writing.
const (
	mostPending = 1024                  // turns that wait: beyond it answers wait for the disk
	writeTime   = time.Minute           // for those that wait together. It is long: what is lost here is lost for good
	writeLinger = 50 * time.Millisecond // for more to come, which share a commit; a crash may lose as much more
)

// Writer makes a writer of turns. It needs no end, but [Writer.Wait] before the plugin is closed.
func (p *Plugin) Writer(o *WriterOptions) *Writer {
	w := &Writer{plugin: p}
	if o != nil {
		w.WriterOptions = *o
	}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	w.queue = batch.New(mostPending, writeLinger, w.write)
	return w
}

// Remember writes a turn as [Turn.Remember] does, within about a tenth of a second. The turn must not be used any more.
func (w *Writer) Remember(t *Turn, answer string) { w.queue.Put(exchange{t, answer}) }

// Pending is how many turns wait.
func (w *Writer) Pending() int { return w.queue.Len() }

// Wait returns when every turn is written, or could not be.
func (w *Writer) Wait() { w.queue.Wait() }

// write writes turns, those of one tenant and user in one transaction: a commit is an fsync.
func (w *Writer) write(list []exchange) {
	ctx, stop := context.WithTimeout(context.Background(), writeTime) // the requests are over
	defer stop()
	var scopes []memory.Scope
	records := map[memory.Scope][]memory.Record{}
	for _, h := range list {
		scope := tenantScope(h.turn.options.Scope)
		if _, known := records[scope]; !known {
			scopes = append(scopes, scope)
		}
		records[scope] = append(records[scope], h.turn.records(h.answer)...)
	}
	for _, scope := range scopes {
		if err := w.plugin.Writes("remember the turns"); err != nil {
			w.failed(scope, len(records[scope]), err)
			continue
		}
		added, err := w.plugin.addEach(ctx, scope, records[scope])
		written := added.Count
		for errors.Is(err, memory.ErrLocked) && ctx.Err() == nil { // each try waits as long as store.wait says
			added, err = w.plugin.addEach(ctx, scope, records[scope])
			written += added.Count
		}
		if w.Written != nil {
			w.Written(written)
		}
		if err != nil {
			w.failed(scope, len(records[scope])-added.Count-added.Skipped, err)
		}
	}
}

// failed tells that records could not be written.
func (w *Writer) failed(scope memory.Scope, records int, err error) {
	if w.Failed != nil {
		w.Failed(records)
	}
	w.Log.Error("turns could not be written to memory", "scope", scope.String(), "records", records, "error", err)
}

// tenantScope is the part of a scope that one transaction stays in.
func tenantScope(s memory.Scope) memory.Scope { return memory.Scope{Tenant: s.Tenant, User: s.User} }

// addEach writes records together, or one by one if one of them is at fault: a memory that was deleted while an answer
// rested on it must not keep the others out. The error joins one for each that could not be written.
func (p *Plugin) addEach(ctx context.Context, scope memory.Scope, records []memory.Record) (memory.Added, error) {
	added, err := p.Store.Add(ctx, scope, records...)
	if err == nil || errors.Is(err, memory.ErrLocked) || ctx.Err() != nil {
		return added, err
	}
	var all memory.Added
	var failed []error
	for _, r := range records {
		one, err := p.Store.Add(ctx, scope, r)
		all.Count, all.Skipped, all.Deleted, all.IDs = all.Count+one.Count, all.Skipped+one.Skipped, all.Deleted+one.Deleted, append(all.IDs, one.IDs...)
		if err != nil {
			failed = append(failed, fmt.Errorf("the %s's words in session %q: %w", r.Role, r.Scope.Session, err))
		}
	}
	return all, errors.Join(failed...)
}
