package memory

import (
	"context"
	"slices"
)

// MetaPinned is the metadata that puts a record into every prompt: "true" pins it, "false" keeps a persona out.
const MetaPinned = "pinned"

// Pinned reports whether a record stands in every prompt: it is pinned, or says who the user or the assistant is.
func (r *Record) Pinned() bool {
	return r.Meta[MetaPinned] == "true" || r.Kind == KindPersona && r.Meta[MetaPinned] != "false"
}

// Pinned returns the live records of a scope that are pinned and hold now, the last written first, at most limit of them.
func (s *Store) Pinned(ctx context.Context, scope Scope, limit int) ([]Record, error) {
	sh, err := s.shard(ctx, scope)
	if err != nil {
		return nil, fail("read what is pinned", err)
	}
	sh.mu.RLock()
	rows := sh.index.OfKindOrMeta(placeOf(scope), micros(s.now()), string(KindPersona), MetaPinned, "true")
	sh.mu.RUnlock()
	slices.Sort(rows)
	slices.Reverse(rows)
	records, err := s.Fetch(ctx, scope, rows[:min(limit, len(rows))]...)
	return slices.DeleteFunc(records, func(r Record) bool { return !r.Pinned() }), err
}
