package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// inserter writes records within one transaction.
type inserter struct {
	s        *Store
	t        *tx
	imported bool // keep the store's times and counts
	again    bool // also what was deleted for privacy
	scopes   map[Scope]place

	record, vector *sql.Stmt
}

// inserted tells what became of a record.
type inserted struct {
	id      ID    // its own, or that of the record that is there in its place
	row     int64 // 0: it was not written
	deleted bool  // it was deleted for privacy, and stays so
}

// place is the numbers of a scope and its owner.
type place struct{ scope, owner int64 }

// inserter begins to write records that were made ready.
func (s *Store) inserter(ctx context.Context, t *tx, p *Preparation) (*inserter, error) {
	if now, err := readHead(ctx, t); err != nil || now.model != p.Model || now.dim != p.Dim {
		return nil, errors.Join(err, fmt.Errorf("%w: another process has re-embedded the store with %q (%d dimensions): open it anew", ErrModel, now.model, now.dim))
	}
	// The checksum is over the columns that follow seq, as disk.Sums has them.
	record, err1 := t.PrepareContext(ctx, "INSERT INTO records (seq, "+disk.Sums["records"]+", sum) VALUES (?1"+parameters(2, 28)+", checksum(?2"+parameters(3, 28)+")) ON CONFLICT DO NOTHING")
	vector, err2 := t.PrepareContext(ctx, "INSERT INTO vectors (row, scope, data, sum) VALUES (?1, ?2, ?3, checksum(?1, ?2, ?3))")
	w := &inserter{s: s, t: t, scopes: map[Scope]place{}, record: record, vector: vector}
	if err := errors.Join(err1, err2); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// parameters are the numbered parameters of a statement, each after a comma.
func parameters(first, last int) string {
	var b strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&b, ", ?%d", n)
	}
	return b.String()
}

func (w *inserter) close() {
	for _, stmt := range []*sql.Stmt{w.record, w.vector} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// place gives a scope its numbers, new ones if it is new.
func (w *inserter) place(ctx context.Context, s Scope) (p place, err error) {
	if p, ok := w.scopes[s]; ok {
		return p, nil
	}
	if err := w.t.QueryRowContext(ctx, `INSERT INTO scopes (tenant, user, agent, session) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET tenant = tenant RETURNING scope`, s.Tenant, s.User, s.Agent, s.Session).Scan(&p.scope); err != nil {
		return p, err
	}
	if err := disk.Seal(ctx, w.t.Tx, "scopes", "scope = ?", p.scope); err != nil {
		return p, err
	}
	err = w.t.QueryRowContext(ctx, "INSERT INTO owners (tenant, user) VALUES (?, ?) ON CONFLICT DO UPDATE SET tenant = tenant RETURNING owner", s.Tenant, s.User).Scan(&p.owner)
	w.scopes[s] = p
	return p, err
}

// insert writes a record, unless there is one in its place.
func (w *inserter) insert(ctx context.Context, r *Incoming) (done inserted, err error) {
	if r.Known != "" {
		return inserted{id: r.Known}, nil
	}
	place, err := w.place(ctx, r.Scope)
	if err != nil {
		return done, err
	}
	if err := w.rests(ctx, r); err != nil {
		return done, err
	}
	given := r.ID != ""
	if !given {
		id, err := ulid.New(ulid.Timestamp(w.t.now), w.s.entropy)
		if err != nil {
			return done, fmt.Errorf("make an ID: %w", err)
		}
		r.ID = ID(id.String())
	}
	if id, err := w.gone(ctx, r, given); err != nil || id != "" {
		return inserted{id: id, deleted: true}, err
	}
	novelty, err := w.s.novelty(ctx, w.t, ownerOf(r.Scope))
	if err != nil {
		return done, err
	}
	novelty.measure(r)
	row, err := w.write(ctx, r, place)
	if err != nil {
		return done, err
	}
	if row == 0 {
		id, err := w.present(ctx, r, place.scope, given)
		return inserted{id: id}, err
	}
	novelty.note(r)
	return inserted{id: r.ID, row: row}, w.attach(ctx, row, place, r)
}

// write writes the row of a record, and returns its number; 0 if another has its key or ID.
func (w *inserter) write(ctx context.Context, r *Incoming, p place) (row int64, err error) {
	if !w.imported {
		r.Recorded, r.Superseded, r.SupersededBy = time.Time{}, time.Time{}, ""
		r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	}
	recorded := w.t.now
	if !r.Recorded.IsZero() {
		recorded = r.Recorded
	}
	meta, err1 := asJSON(r.Meta, len(r.Meta))
	derived, err2 := asJSON(r.DerivedFrom, len(r.DerivedFrom))
	quotes, err3 := asJSON(r.Quotes, len(r.Quotes))
	if err := errors.Join(err1, err2, err3); err != nil {
		return 0, err
	}
	var key any
	if r.Key != "" {
		key = r.Key
	}
	res, err := w.record.ExecContext(ctx, w.t.seq, string(r.ID), p.scope, p.owner, string(r.Kind), string(r.Origin), r.Role, r.Speaker, r.Position,
		key, micros(r.Created), moment(r.ValidFrom), moment(r.ValidUntil), micros(recorded), stamp(r.Superseded), string(r.SupersededBy), r.Importance, r.Confidence,
		*r.Surprise, r.Shown, stamp(r.LastShown), r.Used, stamp(r.LastUsed), meta, derived, quotes, r.Digest, r.Text)
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return 0, err
	}
	return res.LastInsertId()
}

