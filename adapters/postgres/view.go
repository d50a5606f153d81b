package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"

	"github.com/trm-go/refiner/memory"
)

// views are those that are loaded, as far as the limit on their memory allows.
type views struct {
	mu    sync.Mutex
	limit int64
	all   map[memory.Scope]*view // by tenant and user
	clock int64                  // questions asked
}

// view is what the records of a tenant and user are found by, and how far it has followed the database.
type view struct {
	refreshing sync.Mutex
	*memory.View
	epoch, seq int64

	bytes, used int64 // guarded by the lock of views
}

// Candidates implements refine.Store.
func (s *Store) Candidates(ctx context.Context, scope memory.Scope, q memory.Query) (*memory.Candidates, error) {
	c, err := memory.FindCandidates(ctx, s, scope, q)
	return c, fail("search", err)
}

// View implements memory.Engine.
func (s *Store) View(ctx context.Context, scope memory.Scope, at time.Time) (*memory.View, error) {
	owner := memory.Scope{Tenant: scope.Tenant, User: scope.User}
	if !at.IsZero() {
		if v, err := s.past(ctx, owner, at.UnixMicro()); v != nil || err != nil {
			return v, err
		}
	}
	v := s.views.take(owner)
	v.refreshing.Lock()
	defer v.refreshing.Unlock()
	changed, err := s.refresh(ctx, owner, v)
	if changed && err == nil {
		s.views.settle(owner, v)
	}
	return v.View, err
}

func (c *views) take(owner memory.Scope) *view {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[memory.Scope]*view{}
	}
	v := c.all[owner]
	if v == nil {
		v = &view{}
		c.all[owner] = v
	}
	c.clock++
	v.used = c.clock
	return v
}

// settle takes note of how much memory a view takes, and drops those that were not asked for longest if that is too much.
func (c *views) settle(owner memory.Scope, v *view) {
	bytes := v.Bytes()
	c.mu.Lock()
	defer c.mu.Unlock()
	v.bytes = bytes
	total := int64(0)
	for _, other := range c.all {
		total += other.bytes
	}
	for total > c.limit && len(c.all) > 1 {
		var oldest memory.Scope
		var found *view
		for o, other := range c.all {
			if o != owner && (found == nil || other.used < found.used) {
				oldest, found = o, other
			}
		}
		total -= found.bytes
		delete(c.all, oldest)
	}
}

// head is how far a tenant and user have come; all is zero if they have nothing.
type head struct{ owner, epoch, seq, clock int64 }

func readHead(ctx context.Context, t pgx.Tx, owner memory.Scope) (h head, err error) {
	rows, _ := t.Query(ctx, `SELECT owner, epoch, seq, clock FROM owners WHERE tenant = $1 AND "user" = $2`, owner.Tenant, owner.User)
	_, err = pgx.ForEachRow(rows, []any{&h.owner, &h.epoch, &h.seq, &h.clock}, func() error { return nil })
	return h, err
}

// refresh brings a view up to date, and reports whether that changed it.
func (s *Store) refresh(ctx context.Context, owner memory.Scope, v *view) (changed bool, err error) {
	err = s.read(ctx, &owner, func(t pgx.Tx) error {
		h, err := readHead(ctx, t, owner)
		if err != nil || v.View != nil && h.epoch == v.epoch && h.seq == v.seq {
			return err
		}
		changed = true
		for {
			fresh := v.View == nil || h.epoch != v.epoch
			if fresh {
				v.View, v.epoch, v.seq = memory.NewView(s.dim), h.epoch, 0
			}
			rows, _ := t.Query(ctx, "SELECT row FROM tombstones WHERE owner = $1 AND seq > $2", h.owner, v.seq)
			deleted, err := pgx.CollectRows(rows, pgx.RowTo[int64])
			if err != nil {
				return err
			}
			ok, err := s.apply(ctx, t, owner, v.View, deleted, "r.owner = $1 AND r.seq > $2", "r.superseded IS NOT NULL", h.owner, v.seq)
			if err == nil && (ok || fresh) {
				v.seq = h.seq
				return nil
			}
			if v.View = nil; err != nil { // it may be half done
				return err
			}
		}
	})
	return changed, err
}

// past is the view of a moment in microseconds: of what was said by then and not superseded yet; nil if that is now.
func (s *Store) past(ctx context.Context, owner memory.Scope, at int64) (v *memory.View, err error) {
	err = s.read(ctx, &owner, func(t pgx.Tx) error {
		h, err := readHead(ctx, t, owner)
		if err != nil || at >= h.clock {
			return err
		}
		v = memory.NewView(s.dim)
		_, err = s.apply(ctx, t, owner, v, nil, "r.owner = $1 AND CASE r.origin WHEN 'observed' THEN r.created ELSE r.recorded END <= $2",
			"coalesce((SELECT e.what FROM events e WHERE e.row = r.row AND e.at <= $2 ORDER BY e.event DESC LIMIT 1), '') = 'superseded'", h.owner, at)
		return err
	})
	return v, err
}

// apply tells a view of the records that a condition names, and of what was deleted; ok says whether the view could follow.
func (s *Store) apply(ctx context.Context, t pgx.Tx, owner memory.Scope, v *memory.View, deleted []int64, where, superseded string, args ...any) (ok bool, err error) {
	found, _ := t.Query(ctx, "SELECT r.row, r.agent, r.session, "+superseded+`, least(r.shown, 2147483647)::int, least(r.used, 2147483647)::int, coalesce(r.last_shown, 0),
		coalesce(r.last_used, 0), r.digest, r.embedding, CASE WHEN r.kind = 'summary' AND r.origin = 'reconstructed' THEN ARRAY (SELECT s.source_row FROM sources s WHERE s.row = r.row) END
		FROM records r WHERE `+where+" ORDER BY r.row", args...)
	var all []memory.Row
	r := memory.Row{Scope: owner}
	var vector *pgvector.Vector
	_, err = pgx.ForEachRow(found, []any{&r.Row, &r.Scope.Agent, &r.Scope.Session, &r.Superseded, &r.Shown, &r.Used, &r.LastShown, &r.LastUsed, &r.Digest, &vector, &r.Of}, func() error {
		if r.Vector = nil; vector != nil {
			r.Vector = vector.Slice()
		}
		all = append(all, r)
		return nil
	})
	if err != nil {
		return false, err
	}
	return v.Apply(ctx, all, deleted)
}
