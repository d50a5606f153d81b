package consolidate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Deleter is a store that can delete for privacy; a [memory.Store] is one.
type Deleter interface {
	Store
	Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error)
	Forget(ctx context.Context, scope memory.Scope, o *memory.DeleteOptions) (memory.Deleted, error)
}

// Delete deletes records for privacy, all of the scope if none is named, and what was derived from them; o says from
// which other snapshots. The other sources of what was derived are found again, so that nothing else is forgotten: the
// next consolidation writes summaries without what was deleted. The snapshots and plans of all runs hold the text too: the records
// are deleted from the snapshots, and the plans that quote them are removed, after which those runs cannot be undone.
//
// Without o.Derived it fails with [memory.ErrDerived] if anything rests on them, and nothing is deleted.
func Delete(ctx context.Context, store Deleter, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error) {
	d, err := deleteRecords(ctx, store, scope, ids, o)
	if err != nil {
		return d, fmt.Errorf("delete with what was derived: %w", err)
	}
	return d, nil
}

// Retain deletes what was observed in a scope before a moment, and what was derived from it: the end of a retention
// period. What was derived from younger records too is found again from those.
func Retain(ctx context.Context, store Deleter, scope memory.Scope, from time.Time, o *memory.DeleteOptions) (memory.Deleted, error) {
	opts := memory.DeleteOptions{}
	if o != nil {
		opts = *o
	}
	opts.Derived = true
	var ids []memory.ID
	for r, err := range store.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return memory.Deleted{}, fmt.Errorf("retain: %w", err)
		}
		if r.Origin == memory.Observed && r.Created.Before(from) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return memory.Deleted{}, nil
	}
	return Delete(ctx, store, scope, ids, &opts)
}

func deleteRecords(ctx context.Context, store Deleter, scope memory.Scope, ids []memory.ID, given *memory.DeleteOptions) (memory.Deleted, error) {
	o := memory.DeleteOptions{}
	if given != nil {
		o = *given
	}
	erase := func() (memory.Deleted, error) {
		if len(ids) == 0 {
			return store.Forget(ctx, scope, &o)
		}
		return store.Delete(ctx, scope, ids, &o)
	}
	if !exists(Dir(store.Path())) {
		return erase() // nothing was ever consolidated
	}
	unlock, err := Lock(Dir(store.Path()))
	if err != nil {
		return memory.Deleted{}, err
	}
	defer unlock()
	// What rests on them, and on that, in the order in which it was written.
	wanted := map[memory.ID]bool{}
	for _, id := range ids {
		if _, err := store.Record(ctx, scope, id); err != nil {
			return memory.Deleted{}, err
		}
		wanted[id] = true
	}
	if len(ids) == 0 {
		for r, err := range store.All(ctx, scope, &memory.AllOptions{History: true}) {
			if err != nil {
				return memory.Deleted{}, err
			}
			wanted[r.ID] = true
		}
	}
	var derived []memory.Record
	wall := memory.Scope{Tenant: scope.Tenant, User: scope.User}
	for r, err := range store.All(ctx, wall, &memory.AllOptions{History: true}) {
		if err != nil {
			return memory.Deleted{}, err
		}
		if slices.ContainsFunc(r.DerivedFrom, func(id memory.ID) bool { return wanted[id] }) {
			if !o.Derived && !wanted[r.ID] {
				return memory.Deleted{}, fmt.Errorf("record %s: %w", r.ID, memory.ErrDerived)
			}
			wanted[r.ID] = true
			derived = append(derived, r)
		}
	}
	for _, r := range slices.Backward(derived) {
		now, err := store.Record(ctx, wall, r.ID)
		if err != nil {
			return memory.Deleted{}, err
		}
		if !now.Superseded.IsZero() {
			continue
		}
		// ErrInvalid: it took the place of nothing, so that there is nothing to be found again.
		if err := store.Undo(ctx, wall, r.ID); err != nil && !errors.Is(err, memory.ErrInvalid) {
			return memory.Deleted{}, err
		}
	}
	runs, err := Runs(store.Path())
	if err != nil {
		return memory.Deleted{}, err
	}
	j := journal{dir: Dir(store.Path())}
	for _, run := range runs {
		if run.Snapshot != "" && exists(run.Snapshot) && !slices.Contains(o.Snapshots, run.Snapshot) {
			o.Snapshots = append(slices.Clone(o.Snapshots), run.Snapshot)
		}
		p, err := j.plan(run.Name)
		quotes := func(c Change) bool {
			return wanted[c.Write.ID] || slices.ContainsFunc(c.Replaces, func(id memory.ID) bool { return wanted[id] }) ||
				slices.ContainsFunc(c.Write.DerivedFrom, func(id memory.ID) bool { return wanted[id] })
		}
		// A plan that cannot be read may hold anything.
		if err != nil || slices.ContainsFunc(p.Changes, quotes) {
			if err := j.forget(run.Name); err != nil {
				return memory.Deleted{}, err
			}
		}
	}
	return erase()
}
