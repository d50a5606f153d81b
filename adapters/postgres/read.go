package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/trm-go/refiner/memory"
)

// stored is a record with what the store adds to it.
type stored struct {
	memory.Record
	row      int64
	surprise float64
}

// columns are read by scan, from records r and owners o.
const columns = `r.row, r.id, o.tenant, o."user", r.agent, r.session, r.kind, r.origin, r.role, r.speaker, r.position, r.key, r.created, r.valid_from, r.valid_until,
	r.recorded, r.superseded, r.superseded_by, r.importance, r.confidence, r.surprise, r.shown, r.last_shown, r.used, r.last_used, r.meta, r.derived_from, r.quotes, r.text`

const from = " FROM records r JOIN owners o USING (owner) WHERE "

func (s *Store) scan(rows pgx.Row, embedding bool) (*stored, error) {
	var r stored
	var v *pgvector.Vector
	into := []any{&r.row, &r.ID, &r.Scope.Tenant, &r.Scope.User, &r.Scope.Agent, &r.Scope.Session, &r.Kind, &r.Origin, &r.Role, &r.Speaker, &r.Position, &r.Key,
		stamp{&r.Created}, stamp{&r.ValidFrom}, stamp{&r.ValidUntil}, stamp{&r.Recorded}, stamp{&r.Superseded}, &r.SupersededBy, &r.Importance, &r.Confidence, &r.surprise,
		&r.Shown, stamp{&r.LastShown}, &r.Used, stamp{&r.LastUsed}, &r.Meta, &r.DerivedFrom, &r.Quotes, &r.Text}
	if embedding {
		into = append(into, &v)
	}
	err := rows.Scan(into...)
	if v != nil {
		r.Embedding, r.Model = v.Slice(), s.model
	}
	return &r, err
}

