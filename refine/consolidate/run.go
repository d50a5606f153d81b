package consolidate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// RunOptions say how a plan is applied or undone. Nil is the same as a zero RunOptions.
type RunOptions struct {
	// Scopes are those whose plans may be applied and whose runs may be undone; none: any.
	Scopes []memory.Scope
	// NoSnapshot applies without copying the store first.
	NoSnapshot bool
	// OnChange is called after each change, with how many are done of how many.
	OnChange func(done, total int)
	// Now is the clock of the log. Nil: time.Now.
	Now func() time.Time
}

// allows reports whether a scope is one of those.
func (o *RunOptions) allows(scope memory.Scope) bool {
	return len(o.Scopes) == 0 || slices.ContainsFunc(o.Scopes, func(s memory.Scope) bool { return s.Contains(scope) })
}

// Errors of a run.
var (
	// ErrNoRun is returned when there is nothing to undo, or no run of a name.
	ErrNoRun = errors.New("no such run")
	// ErrLater is returned for a run that a later one has built on.
	ErrLater = errors.New("a later run stands")
	// ErrScope is returned for a plan or a run of another scope.
	ErrScope = errors.New("another scope")
)

// Apply applies a plan: it refuses one that is not as the store has made it, or that names a record which has changed since,
// copies the store, and makes the changes one after the other, each as a whole. What somebody else changes while it does so
// stays as they left it. If it is interrupted, at whatever moment, applying the same plan again goes on where it stopped, and
// Undo takes back what was done.
func Apply(ctx context.Context, store refine.Store, p *Plan, o *RunOptions) (Run, error) {
	run, err := apply(ctx, store, p, o)
	if err != nil {
		err = fmt.Errorf("apply plan %s: %w", p.Name(), err)
	}
	return run, err
}

func apply(ctx context.Context, store refine.Store, p *Plan, o *RunOptions) (Run, error) {
	if p.sum() != p.Hash {
		return Run{}, fmt.Errorf("%w: make it anew", ErrTampered)
	}
	if signature, err := store.Sign(ctx, []byte(p.Hash)); err != nil {
		return Run{}, err
	} else if signature != p.Signature {
		return Run{}, fmt.Errorf("%w, or made for another store: make it anew", ErrTampered)
	}
	j, unlock, err := openJournal(store, o)
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	if !j.allows(p.Scope) {
		return Run{}, fmt.Errorf("%w: the plan is of the scope %s", ErrScope, p.Scope)
	}
	run, err := j.read(p.Name())
	switch {
	case errors.Is(err, ErrNoRun):
		if run, err = j.begin(ctx, store, p); err != nil {
			return Run{}, err
		}
	case err != nil || run.State == Applied:
		return run, err
	case run.State != Applying:
		return run, fmt.Errorf("%w: it was applied and is %s", ErrStale, run.State)
	}
	run.Skipped = 0
	for i, c := range p.Changes {
		if err := ctx.Err(); err != nil {
			return run, err
		}
		// One that was made before an interruption is not made again.
		if _, err = store.Record(ctx, p.Scope, c.Write.ID); errors.Is(err, memory.ErrNotFound) {
			_, err = store.Supersede(ctx, p.Scope, c.Write, c.Replaces...)
			if errors.Is(err, memory.ErrInvalid) || errors.Is(err, memory.ErrNotFound) { // a record that it names has changed
				run.Skipped++
				err = nil
			}
		}
		if err != nil {
			return run, fmt.Errorf("change %d of %d: %w", i+1, len(p.Changes), err)
		}
		j.OnChange(i+1, len(p.Changes))
	}
	run.State = Applied
	return run, j.write(&run)
}

// begin copies the store and writes the plan and the run into the log.
func (j journal) begin(ctx context.Context, store refine.Store, p *Plan) (Run, error) {
	run := Run{Name: p.Name(), Number: 1, State: Applying, Scope: p.Scope, Changes: len(p.Changes), Before: p.Before, After: p.After, Started: j.Now().UTC()}
	runs, err := Runs(store.Path())
	if err != nil {
		return run, err
	}
	if n := len(runs); n > 0 {
		run.Number = runs[n-1].Number + 1
	}
	for _, c := range p.Changes {
		run.Wrote = append(run.Wrote, c.Write.ID)
	}
	if err := verify(ctx, store, p); err != nil {
		return run, err
	}
	if !j.NoSnapshot && len(p.Changes) > 0 {
		run.Snapshot = filepath.Join(j.dir, run.Name+".db")
		// One that is there already is of a run that was killed before it began.
		if err := os.Remove(run.Snapshot); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return run, err
		}
		if _, err := store.Snapshot(ctx, run.Snapshot); errors.Is(err, errors.ErrUnsupported) {
			run.Snapshot = "" // a database has copies of its own
		} else if err != nil {
			return run, err
		}
	}
	err = store.Quoting(ctx, func() error {
		if err := verify(ctx, store, p); err != nil { // what the plan quotes may have been deleted meanwhile
			return err
		}
		return errors.Join(j.writePlan(p), j.write(&run)) // a run that is in the log has its plan
	})
	if err != nil && run.Snapshot != "" {
		_ = os.Remove(run.Snapshot)
	}
	return run, err
}

