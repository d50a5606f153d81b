package memory

import (
	"context"
	"errors"
)

// A summary is found through what it stands for. A record that gave way to a summary, or to a summary of summaries, stays
// in the projection as it was, with its words, its vector and its place in the conversation, and its summary does not match
// for itself: so consolidation changes what is shown, and not what is found. A record that anything else superseded is found
// no more.

// covers tells which superseded records summaries stand for.
type covers struct {
	by     map[int64]int64 // row of the summary that took the place of a row, itself superseded or live
	stands map[int64]bool  // rows of the summaries that stand for something, superseded ones too
	leaves map[int64]bool  // superseded rows that a live summary stands for, and that are no such summary themselves
}

// taker is a record that took the place of others.
type taker struct {
	row     int64
	summary bool // it stands for what it superseded
	live    bool
}

// newCovers works out the covers from what took the place of each row, and what that is.
func newCovers(takenBy map[int64]string, takers map[string]taker) covers {
	c := covers{by: map[int64]int64{}, stands: map[int64]bool{}, leaves: map[int64]bool{}}
	live := map[int64]bool{}
	for _, t := range takers {
		live[t.row] = t.live
	}
	for row, id := range takenBy {
		if t, ok := takers[id]; ok && t.summary {
			c.by[row], c.stands[t.row] = t.row, true
		}
	}
	for row := range c.by {
		if c.stands[row] {
			continue
		}
		if top := c.top(row); live[top] {
			c.leaves[row] = true
		}
	}
	return c
}

// top is the last of those that took the place of a row and of each other.
func (c *covers) top(row int64) int64 {
	// A record is superseded by a later one, so that no circle is: a damaged file may hold one.
	for range len(c.by) + 1 {
		by, ok := c.by[row]
		if !ok {
			break
		}
		row = by
	}
	return row
}

// isSummary reports whether a record stands for those it supersedes.
func isSummary(kind Kind, origin Origin) bool { return kind == KindSummary && origin == Reconstructed }

// readCovers reads those of a store, or of one tenant and user. Where nothing is superseded it reads an empty index.
func readCovers(ctx context.Context, q queryer, only *wall) (covers, error) {
	query, where, args := "SELECT r.row, r.superseded_by FROM records r WHERE r.superseded_by <> ''", "", []any(nil)
	if only != nil {
		query += " AND r.scope IN (SELECT scope FROM scopes WHERE tenant = ? AND user = ?)"
		where = " AND scope IN (SELECT scope FROM scopes WHERE tenant = ? AND user = ?)"
		args = []any{only.tenant, only.user}
	}
	takenBy, err := pairs(ctx, q, query, args...)
	if err != nil || len(takenBy) == 0 {
		return covers{}, err
	}
	takers, err := readTakers(ctx, q, `SELECT n.row, n.id, n.kind, n.origin, n.superseded = 0 FROM records n
		WHERE n.id IN (SELECT DISTINCT superseded_by FROM records WHERE superseded_by <> ''`+where+`)`, args...)
	if err != nil {
		return covers{}, err
	}
	return newCovers(takenBy, takers), nil
}

// coversAt are those of a tenant and user as the store knew them at a moment, in microseconds.
func coversAt(ctx context.Context, q queryer, w wall, at int64) (covers, error) {
	// What happened last to a record up to that moment says whether it was live then.
	const last = `WITH last (row, what, by) AS (SELECT e.row, e.what, e.by FROM events e
		JOIN records r ON r.row = e.row JOIN scopes c ON c.scope = r.scope
		WHERE c.tenant = ? AND c.user = ? AND e.event = (SELECT max(f.event) FROM events f WHERE f.row = e.row AND f.at <= ?)) `
	takenBy, err := pairs(ctx, q, last+"SELECT row, by FROM last WHERE what = 'superseded' AND by <> ''", w.tenant, w.user, at)
	if err != nil || len(takenBy) == 0 {
		return covers{}, err
	}
	takers, err := readTakers(ctx, q, last+`SELECT n.row, n.id, n.kind, n.origin, ifnull((SELECT what FROM last WHERE last.row = n.row), '') <> 'superseded'
		FROM records n WHERE n.id IN (SELECT by FROM last)`, w.tenant, w.user, at)
	if err != nil {
		return covers{}, err
	}
	return newCovers(takenBy, takers), nil
}

func pairs(ctx context.Context, q queryer, query string, args ...any) (map[int64]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]string{}
	for rows.Next() {
		var row int64
		var id string
		if err := rows.Scan(&row, &id); err != nil {
			return nil, err
		}
		found[row] = id
	}
	return found, rows.Err()
}

func readTakers(ctx context.Context, q queryer, query string, args ...any) (map[string]taker, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	takers := map[string]taker{}
	for rows.Next() {
		var t taker
		var id string
		var kind Kind
		var origin Origin
		if err := rows.Scan(&t.row, &id, (*string)(&kind), (*string)(&origin), &t.live); err != nil {
			return nil, err
		}
		t.summary = isSummary(kind, origin)
		takers[id] = t
	}
	return takers, errors.Join(rows.Err(), rows.Close())
}

// cover is the live summary that stands for a document, itself if there is none, and false if nothing live does.
func (p *partition) cover(at uint32) (uint32, bool) {
	for range len(p.docs) {
		d := &p.docs[at]
		if d.by == 0 {
			return at, !d.gone
		}
		next, ok := p.at(d.by)
		if !ok {
			return 0, false
		}
		at = next
	}
	return 0, false
}

// covers reports whether anything that is found gave way to a row, or to something that did.
func (p *partition) covers(row int64) bool {
	for i := range p.docs {
		if !p.docs[i].live {
			continue
		}
		by := p.docs[i].by
		for n := 0; by != 0 && n < len(p.docs); n++ {
			if by == row {
				return true
			}
			at, ok := p.at(by)
			if !ok {
				break
			}
			by = p.docs[at].by
		}
	}
	return false
}

// shownFor is the summary that is shown for a document that answers a question, if the question may see it.
func (p *partition) shownFor(at uint32, q *question, a area) (uint32, bool) {
	top, ok := p.cover(at)
	if !ok || top == at || !a.has(p.leafOf[top]) {
		return 0, false
	}
	d := &p.docs[top]
	if d.validFrom > q.moment || d.validUntil <= q.moment {
		return 0, false
	}
	return top, q.filter == nil || q.filter.inTime(d) && q.filter.ofSort(d)
}
