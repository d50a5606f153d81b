package memory

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/disk"
	"github.com/trm-go/refiner/memory/internal/index"
)

// The index in memory is made of shards, one for each tenant and user, and is a cache of the file: a shard is loaded when it
// is first asked for, follows the file after that, and is dropped when others need the room. What is asked of one user never
// costs what another's memories would.

// owner is the tenant and user of a scope, which no query crosses.
type owner struct{ tenant, user string }

func ownerOf(s Scope) owner { return owner{s.Tenant, s.User} }

// shard is the view of one owner, and how far it has followed the file.
type shard struct {
	owner      owner
	refreshing sync.Mutex
	view       *View // nil: it is to be loaded
	version    int64 // SQLite's data_version when it was last brought up to date
	epoch      string
	seq        int64 // of the last write that is in it

	// Of the cache, whose lock guards them.
	bytes int64
	used  int64 // when it was last asked for, counted in questions
}

// shards are the ones that are loaded, as far as the limit on their memory allows.
type shards struct {
	watching sync.Mutex
	watch    *sql.Conn // the connection whose data_version tells that somebody has written

	mu    sync.Mutex
	limit int64
	all   map[owner]*shard
	clock int64 // questions asked
}

// head is the row of the table store that says how far it is.
type head struct {
	epoch, model, analysis string
	seq, generation, clock int64
	dim                    int
}

func readHead(ctx context.Context, q disk.Queryer) (head, error) {
	var h head
	err := q.QueryRowContext(ctx, "SELECT epoch, model, analysis, seq, generation, clock, dim FROM store").
		Scan(&h.epoch, &h.model, &h.analysis, &h.seq, &h.generation, &h.clock, &h.dim)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = fmt.Errorf("%w: the table store is empty", ErrCorrupt)
	case err != nil && strings.HasPrefix(err.Error(), "sql: Scan error"): // of a sound store each value has its type
		err = fmt.Errorf("%w: the table store: %w", ErrCorrupt, err)
	}
	return h, err
}

func (s *Store) head(ctx context.Context) (head, error) {
	if err := s.there(); err != nil {
		return head{}, err
	}
	return readHead(ctx, s.reader)
}

// view is the one of a scope's owner, up to date with the file.
func (s *Store) view(ctx context.Context, scope Scope) (*View, error) {
	sh := s.shards.take(ownerOf(scope))
	sh.refreshing.Lock()
	defer sh.refreshing.Unlock()
	changed, err := s.refresh(ctx, sh)
	if err != nil {
		return nil, err
	}
	if changed {
		s.shards.settle(sh, sh.view.Bytes())
	}
	return sh.view, nil
}

// viewAt answers for a moment: the live view, or one that is built of what was said by then and not superseded yet, whenever it was
// written down. That reads all records of the tenant and user, about 10 µs each.
func (s *Store) viewAt(ctx context.Context, scope Scope, at time.Time) (*View, error) {
	if at.IsZero() {
		return s.view(ctx, scope)
	}
	t, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = t.Rollback() }()
	h, err := readHead(ctx, t)
	if err != nil {
		return nil, err
	}
	moment := micros(at)
	if moment >= h.clock {
		_ = t.Rollback()
		return s.view(ctx, scope)
	}
	return s.build(ctx, t, ownerOf(scope), h.dim, &moment)
}

// take is the shard of an owner, an empty one if it is not loaded.
func (c *shards) take(o owner) *shard {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[o] == nil {
		c.all[o] = &shard{owner: o}
	}
	c.clock++
	c.all[o].used = c.clock
	return c.all[o]
}

// settle takes note of how much memory a shard takes, and drops those that were not used for longest if that is too much.
func (c *shards) settle(sh *shard, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sh.bytes = bytes
	byUse := slices.SortedFunc(maps.Values(c.all), func(a, b *shard) int { return cmp.Compare(a.used, b.used) })
	total := int64(0)
	for _, other := range byUse {
		total += other.bytes
	}
	for _, other := range byUse {
		if total > c.limit && other != sh {
			total -= other.bytes
			delete(c.all, other.owner)
		}
	}
}