// verify checks that every change rests on what the store holds: that what it replaces and what it was made of is live, that
// each quote is an exact passage of its source, and that the text consists of nothing but its quotes, the days and the names of
// who said them.
func verify(ctx context.Context, store refine.Store, p *Plan) error {
	records := map[memory.ID]memory.Record{}
	for r, err := range store.All(ctx, p.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return err
		}
		records[r.ID] = r
	}
	for _, c := range p.Changes {
		live := c.Replaces
		if c.Op == Summarise {
			live = append(slices.Clone(live), c.Write.DerivedFrom...)
		}
		for _, id := range live {
			if r, ok := records[id]; !ok || !r.Superseded.IsZero() {
				return fmt.Errorf("%w: record %s is not live", ErrStale, id)
			}
		}
		if err := grounded(&c.Write, func(id memory.ID) (memory.Record, bool) { r, ok := records[id]; return r, ok }); err != nil {
			return err
		}
	}
	return nil
}

// Undo takes back a run, the last one that stands if name is empty: what it wrote is superseded by nothing, and what it
// replaced is found again. What somebody else has changed since stays as it is. A run that a later one has built on is refused
// before anything is changed: that must be undone first. It may be interrupted and repeated.
func Undo(ctx context.Context, store refine.Store, name string, o *RunOptions) (Run, error) {
	run, err := undo(ctx, store, name, o)
	if err != nil {
		err = fmt.Errorf("undo: %w", err)
	}
	return run, err
}

func undo(ctx context.Context, store refine.Store, name string, o *RunOptions) (Run, error) {
	j, unlock, err := openJournal(store, o)
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	run, later, err := j.find(store.Path(), name)
	if err != nil || run.State == Undone {
		return run, err
	}
	wrote, err := j.wrote(&run)
	if err != nil {
		return run, err
	}
	if run.State != Undoing {
		if err := j.last(ctx, store, &run, wrote, later); err != nil {
			return run, err
		}
	}
	run.State, run.Skipped = Undoing, 0
	if err := j.write(&run); err != nil {
		return run, err
	}
	for i, id := range slices.Backward(wrote) {
		if err := ctx.Err(); err != nil {
			return run, err
		}
		written, err := store.Record(ctx, run.Scope, id)
		switch {
		case errors.Is(err, memory.ErrNotFound):
			continue // the run was interrupted before it, or the record was deleted for privacy
		case err != nil:
			return run, err
		case written.Superseded.IsZero():
			if err = store.Undo(ctx, run.Scope, id); err != nil && !errors.Is(err, memory.ErrInvalid) {
				return run, err
			}
		}
		if err != nil || written.SupersededBy != "" {
			run.Skipped++ // somebody else has put something in its place
		}
		j.OnChange(len(wrote)-i, len(wrote))
	}
	run.State = Undone
	return run, j.write(&run)
}

// find is the run of a name, or the last one that stands and may be touched, and the runs after it.
func (j journal) find(path, name string) (run Run, later []Run, err error) {
	runs, err := Runs(path)
	if err != nil {
		return run, nil, err
	}
	for i, r := range slices.Backward(runs) {
		switch {
		case name != "" && r.Name != name, name == "" && (r.State == Undone || !j.allows(r.Scope)):
		case !j.allows(r.Scope):
			return run, nil, fmt.Errorf("%w: the run %s is of the scope %s", ErrScope, name, r.Scope)
		default:
			return r, runs[i+1:], nil
		}
	}
	if name == "" {
		return run, nil, fmt.Errorf("%w: nothing was applied that still stands", ErrNoRun)
	}
	return run, nil, fmt.Errorf("%w: %q", ErrNoRun, name)
}

// last checks that no later run has put something in the place of what a run wrote.
func (j journal) last(ctx context.Context, store refine.Store, run *Run, wrote []memory.ID, runs []Run) error {
	later := map[memory.ID]string{}
	for _, r := range runs {
		ids, err := j.wrote(&r)
		if r.State == Undone || err != nil {
			continue // without its plan it cannot be undone either
		}
		for _, id := range ids {
			later[id] = r.Name
		}
	}
	for _, id := range wrote {
		r, err := store.Record(ctx, run.Scope, id)
		if err != nil && !errors.Is(err, memory.ErrNotFound) {
			return err
		}
		if name := later[r.SupersededBy]; name != "" {
			return fmt.Errorf("%w: undo the later run first: %s has built on it", ErrLater, name)
		}
	}
	return nil
}

// replans is how often Auto makes a plan anew because a record that it names was changed meanwhile.
const replans = 5

// Auto is what a timer calls: it finishes a run of the scope that was interrupted, makes a plan and applies it. Where there
// is nothing to do nothing is written; the Run is then the zero Run.
func Auto(ctx context.Context, store refine.Store, scope memory.Scope, o *Options, ro *RunOptions) (Run, error) {
	runs, err := Runs(store.Path(), scope)
	if err != nil {
		return Run{}, fmt.Errorf("consolidate: %w", err)
	}
	for _, r := range runs {
		if r.State != Applying && r.State != Undoing {
			continue
		}
		// Without its plan, which a deletion for privacy may have removed, a run is taken back.
		if p, err := (journal{dir: folderOf(store.Path())}).plan(r.Name); r.State == Applying && err == nil {
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
