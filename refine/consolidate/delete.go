package consolidate

import (
	"context"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory"
)

// Deleter is a store that can delete for privacy; a [memory.Store] is one.
type Deleter interface {
	Store
	Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error)
}

// Delete deletes records for privacy, and everything that was derived from them. The other sources of what was derived
// are found again, so that nothing else is forgotten; the next consolidation writes summaries without what was deleted.
// The snapshots and the plans of all runs hold the text too: the records are deleted from the snapshots, and the plans
// that quote them are removed, after which those runs cannot be undone any more.
func Delete(ctx context.Context, store Deleter, scope memory.Scope, ids ...memory.ID) (memory.Deleted, error) {
	d, err := deleteRecords(ctx, store, scope, ids)
	if err != nil {
		return d, fmt.Errorf("delete with what was derived: %w", err)
	}
	return d, nil
}

func deleteRecords(ctx context.Context, store Deleter, scope memory.Scope, ids []memory.ID) (memory.Deleted, error) {
	unlock, err := lock(Dir(store.Path()))
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
	var derived []memory.Record
	wall := memory.Scope{Tenant: scope.Tenant, User: scope.User}
	for r, err := range store.All(ctx, wall, &memory.AllOptions{History: true}) {
		if err != nil {
			return memory.Deleted{}, err
		}
		if slices.ContainsFunc(r.DerivedFrom, func(id memory.ID) bool { return wanted[id] }) {
			wanted[r.ID] = true
			derived = append(derived, r)
		}
	}
	for _, r := range slices.Backward(derived) {
		now, err := store.Record(ctx, wall, r.ID)
		if err != nil {
			return memory.Deleted{}, err
		}
		if now.Superseded.IsZero() {
			if err := store.Undo(ctx, wall, r.ID); err != nil {
				return memory.Deleted{}, err
			}
		}
	}
	runs, err := Runs(store.Path())
	if err != nil {
		return memory.Deleted{}, err
	}
	j := journal{dir: Dir(store.Path())}
	o := &memory.DeleteOptions{Derived: true}
	for _, run := range runs {
		p, err := j.plan(run.Name)
		if err == nil && !slices.ContainsFunc(p.Changes, func(c Change) bool { return wanted[c.Write.ID] }) && run.Snapshot == "" {
			continue
		}
		if run.Snapshot != "" && exists(run.Snapshot) {
			o.Snapshots = append(o.Snapshots, run.Snapshot)
		}
		if err == nil && slices.ContainsFunc(p.Changes, func(c Change) bool { return wanted[c.Write.ID] }) {
			if err := j.forget(run.Name); err != nil {
				return memory.Deleted{}, err
			}
		}
	}
	return store.Delete(ctx, scope, ids, o)
}