// attach writes what hangs on a record's row.
func (w *inserter) attach(ctx context.Context, row int64, p place, r *Incoming) error {
	if len(r.Embedding) > 0 {
		if _, err := w.vector.ExecContext(ctx, row, p.scope, vector.Encode(r.Embedding)); err != nil {
			return err
		}
	}
	for _, id := range r.Sources() {
		if _, err := w.t.ExecContext(ctx, "INSERT OR IGNORE INTO sources (source, row, source_row) SELECT ?1, ?2, row FROM records WHERE id = ?1", string(id), row); err != nil {
			return err
		}
	}
	return nil
}

// Sources are the records that r rests on.
func (r *Record) Sources() []ID {
	ids := slices.Clone(r.DerivedFrom)
	for _, q := range r.Quotes {
		ids = append(ids, q.Source)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// rests checks that what r says it rests on is there, with the passages it quotes.
func (w *inserter) rests(ctx context.Context, r *Incoming) error {
	sources := r.Sources()
	if len(sources) == 0 {
		return nil
	}
	for _, id := range sources {
		var text string
		err := w.t.QueryRowContext(ctx, "SELECT r.text FROM records r JOIN scopes c ON c.scope = r.scope WHERE r.id = ? AND c.tenant = ? AND c.user = ?",
			string(id), r.Scope.Tenant, r.Scope.User).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: it is derived from %q, which its tenant and user do not have", ErrInvalid, id)
		}
		if err != nil {
			return err
		}
		for _, q := range r.Quotes {
			if q.Source == id && !strings.Contains(text, q.Text) {
				return fmt.Errorf("%w: it quotes %q from %s, which does not say so", ErrInvalid, q.Text, id)
			}
		}
	}
	return nil
}

// gone is the ID of a record that was deleted for privacy, with the ID or the key of this one: it does not come back, unless
// that is asked for.
func (w *inserter) gone(ctx context.Context, r *Incoming, given bool) (id ID, err error) {
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
	case !w.again:
		return id, nil
	}
	// An index in memory that has not seen the deletion yet would not see it any more: all are loaded anew.
	if _, err = w.t.ExecContext(ctx, "DELETE FROM tombstones WHERE "+those, args...); err == nil {
		_, err = w.t.ExecContext(ctx, "UPDATE store SET epoch = ?", disk.NewEpoch())
	}
	return "", err
}

// present is the record that keeps r out.
func (w *inserter) present(ctx context.Context, r *Incoming, place int64, given bool) (ID, error) {
	var id ID
	err := w.t.QueryRowContext(ctx, "SELECT id FROM records WHERE scope = ? AND key = ?", place, r.Key).Scan((*string)(&id))
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	var there int64
	var text string
	if err = w.t.QueryRowContext(ctx, "SELECT scope, text FROM records WHERE id = ?", string(r.ID)).Scan(&there, &text); err != nil {
		return "", err
	}
	if !given || there != place || text != r.Text {
		return "", fmt.Errorf("%w: the ID %s is taken by another record", ErrInvalid, r.ID)
	}
	return r.ID, nil
}

// mostOwners bounds of how many tenants and users the store remembers what was written last.
const mostOwners = 16

// recent is what was written last, for each tenant and user. It belongs to whoever holds the write lock.
type recent struct {
	seq    int64 // the last write that is in it; after a write by another process it starts anew
	owners map[owner]*Novelty
}

// novelty is what is remembered of an owner, begun with the last records that are there.
func (s *Store) novelty(ctx context.Context, t *tx, o owner) (*Novelty, error) {
	if s.recent == nil || len(s.recent.owners) > mostOwners {
		s.recent = &recent{owners: map[owner]*Novelty{}}
	}
	if n := s.recent.owners[o]; n != nil {
		return n, nil
	}
	n := NewNovelty()
	s.recent.owners[o] = n
	return n, disk.Each(ctx, t, `SELECT digest, text FROM (SELECT r.row, r.digest, r.text FROM records r WHERE `+ownRecords+`
		AND r.superseded = 0 ORDER BY r.row DESC LIMIT ?) ORDER BY row`, []any{o.tenant, o.user, Remembered}, func(scan func(...any) error) error {
		var digest []byte
		var text string
		err := scan(&digest, &text)
		n.Remember(digest, text)
		return err
	})
}
