package index

import (
	"context"
	"fmt"
	"slices"
)

// Follow takes over records that were written, in the order of their rows: all of them into an empty index, or those that have changed
// since. It is not ok where the index must be made anew: a record was deleted, so that its words must leave the memory, or is live again.
func (x *Index) Follow(ctx context.Context, changed []Entry, deleted []int64) (ok bool, err error) {
	for _, row := range deleted {
		if _, known := x.at(row); known || x.summary(row) != nil {
			return false, nil
		}
	}
	var hidden []int64
	var fresh []*Entry
	covers := false
	for i := range changed {
		e := &changed[i]
		live := !e.Superseded
		at, known := x.at(e.Row)
		s := x.summary(e.Row)
		switch {
		case s != nil:
			covers = covers || s.live != live
			s.live = live
			s.count(e)
		case known && x.docs[at].live && !live:
			x.remove(at)
			hidden, covers = append(hidden, e.Row), true
		case known && !x.docs[at].live && live:
			return false, nil
		case known:
			x.docs[at].count(e)
		case !live && len(e.Of) == 0:
		case len(x.docs) > 0 && x.docs[len(x.docs)-1].Row > e.Row:
			return false, nil // an undo made it live again
		case len(e.Of) > 0:
			covers = true
			err = x.addSummary(e, live)
		default:
			fresh = append(fresh, e)
			err = x.Add(e)
		}
		if err != nil {
			return false, err
		}
	}
	if covers {
		x.cover()
	}
	if x.port == nil {
		return true, ctx.Err()
	}
	if len(hidden) > 0 {
		if err := x.port.Delete(ctx, hidden...); err != nil {
			return false, fmt.Errorf("vector index: %w", err)
		}
	}
	return true, x.upsert(ctx, fresh)
}

// OfKindOrMeta are the rows of a place that are of a kind or have a metadata value, and are valid at a moment.
func (x *Index) OfKindOrMeta(place Place, moment int64, kind, key, value string) (rows []int64) {
	a := x.part(place)
	pair, known := x.pairs[key+"\x00"+value]
	for i := range x.docs {
		d := &x.docs[i]
		if d.live && a.has(d.Session) && d.validAt(moment) && (d.Kind() == kind || known && slices.Contains(d.meta, pair)) {
			rows = append(rows, d.Row)
		}
	}
	return rows
}

// MayHold are the rows of a part that hold all of some terms, and maybe more than what they stand for: a record's speaker and day
// have terms too. The last of a prefix stands for every word that may begin so.
func (x *Index) MayHold(place Place, terms []string, prefix bool) (rows []int64) {
	a := x.part(place)
	var held map[uint32]int
	for i, term := range terms {
		next := map[uint32]int{}
		take := func(t Term) {
			for _, e := range x.postings[t] {
				if held[e.doc] == i && a.has(x.lean[e.doc].session) {
					next[e.doc] = i + 1
				}
			}
		}
		if t, ok := x.numbers[term]; ok && !prefix {
			take(t)
		} else if prefix {
			for t, word := range x.words {
				if mayBegin(word, term) {
					take(Term(t))
				}
			}
		}
		held = next
	}
	for at := range held {
		rows = append(rows, x.docs[at].Row)
	}
	return rows
}

// mayBegin reports whether a word whose stem is given may begin with some letters: the stemmer changes the end of a word.
func mayBegin(stem, letters string) bool {
	same := 0
	for same < len(stem) && same < len(letters) && stem[same] == letters[same] {
		same++
	}
	return same >= min(len(letters), max(1, len(stem)-2))
}
