package memory

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/trm-go/refiner/internal/vector"
)

// question is a query as the projection is asked it.
type question struct {
	remark    bool // it asks nothing
	scope     Scope
	terms     []string  // of its text, distinct, in order
	weights   []float64 // how much each tells in any store
	vector    []float32
	limit     int            // of lexical and of vector matches each
	moment    int64          // microseconds: a record must be valid then
	filter    *filter        // nil: none
	must, not map[int64]bool // rows that may and may not answer; nil: any may, and none may not
}

// asked is the score of what an operator asks for and no word of the question finds.
const asked = 1e-3

// filter is what a query asks of a record beside its scope.
type filter struct {
	since, until int64
	kinds        []Kind
	where        map[string]string
	pairs        []uint32 // numbers of where, in the partition that is asked
}

// matched is a document with its scores.
type matched struct {
	doc             uint32
	lexical, vector float64
}

// scratch is what scoring needs for each document of a partition. All of it is zero between two uses.
type scratch struct {
	scores  []float32
	place   []int32 // 1 + place in the list of matches
	touched []uint32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func borrow(n int) *scratch {
	s := scratches.Get().(*scratch)
	if len(s.scores) < n {
		s.scores, s.place = make([]float32, n+n/4), make([]int32, n+n/4)
	}
	s.touched = s.touched[:0]
	return s
}

func (f *filter) inTime(d *doc) bool { return d.created >= f.since && d.created < f.until }

// ofSort reports whether a document is of the kinds and has the metadata.
func (f *filter) ofSort(d *doc) bool {
	return (len(f.kinds) == 0 || slices.Contains(f.kinds, d.kind)) &&
		!slices.ContainsFunc(f.pairs, func(n uint32) bool { return !slices.Contains(d.meta, n) })
}

// allowed is the set of documents that a query may be answered from, nil if that is the whole area. What a summary stands
// for has the summary's kind and metadata beside its own.
func (p *partition) allowed(q *question, a area) []bool {
	f := q.filter
	if f == nil && q.must == nil && q.not == nil && p.bounded == 0 {
		return nil
	}
	set := make([]bool, len(p.docs))
	if f != nil {
		f.pairs = f.pairs[:0]
		for k, v := range f.where {
			n, ok := p.pairs[k+"\x00"+v]
			if !ok {
				return set
			}
			f.pairs = append(f.pairs, n)
		}
	}
	for i := range p.docs {
		d := &p.docs[i]
		switch {
		case !d.live, !a.has(d.leaf), d.validFrom > q.moment, d.validUntil <= q.moment:
			continue
		case q.must != nil && !q.must[d.row], q.not[d.row]:
			continue
		case f == nil:
		case !f.inTime(d):
			continue
		case !f.ofSort(d):
			if p.shownFor(uint32(i), q, a) == nil {
				continue
			}
		}
		set[i] = true
	}
	return set
}

// match finds the best documents by words and by vector. The result is in no order. s is left dirty: finish cleans it.
func (p *partition) match(ctx context.Context, q *question, a area, index Index, s *scratch) ([]matched, []bool, error) {
	allowed := p.allowed(q, a)
	list := p.lexical(q, a, allowed, s)
	for i, m := range list {
		s.place[m.doc] = int32(i + 1)
	}
	if len(q.vector) == 0 {
		return list, allowed, nil
	}
	found, err := p.nearest(ctx, q, a, allowed, index)
	if err != nil {
		return nil, nil, fmt.Errorf("vector index: %w", err)
	}
	for _, m := range found {
		at, ok := p.find(m.Row)
		if !ok || !a.has(p.leafOf[at]) || allowed != nil && !allowed[at] {
			continue
		}
		if i := s.place[at]; i > 0 {
			list[i-1].vector = m.Score
			continue
		}
		list = append(list, matched{doc: at, vector: m.Score})
		s.place[at] = int32(len(list))
	}
	return list, allowed, nil
}

// finish gives the scratch back, clean.
func (s *scratch) finish(docs []matched) {
	for _, m := range docs {
		s.place[m.doc] = 0
	}
	scratches.Put(s)
}

// lexical is the top of BM25. Statistics are those of the area: its live documents, their mean length, and how many of
// them hold a term. A term that none holds is looked for in another spelling.
func (p *partition) lexical(q *question, a area, allowed []bool, s *scratch) []matched {
	if a.live == 0 {
		return nil
	}
	k1, b := a.discount()
	base, slope := float32(k1*(1-b)), float32(k1*b/a.mean())
	for i, word := range q.terms {
		term, share := p.spelled(word, q.weights[i], a)
		df := p.docFreq(a, term)
		if share == 0 || df == 0 {
			continue
		}
		weight := float32(share * q.weights[i] * idf(a.live, df) * (k1 + 1))
		for _, e := range p.postings[term] {
			if !a.has(p.leafOf[e.doc]) || allowed != nil && !allowed[e.doc] {
				continue
			}
			if s.scores[e.doc] == 0 {
				s.touched = append(s.touched, e.doc)
			}
			tf := float32(e.count)
			s.scores[e.doc] += weight * tf / (tf + base + slope*float32(p.sizes[e.doc]))
		}
	}
	for row := range q.must { // what an operator asks for matches, whether its words count or not
		if at, ok := p.find(row); ok && a.has(p.leafOf[at]) && allowed[at] && s.scores[at] == 0 {
			s.scores[at] = asked
			s.touched = append(s.touched, at)
		}
	}
	best := vector.Best{K: q.limit}
	for _, at := range s.touched {
		best.Offer(vector.Match{Row: int64(at), Score: float64(s.scores[at])})
		s.scores[at] = 0
	}
	list := make([]matched, len(best.List), 2*len(best.List)+16)
	for i, m := range best.List {
		list[i] = matched{doc: uint32(m.Row), lexical: m.Score}
	}
	return list
}

// idf is the weight of a term that df of n documents hold, always above 0.
func idf(n, df int) float64 { return math.Log(1 + (float64(n-df)+.5)/(float64(df)+.5)) }

// rowSearcher is an [Index] that can search among some rows only, in ascending order.
type rowSearcher interface {
	SearchRows(ctx context.Context, scope Scope, rows []int64, query []float32, k int) ([]Match, error)
}

// nearest asks the index. What a filter leaves out must not crowd out what it keeps: an index that cannot be told the
// rows is asked for more, until enough of what it finds is allowed.
func (p *partition) nearest(ctx context.Context, q *question, a area, allowed []bool, index Index) ([]Match, error) {
	if allowed == nil {
		return index.Search(ctx, q.scope, q.vector, min(q.limit, a.live))
	}
	rows := make([]int64, 0, 64)
	for i, ok := range allowed {
		if ok {
			rows = append(rows, p.docs[i].row)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	if by, ok := index.(rowSearcher); ok {
		return by.SearchRows(ctx, q.scope, rows, q.vector, min(q.limit, len(rows)))
	}
	for k := 4 * q.limit; ; k *= 4 {
		found, err := index.Search(ctx, q.scope, q.vector, min(k, a.live))
		if err != nil {
			return nil, err
		}
		kept := slices.DeleteFunc(slices.Clone(found), func(m Match) bool {
			_, ok := slices.BinarySearch(rows, m.Row)
			return !ok
		})
		if len(kept) >= min(q.limit, len(rows)) || k >= a.live || len(found) < min(k, a.live) {
			return kept[:min(len(kept), q.limit)], nil
		}
	}
}
