package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// DeleteOptions say how far a deletion goes. Nil is the same as a zero DeleteOptions.
type DeleteOptions struct {
	// Derived deletes also the records that rest on what is deleted, and those that rest on them. Without it they make
	// the deletion fail with [ErrDerived], and nothing is deleted.
	Derived bool
	// Snapshots are copies of the store that looking does not find: files in other folders. The store remembers them.
	Snapshots []string
}

// Deleted tells what was deleted.
type Deleted struct {
	IDs       []ID           `json:"ids"`       // from the store, derived records included
	Derived   int            `json:"derived"`   // how many of them only rested on what was asked for
	Snapshots map[string]int `json:"snapshots"` // number of records deleted from each copy
	// Pending names the copies that could not be reached, with the reason. The deletion is kept, and tried again when the
	// store is opened.
	Pending []string `json:"pending,omitempty"`
	// Missing are copies that were written to a place where nothing is any more.
	Missing []string `json:"missing,omitempty"`
}

// Delete deletes records for privacy, so that no byte of their text is left: from the table, the vectors, the history, the log of
// SQLite and the free pages of the file; and the same from every copy that [Copies] finds, from the plans of consolidations that quote
// them, and from what a mirror has put aside. Other records stay: what was superseded by a derived record that goes is live again. What
// remains is the ID, and a hash of the key, without which a snapshot, an export or an import could bring them back. Other processes
// forget them at their next call. Exports, copies in other places and the remains that a disk keeps of overwritten blocks are out of
// reach.
//
// The deletion holds, and is written into the store's journal of deletions, before anything is deleted. If that is interrupted, or a
// copy cannot be reached, whatever opens the store next goes on with it.
//
// All pages of the files are gone through, in slices between which others write: about a second for 100,000 records.
func (s *Store) Delete(ctx context.Context, scope Scope, ids []ID, o *DeleteOptions) (Deleted, error) {
	if len(ids) == 0 {
		return Deleted{}, s.fail("delete", fmt.Errorf("%w: no record is named", ErrInvalid))
	}
	d, err := s.delete(ctx, choice{scope: scope, ids: ids, strict: true, derived: o != nil && o.Derived}, o)
	return d, s.fail("delete "+join(ids), err)
}

// Forget deletes every record of a scope, live or superseded, the way [Store.Delete] does.
func (s *Store) Forget(ctx context.Context, scope Scope, o *DeleteOptions) (Deleted, error) {
	d, err := s.delete(ctx, choice{scope: scope, where: "TRUE", derived: o != nil && o.Derived}, o)
	return d, s.fail(fmt.Sprintf("forget scope %s", scope), err)
}

// Retain deletes what was observed in a scope before a moment, and what was derived from it, the way [Store.Delete] does: the
// end of a retention period.
func (s *Store) Retain(ctx context.Context, scope Scope, from time.Time, o *DeleteOptions) (Deleted, error) {
	c := choice{scope: scope, where: fmt.Sprintf("r.origin = 'observed' AND r.created < %d", micros(from)), derived: true}
	d, err := s.delete(ctx, c, o)
	return d, s.fail("retain", err)
}

// deletion is what the journal keeps of one.
type deletion struct {
	Scope Scope `json:"scope"`
	// All is set where the whole scope was deleted: a copy may hold records of it that the store does not.
	All    bool     `json:"all,omitempty"`
	Seq    int64    `json:"seq"` // of the write: what a copy holds of later ones stays
	IDs    []ID     `json:"ids"`
	Keys   [][]byte `json:"keys,omitempty"`   // their hashes
	Erased bool     `json:"erased,omitempty"` // they are deleted from the store
	Purged bool     `json:"purged,omitempty"` // the store's own file holds nothing any more
	Tried  int64    `json:"tried,omitempty"`  // when a copy could not be reached, in microseconds
	number int64    // in the journal
	at     time.Time
}

