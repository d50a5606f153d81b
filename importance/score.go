package importance

import "math"

// How much counts beside the trees, in standard deviations of the scores for one of its own: the plain lexical score, so that
// the ranking cannot fall far from the words on memories unlike those it learned from, and the cosine of a neural embedder.
const (
	wordShare   = .1 / .9
	vectorShare = .5
)

// Score reads all rows in the light of those that were accepted, and returns a weight for each candidate: in (0, 1] for those
// with a row, the best at 1, else 0. Where candidates have vectors, their centred cosines count too.
func (t *Table) Score(accepted []int) []float64 {
	t.Accept(accepted)
	weights := make([]float64, len(t.list))
	scores := make([]float64, len(t.At))
	for row := range t.At {
		scores[row] = Ranker.Score(t.Row(row))
	}
	words, cosines := make([]float64, len(t.At)), make([]float64, len(t.At))
	for row, at := range t.At {
		words[row], cosines[row] = t.list[at].Lexical, t.near[at]
	}
	spread := deviation(scores)
	mix(scores, words, wordShare*spread)
	mix(scores, cosines, vectorShare*spread)
	best := math.Inf(-1)
	for _, s := range scores {
		best = max(best, s)
	}
	for row, at := range t.At {
		weights[at] = math.Exp((scores[row] - best) / Ranker.Scale)
	}
	return weights
}

// mix adds values to scores so that a standard deviation of theirs counts as much as given.
func mix(scores, values []float64, share float64) {
	d := deviation(values)
	if d == 0 {
		return
	}
	for i := range scores {
		scores[i] += share * values[i] / d
	}
}

// deviation is the standard deviation of values, 0 of none.
func deviation(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum, squares = sum+v, squares+v*v
	}
	mean := sum / float64(len(x))
	return math.Sqrt(max(0, squares/float64(len(x))-mean*mean))
}
