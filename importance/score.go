package importance

import (
	"math"

	"github.com/trm-go/refiner/memory"
)

// How much counts beside the trees, in standard deviations of the scores for one of its own: relevance by the words of a memory
// and of its neighbours, so that the ranking cannot fall far from the words on memories unlike those it learned from, and
// the cosine of a neural embedder.
const (
	plainShare  = .1 / .9
	vectorShare = .5
)

// Of the best memories so many are looked at for what is the latest, and so much gains one that all others precede. What an
// assistant said and what holds no word of the question gains nothing. Chosen with conversations left out: the present value leads in 13 of 21 everyday questions
// instead of 10, for .002 of LoCoMo's reciprocal rank.
const (
	newestOf    = 3
	newestShare = .45
)

// Score reads all rows in the light of those that were accepted, and returns a weight for each candidate: in (0, 1] for those
// with a row, the best at 1, else 0. Where candidates have vectors, their centred cosines count too.
func (t *Table) Score(accepted []int) []float64 {
	t.Accept(accepted)
	weights := make([]float64, len(t.list))
	scores := make([]float64, len(t.At))
	for row := range t.At {
		scores[row] = ranker().Score(t.Row(row))
	}
	plain, cosines := make([]float64, len(t.At)), make([]float64, len(t.At))
	for row, at := range t.At {
		plain[row], cosines[row] = t.Relevance[at], t.near[at]
	}
	spread := deviation(scores)
	mix(scores, plain, plainShare*spread)
	mix(scores, cosines, vectorShare*spread)
	t.preferNewest(scores, newestShare*spread)
	best := math.Inf(-1)
	for _, s := range scores {
		best = max(best, s)
	}
	for row, at := range t.At {
		weights[at] = math.Exp((scores[row] - best) / ranker().Scale)
	}
	return weights
}

// preferNewest adds to each of the best scores a part of the bonus, by how many of the others are of another session and older:
// what was said again leads what was said before.
func (t *Table) preferNewest(scores []float64, bonus float64) {
	var best [newestOf]int
	n := 0
	for row := range scores {
		at := n
		for at > 0 && scores[best[at-1]] < scores[row] {
			at--
		}
		if at < newestOf {
			n = min(n+1, newestOf)
			copy(best[at+1:n], best[at:])
			best[at] = row
		}
	}
	for _, row := range best[:n] {
		m, older := &t.list[t.At[row]], 0
		for _, other := range best[:n] {
			o := &t.list[t.At[other]]
			if o.Created < m.Created && (o.Session != m.Session || m.Position < 0) {
				older++
			}
		}
		if m.Role != memory.Assistant && m.Lexical > 0 {
			scores[row] += bonus * float64(older) / (newestOf - 1)
		}
	}
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
