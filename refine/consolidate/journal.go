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

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/filelock"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

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

// folderOf is the folder beside a store in which its runs, their plans and their snapshots are kept.
func folderOf(store string) string { return store + ".consolidate" }

// Runs are the runs of the store at path, oldest first; of some scopes, if any are named.
func Runs(path string, scopes ...memory.Scope) ([]Run, error) {
	only := &RunOptions{Scopes: scopes}
	j := journal{dir: folderOf(path)}
	entries, err := os.ReadDir(j.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
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
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", memory.ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", memory.ErrFull, err)
	}
	return err
}

// journal keeps the runs of a store and their plans, each in a file that is replaced as a whole.
type journal struct {
	RunOptions
	dir string
}

// openJournal takes the lock of a store's journal.
func openJournal(store refine.Store, o *RunOptions) (journal, func(), error) {
	j := journal{dir: folderOf(store.Path())}
	if o != nil {
		j.RunOptions = *o
	}
	if j.Now == nil {
		j.Now = time.Now
	}
	if j.OnChange == nil {
		j.OnChange = func(_, _ int) {}
	}
	unlock, err := Lock(j.dir)
	return j, unlock, err
}

func (j journal) read(name string) (r Run, err error) {
	data, err := os.ReadFile(filepath.Join(j.dir, filepath.Base(name)+".run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%w: %q", ErrNoRun, name)
	}
	if err == nil {
		if err = json.Unmarshal(data, &r); err != nil {
			err = fmt.Errorf("the log of run %s: %w: %w", name, memory.ErrCorrupt, err)
		}
	}
	return r, err
}

func (j journal) write(run *Run) error {
	run.Changed = j.Now().UTC()
	data, err := json.MarshalIndent(run, "", "  ")
	if err != nil {
		return err
	}
	return wrapFile(beside.WriteFile(filepath.Join(j.dir, run.Name+".run.json"), append(data, '\n')))
}

func (j journal) planFile(name string) string {
	return filepath.Join(j.dir, filepath.Base(name)+".plan.json")
}

func (j journal) plan(name string) (*Plan, error) {
	f, err := os.Open(j.planFile(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Read(f)
}

func (j journal) writePlan(p *Plan) error {
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		return err
	}
	return wrapFile(beside.WriteFile(j.planFile(p.Name()), []byte(b.String())))
}

// wrote are the records that a run writes. One that was made by an earlier version has them in its plan alone.
func (j journal) wrote(run *Run) ([]memory.ID, error) {
	if len(run.Wrote) > 0 || run.Changes == 0 {
		return run.Wrote, nil
	}
	data, err := os.ReadFile(j.planFile(run.Name))
	if err != nil {
		return nil, wrapFile(err)
	}
	var p struct {
		Changes []struct{ Write struct{ ID memory.ID } }
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
