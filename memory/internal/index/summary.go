package index

import (
	"cmp"
	"slices"
)

// A derived summary is not found by itself: it stands for the records that it was made of, and is shown in their place where
// one of them is found. So consolidation changes what is shown, and not what is found. It stands as long as it is live and
// all of them are: once something has taken the place of one, it would tell what holds no more.

// summary is a derived summary as the index knows it.
type summary struct {
	Doc
	of []int64 // rows that it was made of
}

// addSummary adds a derived summary, whatever the order.
func (x *Index) addSummary(e *Entry, live bool) error {
	d, _, err := x.read(e, false)
	if err != nil {
		return err
	}
	d.live = live
	i, _ := x.findSummary(e.Row)
	x.summaries = slices.Insert(x.summaries, i, summary{d, slices.Clone(e.Of)})
	return nil
}

func (x *Index) findSummary(row int64) (int, bool) {
	return slices.BinarySearchFunc(x.summaries, row, func(s summary, row int64) int { return cmp.Compare(s.Row, row) })
}

// summary is the derived summary of a row, nil if it is none.
func (x *Index) summary(row int64) *summary {
	if i, ok := x.findSummary(row); ok {
		return &x.summaries[i]
	}
	return nil
}

// cover works out which summary stands for each document: the last one that was written.
func (x *Index) cover() {
	for i := range x.docs {
		x.docs[i].summary = -1
	}
	for i := range x.summaries {
		s := &x.summaries[i]
		if turns := x.turns(s, 0); s.live {
			for _, at := range turns {
				x.docs[at].summary = int32(i)
			}
		}
	}
}

// turns are the documents that a summary was made of, through other summaries too; none if one of them is not found.
func (x *Index) turns(s *summary, depth int) []uint32 {
	var all []uint32
	for _, row := range s.of {
		if at, ok := x.find(row); ok {
			all = append(all, at)
			continue
		}
		below := x.summary(row)
		if below == nil || depth > 8 {
			return nil
		}
		turns := x.turns(below, depth+1)
		if turns == nil {
			return nil
		}
		all = append(all, turns...)
	}
	return all
}

// shownFor is the summary that is shown for a document that answers a question, if the question may see it; else nil.
func (x *Index) shownFor(at uint32, q *Question, a part) *Doc {
	i := x.docs[at].summary
	if i < 0 {
		return nil
	}
	d := &x.summaries[i].Doc
	if !a.has(d.Session) || !d.validAt(q.Moment) || q.Filter != nil && !(q.Filter.inTime(d) && q.Filter.ofSort(d)) {
		return nil
	}
	return d
}
