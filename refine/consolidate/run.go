package consolidate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/trm-go/refiner/internal/filelock"
	"github.com/trm-go/refiner/memory"
)

// Store is what a plan is applied to; a [memory.Store] is one. Each Add, Supersede and Undo happens as a whole or not at all.
type Store interface {
	Reader
	Path() string
	Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error)
	Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error)
	Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error)
	Undo(ctx context.Context, scope memory.Scope, id memory.ID) error
	Snapshot(ctx context.Context, path string) (memory.Snapshot, error)
	// Quoting calls f, which writes a file that quotes records, while no deletion for privacy goes through such files.
	Quoting(ctx context.Context, f func() error) error
}

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
	return o == nil || len(o.Scopes) == 0 || slices.ContainsFunc(o.Scopes, func(s memory.Scope) bool { return s.Contains(scope) })
}

// State is how far a run has come.
type State string

// The states of a run.
const (
	Applying State = "applying" // begun; apply the same plan again to finish it, or undo it
	Applied  State = "applied"
	Undoing  State = "undoing" // begun; undo it again to finish
	Undone   State = "undone"
)

// Run is one line of the log: a plan and what became of it.
type Run struct {
	Name     string       `json:"name"`   // of the plan
	Number   int          `json:"number"` // of the run, from 1: the order in which they were begun, whatever the clock says
	State    State        `json:"state"`
	Scope    memory.Scope `json:"scope"`
	Started  time.Time    `json:"started"`
	Changed  time.Time    `json:"changed"` // when the state was reached
	Changes  int          `json:"changes"`
	Before   Size         `json:"before"`
	After    Size         `json:"after"`
	Snapshot string       `json:"snapshot,omitempty"` // the copy of the store before it
	// Skipped are changes that were not made, or not taken back: a record that they name was changed by somebody else meanwhile.
	Skipped int `json:"skipped,omitempty"`
	// Wrote are the records that the changes write.
	Wrote []memory.ID `json:"wrote,omitempty"`
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

// Dir is the folder beside a store in which its runs, their plans and their snapshots are kept.
func Dir(store string) string { return store + ".consolidate" }

// Apply applies a plan: it refuses one that is not as the store has made it, or that names a record which has changed since,
// copies the store, and makes the changes one after the other, each as a whole. What somebody else changes while it does so
// stays as they left it. If it is interrupted, at whatever moment, applying the same plan again goes on where it stopped, and
// Undo takes back what was done.
func Apply(ctx context.Context, store Store, p *Plan, o *RunOptions) (Run, error) {
	run, err := apply(ctx, store, p, o)
	if err != nil {
		return run, fmt.Errorf("apply plan %s: %w", p.Name(), err)
	}
	return run, nil
}

func apply(ctx context.Context, store Store, p *Plan, o *RunOptions) (Run, error) {
	if p.sum() != p.Hash {
		return Run{}, fmt.Errorf("%w: make it anew", ErrTampered)
	}
	if signature, err := store.Sign(ctx, []byte(p.Hash)); err != nil {
		return Run{}, err
	} else if signature != p.Signature {
		return Run{}, fmt.Errorf("%w, or made for another store: make it anew", ErrTampered)
	}
	if !o.allows(p.Scope) {
		return Run{}, fmt.Errorf("%w: the plan is of the scope %s", ErrScope, p.Scope)
	}
	unlock, err := Lock(Dir(store.Path()))
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	j := journal{dir: Dir(store.Path()), o: o}
	run, err := j.read(p.Name())
	switch {
	case errors.Is(err, ErrNoRun):
		if run, err = begin(ctx, store, j, p); err != nil {
			return Run{}, err
		}
	case err != nil:
		return Run{}, err
	case run.State == Applied:
		return run, nil
	case run.State != Applying:
		return run, fmt.Errorf("%w: it was applied and is %s", ErrStale, run.State)
	}
	run.Skipped = 0
	for i, c := range p.Changes {
		if err := ctx.Err(); err != nil {
			return run, err
		}
		made, err := makeChange(ctx, store, p.Scope, &c)
		if err != nil {
			return run, fmt.Errorf("change %d of %d: %w", i+1, len(p.Changes), err)
		}
		if !made {
			run.Skipped++
		}
		j.progress(i+1, len(p.Changes))
	}
	run.State = Applied
	return run, j.write(&run)
}

// begin copies the store and writes the plan and the run into the log.
func begin(ctx context.Context, store Store, j journal, p *Plan) (run Run, err error) {
	runs, err := Runs(store.Path())
	if err != nil {
		return run, err
	}
	number := 1
	if n := len(runs); n > 0 {
		number = runs[n-1].Number + 1
	}
	run = Run{Name: p.Name(), Number: number, State: Applying, Scope: p.Scope, Changes: len(p.Changes), Before: p.Before, After: p.After, Started: j.now()}
	for _, c := range p.Changes {
		run.Wrote = append(run.Wrote, c.Write.ID)
	}
	if err := verify(ctx, store, p); err != nil {
		return run, err
	}
	if !j.options().NoSnapshot && len(p.Changes) > 0 {
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
		if err := present(ctx, store, p); err != nil {
			return err
		}
		return j.begin(run, p)
	})
	if err != nil && run.Snapshot != "" {
		_ = os.Remove(run.Snapshot)
	}
	return run, err
}

