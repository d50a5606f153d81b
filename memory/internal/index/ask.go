package index

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"

	"github.com/trm-go/refiner/internal/vector"
)

// Question is what an index is asked.
type Question struct {
	Remark    bool // it asks nothing
	Place     Place
	Terms     []string       // of its text, distinct, in order
	Weights   []float64      // how much each tells in any store
	Vector    []float32      // empty: by words alone
	Limit     int            // of matches by words, and as many by vector
	Radius    int            // of the neighbours of each
	Moment    int64          // microseconds: a record must be valid then
	Filter    *Filter        // nil: none
	Must, Not map[int64]bool // rows that may and may not answer; nil: any may, and none may not
	variants  [][]variant    // of each term
}

// required is the score of what an operator asks for and no word of the question finds.
const required = 1e-3

// Filter is what a question asks of a record beside its place.
type Filter struct {
	Since, Until int64 // of Created, microseconds, inclusive and exclusive
	Kinds        []string
	Where        map[string]string
	pairs        []uint32 // numbers of Where, in the index that is asked
}

// Hit is a record that may answer a question, with its scores.
type Hit struct {
	Doc         *Doc // valid while nobody changes the index
	Summary     *Doc // the one that is shown for it; nil: it is shown itself
	Lexical     float64
	Vector      float64
	Tie         float64
	Information float32 // the mean inverse document frequency of its terms
	Meant       float32 // how much of the question it covers by what its words mean, in [0, 1]
	Subject     float32 // the cosine of the mean meanings of its words and the question's, less the mean of all
}

// Answer is what an index finds.
type Answer struct {
	Hits     []Hit         // by session, then position, then row
	Query    []Term        // the question's terms that occur, distinct, in their order
	Weights  []float64     // how much each tells here
	Missing  float64       // the weights of those that do not occur
	alike    map[Term]Term // of a term that stands for one of Query, that one
	Speakers []int32       // whom the question names
	Live     int           // records of the part that was asked
	Terms    float64       // of one of them on average
	Mean     float64       // of the question's cosines with all vectors of the index
}

// matched is a document with its scores.
type matched struct {
	doc             uint32
	lexical, vector float64
}

// scratch is what scoring needs for each document. All of it is zero between two uses.
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

func (f *Filter) inTime(d *Doc) bool { return d.Created >= f.Since && d.Created < f.Until }

// ofSort reports whether a document is of the kinds and has the metadata.
func (f *Filter) ofSort(d *Doc) bool {
	return (len(f.Kinds) == 0 || slices.Contains(f.Kinds, d.Kind())) &&
		!slices.ContainsFunc(f.pairs, func(n uint32) bool { return !slices.Contains(d.meta, n) })
}

// allowed is the set of documents that a query may be answered from, nil if that is the whole part. What a summary stands
// for has the summary's kind and metadata beside its own.
func (x *Index) allowed(q *Question, a part) []bool {
	f := q.Filter
	if f == nil && q.Must == nil && q.Not == nil && x.bounded == 0 {
		return nil
	}
	set := make([]bool, len(x.docs))
	if f != nil {
		f.pairs = f.pairs[:0]
		for k, v := range f.Where {
			n, ok := x.pairs[k+"\x00"+v]
			if !ok {
				return set
			}
			f.pairs = append(f.pairs, n)
		}
	}
	for i := range x.docs {
		d := &x.docs[i]
		switch {
		case !d.live, !a.has(d.Session), !d.validAt(q.Moment):
			continue
		case q.Must != nil && !q.Must[d.Row], q.Not[d.Row]:
			continue
		case f == nil:
		case !f.inTime(d):
			continue
		case !f.ofSort(d):
			if x.shownFor(uint32(i), q, a) == nil {
				continue
			}
		}
		set[i] = true
	}
	return set
}

