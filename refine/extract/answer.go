package extract

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// NumSure is the number of features of an answer.
const NumSure = 2*NumFeatures + 26

// Rank scores the passages, and sorts them, best first.
func (r *Reading) Rank() {
	for i := range r.Passages {
		p := &r.Passages[i]
		p.Score, p.Outdated, p.By = model.score(p.Features[:]), 0, -1
	}
	slices.SortStableFunc(r.Passages, func(a, b Passage) int { return cmp.Compare(b.Score, a.Score) })
	for i := range r.Passages[:min(mostPairs, len(r.Passages))] {
		r.Passages[i].change = ChangeOf(model.Change, Ngrams(r.Passages[i].Text))
	}
	if len(model.Pair) > 0 {
		r.current()
	}
}

// Answerable are the features by which the confidence of an answer is known, once the passages are ranked: those of the best
// passage, those of the best one of another memory, and how all of them stand to the question.
func (r *Reading) Answerable() [NumSure]float64 {
	var x [NumSure]float64
	if len(r.Passages) == 0 {
		return x
	}
	best := &r.Passages[0]
	var other *Passage
	sum := 0.0
	for i := range r.Passages {
		p := &r.Passages[i]
		sum += math.Exp(p.Score - best.Score)
		if p.Record != best.Record && other == nil {
			other = p
		}
	}
	copy(x[:], best.Features[:])
	margin := 5.0
	if other != nil {
		copy(x[NumFeatures:], other.Features[:])
		margin = min(5, best.Score-other.Score)
	}
	nowhere, named := 0.0, float64(len(r.question.names))
	for name := range r.question.names {
		nowhere += truth(!slices.ContainsFunc(r.records, func(t tokens) bool { return t.has(name) })) / named
	}
	all, tells := make([]float64, len(r.like.terms)), 0.0
	for _, near := range r.near {
		for i := range near {
			all[i] = max(all[i], near[i])
		}
	}
	hole, two, content, holes := 0.0, 0.0, 0.0, 0.0
	for i := range r.like.terms {
		q := &r.like.terms[i]
		tells += q.tells
		hole = max(hole, q.tells*(1-all[i]))
		in := best.near[i]
		if other != nil {
			in = max(in, other.near[i])
		}
		two = max(two, q.tells*(1-in))
		if q.tells > .5 {
			content++
			holes += 1 - best.near[i]
		}
	}
	held := r.holds(best)
	copy(x[2*NumFeatures:], []float64{best.Score, margin, 1 / sum, r.missing, math.Log1p(float64(len(r.question.terms))), best.Outdated,
		nowhere, math.Log1p(float64(len(r.records))), hole, two, tells, content, holes, named, best.Second[2], best.Second[3],
		r.kinds.time, r.kinds.number, r.kinds.name, r.kinds.other, held.time, held.number, held.name,
		r.kinds.name * (1 - held.name), r.kinds.time * held.time, r.kinds.number * held.number})
	return x
}

// confidence is the probability that the best passages answer.
func (r *Reading) confidence() float64 {
	var row [NumSure]float32
	for i, x := range r.Answerable() {
		row[i] = float32(x)
	}
	return sigmoid(sureTrees.Scale * sureTrees.Score(row[:]))
}

// Answer is what the memories say to a question, in their own words.
type Answer struct {
	Quotes     []Quote // the best first; of a refusal, what is nearest
	Confidence float64 // the probability that they answer the question
	Found      bool    // they are taken for an answer
}

// Quote is what is quoted of one memory.
type Quote struct {
	Record int      // its place in the evidence
	Text   string   // verbatim sentences, with " … " where some are left out
	Parts  []string // the sentences
	Before bool     // a later memory takes its place
}

// The least confidence of an answer, the share of the best passage's score mass
// that a second must have, and the words up to which a memory is quoted around the sentence that answers.
const (
	Threshold   = .35
	secondShare = .35
	mostWords   = 36
)

// Answer picks what answers, at most two memories.
func (r *Reading) Answer() Answer {
	r.Rank()
	if len(r.Passages) == 0 {
		return Answer{}
	}
	a := Answer{Confidence: r.confidence()}
	a.Found = a.Confidence >= Threshold
	best := r.Passages[0]
	a.Quotes = append(a.Quotes, r.quote(best))
	for _, p := range r.Passages[1:] {
		if p.Record == best.Record || alike(p.tokens.set, best.tokens.set) > .6 {
			continue
		}
		if math.Exp(p.Score-best.Score) >= secondShare || !a.Found {
			a.Quotes = append(a.Quotes, r.quote(p))
		}
		break
	}
	return a
}

// quote is a passage with the sentences around it, the whole of a short memory.
func (r *Reading) quote(p Passage) Quote {
	var all []Passage
	for _, o := range r.Passages {
		if o.Record == p.Record {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b Passage) int { return a.Place - b.Place })
	from := slices.IndexFunc(all, func(o Passage) bool { return o.Place == p.Place })
	to := from + 1
	room := mostWords - words(p.Text)
	for {
		grown := false
		if to < len(all) && words(all[to].Text) <= room {
			room -= words(all[to].Text)
			to++
			grown = true
		}
		if from > 0 && words(all[from-1].Text) <= room {
			from--
			room -= words(all[from].Text)
			grown = true
		}
		if !grown {
			break
		}
	}
	q := Quote{Record: p.Record, Before: p.By >= 0}
	for _, o := range all[from:to] {
		q.Parts = append(q.Parts, o.Text)
	}
	q.Text = strings.Join(q.Parts, " ")
	return q
}

// Sources are the sentences that a quotation of a memory consists of.
func (q *Quote) Sources(m *memory.Record) []memory.Quote {
	var list []memory.Quote
	for _, s := range q.Parts {
		list = append(list, memory.Quote{Source: m.ID, Text: s})
	}
	return list
}

// words estimates the words of a text; scripts without spaces count two characters as one.
func words(s string) int {
	n := len(strings.Fields(s))
	for _, r := range s {
		if r >= 0x2E80 {
			n++
		}
	}
	return n
}

func alike(a, b map[string]float64) float64 {
	common := 0
	for t := range a {
		if _, ok := b[t]; ok {
			common++
		}
	}
	return float64(common) / float64(max(1, min(len(a), len(b))))
}