// each calls f with every record that a condition names, by its row unless the condition says in what order.
func (s *Store) each(ctx context.Context, t pgx.Tx, embeddings bool, where string, args []any, f func(*stored) error) error {
	what := columns
	if embeddings {
		what += ", r.embedding"
	}
	if !strings.Contains(where, "ORDER BY") {
		where += " ORDER BY r.row"
	}
	rows, err := t.Query(ctx, "SELECT "+what+from+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := s.scan(rows, embeddings)
		if err == nil {
			err = f(r)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// within is the condition that a record is of one of some scopes, of which there may be none: then it is any. It has four
// parameters for each.
func within(scopes ...memory.Scope) (where string, args []any) {
	var parts []string
	for _, s := range scopes {
		n := len(args)
		parts = append(parts, fmt.Sprintf(`o.tenant = $%d AND o."user" = $%d AND $%d IN ('', r.agent) AND $%d IN ('', r.session)`, n+1, n+2, n+3, n+4))
		args = append(args, s.Tenant, s.User, s.Agent, s.Session)
	}
	if len(parts) == 0 {
		return "true", nil
	}
	return "(" + strings.Join(parts, " OR ") + ")", args
}

// Record implements refine.Store.
func (s *Store) Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error) {
	var r memory.Record
	err := s.read(ctx, &scope, func(t pgx.Tx) error {
		found, err := s.record(ctx, t, scope, id, true)
		if err == nil {
			r = found.Record
		}
		return err
	})
	return r, fail(fmt.Sprintf("read record %q", id), err)
}

func (s *Store) record(ctx context.Context, t pgx.Tx, scope memory.Scope, id memory.ID, embedding bool) (found *stored, err error) {
	where, args := within(scope)
	err = s.each(ctx, t, embedding, where+" AND r.id = $5", append(args, id), func(r *stored) error { found = r; return nil })
	if err == nil && found == nil {
		err = fmt.Errorf("record %q: %w in scope %s", id, memory.ErrNotFound, scope)
	}
	return found, err
}

// Fetch implements refine.Store.
func (s *Store) Fetch(ctx context.Context, scope memory.Scope, rows ...int64) ([]memory.Record, error) {
	found := make(map[int64]memory.Record, len(rows))
	where, args := within(scope)
	err := s.read(ctx, &scope, func(t pgx.Tx) error {
		return s.each(ctx, t, false, where+" AND r.row = ANY ($5)", append(args, rows), func(r *stored) error { found[r.row] = r.Record; return nil })
	})
	records := make([]memory.Record, 0, len(rows))
	for _, row := range rows {
		if r, ok := found[row]; ok {
			records = append(records, r)
		}
	}
	return records, fail("fetch records", err)
}

// Texts implements memory.Engine.
func (s *Store) Texts(ctx context.Context, scope memory.Scope, rows []int64, f func(row int64, text string)) error {
	return s.read(ctx, &scope, func(t pgx.Tx) error {
		where, args := within(scope)
		found, _ := t.Query(ctx, "SELECT r.row, r.text"+from+where+" AND r.row = ANY ($5)", append(args, rows)...)
		var row int64
		var text string
		_, err := pgx.ForEachRow(found, []any{&row, &text}, func() error { f(row, text); return nil })
		return err
	})
}

// page is how many records are read at a time where all are gone through.
const page = 1000

// All implements refine.Store. Each page of 1,000 records is read at a moment of its own.
func (s *Store) All(ctx context.Context, scope memory.Scope, o *memory.AllOptions) iter.Seq2[memory.Record, error] {
	if o == nil {
		o = &memory.AllOptions{}
	}
	return func(yield func(memory.Record, error) bool) {
		for last := int64(0); ; {
			var records []memory.Record
			err := s.read(ctx, &scope, func(t pgx.Tx) error {
				where, args := within(scope)
				where += fmt.Sprint(" AND r.row > $5 AND ($6 OR r.superseded IS NULL) ORDER BY r.row LIMIT ", page)
				return s.each(ctx, t, o.Embeddings, where, append(args, last, o.History), func(r *stored) error {
					records, last = append(records, r.Record), r.row
					return nil
				})
			})
			if err != nil {
				yield(memory.Record{}, fail("read records", err))
				return
			}
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			if len(records) < page {
				return
			}
		}
	}
}

// List implements refine.Store.
func (s *Store) List(ctx context.Context, scope memory.Scope, o *memory.ListOptions) ([]memory.Record, int64, error) {
	if o == nil {
		o = &memory.ListOptions{}
	}
	limit := o.Limit
	if limit <= 0 {
		limit = memory.DefaultLimit
	}
	live, known := map[memory.State][]bool{"": {true}, memory.StateLive: {true}, memory.StateSuperseded: {false}, memory.StateAny: {true, false}}[o.State]
	if !known {
		return nil, 0, fail("list records", fmt.Errorf("%w: unknown state %q: use live, superseded or any", memory.ErrInvalid, o.State))
	}
	where, args := within(scope)
	where += ` AND (r.superseded IS NULL) = ANY ($5) AND ($6::bigint <= 0 OR r.row < $6) AND (coalesce(cardinality($7::text[]), 0) = 0 OR r.kind = ANY ($7)) AND $8 IN ('', r.role)
		AND ($9::bigint IS NULL OR r.created >= $9) AND ($10::bigint IS NULL OR r.created < $10) ORDER BY r.row DESC LIMIT $11`
	args = append(args, live, o.Before, o.Kinds, o.Role, stamp{&o.Since}, stamp{&o.Until}, limit+1)
	records, next, last := make([]memory.Record, 0, limit), int64(0), int64(0)
	err := s.read(ctx, &scope, func(t pgx.Tx) error {
		return s.each(ctx, t, false, where, args, func(r *stored) error {
			if len(records) < limit {
				records, last = append(records, r.Record), r.row
			} else {
				next = last
			}
			return nil
		})
	})
	return records, next, fail("list records", err)
}

// LastPosition implements refine.Store.
func (s *Store) LastPosition(ctx context.Context, scope memory.Scope) (int, error) {
	last := -1
	err := s.read(ctx, &scope, func(t pgx.Tx) error {
		return t.QueryRow(ctx, `SELECT coalesce(max(r.position), -1)`+from+`o.tenant = $1 AND o."user" = $2 AND r.agent = $3 AND r.session = $4 AND r.position < $5`,
			scope.Tenant, scope.User, scope.Agent, scope.Session, math.MaxInt32).Scan(&last)
	})
	return last, fail("read the last position", err)
}

// Places implements refine.Store.
func (s *Store) Places(ctx context.Context, in memory.Scope, all bool) (places []memory.Place, err error) {
	where, args := within(in)
	seen := &in
	if all {
		where, args = within()
		seen = nil
	}
	err = s.read(ctx, seen, func(t pgx.Tx) error {
		rows, _ := t.Query(ctx, `SELECT o.tenant, o."user", r.agent, r.session, count(*), count(*) FILTER (WHERE r.superseded IS NULL), min(r.created), max(r.created)`+from+where+
			` GROUP BY 1, 2, 3, 4 ORDER BY o.tenant COLLATE "C", o."user" COLLATE "C", r.agent COLLATE "C", min(r.created), min(r.row)`, args...)
		var p memory.Place
		_, err := pgx.ForEachRow(rows, []any{&p.Scope.Tenant, &p.Scope.User, &p.Scope.Agent, &p.Scope.Session, &p.Records, &p.Live, stamp{&p.First}, stamp{&p.Last}}, func() error {
			places = append(places, p)
			return nil
		})
		return err
	})
	return places, fail("list scopes", err)
}

// Stats implements refine.Store. Its bytes are those of the tables and their indices.
func (s *Store) Stats(ctx context.Context, scopes ...memory.Scope) (memory.Stats, error) {
	st := memory.Stats{Kinds: map[memory.Kind]int{}, Model: s.model, Dim: s.dim, Schema: 1, Path: s.schema}
	err := s.read(ctx, nil, func(t pgx.Tx) error {
		where, args := within(scopes...)
		err := t.QueryRow(ctx, `WITH places AS (SELECT o.tenant, o.owner, count(*) AS records, count(*) FILTER (WHERE r.superseded IS NULL) AS live,
				count(*) FILTER (WHERE r.superseded IS NULL AND r.origin = 'reconstructed') AS derived, sum(r.shown) AS shown, sum(r.used) AS used`+from+where+` GROUP BY 1, 2, r.agent, r.session)
			SELECT coalesce(sum(records), 0)::bigint, coalesce(sum(live), 0)::bigint, coalesce(sum(derived), 0)::bigint, coalesce(sum(shown), 0)::bigint, coalesce(sum(used), 0)::bigint,
				count(DISTINCT tenant), count(DISTINCT owner), count(*), coalesce((SELECT sum(generation) FROM owners), 0)::bigint,
				(SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind = 'r')::bigint FROM places`, args...).
			Scan(&st.Records, &st.Live, &st.Derived, &st.Shown, &st.Used, &st.Tenants, &st.Users, &st.Sessions, &st.Generation, &st.Bytes)
		if err != nil {
			return err
		}
		st.Superseded = st.Records - st.Live
		rows, _ := t.Query(ctx, "SELECT r.kind, count(*)"+from+where+" AND r.superseded IS NULL GROUP BY 1", args...)
		var kind memory.Kind
		var n int
		_, err = pgx.ForEachRow(rows, []any{&kind, &n}, func() error { st.Kinds[kind] = n; return nil })
		return err
	})
	return st, fail("stats", err)
}

// Generation implements refine.Store.
func (s *Store) Generation(ctx context.Context) (n int64, err error) {
	err = s.read(ctx, nil, func(t pgx.Tx) error {
		return t.QueryRow(ctx, "SELECT coalesce(sum(generation), 0)::bigint FROM owners").Scan(&n)
	})
	return n, fail("read the generation", err)
}

// Pinned implements refine.Store.
func (s *Store) Pinned(ctx context.Context, scope memory.Scope, limit int) ([]memory.Record, error) {
	records, err := memory.FindPinned(ctx, s, scope, limit)
	return records, fail("read what is pinned", err)
}

// Export implements refine.Store.
func (s *Store) Export(ctx context.Context, w io.Writer, scopes ...memory.Scope) (n int, err error) {
	err = s.read(ctx, nil, func(t pgx.Tx) error {
		n, err = memory.WriteExport(w, s.model, s.dim, func(yield func(memory.Exported, error) bool) {
			if err := s.exported(ctx, t, scopes, func(x memory.Exported) error {
				if !yield(x, nil) {
					return errStop
				}
				return nil
			}); err != nil && !errors.Is(err, errStop) {
				yield(memory.Exported{}, err)
			}
		})
		return err
	})
	return n, fail("export", err)
}

// errStop ends a loop over rows whose reader has enough.
var errStop = errors.New("enough")

func (s *Store) exported(ctx context.Context, t pgx.Tx, scopes []memory.Scope, f func(memory.Exported) error) error {
	where, args := within(scopes...)
	if err := s.each(ctx, t, true, where, args, func(r *stored) error { return f(memory.Exported{Record: &r.Record, Surprise: &r.surprise}) }); err != nil {
		return err
	}
	rows, _ := t.Query(ctx, "SELECT e.at, e.what, r.id, e.by FROM events e JOIN records r USING (row) JOIN owners o ON o.owner = r.owner WHERE "+where+" ORDER BY e.event", args...)
	var e memory.Event
	_, err := pgx.ForEachRow(rows, []any{stamp{&e.At}, &e.What, &e.ID, &e.By}, func() error { event := e; return f(memory.Exported{Event: &event}) })
	return err
}

// versions are the records that replaced one another in a chain, of which %s is a condition for one: now, or in an event since undone.
const versions = `r.row IN (WITH RECURSIVE chain (row) AS (SELECT r.row FROM records r JOIN owners o USING (owner) WHERE %[1]s AND r.id = $5 UNION
	SELECT r.row FROM chain JOIN records x USING (row), LATERAL (
		SELECT row FROM records WHERE superseded_by = x.id AND superseded_by <> '' UNION SELECT row FROM records WHERE id = x.superseded_by UNION
		SELECT row FROM events WHERE by = x.id AND by <> '' UNION SELECT n.row FROM events e JOIN records n ON n.id = e.by WHERE e.row = x.row) near
	JOIN records r ON r.row = near.row JOIN owners o USING (owner) WHERE %[1]s) SELECT row FROM chain) ORDER BY r.recorded, r.id COLLATE "C"`

// History implements refine.Store.
func (s *Store) History(ctx context.Context, scope memory.Scope, id memory.ID) (h memory.History, err error) {
	where, args := within(scope)
	err = s.read(ctx, &scope, func(t pgx.Tx) error {
		var found []int64
		err := s.each(ctx, t, false, fmt.Sprintf(versions, where), append(args, id), func(r *stored) error {
			found, h.Records = append(found, r.row), append(h.Records, r.Record)
			h.Events = append(h.Events, memory.Event{At: r.Recorded, What: "recorded", ID: r.ID})
			return nil
		})
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("%w in scope %s", memory.ErrNotFound, scope)
		}
		if err != nil {
			return err
		}
		rows, _ := t.Query(ctx, "SELECT e.at, e.what, r.id, e.by FROM events e JOIN records r USING (row) WHERE e.row = ANY ($1) ORDER BY e.event", found)
		var e memory.Event
		_, err = pgx.ForEachRow(rows, []any{stamp{&e.At}, &e.What, &e.ID, &e.By}, func() error { h.Events = append(h.Events, e); return nil })
		slices.SortStableFunc(h.Events, func(a, b memory.Event) int { return a.At.Compare(b.At) })
		return err
	})
	return h, fail(fmt.Sprintf("history of %q", id), err)
}