func (s *Store) delete(ctx context.Context, c choice, o *DeleteOptions) (Deleted, error) {
	if o != nil {
		for _, path := range o.Snapshots {
			if _, err := verify(ctx, path); err != nil {
				return Deleted{}, fmt.Errorf("snapshot %q: %w", path, err)
			}
			if err := s.keepPath(ctx, path); err != nil {
				return Deleted{}, err
			}
		}
	}
	h, err := s.head(ctx)
	if err != nil {
		return Deleted{}, err
	}
	found, err := c.look(ctx, s.reader)
	if err != nil {
		return Deleted{}, err
	}
	if len(found.rows) == 0 && c.where != "TRUE" {
		return Deleted{}, nil // of a whole scope a copy may hold what the store does not
	}
	what, err := json.Marshal(deletion{Scope: c.scope, All: c.where == "TRUE", Seq: h.seq, IDs: found.ids, Keys: found.keys})
	if err != nil {
		return Deleted{}, err
	}
	if err := s.write(ctx, true, func(t *tx) error {
		_, err := t.ExecContext(ctx, "INSERT INTO deletions (at, what) VALUES (?, ?)", micros(t.now), string(what))
		return err
	}); err != nil {
		return Deleted{}, err
	}
	// It will be done, whatever happens: what follows is tried again where it fails.
	d := Deleted{IDs: found.ids, Derived: len(found.ids) - found.asked, Snapshots: map[string]int{}}
	return d, s.carryOut(ctx, &d)
}

// resume goes on with deletions that could not be carried out in every copy yet. Opening a store does it; so does whoever
// writes a copy of it.
func (s *Store) resume(ctx context.Context) (Deleted, error) {
	d := Deleted{Snapshots: map[string]int{}}
	return d, s.fail("resume deletions", s.carryOut(ctx, &d))
}

// tryAgain is after how long opening a store tries again to reach a copy that could not be reached.
const tryAgain = time.Hour

// resumeOld is what opening a store does: it goes on with deletions that were interrupted, or that failed a while ago.
func (s *Store) resumeOld(ctx context.Context) {
	pending, err := readDeletions(ctx, s.reader)
	if err != nil || !slices.ContainsFunc(pending, func(p deletion) bool { return !p.Purged || s.now().Sub(fromStamp(p.Tried)) > tryAgain }) {
		return
	}
	if d, err := s.resume(ctx); err != nil || len(d.Pending) > 0 {
		s.log.Warn("a deletion for privacy is not carried out in every copy yet: run refine doctor", "pending", d.Pending, "error", err)
	}
}

func readDeletions(ctx context.Context, q disk.Queryer) (all []deletion, err error) {
	err = disk.Each(ctx, q, "SELECT deletion, at, what FROM deletions ORDER BY deletion", nil, func(scan func(...any) error) error {
		var p deletion
		var at int64
		var what string
		if err := scan(&p.number, &at, &what); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(what), &p); err != nil {
			return fmt.Errorf("%w: the journal of deletions: %w", ErrCorrupt, err)
		}
		p.at = fromMicros(at)
		all = append(all, p)
		return nil
	})
	return all, err
}

// PendingDeletion is a deletion for privacy that holds and is not carried out in every copy yet.
type PendingDeletion struct {
	At      time.Time `json:"at"`
	Records int       `json:"records"`
}

// Pending are the deletions that are not carried out in every copy yet.
func (s *Store) Pending(ctx context.Context) ([]PendingDeletion, error) {
	all, err := readDeletions(ctx, s.reader)
	pending := make([]PendingDeletion, len(all))
	for i, p := range all {
		pending[i] = PendingDeletion{p.at, len(p.IDs)}
	}
	return pending, s.fail("read the journal of deletions", err)
}

