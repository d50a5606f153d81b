package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

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

func readHead(ctx context.Context, q disk.Queryer) (head, error) {
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
	sh.index, sh.dim = x, h.dim
	sh.mu.Unlock()
	if x.Bytes() > 1<<28 {
		debug.FreeOSMemory() // what loading needed, which is half as much again
	}
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
	vectors := s.loadVectors(ctx, o, dim)
	for part, err := range readEntries(ctx, t, query, args) {
		for i := range part {
			e := &part[i]
			place, ok := places[e.Scope]
			switch {
			case !ok:
				err = fmt.Errorf("%w: row %d has no scope", ErrCorrupt, e.Row)
			case stands[e.Row] != nil:
				err = x.AddSummary(e, place, stands[e.Row], !e.Superseded)
			case !e.Superseded:
				err = x.Add(e, place)
			}
			if err != nil {
				break
			}
		}
		if err != nil {
			_ = vectors(nil)
			return nil, indexError(err)
		}
	}
	x.Cover()
	return x, vectors(x)
}

// readEntries reads entries in parts, the next while the last is used.
func readEntries(ctx context.Context, q disk.Queryer, query string, args []any) iter.Seq2[[]index.Entry, error] {
	type part struct {
		entries []index.Entry
		err     error
	}
	return func(yield func([]index.Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		parts := make(chan part, 2)
		send := func(p part) bool {
			select {
			case parts <- p:
				return true
			case <-ctx.Done():
				return false
			}
		}
		go func() {
			defer close(parts)
			var p part
			var digests []byte
			err := disk.Each(ctx, q, query, args, func(scan func(...any) error) error {
				e, err := scanEntry(scan)
				if err != nil {
					return err
				}
				from := len(digests)
				digests = append(digests, e.Digest...) // what was cut from it before keeps the old array
				e.Digest = digests[from:len(digests):len(digests)]
				if p.entries = append(p.entries, e); len(p.entries) == 512 {
					if !send(p) {
						return ctx.Err()
					}
					p.entries, digests = make([]index.Entry, 0, 512), make([]byte, 0, cap(digests))
				}
				return nil
			})
			send(part{p.entries, err})
		}()
		defer func() {
			cancel()
			for range parts { // the reader has ended when this has: its transaction may be ended
			}
		}()
		for p := range parts {
			if !yield(p.entries, p.err) {
				return
			}
		}
	}
}

// loadVectors begins to read the vectors of an owner, beside what else is read, and returns what puts them into an index, or, if that
// is nil, throws them away. They may be newer than the index, which leaves out those of rows that it does not know.
func (s *Store) loadVectors(ctx context.Context, o owner, dim int) func(*index.Index) error {
	if dim == 0 {
		return func(*index.Index) error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	v := index.NewVectors(dim)
	done := make(chan error, 1)
	go func() {
		done <- eachVector(ctx, s.reader, "SELECT v.row, v.data FROM records r JOIN vectors v ON v.row = r.row WHERE "+ownRecords+" ORDER BY r.row",
			[]any{o.tenant, o.user}, dim, func(rows []int64, vectors [][]float32) error { v.Put(rows, vectors); return nil })
	}()
	return func(x *index.Index) error {
		defer cancel()
		if x == nil {
			cancel()
		}
		if err := <-done; err != nil || x == nil {
			return err
		}
		return x.SetVectors(ctx, v)
	}
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
	deleted, err := disk.Numbers(ctx, t, "SELECT row FROM tombstones WHERE seq > ?", sh.seq)
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

func readChanged(ctx context.Context, q disk.Queryer, o owner, after int64) (changed []index.Change, err error) {
	summaries := map[int]int64{}
	if err := disk.Each(ctx, q, changedQuery, []any{o.tenant, o.user, after}, func(scan func(...any) error) (err error) {
		var c index.Change
		var derived bool
		if c.Entry, err = scanEntry(scan, &c.Place.Agent, &c.Place.Session, &derived); err != nil {
			return err
		}
		c.Digest = slices.Clone(c.Digest)
		if derived {
			summaries[len(changed)] = c.Row
		}
		changed = append(changed, c)
		return nil
	}); err != nil {
		return nil, err
	}
	for i, row := range summaries {
		if changed[i].Of, err = disk.Numbers(ctx, q, "SELECT source_row FROM sources WHERE row = ?", row); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// readStands are the rows that each derived summary of an owner was made of.
func readStands(ctx context.Context, q disk.Queryer, o owner) (map[int64][]int64, error) {
	stands := map[int64][]int64{}
	return stands, disk.Each(ctx, q, "SELECT s.row, s.source_row FROM records r JOIN sources s ON s.row = r.row WHERE "+ownRecords+
		" AND r.kind = 'summary' AND r.origin = 'reconstructed'", []any{o.tenant, o.user}, func(scan func(...any) error) error {
		var row, source int64
		err := scan(&row, &source)
		stands[row] = append(stands[row], source)
		return err
	})
}

// readPlaces reads the scopes of an owner by their numbers.
func readPlaces(ctx context.Context, q disk.Queryer, o owner) (map[int64]index.Place, error) {
	places := map[int64]index.Place{}
	return places, disk.Each(ctx, q, "SELECT scope, agent, session FROM scopes WHERE tenant = ? AND user = ?", []any{o.tenant, o.user}, func(scan func(...any) error) error {
		var n int64
		var p index.Place
		err := scan(&n, &p.Agent, &p.Session)
		places[n] = p
		return err
	})
}

// putRows puts the vectors of rows into a shard's index.
func putRows(ctx context.Context, q disk.Queryer, sh *shard, numbers []int64) error {
	for batch := range slices.Chunk(numbers, 500) {
		where, args := disk.Among("row", batch)
		err := eachVector(ctx, q, "SELECT row, data FROM vectors WHERE "+where+" ORDER BY row", args, sh.dim,
			func(rows []int64, vectors [][]float32) error { return sh.index.PutVectors(ctx, rows, vectors) })
		if err != nil {
			return err
		}
	}
	return nil
}

// eachVector calls f for rows of (row, data), a thousand at a time. The vectors are valid until f returns.
func eachVector(ctx context.Context, q disk.Queryer, query string, args []any, dim int, f func(rows []int64, vectors [][]float32) error) error {
	const batch = 1024
	numbers, vectors, space := make([]int64, 0, batch), make([][]float32, 0, batch), make([]float32, 0, batch*dim)
	flush := func() error {
		err := f(numbers, vectors)
		numbers, vectors, space = numbers[:0], vectors[:0], space[:0]
		return err
	}
	var data sql.RawBytes
	err := disk.Each(ctx, q, query, args, func(scan func(...any) error) error {
		var row int64
		if err := scan(&row, &data); err != nil {
			return err
		}
		if len(data) != 4*dim {
			return fmt.Errorf("%w: the vector of row %d has %d bytes, not %d", ErrCorrupt, row, len(data), 4*dim)
		}
		from := len(space)
		space = vector.Decode(space, data)
		numbers, vectors = append(numbers, row), append(vectors, space[from:len(space):len(space)])
		if len(numbers) == batch {
			return flush()
		}
		return nil
	})
	if err != nil || len(numbers) == 0 {
		return err
	}
	return flush()
}