// match finds the best documents by words and by vector. The result is in no order. s is left dirty: finish cleans it.
func (x *Index) match(ctx context.Context, q *Question, a part, s *scratch) ([]matched, []bool, error) {
	allowed := x.allowed(q, a)
	list := x.lexical(q, a, allowed, s)
	for i, m := range list {
		s.place[m.doc] = int32(i + 1)
	}
	if len(q.Vector) == 0 {
		return list, allowed, nil
	}
	found, err := x.nearest(ctx, q, a, allowed)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range found {
		at := uint32(m.Row)
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

// lexical is the top of BM25. Statistics are those of the part of the index: its live documents, their mean length, and how many of
// them hold a term. A term counts in its translations too, and one that none holds in another spelling.
func (x *Index) lexical(q *Question, a part, allowed []bool, s *scratch) []matched {
	if a.live == 0 {
		return nil
	}
	k1, b := a.discount()
	base, slope := float32(k1*(1-b)), float32(k1*b/a.mean())
	for i, list := range q.variants {
		df := 0 // of all that stand for the word: a rare translation weighs no more than the word
		for _, v := range list {
			df = min(a.live, df+x.docFreq(a, v.term))
			weight := float32(v.share * q.Weights[i] * idf(a.live, df) * (k1 + 1))
			for _, e := range x.postings[v.term] {
				if !a.has(x.lean[e.doc].session) || allowed != nil && !allowed[e.doc] {
					continue
				}
				if s.scores[e.doc] == 0 {
					s.touched = append(s.touched, e.doc)
				}
				tf := float32(e.count)
				s.scores[e.doc] += weight * tf / (tf + base + slope*float32(x.lean[e.doc].size))
			}
		}
	}
	for row := range q.Must { // what an operator asks for matches, whether its words count or not
		if at, ok := x.find(row); ok && a.has(x.lean[at].session) && allowed[at] && s.scores[at] == 0 {
			s.scores[at] = required
			s.touched = append(s.touched, at)
		}
	}
	best := vector.Best{K: q.Limit}
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

// Ask finds the best documents by words and by vector, and their neighbours in the conversation.
func (x *Index) Ask(ctx context.Context, q *Question) (*Answer, error) {
	a := x.part(q.Place)
	q.variants = make([][]variant, len(q.Terms))
	for i, word := range q.Terms {
		q.variants[i] = x.variants(word, q.Weights[i], a)
	}
	s := borrow(len(x.docs))
	list, allowed, err := x.match(ctx, q, a, s)
	if err != nil {
		return nil, err // the scratch is dirty: leave it to the collector
	}
	if q.Radius > 0 {
		for i := range len(list) {
			list = x.neighbours(list, list[i].doc, q.Radius, allowed, s)
		}
	}
	sense := x.senseOf(q, a)
	list = sense.near(list, a, allowed, s)
	slices.SortFunc(list, func(m, n matched) int {
		dm, dn := &x.docs[m.doc], &x.docs[n.doc]
		return cmp.Or(int(dm.Session)-int(dn.Session), int(dm.Position)-int(dn.Position), int(m.doc)-int(n.doc))
	})
	s.finish(list)
	answer := &Answer{Hits: make([]Hit, len(list)), Live: a.live, Terms: a.mean(), Speakers: x.speakersIn(q, a)}
	answer.Mean = x.cosines(q, list)
	ties, frequency := x.ties(q, answer.Speakers, list), x.frequencies(a)
	for i, m := range list {
		d := &x.docs[m.doc]
		answer.Hits[i] = Hit{Doc: d, Summary: x.shownFor(m.doc, q, a), Lexical: m.lexical, Vector: m.vector, Tie: ties[m.doc], Information: a.information(d.Terms, frequency)}
	}
	sense.tell(answer.Hits, list, a)
	x.tell(answer, q, a)
	return answer, nil
}

// information is the mean inverse document frequency of terms in a part.
func (a part) information(terms []Term, frequency func(Term) int) float32 {
	sum := 0.0
	for _, t := range terms {
		sum += idf(a.live, min(a.live, frequency(t)))
	}
	return float32(sum / float64(max(1, len(terms))))
}

// neighbours adds the documents of the same session within radius positions. A record without a position has none.
func (x *Index) neighbours(list []matched, at uint32, radius int, allowed []bool, s *scratch) []matched {
	d := &x.docs[at]
	if d.Position < 0 {
		return list
	}
	docs := x.sessions[d.Session].docs
	here, _ := slices.BinarySearchFunc(docs, at, x.before)
	add := func(i int) bool {
		n := docs[i]
		gap := int(x.docs[n].Position) - int(d.Position)
		if gap > radius || gap < -radius || x.docs[n].Position < 0 {
			return false
		}
		if s.place[n] == 0 && (allowed == nil || allowed[n]) {
			list = append(list, matched{doc: n})
			s.place[n] = int32(len(list))
		}
		return true
	}
	for i := here - 1; i >= 0 && add(i); i-- {
	}
	for i := here + 1; i < len(docs) && add(i); i++ {
	}
	return list
}
