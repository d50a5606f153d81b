package index

import (
	"cmp"
	"slices"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/internal/vector"
)

// What a question asks may be said in other words, of any of the languages of [text.MeaningOf]. A record covers a word of the question as
// far as a word of its own means the same, and its subject is near as far as the mean meanings of all their words agree.
const (
	mostNear    = 64 // how many records are found by their subject alone
	leastCosine = .3 // and how near theirs must be
	// Likenesses in meaning up to the first count as none, from the second on as the same.
	unlike = .3
	same   = .9
)

// subject is the mean meaning of words, by how much each tells; nil if none is known.
func (x *Index) subject(terms []Term) []float32 {
	var sum [text.MeaningDimensions]float64
	known := false
	for _, t := range terms {
		if m, ok := x.meaning(t); ok {
			m.AddTo(&sum, text.Weight(x.words[t]))
			known = true
		}
	}
	if !known {
		return nil
	}
	return narrow(&sum)
}

func narrow(sum *[text.MeaningDimensions]float64) []float32 {
	v := make([]float32, len(sum))
	for i, s := range sum {
		v[i] = float32(s)
	}
	return v
}

// meaning is the meaning of a term.
func (x *Index) meaning(t Term) (text.Meaning, bool) {
	i, ok := slices.BinarySearchFunc(x.meant, t, func(m meant, t Term) int { return cmp.Compare(m.term, t) })
	if !ok {
		return text.Meaning{}, false
	}
	return x.meant[i].meaning, true
}

// sense compares the meaning of a question with those of records.
type sense struct {
	x       *Index
	weights []float64 // of the words of the question
	total   float64
	subject *vector.Query      // nil: no meaning is known
	stands  map[Term][]float32 // how well a term stands for each word, of those that stand for any
	any     []uint64           // the bits of those terms: most are none
}

func (x *Index) senseOf(q *Question, a part) *sense {
	s, known := &sense{x: x, stands: map[Term][]float32{}, any: make([]uint64, len(x.words)/64+1)}, false
	var sum [text.MeaningDimensions]float64
	for i, word := range q.Terms {
		weight := q.Weights[i] * idf(a.live, 0)
		if list := q.variants[i]; len(list) > 0 {
			weight = q.Weights[i] * idf(a.live, x.docFreq(a, list[0].term))
			s.stand(list[0].term, i, len(q.Terms), 1)
		}
		if m, ok := meaningOf(word); ok {
			like := m.Likenesses()
			for _, o := range x.meant {
				if l := like(o.meaning); l > unlike {
					s.stand(o.term, i, len(q.Terms), float32(min(1, (l-unlike)/(same-unlike))))
				}
			}
			m.AddTo(&sum, q.Weights[i])
			known = true
		}
		s.total += weight
		s.weights = append(s.weights, weight)
	}
	if known {
		subject := x.subjects.Query(narrow(&sum))
		s.subject = &subject
	}
	return s
}

// near adds to what was found, if anything was, the documents whose subject is nearest.
func (s *sense) near(list []matched, a part, allowed []bool, place *scratch) []matched {
	if s.subject == nil || len(list) == 0 {
		return list
	}
	for _, m := range s.subject.Nearest(mostNear, s.x.takes(a, allowed)) {
		if m.Score >= leastCosine && place.place[m.Row] == 0 {
			list = append(list, matched{doc: uint32(m.Row)})
			place.place[m.Row] = int32(len(list))
		}
	}
	return list
}

// takes reports which documents of a part are allowed; nil: all are.
func (x *Index) takes(a part, allowed []bool) func(at int) bool {
	if a.sessions == nil && allowed == nil {
		return nil
	}
	return func(at int) bool { return a.has(x.lean[at].session) && (allowed == nil || allowed[at]) }
}

// mean is the mean cosine of the subject with those of a part: what others said does not show in it.
func (s *sense) mean(a part) float64 {
	if a.sessions == nil {
		return s.subject.Mean()
	}
	sum, n := 0.0, 0
	for i, in := range a.sessions {
		if in {
			for _, at := range s.x.sessions[i].docs {
				if c := s.subject.Cosine(int(at)); c != 0 {
					sum, n = sum+c, n+1
				}
			}
		}
	}
	return sum / float64(max(1, n))
}

// tell sets how much of the question each hit covers, and how near its subject is.
func (s *sense) tell(hits []Hit, list []matched, a part) {
	mean := 0.0
	if s.subject != nil {
		mean = s.mean(a)
	}
	for i, m := range list {
		if s.total > 0 {
			hits[i].Meant = s.cover(hits[i].Doc)
		}
		if s.subject == nil {
			continue
		}
		if c := s.subject.Cosine(int(m.doc)); c != 0 {
			hits[i].Subject = float32(c - mean)
		}
	}
}

// stand says how well a term stands for the i-th of n words, if no better is known.
func (s *sense) stand(t Term, i, n int, share float32) {
	list := s.stands[t]
	if list == nil {
		list = make([]float32, n)
		s.stands[t] = list
		s.any[t/64] |= 1 << (t % 64)
	}
	list[i] = max(list[i], share)
}

// cover is how much of the question a document covers.
func (s *sense) cover(d *Doc) float32 {
	var space [32]float32
	best := append(space[:0], make([]float32, len(s.weights))...)
	for _, t := range d.Terms {
		if s.any[t/64]>>(t%64)&1 == 0 {
			continue
		}
		for i, l := range s.stands[t] {
			best[i] = max(best[i], l)
		}
	}
	covered := 0.0
	for i, w := range s.weights {
		covered += w * float64(best[i])
	}
	return float32(covered / s.total)
}
