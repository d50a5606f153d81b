package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/index"
)

// The index in memory is made of shards, one for each tenant and user, and is a cache of the file: a shard is loaded when it
// is first asked for, follows the file after that, and is dropped when others need the room. What is asked of one user never
// costs what another's memories would.

// owner is the tenant and user of a scope, which no query crosses.
type owner struct{ tenant, user string }

func ownerOf(s Scope) owner { return owner{s.Tenant, s.User} }

// shard is what the records of one owner are found by.
type shard struct {
	owner owner

	refreshing sync.Mutex
	loaded     bool
	version    int64 // SQLite's data_version when it was last brought up to date
	epoch      string
	seq        int64 // of the last write that is in it

	mu    sync.RWMutex // of what follows, which answers questions
	index *index.Index
	dim   int

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
	bytes int64
	clock int64 // questions asked
}

// head is the row of the table store that says how far it is.
type head struct {
	epoch, model, analysis string
	seq, generation, clock int64
	dim                    int
}

func readHead(ctx context.Context, q queryer) (head, error) {
	var h head
	err := q.QueryRowContext(ctx, "SELECT epoch, model, analysis, seq, generation, clock, dim FROM store").
		Scan(&h.epoch, &h.model, &h.analysis, &h.seq, &h.generation, &h.clock, &h.dim)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: the table store is empty", ErrCorrupt)
	}
	return h, err
}

func (s *Store) head(ctx context.Context) (head, error) {
	if s.closed.Load() {
		return head{}, ErrClosed
	}
	if err := s.there(); err != nil {
		return head{}, err
	}
	return readHead(ctx, s.reader)
}

// shard is the one of a scope, up to date with the file.
func (s *Store) shard(ctx context.Context, scope Scope) (*shard, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	c := &s.shards
	o := ownerOf(scope)
	c.mu.Lock()
	sh := c.all[o]
	if sh == nil {
		sh = &shard{owner: o}
		c.all[o] = sh
	}
	c.clock++
	sh.used = c.clock
	c.mu.Unlock()
	changed, err := s.refresh(ctx, sh)
	if err != nil {
		return nil, err
	}
	if changed {
		sh.mu.RLock()
		bytes := sh.index.Bytes()
		sh.mu.RUnlock()
		c.settle(o, sh, bytes)
	}
	return sh, nil
}

// settle takes note of how much memory a shard takes, and drops those that were not asked for longest if that is too much.
func (c *shards) settle(o owner, sh *shard, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[o] != sh {
		return // it was dropped meanwhile
	}
	c.bytes += bytes - sh.bytes
	sh.bytes = bytes
	for c.bytes > c.limit && len(c.all) > 1 {
		var oldest owner
		least := int64(1<<63 - 1)
		for o, other := range c.all {
			if other != sh && other.used < least {
				oldest, least = o, other.used
			}
		}
		c.bytes -= c.all[oldest].bytes
		delete(c.all, oldest)
	}
}

