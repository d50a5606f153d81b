package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory"
)

// MarkShown implements refine.Store.
func (s *Store) MarkShown(ctx context.Context, scope memory.Scope, ids ...memory.ID) error {
	return fail("mark as shown", s.mark(ctx, scope, "shown", ids))
}

// MarkUsed implements refine.Store.
func (s *Store) MarkUsed(ctx context.Context, scope memory.Scope, ids ...memory.ID) error {
	return fail("mark as used", s.mark(ctx, scope, "used", ids))
}

// mark raises a count, once for each time that an ID is named.
func (s *Store) mark(ctx context.Context, scope memory.Scope, column string, ids []memory.ID) error {
	if len(ids) == 0 && !s.closed.Load() {
		return nil
	}
	return s.write(ctx, scope, false, func(t *tx) error {
		rows, _ := t.Query(ctx, fmt.Sprintf(`UPDATE records r SET %[1]s = %[1]s + n.times, last_%[1]s = $1, seq = $2 FROM (SELECT id, count(*) AS times FROM unnest($3::text[]) id GROUP BY id) n
			WHERE r.id = n.id AND r.owner = $4 AND $5 IN ('', r.agent) AND $6 IN ('', r.session) RETURNING r.id`, column), stamp{&t.now}, t.seq, ids, t.owner, scope.Agent, scope.Session)
		marked, err := pgx.CollectRows(rows, pgx.RowTo[memory.ID])
		return cmp.Or(err, missing(scope, ids, marked))
	})
}

// missing is an error if some IDs are not among those that were found.
func missing(scope memory.Scope, ids, found []memory.ID) error {
	there := map[memory.ID]bool{}
	for _, id := range found {
		there[id] = true
	}
	for _, id := range ids {
		if !there[id] {
			return fmt.Errorf("record %q: %w in scope %s", id, memory.ErrNotFound, scope)
		}
	}
	return nil
}

func join(ids []memory.ID) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ", ")
}

