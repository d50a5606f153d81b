package consolidate

import (
	"context"
	"errors"
	"fmt"

	"github.com/trm-go/refiner/memory"
)

// Auto is what a timer calls: it finishes a run that was interrupted, makes a plan for the scope and applies it. A store
// on which there is nothing to do is left as it is; the Run is then the zero Run.
func Auto(ctx context.Context, store Store, scope memory.Scope, o *Options, ro *RunOptions) (Run, error) {
	runs, err := Runs(store.Path())
	if err != nil {
		return Run{}, fmt.Errorf("consolidate: %w", err)
	}
	j := journal{dir: Dir(store.Path())}
	for _, r := range runs {
		switch r.State {
		case Applying:
			p, err := j.plan(r.Name)
			if err != nil {
				return r, fmt.Errorf("consolidate: finish run %s: %w", r.Name, err)
			}
			if _, err := Apply(ctx, store, p, ro); err != nil && !errors.Is(err, ErrStale) {
				return r, err
			} else if err != nil {
				// Somebody wrote in between: what was done is taken back, and planned anew.
				if _, err := Undo(ctx, store, r.Name, ro); err != nil {
					return r, err
				}
			}
		case Undoing:
			if _, err := Undo(ctx, store, r.Name, ro); err != nil {
				return r, err
			}
		}
	}
	p, err := New(ctx, store, scope, o)
	if err != nil || len(p.Changes) == 0 {
		return Run{}, err
	}
	return Apply(ctx, store, p, ro)
}
