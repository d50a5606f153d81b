package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// view is the projection of a store: what answering a query needs, in memory, and nothing that the file does not hold.
// It is built when the store opens and brought up to date from the file before each read: SQLite tells when somebody
// has written (PRAGMA data_version, 7 µs), and records.seq tells what.
type view struct {
	refreshing sync.Mutex
	watch      *sql.Conn // the connection whose data_version is followed
	version    int64     // its last data_version
	epoch      string
	seq        int64 // of the last write that is in the projection
	broken     bool  // the last refresh did not come to its end: load all anew

	mu     sync.RWMutex
	walls  map[wall]*partition
	scopes map[int64]Scope
	index  Index
	model  string
	dim    int
}

func (v *view) start(ctx context.Context, s *Store) (err error) {
	if v.watch, err = s.reader.Conn(ctx); err != nil {
		return err
	}
	v.broken = true
	return s.refresh(ctx)
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

// refresh brings the projection up to date with the file. Every read begins with it.
func (s *Store) refresh(ctx context.Context) (err error) {
	if s.closed.Load() {
		return ErrClosed
	}
	v := &s.view
	v.refreshing.Lock()
	defer v.refreshing.Unlock()
	var version int64
	if err := v.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
		if s.closed.Load() {
			return ErrClosed
		}
		return err
	}
	if version == v.version && !v.broken {
		return nil
	}
	t, err := v.watch.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	h, err := readHead(ctx, t)
	if err != nil {
		return err
	}
	if v.broken || h.epoch != v.epoch {
		err = s.load(ctx, t, h)
	} else if h.seq != v.seq {
		err = s.follow(ctx, t)
	}
	if err != nil {
		return err
	}
	v.version, v.epoch, v.seq, v.broken = version, h.epoch, h.seq, false
	return nil
}

