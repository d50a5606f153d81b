package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

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
	var created, recorded, superseded, lastShown, lastUsed int64
	var validFrom, validUntil *int64
	var meta, quotes []byte
	var derived []string
	var v *pgvector.Vector
	into := []any{&r.row, (*string)(&r.ID), &r.Scope.Tenant, &r.Scope.User, &r.Scope.Agent, &r.Scope.Session, (*string)(&r.Kind), (*string)(&r.Origin), &r.Role, &r.Speaker,
		&r.Position, &r.Key, &created, &validFrom, &validUntil, &recorded, &superseded, (*string)(&r.SupersededBy), &r.Importance, &r.Confidence, &r.surprise,
		&r.Shown, &lastShown, &r.Used, &lastUsed, &meta, &derived, &quotes, &r.Text}
	if embedding {
		into = append(into, &v)
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	r.Created, r.Recorded, r.Superseded, r.LastShown, r.LastUsed = fromMicros(created), fromStamp(recorded), fromStamp(superseded), fromStamp(lastShown), fromStamp(lastUsed)
	r.ValidFrom, r.ValidUntil = fromMoment(validFrom), fromMoment(validUntil)
	for _, id := range derived {
		r.DerivedFrom = append(r.DerivedFrom, memory.ID(id))
	}
	for _, part := range []struct {
		text []byte
		into any
	}{{meta, &r.Meta}, {quotes, &r.Quotes}} {
		if part.text != nil {
			if err := json.Unmarshal(part.text, part.into); err != nil {
				return nil, fmt.Errorf("%w: record %s: %w", memory.ErrCorrupt, r.ID, err)
			}
		}
	}
	if v != nil {
		r.Embedding, r.Model = v.Slice(), s.model
	}
	return &r, nil
}

func fromStamp(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return fromMicros(us)
}

func fromMoment(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return fromMicros(*us)
}

