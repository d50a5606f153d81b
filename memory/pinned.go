package memory

import (
	"context"
	"slices"
	"time"
)

// MetaPinned is the metadata that puts a record into every prompt: "true" pins it, "false" keeps a persona out.
const MetaPinned = "pinned"

// Pinned reports whether a record stands in every prompt: it is pinned, or says who the user or the assistant is.
func (r *Record) Pinned() bool {
	return r.Meta[MetaPinned] == "true" || r.Kind == KindPersona && r.Meta[MetaPinned] != "false"
}

// Pinned returns the live records of a scope that are pinned and hold now, the last written first, at most limit of them.
func (s *Store) Pinned(ctx context.Context, scope Scope, limit int) ([]Record, error) {
	records, err := FindPinned(ctx, engine{s}, scope, limit)
	return records, fail("read what is pinned", err)
}

// FindPinned is [Store.Pinned] for the records of another engine.
func FindPinned(ctx context.Context, e Engine, scope Scope, limit int) ([]Record, error) {
	view, err := e.View(ctx, scope, time.Time{})
	if err != nil {
		return nil, err
	}
	view.mu.RLock()
	rows := view.index.OfKindOrMeta(placeOf(scope), micros(e.Now()), string(KindPersona), MetaPinned, "true")
	view.mu.RUnlock()
	slices.Sort(rows)
	slices.Reverse(rows)
	records, err := e.Fetch(ctx, scope, rows[:min(limit, len(rows))]...)
	return slices.DeleteFunc(records, func(r Record) bool { return !r.Pinned() }), err
}
