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
	"time"

	"github.com/trm-go/refiner/memory"
)

// Store is what a plan is applied to; a [memory.Store] is one. Each Supersede and Undo happens as a whole or not at all.
type Store interface {
	Reader
	Path() string
	Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error)
	Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error)
	Undo(ctx context.Context, scope memory.Scope, id memory.ID) error
	Snapshot(ctx context.Context, path string) (memory.Snapshot, error)
}

// RunOptions say how a plan is applied or undone. Nil is the same as a zero RunOptions.
type RunOptions struct {
	// NoSnapshot applies without copying the store first.
	NoSnapshot bool
	// OnChange is called after each change, with how many are done of how many.
	OnChange func(done, total int)
	// Now is the clock of the log. Nil: time.Now.
	Now func() time.Time
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
}

// ErrNoRun is returned when there is nothing to undo, or no run of a name.
var ErrNoRun = errors.New("no such run")

// Dir is the folder beside a store in which its runs, their plans and their snapshots are kept.
func Dir(store string) string { return store + ".consolidate" }

// Apply applies a plan: it refuses one that is not as it was made or was made for another generation of the store,
// copies the store, and makes the changes one after the other, each as a whole. If it is interrupted, at whatever
// moment, applying the same plan again goes on where it stopped, and Undo takes back what was done.
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
	unlock, err := Lock(Dir(store.Path()))
	if err != nil {
		return Run{}, err
	}
	defer unlock()
	j := journal{dir: Dir(store.Path()), o: o}
	run, err := j.read(p.Name())
	switch {
	case errors.Is(err, ErrNoRun):
		generation, err := store.Generation(ctx)
		if err != nil {
			return Run{}, err
		}
		if generation != p.Generation {
			return Run{}, fmt.Errorf("%w: it is at generation %d, the plan is for %d: make it anew", ErrStale, generation, p.Generation)
		}
		if err := verify(ctx, store, p); err != nil {
			return Run{}, err
		}
		runs, err := Runs(store.Path())
		if err != nil {
			return Run{}, err
		}
		number := 1
		if n := len(runs); n > 0 {
			number = runs[n-1].Number + 1
		}
		run = Run{Name: p.Name(), Number: number, State: Applying, Scope: p.Scope, Changes: len(p.Changes), Before: p.Before, After: p.After, Started: j.now()}
		if !j.options().NoSnapshot && len(p.Changes) > 0 {
			run.Snapshot = filepath.Join(j.dir, run.Name+".db")
			// One that is there already is of a run that was killed before it began.
			if err := os.Remove(run.Snapshot); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return Run{}, err
			}
			if _, err := store.Snapshot(ctx, run.Snapshot); err != nil {
				return Run{}, err
			}
		}
		if err := j.begin(run, p); err != nil {
			return Run{}, err
		}
	case err != nil:
		return Run{}, err
	case run.State == Applied:
		return run, nil
	case run.State != Applying:
		return run, fmt.Errorf("%w: it was applied and is %s", ErrStale, run.State)
	}
	for i, c := range p.Changes {
		if err := ctx.Err(); err != nil {
			return run, err
		}
		written, err := store.Record(ctx, p.Scope, c.Write.ID)
		switch {
		case err == nil && written.Superseded.IsZero():
			continue // made before the interruption
		case err == nil:
			return run, fmt.Errorf("%w: record %s was superseded since", ErrStale, c.Write.ID)
		case !errors.Is(err, memory.ErrNotFound):
			return run, err
		}
		if _, err := store.Supersede(ctx, p.Scope, c.Write, c.Replaces...); err != nil {
			if errors.Is(err, memory.ErrInvalid) || errors.Is(err, memory.ErrNotFound) {
				err = fmt.Errorf("%w: undo the run and make a plan anew: %w", ErrStale, err)
			}
			return run, fmt.Errorf("change %d of %d: %w", i+1, len(p.Changes), err)
		}
		j.progress(i+1, len(p.Changes))
	}
	run.State = Applied
	return run, j.write(&run)
}

// verify checks that every change rests on what the store holds: that each quote is an exact passage of its source, and
// that the text consists of nothing but its quotes, the days and the names of who said them.
func verify(ctx context.Context, store Store, p *Plan) error {
	texts := map[memory.ID]memory.Record{}
	for r, err := range store.All(ctx, p.Scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return err
		}
		texts[r.ID] = r
	}
	for _, c := range p.Changes {
		for _, id := range c.Replaces {
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

// Undo takes back a run, the last one that stands if name is empty: what it replaced is found again, and what it wrote
// is superseded by nothing. Later runs that built on it must be undone first. It may be interrupted and repeated.
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
	if name == "" {
		runs, err := Runs(store.Path())
		if err != nil {
			return Run{}, err
		}
		for _, r := range slices.Backward(runs) {
			if r.State != Undone {
				name = r.Name
				break
			}
		}
		if name == "" {
			return Run{}, fmt.Errorf("%w: nothing was applied that still stands", ErrNoRun)
		}
	}
	run, err := j.read(name)
	if err != nil || run.State == Undone {
		return run, err
	}
	p, err := j.plan(name)
	if err != nil {
		return run, err
	}
	run.State = Undoing
	if err := j.write(&run); err != nil {
		return run, err
	}
	for i, c := range slices.Backward(p.Changes) {
		if err := ctx.Err(); err != nil {
			return run, err
		}
		written, err := store.Record(ctx, p.Scope, c.Write.ID)
		switch {
		case errors.Is(err, memory.ErrNotFound):
			continue // the run was interrupted before it, or the record was deleted for privacy
		case err != nil:
			return run, err
		case !written.Superseded.IsZero() && written.SupersededBy == "":
			continue // undone before an interruption
		case !written.Superseded.IsZero():
			return run, fmt.Errorf("record %s was superseded by %s: undo the later run first", c.Write.ID, written.SupersededBy)
		}
		if err := store.Undo(ctx, p.Scope, c.Write.ID); err != nil {
			return run, err
		}
		j.progress(len(p.Changes)-i, len(p.Changes))
	}
	run.State = Undone
	return run, j.write(&run)
}

// Runs are the runs of the store at path, oldest first.
func Runs(path string) ([]Run, error) {
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
			runs = append(runs, r)
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

// forget overwrites and removes the plan of a run, and the run with it.
func (j journal) forget(name string) error {
	for _, suffix := range []string{".run.json", ".plan.json"} {
		path := filepath.Join(j.dir, filepath.Base(name)+suffix)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, make([]byte, info.Size()), 0o600); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
