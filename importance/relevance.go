package importance

import (
	"math"
	"math/bits"

	"github.com/trm-go/refiner/memory"
)

// How much of what the neighbours of a turn say counts as said by the turn: a share of the turns just before and after, and a
// factor for each turn farther away.
const (
	neighbourShare = .3
	neighbourFade  = .7
	reach          = 3 // how many turns away a neighbour still counts
)

// relevant is how well each candidate, read with its neighbours in the conversation, answers the words of the question.
// It is in [0, 1], the best candidate at 1 unless none has anything to do with the question.
//
// The score of a turn's words is divided among the question's terms that it holds, by their weights. Where a turn lacks a
// term, the share of the nearest neighbour that has it counts, faded by distance: a turn is credited for what it need not
// repeat, but never twice for the same term. Terms are at most 64; a question's others are ignored for neighbours.
func relevant(c *memory.Candidates, seq Sequence) []float64 {
	n := len(c.List)
	terms := c.Query[:min(64, len(c.Query))]
	weights := c.Weights[:len(terms)]
	holds := make([]uint64, n)   // bit k: the candidate holds term k
	scale := make([]float64, n)  // its score for one unit of weight
	scores := make([]float64, n) // what belongs to no term
	for i := range c.List {
		holds[i] = holding(c.List[i].Terms, terms)
		if sum := weigh(holds[i], weights); sum > 0 {
			scale[i] = c.List[i].Lexical / sum
		} else {
			scores[i] = c.List[i].Lexical
		}
	}
	for i := range n {
		scores[i] += scale[i] * weigh(holds[i], weights)
		// Missing terms are taken from the neighbour that gives the most.
		var best [64]float64
		share := neighbourShare
		a, b := seq.Before[i], seq.After[i]
		for range reach {
			for _, side := range [2]int32{a, b} {
				if side < 0 {
					continue
				}
				lent := holds[side] &^ holds[i]
				for k := 0; lent != 0; k, lent = k+1, lent>>1 {
					if lent&1 == 1 {
						best[k] = max(best[k], share*scale[side]*weights[k])
					}
				}
			}
			share *= neighbourFade
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
	return scores
}

// centred are the cosines of the candidates less the mean of all vectors', as shares of the greatest; 0 for those below it.
func centred(c *memory.Candidates) []float64 {
	x := make([]float64, len(c.List))
	for i := range c.List {
		if v := c.List[i].Vector; v != 0 {
			x[i] = max(0, v-c.Mean)
		}
	}
	normalise(x)
	return x
}

// weigh sums the weights of the terms in a set.
func weigh(set uint64, weights []float64) float64 {
	sum := 0.0
	for ; set != 0; set &= set - 1 {
		sum += weights[bits.TrailingZeros64(set)]
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
