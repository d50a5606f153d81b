package memory

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/vector"
)

// The usual parameters of BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond").
const (
	DefaultK1 = .9  // how fast a repeated term stops to count
	DefaultB  = .75 // how much long texts are discounted, 0 to 1
)

// DefaultRelated is the share of a term's weight that a text has which holds no more than a word related to it. It raised
// MRR on LoCoMo from .643 to .653 and left BEAM as it is; see bench/LOG.md.
const DefaultRelated = .4

// question is a query as the projection is asked it.
type question struct {
	remark    bool // it asks nothing
	scope     Scope
	plain     string   // its text without operators
	terms     []string // of its text, in order, with repeats
	links     []string
	vector    []float32
	limit     int  // of lexical and of vector matches each
	self      bool // whoever asks means himself
	k1, b     float64
	related   float64        // share of a term's weight for words related to it
	moment    int64          // microseconds: a record must be valid then
	filter    *filter        // nil: none
	must, not map[int64]bool // rows that may and may not answer; nil: any may, and none may not
}

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
	related []float32 // of one term
	reached []uint32  // what related holds
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func borrow(n int) *scratch {
	s := scratches.Get().(*scratch)
	if len(s.scores) < n {
		s.scores, s.place, s.related = make([]float32, n+n/4), make([]int32, n+n/4), make([]float32, n+n/4)
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
// them hold a term.
func (p *partition) lexical(q *question, a area, allowed []bool, s *scratch) []matched {
	if a.live == 0 {
		return nil
	}
	counts := map[Term]int{}
	var terms []Term
	for _, word := range q.terms {
		if t, ok := p.numbers[word]; ok {
			if counts[t] == 0 {
				terms = append(terms, t)
			}
			counts[t]++
		}
	}
	mean := max(1, float64(a.length)/float64(a.live))
	base, slope := float32(q.k1*(1-q.b)), float32(q.k1*q.b/mean)
	for _, t := range terms {
		df := p.docFreq(a, t)
		if df == 0 {
			continue
		}
		weight := float32(float64(counts[t]) * idf(a.live, df) * (q.k1 + 1))
		for _, e := range p.postings[t] {
			if !a.has(p.leafOf[e.doc]) || allowed != nil && !allowed[e.doc] {
				continue
			}
			if s.scores[e.doc] == 0 {
				s.touched = append(s.touched, e.doc)
			}
			tf := float32(e.count)
			s.scores[e.doc] += weight * tf / (tf + base + slope*float32(p.lengths[e.doc]))
		}
	}
	if q.related > 0 {
		for _, word := range q.terms {
			p.relate(word, q, a, allowed, s, base, slope)
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

// relate adds the share that documents without a term have of it for holding a word related to it. The term and all its
// related words are counted as one: the more documents hold any of them, the less it tells.
func (p *partition) relate(word string, q *question, a area, allowed []bool, s *scratch, base, slope float32) {
	words := text.Related(word)
	if len(words) == 0 {
		return
	}
	var own []posting
	df := 0
	if t, ok := p.numbers[word]; ok {
		own, df = p.postings[t], p.docFreq(a, t)
	}
	s.reached = s.reached[:0]
	for _, w := range words {
		t, ok := p.numbers[w]
		if !ok {
			continue
		}
		for _, e := range p.postings[t] {
			if !a.has(p.leafOf[e.doc]) || allowed != nil && !allowed[e.doc] {
				continue
			}
			if s.related[e.doc] == 0 {
				s.reached = append(s.reached, e.doc)
			}
			tf := float32(e.count)
			s.related[e.doc] = max(s.related[e.doc], tf/(tf+base+slope*float32(p.lengths[e.doc])))
		}
	}
	weight := float32(q.related * idf(a.live, min(a.live, df+len(s.reached))) * (q.k1 + 1))
	for _, e := range own {
		s.related[e.doc] = -1
	}
	for _, at := range s.reached {
		if share := s.related[at]; share > 0 {
			if s.scores[at] == 0 {
				s.touched = append(s.touched, at)
			}
			s.scores[at] += weight * share
		}
		s.related[at] = 0
	}
	for _, e := range own {
		s.related[e.doc] = 0
	}
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