// refresh brings a shard up to date, and reports whether that changed it.
func (s *Store) refresh(ctx context.Context, sh *shard) (changed bool, err error) {
	s.models.RLock()
	defer s.models.RUnlock()
	version, err := s.dataVersion(ctx)
	if err != nil || sh.view != nil && version == sh.version {
		return false, err
	}
	t, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return false, err
	}
	defer func() { _ = t.Rollback() }()
	h, err := readHead(ctx, t)
	if err != nil {
		return false, err
	}
	ok := false
	if sh.view != nil && h.epoch == sh.epoch {
		if ok = h.seq == sh.seq; !ok {
			changed = true
			if ok, err = s.follow(ctx, t, sh); err != nil {
				sh.view = nil // it may be half done
				return true, err
			}
		}
	}
	if !ok {
		changed = true
		if sh.view, err = s.load(ctx, t, sh.owner, h); err != nil {
			return true, err
		}
	}
	sh.version, sh.epoch, sh.seq = version, h.epoch, h.seq
	return changed, nil
}

// dataVersion changes when anybody has written. It takes 7 µs.
func (s *Store) dataVersion(ctx context.Context) (version int64, err error) {
	s.shards.watching.Lock()
	defer s.shards.watching.Unlock()
	return version, s.shards.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
}

// ownRecords is the condition that records r belong to an owner.
const ownRecords = "r.owner = (SELECT o.owner FROM owners o WHERE o.tenant = ? AND o.user = ?)"

// load makes the view of an owner from nothing.
func (s *Store) load(ctx context.Context, t *sql.Tx, o owner, h head) (*View, error) {
	if e := s.Embedder(); e != nil && (e.Model() != h.model || e.Dim() != h.dim) {
		return nil, fmt.Errorf("%w: another process has re-embedded the store with %q (%d dimensions): open it anew", ErrModel, h.model, h.dim)
	}
	v, err := s.build(ctx, t, o, h.dim, nil)
	if err == nil && v.Bytes() > 1<<28 {
		debug.FreeOSMemory() // what loading needed, which is half as much again
	}
	return v, err
}

// The rows of an owner, as a view takes them. CROSS JOIN has SQLite look the records up and then their scopes. What has changed
// is sorted after it was found: the + keeps SQLite from going through all records in the order of their rows. What happened last to a
// record up to a moment says whether it was live then.
const (
	rowsOf = `SELECT r.row, c.agent, c.session, r.superseded <> 0, r.shown, r.last_shown, r.used, r.last_used, r.digest, v.data,
		iif(r.kind = 'summary' AND r.origin = 'reconstructed', (SELECT json_group_array(source_row) FROM sources WHERE row = r.row), NULL)
		FROM records r CROSS JOIN scopes c ON c.scope = r.scope LEFT JOIN vectors v ON v.row = r.row WHERE ` + ownRecords
	presentQuery = rowsOf + " ORDER BY r.row"
	changedQuery = rowsOf + " AND r.seq > ? ORDER BY +r.row"
	pastLive     = `ifnull((SELECT e.what FROM events e WHERE e.row = r.row AND e.at <= ?1 ORDER BY e.event DESC LIMIT 1), '') = 'superseded'`
)

var pastQuery = strings.Replace(rowsOf, "r.superseded <> 0", pastLive, 1) +
	" AND iif(r.origin = 'observed', r.created, r.recorded) <= ?1 ORDER BY r.row"

// rows are some that were read. They lie in the arrays beside them, which are used again.
type rows struct {
	list              []Row
	digests           []byte
	vectors           []float32
	digest, data, ofs sql.RawBytes
}