// refresh brings a shard up to date, and reports whether that changed it.
func (s *Store) refresh(ctx context.Context, sh *shard) (changed bool, err error) {
	sh.refreshing.Lock()
	defer sh.refreshing.Unlock()
	s.models.RLock()
	defer s.models.RUnlock()
	version, err := s.dataVersion(ctx)
	if err != nil || sh.loaded && version == sh.version {
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
	if sh.loaded && h.epoch == sh.epoch {
		if ok = h.seq == sh.seq; !ok {
			changed = true
			if ok, err = s.follow(ctx, t, sh); err != nil {
				sh.loaded = false // it may be half done
				return true, err
			}
		}
	}
	if !ok {
		changed = true
		if err := s.load(ctx, t, h, sh); err != nil {
			return true, err
		}
	}
	sh.loaded, sh.version, sh.epoch, sh.seq = true, version, h.epoch, h.seq
	return changed, nil
}

// dataVersion changes when anybody has written. It takes 7 µs.
func (s *Store) dataVersion(ctx context.Context) (version int64, err error) {
	s.shards.watching.Lock()
	defer s.shards.watching.Unlock()
	err = s.shards.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	if err != nil && s.closed.Load() {
		err = ErrClosed
	}
	return version, err
}

// ownRecords is the condition that records r belong to an owner.
const ownRecords = "r.owner = (SELECT o.owner FROM owners o WHERE o.tenant = ? AND o.user = ?)"

// load reads a shard from nothing.
func (s *Store) load(ctx context.Context, t *sql.Tx, h head, sh *shard) error {
	if e := s.embed(); e != nil && (e.Model() != h.model || e.Dim() != h.dim) {
		return fmt.Errorf("%w: another process has re-embedded the store with %q (%d dimensions): open it anew", ErrModel, h.model, h.dim)
	}
	x, err := s.build(ctx, t, sh.owner, h.dim, nil)
	if err != nil {
		return err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.index, sh.dim = x, h.dim
	return nil
}

// build makes the index of an owner, as of a moment in microseconds, or of now.
func (s *Store) build(ctx context.Context, t *sql.Tx, o owner, dim int, at *int64) (*index.Index, error) {
	x, err := s.emptyIndex(ctx, t, o, dim)
	if err != nil {
		return nil, err
	}
	places, err := readPlaces(ctx, t, o)
	if err != nil {
		return nil, err
	}
	stands, err := readStands(ctx, t, o)
	if err != nil {
		return nil, err
	}
	query, args := "SELECT "+entryColumns+" FROM records r WHERE "+ownRecords+" ORDER BY r.row", []any{o.tenant, o.user}
	if at != nil {
		// What happened last to a record up to that moment says whether it was live then.
		query = "SELECT " + strings.Replace(entryColumns, "r.superseded <> 0", `ifnull((SELECT e.what FROM events e WHERE e.row = r.row AND e.at <= ?
			ORDER BY e.event DESC LIMIT 1), '') = 'superseded'`, 1) +
			" FROM records r WHERE " + ownRecords + " AND iif(r.origin = 'observed', r.created, r.recorded) <= ? ORDER BY r.row"
		args = []any{*at, o.tenant, o.user, *at}
	}
	rows, err := t.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		place, ok := places[e.Scope]
		switch {
		case !ok:
			return nil, fmt.Errorf("%w: row %d has no scope", ErrCorrupt, e.Row)
		case stands[e.Row] != nil:
			err = x.AddSummary(&e, place, stands[e.Row], !e.Superseded)
		case !e.Superseded:
			err = x.Add(&e, place)
		}
		if err != nil {
			return nil, indexError(err)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	x.Cover()
	if dim == 0 {
		return x, nil
	}
	vectors, err := t.QueryContext(ctx, "SELECT v.row, v.data FROM records r JOIN vectors v ON v.row = r.row WHERE "+ownRecords+" ORDER BY r.row", o.tenant, o.user)
	if err != nil {
		return nil, err
	}
	return x, putVectors(ctx, vectors, dim, x)
}

// emptyIndex makes an index for an owner, with its vectors where Options.NewIndex says.
func (s *Store) emptyIndex(ctx context.Context, t *sql.Tx, o owner, dim int) (*index.Index, error) {
	if s.newIndex == nil || dim == 0 {
		return index.New(dim, nil), nil
	}
	var count int
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM records r WHERE "+ownRecords, o.tenant, o.user).Scan(&count); err != nil {
		return nil, err
	}
	elsewhere, err := s.newIndex(dim, count)
	if err != nil {
		return nil, fmt.Errorf("make the vector index: %w", err)
	}
	return index.New(dim, port{elsewhere, o}), nil
}

// indexError gives damage that the index has met its sentinel.
func indexError(err error) error {
	if errors.Is(err, index.ErrDigest) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// follow takes over what was written to a shard since it was last brought up to date. It is not ok where the shard must be
// loaded anew.
func (s *Store) follow(ctx context.Context, t *sql.Tx, sh *shard) (ok bool, err error) {
	deleted, err := readDeleted(ctx, t, sh.seq)
	if err != nil {
		return false, err
	}
	changed, err := readChanged(ctx, t, sh.owner, sh.seq)
	if err != nil {
		return false, err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	fresh, ok, err := sh.index.Follow(ctx, changed, deleted)
	if err != nil || !ok {
		return false, indexError(err)
	}
	return true, putRows(ctx, t, sh, fresh)
}

// What has changed is sorted after it was found: the + keeps SQLite from going through all records in the order of their rows.
const changedQuery = "SELECT " + entryColumns + `, c.agent, c.session, r.kind = 'summary' AND r.origin = 'reconstructed' FROM records r
	CROSS JOIN scopes c ON c.scope = r.scope WHERE ` + ownRecords + " AND r.seq > ? ORDER BY +r.row"

func readChanged(ctx context.Context, q queryer, o owner, after int64) ([]index.Change, error) {
	rows, err := q.QueryContext(ctx, changedQuery, o.tenant, o.user, after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var changed []index.Change
	summaries := map[int]int64{}
	for rows.Next() {
		var c index.Change
		var derived bool
		if c.Entry, err = scanEntry(rows, &c.Place.Agent, &c.Place.Session, &derived); err != nil {
			return nil, err
		}
		c.Digest = slices.Clone(c.Digest)
		if derived {
			summaries[len(changed)] = c.Row
		}
		changed = append(changed, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i, row := range summaries {
		sources, err := q.QueryContext(ctx, "SELECT source_row FROM sources WHERE row = ?", row)
		if err != nil {
			return nil, err
		}
		if changed[i].Of, err = numbers(sources); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

func readDeleted(ctx context.Context, q queryer, after int64) ([]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT row FROM tombstones WHERE seq > ?", after)
	if err != nil {
		return nil, err
	}
	return numbers(rows)
}

// readStands are the rows that each derived summary of an owner was made of.
func readStands(ctx context.Context, q queryer, o owner) (map[int64][]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT s.row, s.source_row FROM records r JOIN sources s ON s.row = r.row WHERE "+ownRecords+
		" AND r.kind = 'summary' AND r.origin = 'reconstructed'", o.tenant, o.user)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	stands := map[int64][]int64{}
	for rows.Next() {
		var row, source int64
		if err := rows.Scan(&row, &source); err != nil {
			return nil, err
		}
		stands[row] = append(stands[row], source)
	}
	return stands, rows.Err()
}

// readPlaces reads the scopes of an owner by their numbers.
func readPlaces(ctx context.Context, q queryer, o owner) (map[int64]index.Place, error) {
	rows, err := q.QueryContext(ctx, "SELECT scope, agent, session FROM scopes WHERE tenant = ? AND user = ?", o.tenant, o.user)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	places := map[int64]index.Place{}
	for rows.Next() {
		var n int64
		var p index.Place
		if err := rows.Scan(&n, &p.Agent, &p.Session); err != nil {
			return nil, err
		}
		places[n] = p
	}
	return places, rows.Err()
}

// putRows puts the vectors of rows into a shard's index.
func putRows(ctx context.Context, q queryer, sh *shard, numbers []int64) error {
	for batch := range slices.Chunk(numbers, 500) {
		where, args := among("row", batch)
		rows, err := q.QueryContext(ctx, "SELECT row, data FROM vectors WHERE "+where+" ORDER BY row", args...)
		if err != nil {
			return err
		}
		if err := putVectors(ctx, rows, sh.dim, sh.index); err != nil {
			return err
		}
	}
	return nil
}

// among is the condition that a column has one of some numbers, with its arguments.
func among(column string, numbers []int64) (string, []any) {
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	return column + " IN (?" + strings.Repeat(", ?", len(numbers)-1) + ")", args
}

// putVectors puts rows of (row, data) into the index, a thousand at a time, and closes them.
func putVectors(ctx context.Context, rows *sql.Rows, dim int, x *index.Index) error {
	defer func() { _ = rows.Close() }()
	const batch = 1024
	numbers, vectors, space := make([]int64, 0, batch), make([][]float32, 0, batch), make([]float32, 0, batch*dim)
	var data sql.RawBytes
	for more := rows.Next(); more; {
		var row int64
		if err := rows.Scan(&row, &data); err != nil {
			return err
		}
		if len(data) != 4*dim {
			return fmt.Errorf("%w: the vector of row %d has %d bytes, not %d", ErrCorrupt, row, len(data), 4*dim)
		}
		from := len(space)
		space = vector.Decode(space, data)
		numbers, vectors = append(numbers, row), append(vectors, space[from:len(space):len(space)])
		if more = rows.Next(); !more || len(numbers) == batch {
			if err := x.PutVectors(ctx, numbers, vectors); err != nil {
				return fmt.Errorf("vector index: %w", err)
			}
			numbers, vectors, space = numbers[:0], vectors[:0], space[:0]
		}
	}
	return rows.Err()
}

// numbers reads rows of one number and closes them.
func numbers(rows *sql.Rows) ([]int64, error) {
	defer func() { _ = rows.Close() }()
	var all []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