// makeChange makes one change. It is not made if a record that it names has changed; one that was made before an
// interruption is not made again.
func makeChange(ctx context.Context, store Store, scope memory.Scope, c *Change) (made bool, err error) {
	if _, err := store.Record(ctx, scope, c.Write.ID); !errors.Is(err, memory.ErrNotFound) {
		return true, err
	}
	if len(c.Replaces) == 0 {
		_, err = store.Add(ctx, scope, c.Write)
	} else {
		_, err = store.Supersede(ctx, scope, c.Write, c.Replaces...)
	}
	if errors.Is(err, memory.ErrInvalid) || errors.Is(err, memory.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// present checks that what the changes quote was not deleted.
func present(ctx context.Context, store Store, p *Plan) error {
	for _, c := range p.Changes {
		for _, id := range c.Write.DerivedFrom {
			if _, err := store.Record(ctx, p.Scope, id); errors.Is(err, memory.ErrNotFound) {
				return fmt.Errorf("%w: record %s is gone", ErrStale, id)
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// verify checks that every change rests on what the store holds: that what it replaces and what it was made of is live, that
// each quote is an exact passage of its source, and that the text consists of nothing but its quotes, the days and the names of
// who said them.
func verify(ctx context.Context, store Store, p *Plan) error {
	texts := map[memory.ID]memory.Record{}
	for r, err := range store.All(ctx, p.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return err
		}
		texts[r.ID] = r
	}
	for _, c := range p.Changes {
		live := c.Replaces
		if c.Op == Summarise || c.Op == Promote {
			live = append(slices.Clone(live), c.Write.DerivedFrom...)
		}
		for _, id := range live {
			if r, ok := texts[id]; !ok || !r.Superseded.IsZero() {
				return fmt.Errorf("%w: record %s is not live", ErrStale, id)
			}
		}
		if err := Grounded(&c.Write, func(id memory.ID) (memory.Record, bool) { r, ok := texts[id]; return r, ok }); err != nil {
			return err
		}
	}
	return nil
}

// Undo takes back a run, the last one that stands if name is empty: what it wrote is superseded by nothing, and what it
// replaced is found again. What somebody else has changed since stays as it is. A run that a later one has built on is refused
// before anything is changed: that must be undone first. It may be interrupted and repeated.
func Undo(ctx context.Context, store Store, name string, o *RunOptions) (Run, error) {
	run, err := undo(ctx, store, name, o)
	if err != nil {
		return run, fmt.Errorf("undo: %w", err)
	}
	return run, nil
}

func undo(ctx context.Context, store Store, name string, o *RunOptions) (Run, error) {
	unlock, err := Lock(Dir(store.Path()))
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	j := journal{dir: Dir(store.Path()), o: o}
	runs, err := Runs(store.Path())
	if err != nil {
		return Run{}, err
	}
	if name == "" {
		for _, r := range slices.Backward(runs) {
			if r.State != Undone && o.allows(r.Scope) {
				name = r.Name
				break
			}
		}
		if name == "" {
			return Run{}, fmt.Errorf("%w: nothing was applied that still stands", ErrNoRun)
		}
	}
	run, err := j.read(name)
	if err == nil && !o.allows(run.Scope) {
		return Run{}, fmt.Errorf("%w: the run %s is of the scope %s", ErrScope, run.Name, run.Scope)
	}
	if err != nil || run.State == Undone {
		return run, err
	}
	wrote, err := j.wrote(&run)
	if err != nil {
		return run, err
	}
	if run.State != Undoing {
		if err := j.last(ctx, store, &run, wrote, runs); err != nil {
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
		j.progress(len(wrote)-i, len(wrote))
	}
	run.State = Undone
	return run, j.write(&run)
}

// last checks that no later run has put something in the place of what a run wrote.
func (j journal) last(ctx context.Context, store Store, run *Run, wrote []memory.ID, runs []Run) error {
	later := map[memory.ID]string{}
	for _, r := range runs {
		if r.Number <= run.Number || r.State == Undone {
			continue
		}
		ids, err := j.wrote(&r)
		if err != nil {
			continue // without its plan it cannot be undone either
		}
		for _, id := range ids {
			later[id] = r.Name
		}
	}
	if len(later) == 0 {
		return nil
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

// wrote are the records that a run writes. One that was made by an earlier version has them in its plan alone.
func (j journal) wrote(run *Run) ([]memory.ID, error) {
	if len(run.Wrote) > 0 || run.Changes == 0 {
		return run.Wrote, nil
	}
	data, err := os.ReadFile(filepath.Join(j.dir, run.Name+".plan.json"))
	if err != nil {
		return nil, wrapFile(err)
	}
	var p struct {
		Changes []struct {
			Write struct{ ID memory.ID }
		}
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("the plan of run %s: %w: %w", run.Name, memory.ErrCorrupt, err)
	}
	var ids []memory.ID
	for _, c := range p.Changes {
		ids = append(ids, c.Write.ID)
	}
	return ids, nil
}

// Lock takes the lock of a folder, which it makes. It does not wait: whoever holds it does the same work, and the error wraps
// [memory.ErrLocked].
func Lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, wrapFile(err)
	}
	unlock, err = filelock.Lock(context.Background(), filepath.Join(dir, "lock"), 0)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("%w: another consolidation of this store is running", memory.ErrLocked)
	}
	return unlock, wrapFile(err)
}

// wrapFile gives an error of the file system the sentinel that a caller can act on.
func wrapFile(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", memory.ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", memory.ErrFull, err)
	}
	return err
}

// Runs are the runs of the store at path, oldest first; of some scopes, if any are named.
func Runs(path string, scopes ...memory.Scope) ([]Run, error) {
	only := &RunOptions{Scopes: scopes}
	j := journal{dir: Dir(path)}
	entries, err := os.ReadDir(j.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var runs []Run
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".run.json"); ok {
			r, err := j.read(name)
			if err != nil {
				return nil, err
			}
			if only.allows(r.Scope) {
				runs = append(runs, r)
			}
		}
	}
	slices.SortFunc(runs, func(a, b Run) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Started.Compare(b.Started), strings.Compare(a.Name, b.Name))
	})
	return runs, nil
}

