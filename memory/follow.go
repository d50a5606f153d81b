package memory

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// follow takes over what was written since the last refresh.
func (s *Store) follow(ctx context.Context, t *sql.Tx) error {
	v := &s.view
	last := int64(0)
	for n := range v.scopes {
		last = max(last, n)
	}
	scopes, err := readScopes(ctx, t, last)
	if err != nil {
		return err
	}
	changed, err := readChanged(ctx, t, v.seq)
	if err != nil {
		return err
	}
	gone, err := readGone(ctx, t, v.seq)
	if err != nil {
		return err
	}
	takers, err := takersOf(ctx, t, changed)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.broken = true // until refresh has seen the end of it
	for n, scope := range scopes {
		v.scopes[n] = scope
	}
	f := follower{reload: map[wall]bool{}, stands: map[int64]bool{}}
	for _, taker := range takers {
		f.stands[taker.row] = taker.summary
	}
	for _, row := range gone {
		for w, p := range v.walls {
			if _, ok := p.at(row); ok {
				f.reload[w] = true
			}
		}
	}
	for i := range changed {
		l := &changed[i]
		scope := v.scopes[l.scope]
		w := wallOf(scope)
		p := v.walls[w]
		if p == nil {
			p = newPartition(w)
			v.walls[w] = p
		}
		by := int64(0)
		if taker := takers[l.by]; taker.summary {
			by = taker.row
		}
		if err := f.take(p, l, scope, by); err != nil {
			return err
		}
	}
	for w := range f.reload {
		// A privacy delete too: the words of what is gone leave the memory with the old partition.
		old := v.walls[w]
		delete(v.walls, w)
		hidden, err := loadRecords(ctx, t, v.walls, v.scopes, &w)
		if err != nil {
			return err
		}
		f.hidden = append(f.hidden, hidden...)
		if err := s.index(ctx, t, v.walls[w].foundBeside(old)); err != nil {
			return err
		}
	}
	if f.fresh {
		rows, err := t.QueryContext(ctx, changedVectorsQuery, v.seq)
		if err != nil {
			return err
		}
		if err := putVectors(ctx, rows, v.dim, v.scopes, v.index); err != nil {
			return err
		}
	}
	if err := v.index.Delete(ctx, append(f.hidden, gone...)...); err != nil {
		return fmt.Errorf("vector index: %w", err)
	}
	return nil
}

// follower gathers what taking over changed records leads to.
type follower struct {
	stands map[int64]bool // rows that stand for something that has changed
	reload map[wall]bool
	hidden []int64 // rows that are found no more
	fresh  bool    // records were added, whose vectors the index lacks
}

// take takes over one changed record; by is the summary that took its place, 0 if none did. Records come in the order of
// their rows, so that what a summary stands for comes before the summary.
func (f *follower) take(p *partition, l *light, scope Scope, by int64) error {
	if f.reload[p.wall] {
		return nil
	}
	at, known := p.at(l.row)
	superseded, stands := l.superseded != 0, f.stands[l.row]
	if !known {
		switch {
		case superseded && by == 0:
			f.hidden = append(f.hidden, l.row)
		case len(p.docs) > 0 && p.docs[len(p.docs)-1].row > l.row:
			f.reload[p.wall] = true // an undo made it live again
		default:
			f.fresh = true
			if stands {
				f.hidden = append(f.hidden, l.row)
			}
			return p.add(l, scope, by, stands)
		}
		return nil
	}
	d := &p.docs[at]
	switch {
	case stands && !d.stands, !d.stands && !d.live && (!superseded || by != 0), d.gone && !superseded && !p.covers(d.row):
		f.reload[p.wall] = true // an undo made it, or what it stands for, live again
		return nil
	case superseded && by == 0 && d.stands:
		d.gone, d.by = true, 0
		f.reload[p.wall] = p.covers(d.row) // nothing stands any more for what it stood for
	case superseded && by == 0 && d.live:
		p.remove(at)
	case superseded && by == 0:
	default:
		d.by, d.gone = by, false
		p.count(at, l)
	}
	if !d.live {
		f.hidden = append(f.hidden, l.row)
	}
	return nil
}

// foundBeside are the rows that are found here and were not in old.
func (p *partition) foundBeside(old *partition) []int64 {
	if p == nil { // nothing is left
		return nil
	}
	var rows []int64
	for i := range p.docs {
		if d := &p.docs[i]; d.live {
			if _, ok := old.find(d.row); !ok {
				rows = append(rows, d.row)
			}
		}
	}
	return rows
}

// index puts the vectors of rows into the index.
func (s *Store) index(ctx context.Context, q queryer, numbers []int64) error {
	v := &s.view
	for batch := range slices.Chunk(numbers, 500) {
		args := make([]any, len(batch))
		for i, row := range batch {
			args[i] = row
		}
		rows, err := q.QueryContext(ctx, "SELECT row, scope, data FROM vectors WHERE row IN (?"+strings.Repeat(", ?", len(batch)-1)+") ORDER BY row", args...)
		if err != nil {
			return err
		}
		if err := putVectors(ctx, rows, v.dim, v.scopes, v.index); err != nil {
			return err
		}
	}
	return nil
}

// takersOf are the records that superseded those that have changed, by their IDs.
func takersOf(ctx context.Context, q queryer, changed []light) (map[string]taker, error) {
	asked := map[string]bool{}
	for _, l := range changed {
		if l.by != "" {
			asked[l.by] = true
		}
	}
	takers := map[string]taker{}
	for id := range asked {
		found, err := readTakers(ctx, q, "SELECT n.row, n.id, n.kind, n.origin, n.superseded = 0 FROM records n WHERE n.id = ?", id)
		if err != nil {
			return nil, err
		}
		maps.Copy(takers, found)
	}
	return takers, nil
}

// What has changed is sorted after it was found: the + keeps SQLite from going through all records in the order of their
// rows instead, which took 3 ms after every write at 10,000 records.
const (
	changedQuery        = "SELECT " + changedColumns + " FROM records r WHERE r.seq > ? ORDER BY +r.row"
	changedVectorsQuery = "SELECT v.row, v.scope, v.data FROM records r JOIN vectors v ON v.row = r.row WHERE r.seq > ? ORDER BY +v.row"
)

func readChanged(ctx context.Context, q queryer, after int64) ([]light, error) {
	rows, err := q.QueryContext(ctx, changedQuery, after)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var changed []light
	for rows.Next() {
		var by string
		l, err := scanLight(rows, &by)
		if err != nil {
			return nil, err
		}
		l.by = by
		l.digest = slices.Clone(l.digest)
		changed = append(changed, l)
	}
	return changed, rows.Err()
}

func readGone(ctx context.Context, q queryer, after int64) ([]int64, error) {
	rows, err := q.QueryContext(ctx, "SELECT row FROM tombstones WHERE seq > ?", after)
	if err != nil {
		return nil, err
	}
	return numbers(rows)
}
