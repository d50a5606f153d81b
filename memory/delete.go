package memory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/beside"
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

// Delete deletes records for privacy, so that no byte of their text is left: from the table, the full-text index, the
// vectors, the history, the log of SQLite and the free pages of the file; and the same from every copy that [Copies] finds,
// from the plans of consolidations that quote them, and from what a mirror has put aside. Other records stay: what was
// superseded by a derived record that goes is live again. What remains is the ID, and a hash of the key, without which a
// snapshot, an export or an import could bring them back. Other processes forget them at their next call. Exports, copies in
// other places and the remains that a disk keeps of overwritten blocks are out of reach.
//
// The deletion holds, and is written into the store's journal of deletions, before the copies are gone through. If that is
// interrupted, or a copy cannot be reached, whatever opens the store next goes on with it.
//
// The files are rewritten, which takes a few seconds for 100,000 records.
func (s *Store) Delete(ctx context.Context, scope Scope, ids []ID, o *DeleteOptions) (Deleted, error) {
	if len(ids) == 0 {
		return Deleted{}, fail("delete", fmt.Errorf("%w: no record is named", ErrInvalid))
	}
	d, err := s.delete(ctx, scope, ids, o)
	return d, fail("delete "+join(ids), err)
}

// Forget deletes every record of a scope, live or superseded, the way [Store.Delete] does.
func (s *Store) Forget(ctx context.Context, scope Scope, o *DeleteOptions) (Deleted, error) {
	d, err := s.delete(ctx, scope, nil, o)
	return d, fail(fmt.Sprintf("forget scope %s", scope), err)
}

// Retain deletes what was observed in a scope before a moment, and what was derived from it, the way [Store.Delete] does: the
// end of a retention period.
func (s *Store) Retain(ctx context.Context, scope Scope, from time.Time, o *DeleteOptions) (Deleted, error) {
	opts := DeleteOptions{Derived: true}
	if o != nil {
		opts.Snapshots = o.Snapshots
	}
	var ids []ID
	for r, err := range s.All(ctx, scope, &AllOptions{History: true}) {
		if err != nil {
			return Deleted{}, fail("retain", err)
		}
		if r.Origin == Observed && r.Created.Before(from) {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return Deleted{}, nil
	}
	d, err := s.delete(ctx, scope, ids, &opts)
	return d, fail("retain", err)
}

// deletion is what the journal keeps of one.
type deletion struct {
	Scope Scope `json:"scope"`
	// All is set where the whole scope was deleted: a copy may hold records of it that the store does not.
	All    bool     `json:"all,omitempty"`
	Seq    int64    `json:"seq"` // of the write: what a copy holds of later ones stays
	IDs    []ID     `json:"ids"`
	Keys   [][]byte `json:"keys,omitempty"`   // their hashes
	Purged bool     `json:"purged,omitempty"` // the store's own file holds nothing any more
	Tried  int64    `json:"tried,omitempty"`  // when a copy could not be reached, in microseconds
}

func (s *Store) delete(ctx context.Context, scope Scope, ids []ID, o *DeleteOptions) (Deleted, error) {
	if o == nil {
		o = &DeleteOptions{}
	}
	for _, path := range o.Snapshots {
		if _, err := verify(ctx, path); err != nil {
			return Deleted{}, fmt.Errorf("snapshot %q: %w", path, err)
		}
		if err := s.keepPath(ctx, path); err != nil {
			return Deleted{}, err
		}
	}
	d := Deleted{Snapshots: map[string]int{}}
	err := s.write(ctx, true, func(t *tx) error {
		s.memo = nil
		gone, asked, err := deleteIn(ctx, t.Tx, scope, ids, ids == nil, o.Derived, true, t.seq)
		if err != nil {
			return err
		}
		e := deletion{Scope: scope, All: ids == nil, Seq: t.seq}
		for _, g := range gone {
			e.IDs = append(e.IDs, g.id)
			if len(g.key) > 0 {
				e.Keys = append(e.Keys, g.key)
			}
		}
		d.IDs, d.Derived = e.IDs, len(gone)-asked
		what, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = t.ExecContext(ctx, "INSERT INTO deletions (at, what) VALUES (?, ?)", micros(t.now), string(what))
		return err
	})
	if err != nil {
		return Deleted{}, err
	}
	// It is done as far as anybody may see; what follows is tried again where it fails.
	return d, s.carryOut(ctx, &d)
}

// Resume goes on with deletions that could not be carried out in every copy yet. Opening a store does it; so does whoever
// writes a copy of it.
func (s *Store) Resume(ctx context.Context) (Deleted, error) {
	d := Deleted{Snapshots: map[string]int{}}
	return d, fail("resume deletions", s.carryOut(ctx, &d))
}

// tryAgain is after how long opening a store tries again to reach a copy that could not be reached.
const tryAgain = time.Hour

// resumeOld is what opening a store does: it goes on with deletions that were interrupted, or that failed a while ago.
func (s *Store) resumeOld(ctx context.Context) {
	pending, err := readDeletions(ctx, s.reader)
	if err != nil || !slices.ContainsFunc(pending, func(p pendingDeletion) bool { return !p.Purged || s.now().Sub(fromStamp(p.Tried)) > tryAgain }) {
		return
	}
	if d, err := s.Resume(ctx); err != nil || len(d.Pending) > 0 {
		s.log.Warn("a deletion for privacy is not carried out in every copy yet: run refine doctor", "pending", d.Pending, "error", err)
	}
}

type pendingDeletion struct {
	deletion
	number int64
	at     time.Time
}

func readDeletions(ctx context.Context, q queryer) ([]pendingDeletion, error) {
	rows, err := q.QueryContext(ctx, "SELECT deletion, at, what FROM deletions ORDER BY deletion")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []pendingDeletion
	for rows.Next() {
		var p pendingDeletion
		var at int64
		var what string
		if err := rows.Scan(&p.number, &at, &what); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(what), &p.deletion); err != nil {
			return nil, fmt.Errorf("%w: the journal of deletions: %w", ErrCorrupt, err)
		}
		p.at = fromMicros(at)
		all = append(all, p)
	}
	return all, rows.Err()
}

