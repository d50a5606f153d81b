package index

import (
	"context"
	"slices"
)

// Change is a record that was written since an index was brought up to date.
type Change struct {
	Entry
	Place Place
	Of    []int64 // of a derived summary, the rows that it was made of
}

// Follow takes over what was written since, in the order of the rows, and returns the rows whose vectors are to be put in. It is not ok
// where the index must be made anew: a record was deleted, so that its words must leave the memory, or is live again.
func (x *Index) Follow(ctx context.Context, changed []Change, deleted []int64) (fresh []int64, ok bool, err error) {
	for _, row := range deleted {
		if _, known := x.at(row); known || x.summary(row) != nil {
			return nil, false, nil
		}
	}
	var hidden []int64
	covers := false
	for i := range changed {
		c := &changed[i]
		live := !c.Superseded
		at, known := x.at(c.Row)
		s := x.summary(c.Row)
		switch {
		case s != nil:
			covers = covers || s.live != live
			s.live = live
			s.count(&c.Entry)
		case known && x.docs[at].live && !live:
			x.remove(at)
			hidden, covers = append(hidden, c.Row), true
		case known && !x.docs[at].live && live:
			return nil, false, nil
		case known:
			x.docs[at].count(&c.Entry)
		case !live && len(c.Of) == 0:
		case len(x.docs) > 0 && x.docs[len(x.docs)-1].Row > c.Row:
			return nil, false, nil // an undo made it live again
		case len(c.Of) > 0:
			covers = true
			err = x.AddSummary(&c.Entry, c.Place, c.Of, live)
		default:
			fresh = append(fresh, c.Row)
			err = x.Add(&c.Entry, c.Place)
		}
		if err != nil {
			return nil, false, err
		}
	}
	if covers {
		x.Cover()
	}
	return fresh, true, x.deleteVectors(ctx, hidden)
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