// add reads a row.
func (rs *rows) add(scan func(...any) error, o owner, dim int) error {
	r := Row{Scope: Scope{Tenant: o.tenant, User: o.user}}
	var shown, used int64
	if err := scan(&r.Row, &r.Scope.Agent, &r.Scope.Session, &r.Superseded, &shown, &r.LastShown, &used, &r.LastUsed, &rs.digest, &rs.data, &rs.ofs); err != nil {
		return err
	}
	r.Shown, r.Used = int32(min(math.MaxInt32, shown)), int32(min(math.MaxInt32, used))
	from := len(rs.digests)
	rs.digests = append(rs.digests, rs.digest...) // what was cut from it before keeps the old array
	r.Digest = rs.digests[from:]
	if len(rs.data) > 0 {
		if len(rs.data) != 4*dim {
			return fmt.Errorf("%w: the vector of row %d has %d bytes, not %d", ErrCorrupt, r.Row, len(rs.data), 4*dim)
		}
		from := len(rs.vectors)
		rs.vectors = vector.Decode(rs.vectors, rs.data)
		r.Vector = rs.vectors[from:]
	}
	if len(rs.ofs) > 0 {
		if err := json.Unmarshal(rs.ofs, &r.Of); err != nil {
			return err
		}
	}
	rs.list = append(rs.list, r)
	return nil
}

// build makes the view of an owner, as of a moment in microseconds, or of now. Some rows are read while those before them are taken over.
func (s *Store) build(ctx context.Context, t *sql.Tx, o owner, dim int, at *int64) (*View, error) {
	v, err := s.emptyView(ctx, t, o, dim)
	if err != nil {
		return nil, err
	}
	query, args := presentQuery, []any{o.tenant, o.user}
	if at != nil {
		query, args = pastQuery, append([]any{*at}, args...)
	}
	full, free := make(chan *rows), make(chan *rows, 2)
	var taking errgroup.Group
	taking.Go(func() (err error) {
		for rs := range full {
			if err == nil {
				_, err = v.Apply(ctx, rs.list, nil)
			}
			rs.list, rs.digests, rs.vectors = rs.list[:0], rs.digests[:0], rs.vectors[:0]
			free <- rs
		}
		return err
	})
	rs := &rows{}
	free <- &rows{}
	err = disk.Each(ctx, t, query, args, func(scan func(...any) error) error {
		if len(rs.list) == 512 {
			full <- rs
			rs = <-free
		}
		return rs.add(scan, o, dim)
	})
	full <- rs
	close(full)
	if err := errors.Join(err, taking.Wait()); err != nil {
		return nil, err
	}
	return v, nil
}

// emptyView makes a view for an owner, with its vectors where Options.NewIndex says.
func (s *Store) emptyView(ctx context.Context, t *sql.Tx, o owner, dim int) (*View, error) {
	v := NewView(dim)
	if s.newIndex == nil || dim == 0 {
		return v, nil
	}
	var count int
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM records r WHERE "+ownRecords, o.tenant, o.user).Scan(&count); err != nil {
		return nil, err
	}
	elsewhere, err := s.newIndex(dim, count)
	if err != nil {
		return nil, fmt.Errorf("make the vector index: %w", err)
	}
	v.index = index.New(dim, port{elsewhere, o})
	return v, nil
}

// follow takes over what was written since a shard was last brought up to date. It is not ok where the view must be made anew.
func (s *Store) follow(ctx context.Context, t *sql.Tx, sh *shard) (ok bool, err error) {
	deleted, err := disk.Numbers(ctx, t, "SELECT row FROM tombstones WHERE seq > ?", sh.seq)
	if err != nil {
		return false, err
	}
	var rs rows
	if err := disk.Each(ctx, t, changedQuery, []any{sh.owner.tenant, sh.owner.user, sh.seq}, func(scan func(...any) error) error {
		return rs.add(scan, sh.owner, sh.view.dim)
	}); err != nil {
		return false, err
	}
	return sh.view.Apply(ctx, rs.list, deleted)
}
