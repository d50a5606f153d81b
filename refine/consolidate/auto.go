package consolidate

import (
	"context"
	"errors"
	"fmt"

	"github.com/trm-go/refiner/memory"
)

// replans is how often Auto makes a plan anew because a record that it names was changed meanwhile.
const replans = 5

// Auto is what a timer calls: it finishes a run of the scope that was interrupted, makes a plan and applies it. Where there
// is nothing to do nothing is written; the Run is then the zero Run.
func Auto(ctx context.Context, store Store, scope memory.Scope, o *Options, ro *RunOptions) (Run, error) {
	runs, err := Runs(store.Path())
	if err != nil {
		return Run{}, fmt.Errorf("consolidate: %w", err)
	}
	j := journal{dir: Dir(store.Path())}
	for _, r := range runs {
		if !scope.Contains(r.Scope) || r.State != Applying && r.State != Undoing {
			continue
		}
		// Without its plan, which a deletion for privacy may have removed, a run is taken back.
		if p, err := j.plan(r.Name); r.State == Applying && err == nil {
			_, err = Apply(ctx, store, p, ro)
			if err != nil {
				return r, err
			}
		} else if _, err := Undo(ctx, store, r.Name, ro); err != nil {
			return r, err
		}
	}
	for try := 1; ; try++ {
		p, err := New(ctx, store, scope, o)
		if err != nil || len(p.Changes) == 0 {
			return Run{}, err
		}
		run, err := Apply(ctx, store, p, ro)
		if !errors.Is(err, ErrStale) || try == replans {
			return run, err
		}
	}
}
