package importance

import (
	"math"
	"slices"
)

// What has neither a word of the question nor such a neighbour is ranked if it covers so much by meaning, or its subject is so near.
const (
	leastMeant   = .25
	leastSubject = .2
)

// readMeanings gathers how near the meanings of all candidates are.
func (r *reader) readMeanings() {
	n := len(r.c.List)
	r.meant, r.subject = make([]float64, n), make([]float64, n)
	for i := range r.c.List {
		m := &r.c.List[i]
		r.meant[i], r.subject[i] = float64(m.Meant), float64(m.Subject)
	}
	for k, values := range [2][]float64{r.meant, r.subject} {
		r.senseRank[k] = make([]int32, n)
		ranks(r.senseRank[k], values)
	}
	r.mostMeant = slices.Max(r.meant)
}

// meaning are the features of what the words mean.
func (r *reader) meaning(f []float32, i int) []float32 {
	of := func(values []float64, j int32) float64 {
		if j < 0 {
			return 0
		}
		return values[j]
	}
	b, a := r.seq.Before[i], r.seq.After[i]
	return put(f, r.meant[i], math.Log(float64(r.senseRank[0][i])), r.meant[i]-r.cover(r.holds[i]), r.meant[i]-r.mostMeant, of(r.meant, b), of(r.meant, a),
		r.subject[i], math.Log(float64(r.senseRank[1][i])), of(r.subject, b), of(r.subject, a))
}