// Supersede implements refine.Store.
func (s *Store) Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (_ memory.ID, err error) {
	defer func() { err = fail("supersede "+join(old), err) }()
	if len(old) == 0 {
		return "", fmt.Errorf("%w: no record is named that is to be superseded", memory.ErrInvalid)
	}
	p := &memory.Preparation{Model: s.model, Dim: s.dim, Embedder: s.embedder, Now: s.now(), Known: s.known}
	part := []memory.Incoming{{Record: record}}
	if err := p.Prepare(ctx, scope, 1, part); err != nil {
		return "", err
	}
	r := &part[0]
	if r.Known != "" {
		return "", fmt.Errorf("%w: record %s has the key %q already", memory.ErrInvalid, r.Known, r.Key)
	}
	var w *inserter
	err = s.write(ctx, scope, true, func(t *tx) error {
		w = s.inserter(t.Tx)
		w.owners[t.scope] = t
		if err := w.insert(ctx, part); err != nil {
			return err
		}
		if w.added.Count == 0 {
			return fmt.Errorf("%w: record %s is there already", memory.ErrInvalid, w.added.IDs[0])
		}
		for _, id := range old {
			o, err := s.record(ctx, t, scope, id, false)
			switch {
			case err != nil:
				return err
			case !o.Superseded.IsZero():
				return fmt.Errorf("%w: record %s was superseded by %s on %s", memory.ErrInvalid, id, o.SupersededBy, o.Superseded.Format(time.RFC3339))
			case id == r.ID:
				return fmt.Errorf("%w: record %s cannot supersede itself", memory.ErrInvalid, id)
			case r.StandsFor(&o.Record):
				continue
			}
			if err := t.retire(ctx, o.row, r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	w.settle()
	return r.ID, nil
}

// retire marks a record as superseded; by is empty where nothing takes its place.
func (t *tx) retire(ctx context.Context, row int64, by memory.ID) error {
	if _, err := t.Exec(ctx, "UPDATE records SET superseded = $1, superseded_by = $2, seq = $3 WHERE row = $4", stamp{&t.now}, by, t.seq, row); err != nil {
		return err
	}
	_, err := t.Exec(ctx, noting, row, stamp{&t.now}, "superseded", by)
	return err
}

// Undo implements refine.Store.
func (s *Store) Undo(ctx context.Context, scope memory.Scope, id memory.ID) error {
	err := s.write(ctx, scope, true, func(t *tx) error {
		r, err := s.record(ctx, t, scope, id, false)
		if err != nil {
			return err
		}
		if !r.Superseded.IsZero() {
			return fmt.Errorf("%w: it is superseded itself: undo that first", memory.ErrInvalid)
		}
		rows, _ := t.Query(ctx, "UPDATE records SET superseded = NULL, superseded_by = '', seq = $1 WHERE superseded_by = $2 AND owner = $3 RETURNING row", t.seq, id, t.owner)
		replaced, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		if len(replaced) == 0 && r.Origin != memory.Reconstructed {
			return fmt.Errorf("%w: it supersedes nothing", memory.ErrInvalid)
		}
		slices.Sort(replaced)
		for _, row := range replaced {
			if _, err := t.Exec(ctx, noting, row, stamp{&t.now}, "revived", id); err != nil {
				return err
			}
		}
		return t.retire(ctx, r.row, "")
	})
	return fail(fmt.Sprintf("undo %q", id), err)
}

// Delete implements refine.Store. Dead rows are vacuumed at once, as far as no older transaction still sees them. Backups, replicas'
// archives and the database's log are out of reach.
func (s *Store) Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error) {
	if len(ids) == 0 {
		return memory.Deleted{}, fail("delete", fmt.Errorf("%w: no record is named", memory.ErrInvalid))
	}
	d, err := s.delete(ctx, scope, " AND r.id = ANY ($5)", ids, ids, o != nil && o.Derived)
	return d, fail("delete "+join(ids), err)
}

// Forget implements refine.Store.
func (s *Store) Forget(ctx context.Context, scope memory.Scope, o *memory.DeleteOptions) (memory.Deleted, error) {
	d, err := s.delete(ctx, scope, " AND $5", true, nil, o != nil && o.Derived)
	return d, fail(fmt.Sprintf("forget scope %s", scope), err)
}

// Retain implements refine.Store.
func (s *Store) Retain(ctx context.Context, scope memory.Scope, from time.Time, _ *memory.DeleteOptions) (memory.Deleted, error) {
	d, err := s.delete(ctx, scope, " AND r.origin = 'observed' AND r.created < $5", stamp{&from}, nil, true)
	return d, fail("retain", err)
}

// delete deletes the records of a scope that a condition names, with its parameter, and what rests on them if derived is set. ids must
// be among them.
func (s *Store) delete(ctx context.Context, scope memory.Scope, condition string, parameter any, ids []memory.ID, derived bool) (memory.Deleted, error) {
	d := memory.Deleted{Snapshots: map[string]int{}}
	gone, keys := map[string]bool{}, map[string]bool{}
	err := s.write(ctx, scope, true, func(t *tx) error {
		where, args := within(scope)
		var list []*stored
		var found []memory.ID
		err := s.each(ctx, t, false, where+condition, append(args, parameter), func(r *stored) error { list, found = append(list, r), append(found, r.ID); return nil })
		if err = cmp.Or(err, missing(scope, ids, found)); err != nil {
			return err
		}
		if list, err = s.derived(ctx, t, list, derived); err != nil || len(list) == 0 {
			return err
		}
		if d.IDs, err = t.erase(ctx, list); err != nil {
			return err
		}
		for _, r := range list {
			gone[string(r.ID)], keys[r.Key] = true, r.Key != ""
		}
		d.Derived = len(list) - len(found)
		_, err = t.Exec(ctx, "INSERT INTO deletions (owner, at, records) VALUES ($1, $2, $3)", t.owner, stamp{&t.now}, len(list))
		return err
	})
	if err != nil || len(d.IDs) == 0 {
		return d, err
	}
	for _, f := range beside.Files(s.path) {
		if err := beside.Delete(ctx, f, func(id string) bool { return gone[id] }, func(key string) bool { return keys[key] }); err != nil {
			d.Pending = append(d.Pending, f+": "+err.Error())
		}
	}
	if err := s.vacuum(ctx); err != nil {
		d.Pending = append(d.Pending, "the dead rows: "+err.Error())
	}
	return d, nil
}

// derived are records and what rests on them, which may only be there if it is to be deleted too.
func (s *Store) derived(ctx context.Context, t *tx, list []*stored, too bool) ([]*stored, error) {
	known := map[memory.ID]bool{}
	for next := list; len(next) > 0; list = append(list, next...) {
		var ids []memory.ID
		for _, r := range next {
			known[r.ID], ids = true, append(ids, r.ID)
		}
		next = nil
		err := s.each(ctx, t, false, "r.row IN (SELECT row FROM sources WHERE source = ANY ($1))", []any{ids}, func(r *stored) error {
			if known[r.ID] {
				return nil
			}
			if next = append(next, r); !too {
				on := slices.IndexFunc(r.Sources(), func(id memory.ID) bool { return known[id] })
				return fmt.Errorf("%w: record %s rests on %s: delete derived records too, or delete it first", memory.ErrDerived, r.ID, r.Sources()[on])
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// erase deletes records and leaves their tombstones. What gave way to a derived record is live again.
func (t *tx) erase(ctx context.Context, list []*stored) (ids []memory.ID, err error) {
	var derived []memory.ID
	for _, r := range list {
		if ids = append(ids, r.ID); r.Origin == memory.Reconstructed {
			derived = append(derived, r.ID)
		}
	}
	var batch pgx.Batch
	batch.Queue("UPDATE events SET by = '' WHERE by = ANY ($1)", ids)
	batch.Queue("INSERT INTO events (owner, row, at, what, by) SELECT owner, row, $1, 'revived', '' FROM records WHERE superseded_by = ANY ($2)", stamp{&t.now}, derived)
	batch.Queue("UPDATE records SET superseded = NULL, superseded_by = '', seq = $1 WHERE superseded_by = ANY ($2)", t.seq, derived)
	batch.Queue("UPDATE records SET superseded_by = '', seq = $1 WHERE superseded_by = ANY ($2)", t.seq, ids)
	batch.Queue(`INSERT INTO tombstones (id, owner, row, seq, key_hash) SELECT id, owner, row, $1, key_hash FROM records WHERE id = ANY ($2)
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, row = excluded.row, seq = excluded.seq, key_hash = excluded.key_hash`, t.seq, ids)
	batch.Queue("DELETE FROM sources WHERE source = ANY ($1)", ids)
	batch.Queue("DELETE FROM records WHERE id = ANY ($1)", ids)
	return ids, t.SendBatch(ctx, &batch).Close()
}

// Tombstones implements refine.Store.
func (s *Store) Tombstones(ctx context.Context) (list []memory.Tombstone, err error) {
	err = s.read(ctx, nil, func(t pgx.Tx) error {
		rows, _ := t.Query(ctx, `SELECT id, key_hash FROM tombstones ORDER BY id COLLATE "C"`)
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[memory.Tombstone])
		return err
	})
	return list, fail("read the tombstones", err)
}

// Bury implements refine.Store.
func (s *Store) Bury(ctx context.Context, tombstones ...memory.Tombstone) error {
	err := s.writable()
	var batch pgx.Batch
	for _, b := range tombstones {
		err = cmp.Or(err, b.Check())
		batch.Queue("INSERT INTO tombstones (id, key_hash) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM records WHERE id = $1) ON CONFLICT DO NOTHING", b.ID, orNull(b.Key))
	}
	if err == nil {
		err = s.begin(ctx, pgx.TxOptions{}, nil, func(t pgx.Tx) error { return t.SendBatch(ctx, &batch).Close() })
	}
	return fail("take in tombstones", err)
}

// vacuum takes dead rows out of the tables, and closes the journal of deletions as of when it began.
func (s *Store) vacuum(ctx context.Context) error {
	var last int64
	err := s.read(ctx, nil, func(t pgx.Tx) error {
		return t.QueryRow(ctx, "SELECT coalesce(max(deletion), 0) FROM deletions").Scan(&last)
	})
	if err != nil {
		return err
	}
	if _, err := s.pool.Exec(ctx, "VACUUM records, sources, events"); err != nil {
		return err
	}
	return s.begin(ctx, pgx.TxOptions{}, nil, func(t pgx.Tx) error {
		_, err := t.Exec(ctx, "DELETE FROM deletions WHERE deletion <= $1", last)
		return err
	})
}

// Pending implements refine.Store: the deletions whose dead rows are not vacuumed yet. It tries again.
func (s *Store) Pending(ctx context.Context) (pending []memory.PendingDeletion, err error) {
	look := func() error {
		pending = nil
		return s.read(ctx, nil, func(t pgx.Tx) error {
			rows, _ := t.Query(ctx, "SELECT at, records FROM deletions ORDER BY deletion")
			var p memory.PendingDeletion
			_, err := pgx.ForEachRow(rows, []any{stamp{&p.At}, &p.Records}, func() error { pending = append(pending, p); return nil })
			return err
		})
	}
	err = look()
	if err == nil && len(pending) > 0 && !s.readOnly && s.vacuum(ctx) == nil {
		err = look()
	}
	return pending, fail("read the journal of deletions", err)
}