// journal keeps the runs of a store, each in a file that is replaced as a whole.
type journal struct {
	dir string
	o   *RunOptions
}

func (j journal) options() RunOptions {
	if j.o == nil {
		return RunOptions{}
	}
	return *j.o
}

func (j journal) now() time.Time {
	if now := j.options().Now; now != nil {
		return now().UTC()
	}
	return time.Now().UTC()
}

func (j journal) progress(done, total int) {
	if f := j.options().OnChange; f != nil {
		f(done, total)
	}
}

func (j journal) read(name string) (Run, error) {
	data, err := os.ReadFile(filepath.Join(j.dir, filepath.Base(name)+".run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Run{}, fmt.Errorf("%w: %q", ErrNoRun, name)
	}
	if err != nil {
		return Run{}, err
	}
	var r Run
	if err := json.Unmarshal(data, &r); err != nil {
		return Run{}, fmt.Errorf("the log of run %s: %w: %w", name, memory.ErrCorrupt, err)
	}
	return r, nil
}

func (j journal) plan(name string) (*Plan, error) {
	f, err := os.Open(filepath.Join(j.dir, filepath.Base(name)+".plan.json"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Read(f)
}

// begin keeps the plan, then the run: a run that is in the log has its plan.
func (j journal) begin(run Run, p *Plan) error {
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(j.dir, run.Name+".plan.json"), []byte(b.String())); err != nil {
		return err
	}
	return j.write(&run)
}

func (j journal) write(run *Run) error {
	run.Changed = j.now()
	data, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(j.dir, run.Name+".run.json"), append(data, '\n'))
}

// replaceFile writes a file so that after a crash it has its old or its new contents.
func replaceFile(path string, data []byte) error {
	return wrapFile(replace(path, data))
}

func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // after the rename there is none
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if d, err := os.Open(filepath.Dir(path)); err == nil {
		_ = d.Sync() // not every file system can
		_ = d.Close()
	}
	return nil
}
