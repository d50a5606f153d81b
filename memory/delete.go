package memory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// DeleteOptions say how far a deletion goes. Nil is the same as a zero DeleteOptions.
type DeleteOptions struct {
	// Derived deletes also the records that rest on what is deleted, and those that rest on them. Without it they make
	// the deletion fail with [ErrDerived], and nothing is deleted.
	Derived bool
	// Snapshots are files of which the same is deleted, derived records included. So are files that Restore left aside.
	Snapshots []string
}

// Deleted tells what was deleted.
type Deleted struct {
	IDs       []ID           `json:"ids"`       // from the store, derived records included
	Derived   int            `json:"derived"`   // how many of them only rested on what was asked for
	Snapshots map[string]int `json:"snapshots"` // number of records deleted from each file
}

// Delete deletes records for privacy: from the table, the full-text index, the vectors, the history, the log of SQLite
// and the free pages of the file, so that no byte of their text is left in it. What remains is the ID, without which a
// snapshot or an export could bring them back. Other processes forget them at their next call. Backups of the file and
// the remains that a disk keeps of overwritten blocks are out of reach.
//
// The file is rewritten, which takes a few seconds for 100,000 records. If another process reads it for too long,
// Delete returns [ErrLocked] after the records are gone but while the log may still hold them: call Purge again.
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

func (s *Store) delete(ctx context.Context, scope Scope, ids []ID, o *DeleteOptions) (Deleted, error) {
	if o == nil {
		o = &DeleteOptions{}
	}
	for _, path := range o.Snapshots {
		if _, err := verify(ctx, path); err != nil {
			return Deleted{}, fmt.Errorf("snapshot %q: %w", path, err)
		}
	}
	d := Deleted{Snapshots: map[string]int{}}
	err := s.write(ctx, true, func(t *tx) error {
		s.memo = nil
		var err error
		d.IDs, d.Derived, err = deleteIn(ctx, t.Tx, scope, ids, o.Derived, true)
		return err
	})
	if err != nil {
		return Deleted{}, err
	}
	if err := s.Purge(ctx); err != nil {
		return d, err
	}
	for _, path := range o.Snapshots {
		n, err := deleteFromFile(ctx, path, scope, ids, d.IDs)
		if err != nil {
			return d, fmt.Errorf("snapshot %q: %w", path, err)
		}
		d.Snapshots[path] = n
	}
	return d, s.refresh(ctx)
}

// Purge overwrites what deleted records left in the file and its log. Delete and Forget end with it.
func (s *Store) Purge(ctx context.Context) error {
	if s.closed.Load() {
		return fail("purge", ErrClosed)
	}
	if s.readOnly {
		return fail("purge", ErrReadOnly)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return fail("purge", purge(ctx, s.writer))
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
		return fmt.Errorf("%w: it reads the log, which still holds what was deleted: purge again when it has ended", ErrLocked)
	}
	return nil
}

// deleteIn deletes records by their IDs, or all of a scope if there are none, and returns the IDs of all it deleted.
// strict: every ID must be there.
func deleteIn(ctx context.Context, t *sql.Tx, scope Scope, ids []ID, derivedToo, strict bool) ([]ID, int, error) {
	rows := map[int64]ID{}
	var order []int64
	collect := func(query string, args ...any) (int, error) {
		found, err := t.QueryContext(ctx, query, args...)
		if err != nil {
			return 0, err
		}
		defer func() { _ = found.Close() }()
		n := 0
		for found.Next() {
			var row int64
			var id ID
			if err := found.Scan(&row, (*string)(&id)); err != nil {
				return n, err
			}
			if _, known := rows[row]; !known {
				rows[row] = id
				order = append(order, row)
				n++
			}
		}
		return n, found.Err()
	}
	const from = "SELECT r.row, r.id FROM records r JOIN scopes c ON c.scope = r.scope WHERE "
	if ids == nil {
		if _, err := collect(from+inScope, scopeArgs(scope)...); err != nil {
			return nil, 0, err
		}
	}
	for _, id := range ids {
		n, err := collect(from+inScope+" AND r.id = ?", scopeArgs(scope, string(id))...)
		if err != nil {
			return nil, 0, err
		}
		if n == 0 && strict && !slices.ContainsFunc(order, func(row int64) bool { return rows[row] == id }) {
			return nil, 0, fmt.Errorf("record %q: %w in scope %s", id, ErrNotFound, scope)
		}
	}
	asked := len(order)
	for i := 0; i < len(order); i++ {
		before := len(order)
		if _, err := collect("SELECT r.row, r.id FROM sources s JOIN records r ON r.row = s.row WHERE s.source = ?", string(rows[order[i]])); err != nil {
			return nil, 0, err
		}
		if !derivedToo && len(order) > before {
			return nil, 0, fmt.Errorf("%w: record %s rests on %s: delete derived records too, or delete it first", ErrDerived, rows[order[before]], rows[order[i]])
		}
	}
	deleted := make([]ID, 0, len(order))
	for _, row := range order {
		if err := erase(ctx, t, row, true); err != nil {
			return nil, 0, err
		}
		deleted = append(deleted, rows[row])
	}
	_, err := t.ExecContext(ctx, "DELETE FROM scopes WHERE scope NOT IN (SELECT scope FROM records)")
	return deleted, len(order) - asked, err
}

// erasing are the statements that delete one record and leave its tombstone. The first takes it out of the full-text index.
var erasing = []string{
	"INSERT INTO words (words, rowid, text) SELECT 'delete', row, text FROM records WHERE row = ?",
	"DELETE FROM vectors WHERE row = ?",
	"DELETE FROM revectors WHERE row = ?",
	"DELETE FROM sources WHERE row = ?",
	"DELETE FROM sources WHERE source = (SELECT id FROM records WHERE row = ?)",
	"DELETE FROM events WHERE row = ?",
	"UPDATE events SET by = '' WHERE by = (SELECT id FROM records WHERE row = ?)",
	// The second condition lets SQLite use the index, which leaves out what is live.
	"UPDATE records SET superseded_by = '' WHERE superseded_by = (SELECT id FROM records WHERE row = ?) AND superseded_by <> ''",
	"INSERT OR REPLACE INTO tombstones (id, row, seq) SELECT id, row, (SELECT seq FROM store) FROM records WHERE row = ?",
	"DELETE FROM records WHERE row = ?",
}

// erase deletes one record. indexed: the full-text index holds it.
func erase(ctx context.Context, t *sql.Tx, row int64, indexed bool) error {
	statements := erasing
	if !indexed {
		statements = erasing[1:]
	}
	for _, statement := range statements {
		if _, err := t.ExecContext(ctx, statement, row); err != nil {
			return err
		}
	}
	return nil
}

// deleteFromFile deletes the same records from a snapshot: those that were asked for, and those that the store deleted.
func deleteFromFile(ctx context.Context, path string, scope Scope, ids, deleted []ID) (int, error) {
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
	if _, err := t.ExecContext(ctx, "UPDATE store SET seq = seq + 1, generation = generation + 1"); err != nil {
		return 0, err
	}
	n := 0
	if ids == nil {
		gone, _, err := deleteIn(ctx, t, scope, nil, true, false)
		if err != nil {
			return 0, err
		}
		n += len(gone)
	}
	wall := Scope{Tenant: scope.Tenant, User: scope.User}
	gone, _, err := deleteIn(ctx, t, wall, append([]ID{}, deleted...), true, false)
	if err != nil {
		return 0, err
	}
	n += len(gone)
	if err := t.Commit(); err != nil {
		return 0, err
	}
	return n, purge(ctx, db)
}