// load builds the projection from nothing. Records and vectors are read at the same time, over two connections that
// must see the same state.
func (s *Store) load(ctx context.Context, t *sql.Tx, h head) error {
	if e := s.embed(); e != nil && (e.Model() != h.model || e.Dim() != h.dim) {
		return fmt.Errorf("%w: another process has re-embedded the store with %q (%d dimensions): open it anew", ErrModel, h.model, h.dim)
	}
	var count int
	if err := t.QueryRowContext(ctx, "SELECT count(*) FROM records").Scan(&count); err != nil {
		return err
	}
	index, err := s.newIndex(h.dim, count)
	if err != nil {
		return fmt.Errorf("make the vector index: %w", err)
	}
	scopes, err := readScopes(ctx, t, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	indexed := make(chan error, 1)
	go func() { indexed <- s.loadVectors(ctx, h, scopes, index) }()

	walls := map[wall]*partition{}
	hidden, err := loadRecords(ctx, t, walls, scopes, nil)
	if err != nil {
		cancel()
	}
	vectorErr := <-indexed
	if err != nil {
		return err
	}
	if errors.Is(vectorErr, errMoved) {
		// Somebody wrote between the two: read the vectors over the first connection, one after the other.
		vectorErr = indexVectors(ctx, t, h.dim, scopes, index)
	}
	if vectorErr != nil {
		return vectorErr
	}
	if err := index.Delete(ctx, hidden...); err != nil {
		return fmt.Errorf("vector index: %w", err)
	}
	v := &s.view
	v.mu.Lock()
	defer v.mu.Unlock()
	v.walls, v.scopes, v.index, v.model, v.dim = walls, scopes, index, h.model, h.dim
	return nil
}

// errMoved is returned when a second connection sees another state than the first.
var errMoved = errors.New("the store has moved on")

func (s *Store) loadVectors(ctx context.Context, h head, scopes map[int64]Scope, index Index) error {
	t, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	now, err := readHead(ctx, t)
	if err != nil {
		return err
	}
	if now.epoch != h.epoch || now.seq != h.seq {
		return errMoved
	}
	return indexVectors(ctx, t, h.dim, scopes, index)
}

// indexVectors puts all vectors into the index, also those of superseded records.
func indexVectors(ctx context.Context, q queryer, dim int, scopes map[int64]Scope, index Index) error {
	rows, err := q.QueryContext(ctx, "SELECT row, scope, data FROM vectors ORDER BY row")
	if err != nil {
		return err
	}
	return putVectors(ctx, rows, dim, scopes, index)
}

// putVectors puts rows of (row, scope, data) into the index, a thousand at a time, and closes them.
func putVectors(ctx context.Context, rows *sql.Rows, dim int, scopes map[int64]Scope, index Index) error {
	defer func() { _ = rows.Close() }()
	const batch = 1024
	numbers := make([]int64, 0, batch)
	places := make([]Scope, 0, batch)
	vectors := make([][]float32, 0, batch)
	space := make([]float32, 0, batch*dim)
	flush := func() error {
		if err := index.Upsert(ctx, numbers, places, vectors); err != nil {
			return fmt.Errorf("vector index: %w", err)
		}
		numbers, places, vectors, space = numbers[:0], places[:0], vectors[:0], space[:0]
		return nil
	}
	var data sql.RawBytes
	for rows.Next() {
		var row, scope int64
		if err := rows.Scan(&row, &scope, &data); err != nil {
			return err
		}
		if len(data) != 4*dim {
			return fmt.Errorf("%w: the vector of row %d has %d bytes, not %d", ErrCorrupt, row, len(data), 4*dim)
		}
		from := len(space)
		space = decodeVector(space, data)
		numbers, places, vectors = append(numbers, row), append(places, scopes[scope]), append(vectors, space[from:len(space):len(space)])
		if len(numbers) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if len(numbers) == 0 {
		return nil
	}
	return flush()
}

// readScopes reads the scopes whose number is higher than after.
func readScopes(ctx context.Context, q queryer, after int64) (map[int64]Scope, error) {
	rows, err := q.QueryContext(ctx, "SELECT scope, tenant, user, agent, session FROM scopes WHERE scope > ?", after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	scopes := map[int64]Scope{}
	for rows.Next() {
		var n int64
		var s Scope
		if err := rows.Scan(&n, &s.Tenant, &s.User, &s.Agent, &s.Session); err != nil {
			return nil, err
		}
		scopes[n] = s
	}
	return scopes, rows.Err()
}

// loadRecords fills partitions with all records that are found, or with those of one wall, and returns the rows that are
// not.
func loadRecords(ctx context.Context, q queryer, walls map[wall]*partition, scopes map[int64]Scope, only *wall) (hidden []int64, err error) {
	covers, err := readCovers(ctx, q, only)
	if err != nil {
		return nil, err
	}
	query, args := "SELECT "+lightColumns+" FROM records r ORDER BY r.row", []any(nil)
	if only != nil {
		query = "SELECT " + lightColumns + " FROM records r JOIN scopes c ON c.scope = r.scope WHERE c.tenant = ? AND c.user = ? ORDER BY r.row"
		args = []any{only.tenant, only.user}
	}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		l, err := scanLight(rows)
		if err != nil {
			return nil, err
		}
		scope, ok := scopes[l.scope]
		if !ok {
			return nil, fmt.Errorf("%w: row %d has no scope", ErrCorrupt, l.row)
		}
		p := walls[wallOf(scope)]
		if p == nil {
			p = newPartition(wallOf(scope))
			walls[p.wall] = p
		}
		found, err := p.load(&l, scope, &covers, l.superseded != 0)
		if err != nil {
			return nil, err
		}
		if !found {
			hidden = append(hidden, l.row)
		}
	}
	return hidden, rows.Err()
}

// load appends a record as the covers say, if there is a use for it, and reports whether it is found.
func (p *partition) load(l *light, scope Scope, covers *covers, superseded bool) (found bool, err error) {
	by, stands := covers.by[l.row], covers.stands[l.row]
	switch {
	case !superseded:
		return !stands, p.add(l, scope, 0, stands)
	case covers.leaves[l.row]:
		return true, p.add(l, scope, by, false)
	case stands: // on the way to what stands for its own
		err = p.add(l, scope, by, true)
		if err == nil {
			p.docs[len(p.docs)-1].gone = by == 0
		}
		return false, err
	}
	return false, nil
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
