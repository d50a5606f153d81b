package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// Supersede writes a record that takes the place of others. They stay readable, are found no more, and know what
// replaced them. All are live and in scope, or nothing happens; superseding what is superseded already is an error.
// The records that a derived summary was made of stay live, except for other such summaries: it stands for them.
func (s *Store) Supersede(ctx context.Context, scope Scope, record Record, old ...ID) (_ ID, err error) {
	defer func() { err = s.fail("supersede "+join(old), err) }()
	if len(old) == 0 {
		return "", fmt.Errorf("%w: no record is named that is to be superseded", ErrInvalid)
	}
	p, err := s.preparation(ctx)
	if err != nil {
		return "", err
	}
	prepared := []Incoming{{Record: record}}
	if err := p.Prepare(ctx, scope, 1, prepared); err != nil {
		return "", err
	}
	r := &prepared[0]
	if r.Known != "" {
		return "", fmt.Errorf("%w: record %s has the key %q already", ErrInvalid, r.Known, r.Key)
	}
	err = s.write(ctx, true, func(t *tx) error {
		w, err := s.inserter(ctx, t, p)
		if err != nil {
			return err
		}
		defer w.close()
		done, err := w.insert(ctx, r)
		if err != nil {
			return err
		}
		if done.row == 0 {
			return fmt.Errorf("%w: record %s is there already", ErrInvalid, r.ID)
		}
		for _, id := range old {
			o, err := s.record(ctx, t, scope, id)
			if err != nil {
				return fmt.Errorf("record %q: %w", id, err)
			}
			switch {
			case !o.Superseded.IsZero():
				return fmt.Errorf("%w: record %s was superseded by %s on %s", ErrInvalid, id, o.SupersededBy, o.Superseded.Format(time.RFC3339))
			case ownerOf(o.Scope) != ownerOf(r.Scope) || id == r.ID:
				return fmt.Errorf("%w: record %s is not of the same tenant and user", ErrInvalid, id)
			case r.StandsFor(&o.Record):
				continue
			}
			if err := t.retire(ctx, o.row, r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return r.ID, err
}

func join(ids []ID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return strings.Join(names, ", ")
}

// isSummary reports whether a record is a summary that was made of others.
func isSummary(r *Record) bool { return r.Kind == KindSummary && r.Origin == Reconstructed }

// StandsFor reports whether r is a summary of another record, which stays live beside it.
func (r *Record) StandsFor(of *Record) bool {
	return isSummary(r) && !isSummary(of) && slices.Contains(r.DerivedFrom, of.ID)
}

// retire marks a record as superseded; by is empty where nothing takes its place.
func (t *tx) retire(ctx context.Context, row int64, by ID) error {
	at := micros(t.now)
	if _, err := t.ExecContext(ctx, "UPDATE records SET superseded = ?, superseded_by = ?, seq = ? WHERE row = ?", at, string(by), t.seq, row); err != nil {
		return err
	}
	return t.note(ctx, row, "superseded", by)
}

// note writes into the history of a record that was changed.
func (t *tx) note(ctx context.Context, row int64, what string, by ID) error {
	if err := disk.Seal(ctx, t.Tx, "records", "row = ?", row); err != nil {
		return err
	}
	_, err := t.ExecContext(ctx, noting, row, micros(t.now), what, string(by))
	return err
}

const noting = "INSERT INTO events (row, at, what, by, sum) VALUES (?1, ?2, ?3, ?4, checksum(?1, ?2, ?3, ?4))"

// Undo takes back what Supersede did with the record id, or the addition of a derived record: what it replaced is live again,
// and it is superseded itself, by nothing. Both stay in the history.
func (s *Store) Undo(ctx context.Context, scope Scope, id ID) error {
	err := s.write(ctx, true, func(t *tx) error {
		r, err := s.record(ctx, t, scope, id)
		if err != nil {
			return err
		}
		if !r.Superseded.IsZero() {
			return fmt.Errorf("%w: it is superseded itself: undo that first", ErrInvalid)
		}
		replaced, err := disk.Numbers(ctx, t, "SELECT row FROM records WHERE superseded_by = ? AND superseded_by <> ''", string(id))
		if err != nil {
			return err
		}
		if len(replaced) == 0 && r.Origin != Reconstructed {
			return fmt.Errorf("%w: it supersedes nothing", ErrInvalid)
		}
		for _, row := range replaced {
			if _, err := t.ExecContext(ctx, "UPDATE records SET superseded = 0, superseded_by = '', seq = ? WHERE row = ?", t.seq, row); err != nil {
				return err
			}
			if err := t.note(ctx, row, "revived", id); err != nil {
				return err
			}
		}
		return t.retire(ctx, r.row, "")
	})
	return s.fail(fmt.Sprintf("undo %q", id), err)
}

// MarkShown counts that records were shown in a result, now. Habituation reckons with it.
func (s *Store) MarkShown(ctx context.Context, scope Scope, ids ...ID) error {
	return s.fail("mark as shown", s.mark(ctx, scope, "shown", ids))
}

// MarkUsed counts that records were of use, now. Decay reckons with it.
func (s *Store) MarkUsed(ctx context.Context, scope Scope, ids ...ID) error {
	return s.fail("mark as used", s.mark(ctx, scope, "used", ids))
}

// mark raises a count. It changes nothing that a plan of consolidation rests on, so the generation stays.
func (s *Store) mark(ctx context.Context, scope Scope, column string, ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.write(ctx, false, func(t *tx) error {
		for _, id := range ids {
			res, err := t.ExecContext(ctx, fmt.Sprintf(`UPDATE records AS r SET %[1]s = %[1]s + 1, last_%[1]s = ?, seq = ?
				WHERE id = ? AND EXISTS (SELECT 1 FROM scopes c WHERE c.scope = r.scope AND `+inScope+`)`, column),
				append([]any{micros(t.now), t.seq, string(id)}, scopeArgs(scope)...)...)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, fmt.Errorf("record %q: %w in scope %s", id, ErrNotFound, scope))
			}
			if err := disk.Seal(ctx, t.Tx, "records", "id = ?", string(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Event is something that happened to a record.
type Event struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // recorded, superseded, revived
	ID   ID        `json:"id"`   // the record it happened to
	By   ID        `json:"by,omitempty"`
}

// History is what became of a memory.
type History struct {
	Records []Record `json:"records"` // all versions, as they were written
	Events  []Event  `json:"events"`  // as they happened
}

// chainQuery finds the record ?1 and its neighbours: what replaced one or was replaced by it, now or in an event since undone.
const chainQuery = `WITH RECURSIVE chain (row, id) AS (
	SELECT row, id FROM records WHERE id = ?1
	UNION SELECT r.row, r.id FROM chain c JOIN records r ON r.superseded_by = c.id AND r.superseded_by <> ''
	UNION SELECT r.row, r.id FROM chain c JOIN events e ON e.by = c.id JOIN records r ON r.row = e.row
	UNION SELECT r.row, r.id FROM chain c JOIN events e ON e.row = c.row JOIN records r ON r.id = e.by
	UNION SELECT n.row, n.id FROM chain c JOIN records r ON r.row = c.row JOIN records n ON n.id = r.superseded_by)
	SELECT row FROM chain`

// History returns all versions of the memory that a record belongs to: what it replaced, what replaced it, and so on in
// both directions, also where that was undone.
func (s *Store) History(ctx context.Context, scope Scope, id ID) (h History, err error) {
	defer func() { err = s.fail(fmt.Sprintf("history of %q", id), err) }()
	if _, err := s.record(ctx, s.reader, scope, id); err != nil {
		return h, err
	}
	rows, err := disk.Numbers(ctx, s.reader, chainQuery, string(id))
	if err != nil {
		return h, err
	}
	versions, err := s.fetch(ctx, scope, rows)
	if err != nil {
		return h, err
	}
	for row, r := range versions {
		h.Records = append(h.Records, r)
		h.Events = append(h.Events, Event{At: r.Recorded, What: "recorded", ID: r.ID})
		if err := disk.Each(ctx, s.reader, "SELECT at, what, by FROM events WHERE row = ? ORDER BY event", []any{row}, func(scan func(...any) error) error {
			e := Event{ID: r.ID}
			var at int64
			err := scan(&at, &e.What, (*string)(&e.By))
			e.At = fromMicros(at)
			h.Events = append(h.Events, e)
			return err
		}); err != nil {
			return h, err
		}
	}
	slices.SortFunc(h.Records, func(a, b Record) int { return cmp.Or(a.Recorded.Compare(b.Recorded), cmp.Compare(a.ID, b.ID)) })
	slices.SortStableFunc(h.Events, func(a, b Event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	return h, nil
}