// carryOut deletes what the journal names from the store, from its free space and its log and from all its copies, and tells
// in d what it reached and what not. What fails stays in the journal; an error means that it cannot be read, or written.
func (s *Store) carryOut(ctx context.Context, d *Deleted) error {
	all, err := readDeletions(ctx, s.reader)
	if err != nil || len(all) == 0 {
		return err
	}
	for i := range all {
		if err := s.eraseSlices(ctx, &all[i]); err != nil {
			return err
		}
	}
	unreached := func(what string, err error) {
		if err != nil {
			d.Pending = append(d.Pending, what+": "+s.fail("delete", err).Error())
		}
	}
	unlock, err := disk.LockCopies(ctx, s.path, s.wait)
	if err != nil {
		unreached(s.path, err)
		return nil
	}
	defer unlock()
	if slices.ContainsFunc(all, func(p deletion) bool { return !p.Purged }) {
		err := disk.Purge(ctx, s.path, s.writer, &s.writing, s.wait)
		for i := range all {
			all[i].Purged = err == nil
		}
		unreached(s.path, err)
	}
	s.deleteFromCopies(ctx, all, d, unreached)
	return s.write(context.WithoutCancel(ctx), false, func(t *tx) error {
		for _, p := range all {
			if len(d.Pending) == 0 {
				if _, err := t.ExecContext(ctx, "DELETE FROM deletions WHERE deletion = ?", p.number); err != nil {
					return err
				}
				continue
			}
			p.Tried = micros(t.now)
			what, err := json.Marshal(p)
			if err != nil {
				return err
			}
			if _, err := t.ExecContext(ctx, "UPDATE deletions SET what = ? WHERE deletion = ?", string(what), p.number); err != nil {
				return err
			}
		}
		return nil
	})
}

