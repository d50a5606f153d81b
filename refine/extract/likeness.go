package extract

import (
	"math"

	"github.com/trm-go/refiner/internal/text"
)

// likeness tells how well words stand for the words of a question: 1 for the word itself, and less for one that is written
// alike or means much the same, in any of the languages of [text.MeaningOf].
type likeness struct {
	terms    []asking
	known    map[string][]float64 // of each word of the memories, for each term of the question
	kin      map[string]float64   // of each word that the question does not hold: how near it is to what is asked for
	meanings map[string]*text.Meaning
}

// asking is a term of the question.
type asking struct {
	term    string
	tells   float64 // how much, in any text
	name    bool
	meaning *text.Meaning
}

// sameName is the likeness in meaning from which a name stands for another: Cologne and Köln, but not John and Maria.
const sameName = .75

func newLikeness(question *tokens) *likeness {
	l := &likeness{known: map[string][]float64{}, kin: map[string]float64{}, meanings: map[string]*text.Meaning{}}
	for _, term := range question.terms {
		l.terms = append(l.terms, asking{term, question.set[term], question.names[term], l.meaning(term)})
	}
	return l
}

func (l *likeness) meaning(term string) *text.Meaning {
	m, ok := l.meanings[term]
	if !ok {
		if code, ok := text.MeaningOf(term); ok {
			m = &code
		}
		l.meanings[term] = m
	}
	return m
}

// of is how well a word stands for each term of the question.
func (l *likeness) of(word string) []float64 {
	if list, ok := l.known[word]; ok {
		return list
	}
	list := make([]float64, len(l.terms))
	meaning, same := l.meaning(word), false
	for i := range l.terms {
		q := &l.terms[i]
		if word == q.term {
			list[i], same = 1, true
			continue
		}
		list[i] = likeLetters(q.term, word)
		if q.meaning == nil || meaning == nil {
			continue
		}
		near := q.meaning.Likeness(*meaning)
		if !q.name {
			l.kin[word] = max(l.kin[word], q.tells*near)
		}
		if near > leastLike && (!q.name || near > sameName) {
			list[i] = max(list[i], min(.9, near))
		}
	}
	if same {
		delete(l.kin, word)
	}
	l.known[word] = list
	return list
}

// leastLike is the likeness in meaning that counts.
const leastLike = .3

// best is how well a text stands for each term of the question.
func (l *likeness) best(terms []string, into []float64) []float64 {
	if into == nil {
		into = make([]float64, len(l.terms))
	}
	for _, term := range terms {
		for i, x := range l.of(term) {
			into[i] = max(into[i], x)
		}
	}
	return into
}

// kinship is how near the nearest word of a text that the question does not hold is to what is asked for.
func (l *likeness) kinship(terms []string) float64 {
	best := 0.0
	for _, term := range terms {
		l.of(term)
		best = max(best, l.kin[term])
	}
	return best
}

// gist is the mean meaning of a text, its words weighted by how much they tell.
func (l *likeness) gist(t *tokens, weights map[string]float64) (sum [64]float64, length float64) {
	for _, term := range t.terms {
		if m := l.meaning(term); m != nil {
			m.AddTo(&sum, weights[term])
		}
	}
	for _, x := range sum {
		length += x * x
	}
	return sum, math.Sqrt(length)
}
