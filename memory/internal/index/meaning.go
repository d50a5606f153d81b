package index

import (
	"cmp"
	"slices"

	"github.com/trm-go/refiner/internal/text"
)

// What a question asks may be said in other words, of any of the languages of [text.MeaningOf]. A record covers a word of the question as
// far as a word of its own means the same, and its subject is near as far as the mean meanings of all their words agree.
const (
	subjects    = 64 // how many records are found by their subject alone
	leastCosine = .3 // and how near theirs must be
	// Likenesses in meaning up to the first count as none, from the second on as the same.
	unlike = .3
	same   = .9
)

// subject is the mean meaning of words, by how much each tells; false if none is known.
func (x *Index) subject(terms []Term) ([]float32, bool) {
	var sum [text.MeaningDimensions]float64
	known := false
	for _, t := range terms {
		if m, ok := x.meaning(t); ok {
			m.AddTo(&sum, text.Weight(x.words[t]))
			known = true
		}
	}
	return narrow(&sum), known
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
	words   []sought
	total   float64
	subject []float32          // nil: no meaning is known
	known   map[Term][]float32 // how well a term stands for each word
}

// sought is a word of the question.
type sought struct {
	own    Term // its term here; found: there is one
	found  bool
	weight float64
	like   func(text.Meaning) float64 // nil: its meaning is not known
}

func (x *Index) senseOf(q *Question, a part) *sense {
	s := &sense{x: x, known: map[Term][]float32{}}
	var sum [text.MeaningDimensions]float64
	for i, word := range q.Terms {
		w := sought{weight: q.Weights[i] * idf(a.live, 0)}
		if list := q.variants[i]; len(list) > 0 {
			w.own, w.found, w.weight = list[0].term, true, q.Weights[i]*idf(a.live, x.docFreq(a, list[0].term))
		}
		if m, ok := meaningOf(word); ok {
			w.like = m.Likenesses()
			m.AddTo(&sum, q.Weights[i])
			s.subject = narrow(&sum)
		}
		s.total += w.weight
		s.words = append(s.words, w)
	}
	return s
}

// near adds to what was found, if anything was, the documents whose subject is nearest.
func (s *sense) near(list []matched, a part, allowed []bool, place *scratch) []matched {
	if s.subject == nil || len(list) == 0 {
		return list
	}
	for _, m := range s.x.gists.Search(s.subject, subjects, a.sessions, s.x.rows(allowed)) {
		if at, ok := s.x.find(m.Row); ok && m.Score >= leastCosine && place.place[at] == 0 {
			list = append(list, matched{doc: at})
			place.place[at] = int32(len(list))
		}
	}
	return list
}

// rows are those of the documents that are allowed, nil for all.
func (x *Index) rows(allowed []bool) []int64 {
	if allowed == nil {
		return nil
	}
	rows := []int64{}
	for i, ok := range allowed {
		if ok {
			rows = append(rows, x.docs[i].Row)
		}
	}
	return rows
}

// tell sets how much of the question each hit covers, and how near its subject is.
func (s *sense) tell(hits []Hit, a part) {
	if s.total > 0 {
		for i := range hits {
			hits[i].Meant = s.cover(hits[i].Doc)
		}
	}
	if s.subject == nil {
		return
	}
	rows := make([]int64, len(hits))
	for i := range hits {
		rows[i] = hits[i].Doc.Row
	}
	cosines, mean := s.x.gists.Cosines(s.subject, rows, a.sessions)
	for i, c := range cosines {
		if c != 0 {
			hits[i].Subject = float32(c - mean)
		}
	}
}

// cover is how much of the question a document covers.
func (s *sense) cover(d *Doc) float32 {
	var space [32]float32
	best := append(space[:0], make([]float32, len(s.words))...)
	for _, t := range d.Terms {
		for i, l := range s.stands(t) {
			best[i] = max(best[i], l)
		}
	}
	covered := 0.0
	for i, w := range s.words {
		covered += w.weight * float64(best[i])
	}
	return float32(covered / s.total)
}

// stands is how well a term stands for each word of the question, in [0, 1].
func (s *sense) stands(t Term) []float32 {
	list, ok := s.known[t]
	if ok {
		return list
	}
	list = make([]float32, len(s.words))
	m, ok := s.x.meaning(t)
	for i := range s.words {
		switch w := &s.words[i]; {
		case w.found && w.own == t:
			list[i] = 1
		case ok && w.like != nil:
			list[i] = float32(max(0, min(1, (w.like(m)-unlike)/(same-unlike))))
		}
	}
	s.known[t] = list
	return list
}