// inSlices runs f in one transaction after another, with room for others to write in between, until there is no more to do.
func (s *Store) inSlices(ctx context.Context, f func(*tx) (more bool, err error)) error {
	for more := true; more; {
		err := s.write(ctx, true, func(t *tx) (err error) {
			s.recent = nil
			more, err = f(t)
			return err
		})
		if err == nil && more {
			err = disk.Pause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseSlices deletes what a deletion names from the store, if that is not done yet, with room for others to write.
func (s *Store) eraseSlices(ctx context.Context, p *deletion) error {
	if p.Erased {
		return nil
	}
	owners := Scope{Tenant: p.Scope.Tenant, User: p.Scope.User} // derived records may lie in another session
	ids := p.IDs
	err := s.inSlices(ctx, func(t *tx) (more bool, err error) {
		for start := time.Now(); len(ids) > 0 && time.Since(start) < disk.SliceTime; {
			n := min(64, len(ids))
			chosen, err := (&choice{scope: owners, ids: ids[:n], derived: true}).look(ctx, t)
			if err != nil {
				return false, err
			}
			if err := erase(ctx, t.Tx, chosen.rows, true); err != nil {
				return false, err
			}
			ids = ids[n:]
		}
		return len(ids) > 0, nil
	})
	p.Erased = err == nil
	return err
}

// deleteFromCopies deletes the same records from all copies, and from the files that quote them.
func (s *Store) deleteFromCopies(ctx context.Context, all []deletion, d *Deleted, unreached func(what string, err error)) {
	copies, err := disk.Copies(ctx, s.path)
	unreached("the copies of "+s.path, err)
	_, elsewhere, _ := disk.Identity(ctx, s.path)
	unreached("what is half written", disk.FileError(beside.Clean(s.path, elsewhere)))
	for _, c := range copies {
		switch {
		case c.Missing:
			d.Missing = append(d.Missing, c.Path)
		case c.Damaged != nil:
			unreached(c.Path, fmt.Errorf("it cannot be read: delete the file yourself: %w", c.Damaged))
		default:
			n, err := deleteFromCopy(ctx, c.Path, all)
			unreached(c.Path, err)
			d.Snapshots[c.Path] = n
		}
	}
	ids, keys := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		for _, id := range p.IDs {
			ids[string(id)] = true
		}
		for _, k := range p.Keys {
			keys[string(k[min(16, len(k)):])] = true
		}
	}
	for _, f := range beside.Files(s.path) {
		unreached(f, disk.FileError(beside.Delete(ctx, f, func(id string) bool { return ids[id] }, func(key string) bool { return keys[string(disk.HashOf(key))] })))
	}
}

// deleteFromCopy deletes the same records from a copy, and returns how many it held. A copy that held some remembers in its
// own journal that its free pages still do, until they are rewritten.
func deleteFromCopy(ctx context.Context, path string, all []deletion) (int, error) {
	db, err := disk.OpenWritable(ctx, path, disk.DefaultWait)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	n := 0
	for _, p := range all {
		for _, c := range []choice{
			{scope: Scope{Tenant: p.Scope.Tenant, User: p.Scope.User}, ids: p.IDs, derived: true}, // derived records may lie in another session
			{scope: p.Scope, where: fmt.Sprintf("r.seq <= %d", p.Seq), derived: true},
		} {
			if c.where != "" && !p.All {
				continue
			}
			chosen, err := c.look(ctx, t)
			if err != nil {
				return 0, err
			}
			if err := erase(ctx, t, chosen.rows, true); err != nil {
				return 0, err
			}
			n += len(chosen.rows)
		}
	}
	if n > 0 {
		if _, err := t.ExecContext(ctx, "UPDATE store SET seq = seq + 1, generation = generation + 1"); err != nil {
			return 0, err
		}
		if _, err := t.ExecContext(ctx, `INSERT INTO deletions (at, what) VALUES (0, '{"ids":[]}')`); err != nil {
			return 0, err
		}
	}
	unclean := 0
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM deletions").Scan(&unclean); err != nil {
		return 0, err
	}
	if unclean == 0 {
		return 0, nil
	}
	if err := t.Commit(); err != nil {
		return 0, err
	}
	if err := disk.Purge(ctx, path, db, &sync.Mutex{}, disk.DefaultWait); err != nil {
		return n, err
	}
	_, err = db.ExecContext(ctx, "DELETE FROM deletions")
	return n, err
}

// Copy is a file that holds memories of a store, beside the store itself.
type Copy struct {
	Path  string    `json:"path"`
	Bytes int64     `json:"bytes"`
	Made  time.Time `json:"made"`
	// Missing is a copy that was written there and is not there any more: somebody has moved it, or deleted it.
	Missing bool `json:"missing,omitempty"`
}

// Copies are the copies of the store at path, oldest first: found by looking, by what the files hold and not by what they
// are called, in the folder of the store, in that of its snapshots and in those that begin with its name, which are of
// consolidations, of mirrors and of what was interrupted. The store also knows the snapshots that it has written elsewhere.
func Copies(ctx context.Context, path string) ([]Copy, error) {
	found, err := disk.Copies(ctx, path)
	all := make([]Copy, len(found))
	for i, c := range found {
		all[i] = Copy{c.Path, c.Bytes, c.Made, c.Missing}
	}
	return all, fail("look for copies of "+path, err)
}

// keepPath lets the store remember a copy that lies elsewhere. A store that cannot be written does not.
func (s *Store) keepPath(ctx context.Context, path string) error {
	abs, err1 := filepath.Abs(path)
	own, err2 := filepath.Abs(s.path)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if dir := filepath.Dir(abs); dir == filepath.Dir(own) || dir == beside.Snapshots(own) || dir == own+".consolidate" {
		return nil
	}
	return s.write(ctx, false, func(t *tx) error {
		_, err := t.ExecContext(ctx, "INSERT OR REPLACE INTO copies (path, at) VALUES (?, ?)", abs, micros(t.now))
		return err
	})
}

// Quoting calls f, which writes a file that quotes records beside the store, while no deletion for privacy goes through such
// files.
func (s *Store) Quoting(ctx context.Context, f func() error) error {
	unlock, err := disk.LockCopies(ctx, s.path, s.wait)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}
