package memory

import (
	"cmp"
	"slices"
)

// A derived summary is not found by itself: it stands for the records that it was made of, and is shown in their place where
// one of them is found. So consolidation changes what is shown, and not what is found. It stands as long as it is live and
// all of them are: once something has taken the place of one, it would tell what holds no more.

// summary is a derived summary as the index knows it.
type summary struct {
	doc
	of []int64 // rows that it was made of
}

// addSummary adds a derived summary, made of the rows of, whatever the order.
func (p *partition) addSummary(l *light, scope Scope, of []int64, live bool) error {
	d, _, err := p.read(l, scope, false)
	if err != nil {
		return err
	}
	d.live = live
	i, _ := p.findSummary(l.row)
	p.summaries = slices.Insert(p.summaries, i, summary{d, of})
	return nil
}

func (p *partition) findSummary(row int64) (int, bool) {
	return slices.BinarySearchFunc(p.summaries, row, func(s summary, row int64) int { return cmp.Compare(s.row, row) })
}

// summary is the derived summary of a row, nil if it is none.
func (p *partition) summary(row int64) *summary {
	if i, ok := p.findSummary(row); ok {
		return &p.summaries[i]
	}
	return nil
}

// cover works out which summary stands for each document: the last one that was written.
func (p *partition) cover() {
	for i := range p.docs {
		p.docs[i].summary = -1
	}
	for i := range p.summaries {
		s := &p.summaries[i]
		if turns := p.turns(s, 0); s.live {
			for _, at := range turns {
				p.docs[at].summary = int32(i)
			}
		}
	}
}

// turns are the documents that a summary was made of, through other summaries too; none if one of them is not found.
func (p *partition) turns(s *summary, depth int) []uint32 {
	var all []uint32
	for _, row := range s.of {
		if at, ok := p.find(row); ok {
			all = append(all, at)
			continue
		}
		below := p.summary(row)
		if below == nil || depth > 8 {
			return nil
		}
		turns := p.turns(below, depth+1)
		if turns == nil {
			return nil
		}
		all = append(all, turns...)
	}
	return all
}

// shownFor is the summary that is shown for a document that answers a question, if the question may see it; else nil.
func (p *partition) shownFor(at uint32, q *question, a area) *doc {
	i := p.docs[at].summary
	if i < 0 {
		return nil
	}
	d := &p.summaries[i].doc
	if !a.has(d.leaf) || d.validFrom > q.moment || d.validUntil <= q.moment || q.filter != nil && !(q.filter.inTime(d) && q.filter.ofSort(d)) {
		return nil
	}
	return d
}