// each calls f with every record that a condition names, by order.
func (s *Store) each(ctx context.Context, t pgx.Tx, where string, args []any, order string, embeddings bool, f func(*stored) error) error {
	more := ""
	if embeddings {
		more = ", r.embedding"
	}
	rows, err := t.Query(ctx, "SELECT "+columns+more+from+where+" ORDER BY "+order, args...)
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

// conditions are joined by AND; their parameters are written as ?.
type conditions struct {
	text []string
	args []any
}

func (c *conditions) and(text string, args ...any) {
	for range args {
		c.args = append(c.args, args[0])
		args = args[1:]
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.text = append(c.text, text)
}

func (c *conditions) where() string { return strings.Join(c.text, " AND ") }

// in narrows to a scope.
func (c *conditions) in(s memory.Scope) *conditions {
	c.and(`o.tenant = ? AND o."user" = ?`, s.Tenant, s.User)
	if s.Agent != "" {
		c.and("r.agent = ?", s.Agent)
	}
	if s.Session != "" {
		c.and("r.session = ?", s.Session)
	}
	return c
}

// within is in one of some scopes; none contain everything.
func within(scopes []memory.Scope) *conditions {
	c := &conditions{}
	var any []string
	for _, s := range scopes {
		part := &conditions{args: c.args}
		part.in(s)
		c.args = part.args
		any = append(any, "("+part.where()+")")
	}
	if len(any) > 0 {
		c.text = []string{"(" + strings.Join(any, " OR ") + ")"}
	} else {
		c.text = []string{"true"}
	}
	return c
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

func (s *Store) record(ctx context.Context, t pgx.Tx, scope memory.Scope, id memory.ID, embedding bool) (*stored, error) {
	c := new(conditions).in(scope)
	c.and("r.id = ?", string(id))
	var found *stored
	err := s.each(ctx, t, c.where(), c.args, "r.row", embedding, func(r *stored) error { found = r; return nil })
	if err == nil && found == nil {
		err = fmt.Errorf("record %q: %w in scope %s", id, memory.ErrNotFound, scope)
	}
	return found, err
}

// Fetch implements refine.Store.
func (s *Store) Fetch(ctx context.Context, scope memory.Scope, rows ...int64) ([]memory.Record, error) {
	found := make(map[int64]memory.Record, len(rows))
	err := s.read(ctx, &scope, func(t pgx.Tx) error { return s.fetch(ctx, t, scope, rows, found) })
	records := make([]memory.Record, 0, len(rows))
	for _, row := range rows {
		if r, ok := found[row]; ok {
			records = append(records, r)
		}
	}
	return records, fail("fetch records", err)
}

func (s *Store) fetch(ctx context.Context, t pgx.Tx, scope memory.Scope, rows []int64, into map[int64]memory.Record) error {
	c := new(conditions).in(scope)
	c.and("r.row = ANY (?)", rows)
	return s.each(ctx, t, c.where(), c.args, "r.row", false, func(r *stored) error { into[r.row] = r.Record; return nil })
}

// Texts implements memory.Engine.
func (s *Store) Texts(ctx context.Context, scope memory.Scope, rows []int64, f func(row int64, text string)) error {
	return s.read(ctx, &scope, func(t pgx.Tx) error {
		c := new(conditions).in(scope)
		c.and("r.row = ANY (?)", rows)
		found, err := t.Query(ctx, "SELECT r.row, r.text"+from+c.where(), c.args...)
		if err != nil {
			return err
		}
		var row int64
		var text string
		_, err = pgx.ForEachRow(found, []any{&row, &text}, func() error { f(row, text); return nil })
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
				c := new(conditions).in(scope)
				c.and("r.row > ?", last)
				if !o.History {
					c.and("r.superseded = 0")
				}
				return s.each(ctx, t, c.where(), c.args, fmt.Sprint("r.row LIMIT ", page), o.Embeddings, func(r *stored) error {
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
	c := new(conditions).in(scope)
	switch o.State {
	case "", memory.StateLive:
		c.and("r.superseded = 0")
	case memory.StateSuperseded:
		c.and("r.superseded <> 0")
	case memory.StateAny:
	default:
		return nil, 0, fail("list records", fmt.Errorf("%w: unknown state %q: use live, superseded or any", memory.ErrInvalid, o.State))
	}
	if o.Before > 0 {
		c.and("r.row < ?", o.Before)
	}
	if len(o.Kinds) > 0 {
		kinds := make([]string, len(o.Kinds))
		for i, k := range o.Kinds {
			kinds[i] = string(k)
		}
		c.and("r.kind = ANY (?)", kinds)
	}
	if o.Role != "" {
		c.and("r.role = ?", o.Role)
	}
	if !o.Since.IsZero() {
		c.and("r.created >= ?", o.Since.UnixMicro())
	}
	if !o.Until.IsZero() {
		c.and("r.created < ?", o.Until.UnixMicro())
	}
	records, next, last := make([]memory.Record, 0, limit), int64(0), int64(0)
	err := s.read(ctx, &scope, func(t pgx.Tx) error {
		return s.each(ctx, t, c.where(), c.args, fmt.Sprint("r.row DESC LIMIT ", limit+1), false, func(r *stored) error {
			if len(records) == limit {
				next = last
				return nil
			}
			records, last = append(records, r.Record), r.row
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
	c, seen := new(conditions).in(in), &in
	if all {
		c, seen = within(nil), nil
	}
	err = s.read(ctx, seen, func(t pgx.Tx) error {
		rows, err := t.Query(ctx, `SELECT o.tenant, o."user", r.agent, r.session, count(*), count(*) FILTER (WHERE r.superseded = 0), min(r.created), max(r.created)`+from+c.where()+
			` GROUP BY 1, 2, 3, 4 ORDER BY o.tenant COLLATE "C", o."user" COLLATE "C", r.agent COLLATE "C", min(r.created), min(r.row)`, c.args...)
		if err != nil {
			return err
		}
		var p memory.Place
		var first, last int64
		_, err = pgx.ForEachRow(rows, []any{&p.Scope.Tenant, &p.Scope.User, &p.Scope.Agent, &p.Scope.Session, &p.Records, &p.Live, &first, &last}, func() error {
			p.First, p.Last = fromMicros(first), fromMicros(last)
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
		c := within(scopes)
		rows, err := t.Query(ctx, `SELECT o.tenant, o."user", r.agent, r.session, r.kind, r.origin = 'reconstructed', count(*), count(*) FILTER (WHERE r.superseded = 0),
			sum(r.shown)::bigint, sum(r.used)::bigint`+from+c.where()+" GROUP BY 1, 2, 3, 4, 5, 6", c.args...)
		if err != nil {
			return err
		}
		tenants, owners, places := map[string]bool{}, map[memory.Scope]bool{}, map[memory.Scope]bool{}
		var p memory.Scope
		var kind string
		var derived bool
		var records, live, shown, used int
		if _, err := pgx.ForEachRow(rows, []any{&p.Tenant, &p.User, &p.Agent, &p.Session, &kind, &derived, &records, &live, &shown, &used}, func() error {
			st.Records, st.Live, st.Superseded, st.Shown, st.Used = st.Records+records, st.Live+live, st.Superseded+records-live, st.Shown+shown, st.Used+used
			if live > 0 {
				st.Kinds[memory.Kind(kind)] += live
				if derived {
					st.Derived += live
				}
			}
			tenants[p.Tenant], owners[memory.Scope{Tenant: p.Tenant, User: p.User}], places[p] = true, true, true
			return nil
		}); err != nil {
			return err
		}
		st.Tenants, st.Users, st.Sessions = len(tenants), len(owners), len(places)
		return t.QueryRow(ctx, `SELECT coalesce((SELECT sum(generation) FROM owners), 0)::bigint,
			(SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r')::bigint`, s.schema).
			Scan(&st.Generation, &st.Bytes)
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
			if err := s.exported(ctx, t, within(scopes), func(x memory.Exported) bool { return yield(x, nil) }); err != nil && !errors.Is(err, errStop) {
				yield(memory.Exported{}, err)
			}
		})
		return err
	})
	return n, fail("export", err)
}

// errStop ends a loop over rows whose reader has enough.
var errStop = errors.New("enough")

func (s *Store) exported(ctx context.Context, t pgx.Tx, c *conditions, yield func(memory.Exported) bool) error {
	err := s.each(ctx, t, c.where(), c.args, "r.row", true, func(r *stored) error {
		if !yield(memory.Exported{Record: &r.Record, Surprise: &r.surprise}) {
			return errStop
		}
		return nil
	})
	if err != nil {
		return err
	}
	rows, err := t.Query(ctx, "SELECT e.at, e.what, r.id, e.by FROM events e JOIN records r ON r.row = e.row JOIN owners o ON o.owner = r.owner WHERE "+c.where()+" ORDER BY e.event", c.args...)
	if err != nil {
		return err
	}
	var at int64
	var what, id, by string
	_, err = pgx.ForEachRow(rows, []any{&at, &what, &id, &by}, func() error {
		if !yield(memory.Exported{Event: &memory.Event{At: fromMicros(at), What: what, ID: memory.ID(id), By: memory.ID(by)}}) {
			return errStop
		}
		return nil
	})
	return err
}

// History implements refine.Store.
func (s *Store) History(ctx context.Context, scope memory.Scope, id memory.ID) (h memory.History, err error) {
	err = s.read(ctx, &scope, func(t pgx.Tx) error { return s.history(ctx, t, scope, id, &h) })
	return h, fail(fmt.Sprintf("history of %q", id), err)
}

func (s *Store) history(ctx context.Context, t pgx.Tx, scope memory.Scope, id memory.ID, h *memory.History) error {
	first, err := s.record(ctx, t, scope, id, false)
	if err != nil {
		return err
	}
	versions := map[int64]memory.Record{first.row: first.Record}
	for todo := []int64{first.row}; len(todo) > 0; todo = todo[1:] {
		r := versions[todo[0]]
		h.Records = append(h.Records, r)
		h.Events = append(h.Events, memory.Event{At: r.Recorded, What: "recorded", ID: r.ID})
		// Neighbours in the chain: what replaced r or was replaced by it, now or in an event since undone.
		rows, err := t.Query(ctx, `SELECT row FROM records WHERE superseded_by = $1 AND superseded_by <> '' UNION SELECT row FROM events WHERE by = $1 AND by <> ''
			UNION SELECT n.row FROM events e JOIN records n ON n.id = e.by WHERE e.row = $2
			UNION SELECT n.row FROM records o JOIN records n ON n.id = o.superseded_by WHERE o.row = $2`, string(r.ID), todo[0])
		if err != nil {
			return err
		}
		near, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		near = slices.DeleteFunc(near, func(row int64) bool { _, known := versions[row]; return known })
		if err := s.fetch(ctx, t, scope, near, versions); err != nil {
			return err
		}
		for _, row := range near {
			if _, ok := versions[row]; ok {
				todo = append(todo, row)
			}
		}
		events, err := t.Query(ctx, "SELECT at, what, by FROM events WHERE row = $1 ORDER BY event", todo[0])
		if err != nil {
			return err
		}
		var at int64
		e := memory.Event{ID: r.ID}
		if _, err := pgx.ForEachRow(events, []any{&at, &e.What, (*string)(&e.By)}, func() error {
			e.At = fromMicros(at)
			h.Events = append(h.Events, e)
			return nil
		}); err != nil {
			return err
		}
	}
	slices.SortFunc(h.Records, func(a, b memory.Record) int {
		if c := a.Recorded.Compare(b.Recorded); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	slices.SortStableFunc(h.Events, func(a, b memory.Event) int { return a.At.Compare(b.At) })
	return nil
}
