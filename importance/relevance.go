package importance

import (
	"math"
	"slices"

	"github.com/trm-go/refiner/memory"
)

// Context says how much of what the neighbours of a turn say counts as said by the turn. Zero fields mean none.
type Context struct {
	Before float64 `json:"before"` // share of the turn just before, 0 to 1
	After  float64 `json:"after"`  // share of the turn just after, 0 to 1
	Fade   float64 `json:"fade"`   // factor for each turn farther away, 0 to 1
	Vector float64 `json:"vector"` // share of the vector in the mix with the words, 0 to 1
}

// DefaultContext was chosen on five LoCoMo conversations and ten BEAM chats; see bench/LOG.md.
var DefaultContext = Context{Before: .3, After: .3, Fade: .7, Vector: .4}

// reach is how many turns away a neighbour still counts.
const reach = 3

// Relevance is how well each candidate, read with its neighbours in the conversation, answers the words of the question.
// It is in [0, 1], the best candidate at 1 unless none has anything to do with the question.
//
// The score of a turn's words is divided among the question's terms that it holds, by their inverse document frequency.
// Where a turn lacks a term, the share of the nearest neighbour that has it counts, faded by distance: a turn is credited
// for what it need not repeat, but never twice for the same term. Terms are at most 64; a question's others are ignored
// for neighbours. Then the cosine of the vectors is mixed in, as far as it is above the mean of all.
func Relevance(c *memory.Candidates, seq Sequence, ctx Context) []float64 {
	n := len(c.List)
	terms := c.Query[:min(64, len(c.Query))]
	idf := make([]float64, len(terms))
	for k, t := range terms {
		df := float64(c.DocFreq(t))
		idf[k] = math.Log(1 + (float64(c.Len)-df+.5)/(df+.5))
	}
	holds := make([]uint64, n)   // bit k: the candidate holds term k
	scale := make([]float64, n)  // its score for one unit of inverse document frequency
	scores := make([]float64, n) // what belongs to no term
	for i := range c.List {
		sum := 0.0
		for k, t := range terms {
			if _, ok := slices.BinarySearch(c.List[i].Terms, t); ok {
				holds[i] |= 1 << k
				sum += idf[k]
			}
		}
		if lexical := c.List[i].Lexical; sum > 0 {
			scale[i] = lexical / sum
		} else {
			scores[i] = lexical
		}
	}
	for i := range n {
		scores[i] += scale[i] * weigh(holds[i], idf)
		if ctx.Before <= 0 && ctx.After <= 0 {
			continue
		}
		// Missing terms are taken from the neighbour that gives the most.
		var best [64]float64
		before, after := ctx.Before, ctx.After
		a, b := seq.Before[i], seq.After[i]
		for range reach {
			for _, side := range [2]struct {
				at    int32
				share float64
			}{{a, before}, {b, after}} {
				if side.at < 0 {
					continue
				}
				lent := holds[side.at] &^ holds[i]
				for k := 0; lent != 0; k, lent = k+1, lent>>1 {
					if lent&1 == 1 {
						best[k] = max(best[k], side.share*scale[side.at]*idf[k])
					}
				}
			}
			before, after = before*ctx.Fade, after*ctx.Fade
			if a >= 0 {
				a = seq.Before[a]
			}
			if b >= 0 {
				b = seq.After[b]
			}
		}
		for k := range terms {
			scores[i] += best[k]
		}
	}
	normalise(scores)
	if ctx.Vector > 0 {
		cosines := make([]float64, n)
		for i := range c.List {
			cosines[i] = max(0, c.List[i].Vector-c.Mean)
		}
		normalise(cosines)
		for i := range scores {
			scores[i] = (1-ctx.Vector)*scores[i] + ctx.Vector*cosines[i]
		}
		normalise(scores)
	}
	return scores
}

// weigh sums the weights of the terms in a set.
func weigh(set uint64, idf []float64) float64 {
	sum := 0.0
	for k := range idf {
		if set>>k&1 == 1 {
			sum += idf[k]
		}
	}
	return sum
}

// normalise divides by the greatest value, if that is positive and finite; values that are no numbers become 0.
func normalise(x []float64) {
	most := 0.0
	for i := range x {
		if math.IsNaN(x[i]) || math.IsInf(x[i], 0) {
			x[i] = 0
		}
		most = max(most, x[i])
	}
	if most > 0 {
		for i := range x {
			x[i] /= most
		}
	}
}