// PendingDeletion is a deletion for privacy that holds and is not carried out in every copy yet.
type PendingDeletion struct {
	At      time.Time `json:"at"`
	Records int       `json:"records"`
}

// Pending are the deletions that are not carried out in every copy yet.
func (s *Store) Pending(ctx context.Context) ([]PendingDeletion, error) {
	if s.closed.Load() {
		return nil, fail("read the journal of deletions", ErrClosed)
	}
	all, err := readDeletions(ctx, s.reader)
	pending := make([]PendingDeletion, len(all))
	for i, p := range all {
		pending[i] = PendingDeletion{p.at, len(p.IDs)}
	}
	return pending, fail("read the journal of deletions", err)
}

// carryOut deletes what the journal names from the free pages and the log of the store and from all its copies, and tells
// in d what it reached and what not. What fails stays in the journal; an error means that the journal cannot be read.
func (s *Store) carryOut(ctx context.Context, d *Deleted) error {
	all, err := readDeletions(ctx, s.reader)
	if err != nil || len(all) == 0 {
		return err
	}
	unreached := func(what string, err error) {
		if err != nil {
			d.Pending = append(d.Pending, what+": "+fail("delete", err).Error())
		}
	}
	unlock, err := lockCopies(ctx, s.path, s.wait)
	if err != nil {
		unreached(s.path, err)
		return nil
	}
	defer unlock()
	if slices.ContainsFunc(all, func(p pendingDeletion) bool { return !p.Purged }) {
		s.writing.Lock()
		err := purge(ctx, s.writer)
		s.writing.Unlock()
		for i := range all {
			all[i].Purged = all[i].Purged || err == nil
		}
		unreached(s.path, err)
	}
	copies, err := lookForCopies(ctx, s.path)
	unreached("the copies of "+s.path, err)
	_, elsewhere, _ := identity(ctx, s.path)
	unreached("what is half written", fileError(beside.Clean(s.path, elsewhere)))
	for _, c := range copies {
		switch {
		case c.Missing:
			d.Missing = append(d.Missing, c.Path)
		case c.damaged != nil:
			unreached(c.Path, fmt.Errorf("it cannot be read: delete the file yourself: %w", c.damaged))
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
		unreached(f, fileError(beside.Delete(ctx, f, func(id string) bool { return ids[id] }, func(key string) bool { return keys[string(hashOf(key))] })))
	}
	return s.write(context.WithoutCancel(ctx), false, func(t *tx) error {
		for _, p := range all {
			if len(d.Pending) == 0 {
				if _, err := t.ExecContext(ctx, "DELETE FROM deletions WHERE deletion = ?", p.number); err != nil {
					return err
				}
				continue
			}
			p.Tried = micros(t.now)
			what, err := json.Marshal(p.deletion)
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

func purge(ctx context.Context, db *sql.DB) error {
	// Pages that were split or merged keep old bytes between their cells; only a rewritten file has none.
	if _, err := db.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	var busy, log, done int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil {
		return err
	}
	if busy != 0 {
		return fmt.Errorf("%w: it reads the log, which still holds what was deleted", ErrLocked)
	}
	return nil
}

// erased is a record that was deleted.
type erased struct {
	id  ID
	key []byte // hash
}

// deleteIn deletes records by their IDs, or all of a scope that were last written at seq or before, and returns all it
// deleted and how many of them were asked for. strict: every ID must be there.
func deleteIn(ctx context.Context, t *sql.Tx, scope Scope, ids []ID, all, derivedToo, strict bool, seq int64) ([]erased, int, error) {
	found := map[int64]erased{}
	var order []int64
	collect := func(where string, args ...any) (int, error) {
		rows, err := t.QueryContext(ctx, "SELECT r.row, r.id, keyhash(c.tenant, c.user, c.agent, c.session, r.key) FROM "+where, args...)
		if err != nil {
			return 0, err
		}
		defer func() { _ = rows.Close() }()
		n := 0
		for rows.Next() {
			var row int64
			var e erased
			if err := rows.Scan(&row, (*string)(&e.id), &e.key); err != nil {
				return n, err
			}
			if _, known := found[row]; !known {
				found[row] = e
				order = append(order, row)
				n++
			}
		}
		return n, rows.Err()
	}
	const from = "records r JOIN scopes c ON c.scope = r.scope WHERE "
	if all {
		if _, err := collect(from+inScope+" AND r.seq <= ?", scopeArgs(scope, seq)...); err != nil {
			return nil, 0, err
		}
	}
	for _, id := range ids {
		n, err := collect(from+inScope+" AND r.id = ?", scopeArgs(scope, string(id))...)
		if err != nil {
			return nil, 0, err
		}
		if n == 0 && strict && !slices.ContainsFunc(order, func(row int64) bool { return found[row].id == id }) {
			return nil, 0, fmt.Errorf("record %q: %w in scope %s", id, ErrNotFound, scope)
		}
	}
	asked := len(order)
	for i := 0; i < len(order); i++ {
		before := len(order)
		if _, err := collect("sources s JOIN records r ON r.row = s.row JOIN scopes c ON c.scope = r.scope WHERE s.source = ?", string(found[order[i]].id)); err != nil {
			return nil, 0, err
		}
		if !derivedToo && len(order) > before {
			return nil, 0, fmt.Errorf("%w: record %s rests on %s: delete derived records too, or delete it first", ErrDerived, found[order[before]].id, found[order[i]].id)
		}
	}
	gone := make([]erased, 0, len(order))
	for _, row := range order {
		if err := erase(ctx, t, row, true); err != nil {
			return nil, 0, err
		}
		gone = append(gone, found[row])
	}
	return gone, asked, nil
}

// erasing are the statements that delete one record and leave its tombstone. The first takes it out of the full-text index.
var erasing = func() []string {
	without := func(table, column string) string { // the checksum without what a column said
		return strings.Replace(sumOf(table), column, "''", 1)
	}
	const by = " WHERE superseded_by = (SELECT id FROM records WHERE row = ?1) AND superseded_by <> ''" // of which the index leaves out what is live
	return []string{
		"INSERT INTO words (words, rowid, text) SELECT 'delete', row, text FROM records WHERE row = ?1",
		"DELETE FROM vectors WHERE row = ?1",
		"DELETE FROM revectors WHERE row = ?1",
		"DELETE FROM sources WHERE row = ?1",
		"DELETE FROM sources WHERE source = (SELECT id FROM records WHERE row = ?1)",
		"DELETE FROM events WHERE row = ?1",
		"UPDATE events SET by = '', sum = " + without("events", "by") + " WHERE by = (SELECT id FROM records WHERE row = ?1)",
		// What gave way to a derived record is live again.
		"INSERT INTO events (row, at, what, by, sum) SELECT row, s.clock, 'revived', '', checksum(row, s.clock, 'revived', '') FROM records, store s" + by + derived,
		"UPDATE records SET superseded = 0, superseded_by = '', seq = (SELECT seq FROM store), sum = " +
			strings.Replace(strings.Replace(sumOf("records"), "superseded,", "0,", 1), "superseded_by,", "'',", 1) + by + derived,
		"UPDATE records SET superseded_by = '', seq = (SELECT seq FROM store), sum = " + without("records", "superseded_by") + by,
		`INSERT OR REPLACE INTO tombstones (id, row, seq, key, sum) SELECT r.id, r.row, (SELECT seq FROM store), keyhash(c.tenant, c.user, c.agent, c.session, r.key),
			checksum(r.id, r.row, keyhash(c.tenant, c.user, c.agent, c.session, r.key)) FROM records r JOIN scopes c ON c.scope = r.scope WHERE r.row = ?1`,
		"DELETE FROM records WHERE row = ?1",
		"DELETE FROM scopes WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.scope = scopes.scope) AND scope = ?2",
		"DELETE FROM owners WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.owner = owners.owner) AND owner = ?3",
	}
}()

const derived = " AND EXISTS (SELECT 1 FROM records d WHERE d.row = ?1 AND d.origin = 'reconstructed')"

// erase deletes one record. indexed: the full-text index holds it.
func erase(ctx context.Context, t *sql.Tx, row int64, indexed bool) error {
	var scope, owner int64
	if err := t.QueryRowContext(ctx, "SELECT scope, owner FROM records WHERE row = ?", row).Scan(&scope, &owner); err != nil {
		return err
	}
	statements := erasing
	if !indexed {
		statements = erasing[1:]
	}
	for _, statement := range statements {
		args := []any{row}
		switch {
		case strings.Contains(statement, "?3"):
			args = []any{row, scope, owner}
		case strings.Contains(statement, "?2"):
			args = []any{row, scope}
		}
		if _, err := t.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

// deleteFromCopy deletes the same records from a copy, and returns how many it held. A copy that held some remembers in its
// own journal that its free pages still do, until they are rewritten.
func deleteFromCopy(ctx context.Context, path string, all []pendingDeletion) (int, error) {
	db, err := connect(path, DefaultWait, "mode=rw", "_txlock=immediate", "_pragma=foreign_keys(1)", "_pragma=synchronous(FULL)", "_pragma=secure_delete(1)")
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db); err != nil {
		return 0, err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	n := 0
	for _, p := range all {
		gone, _, err := deleteIn(ctx, t, p.Scope, nil, p.All, true, false, p.Seq)
		if err != nil {
			return 0, err
		}
		n += len(gone)
		// Derived records may lie in another session.
		if gone, _, err = deleteIn(ctx, t, Scope{Tenant: p.Scope.Tenant, User: p.Scope.User}, p.IDs, false, true, false, p.Seq); err != nil {
			return 0, err
		}
		n += len(gone)
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
	if err := purge(ctx, db); err != nil {
		return n, err
	}
	_, err = db.ExecContext(ctx, "DELETE FROM deletions")
	return n, err
}

// gone is the ID of a record that was deleted for privacy, with the ID or the key of this one: it does not come back, unless
// that is asked for.
func (w *inserter) gone(ctx context.Context, r *incoming, given bool) (id ID, err error) {
	if !given && r.Key == "" {
		return "", nil
	}
	const those = "(id = ?1 OR key = keyhash(?2, ?3, ?4, ?5, ?6) AND key <> x'')"
	args := []any{string(r.ID), r.Scope.Tenant, r.Scope.User, r.Scope.Agent, r.Scope.Session, r.Key}
	err = w.t.QueryRowContext(ctx, "SELECT id FROM tombstones WHERE "+those, args...).Scan((*string)(&id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case !r.again:
		r.deleted = true
		return id, nil
	}
	// An index in memory that has not seen the deletion yet would not see it any more: all are loaded anew.
	if _, err = w.t.ExecContext(ctx, "DELETE FROM tombstones WHERE "+those, args...); err == nil {
		_, err = w.t.ExecContext(ctx, "UPDATE store SET epoch = ?", newEpoch())
	}
	return "", err
}
