package bench

import (
	"math/rand/v2"
	"slices"
)

// Delta is the mean of a paired difference with its 95 % confidence intervals.
type Delta struct {
	Mean float64 `json:"mean"`
	// CI95 is over questions: how sure the difference is for other questions to the same conversations.
	CI95 [2]float64 `json:"ci95"`
	// CI95Conversations is over conversations with all their questions: how sure it is for other conversations. It is
	// wider, and rough where the conversations are few.
	CI95Conversations [2]float64 `json:"ci95_conversations"`
}

// delta bootstraps paired differences, one list for each conversation: percentile intervals (Efron 1979) over that many
// resamples, drawn from a generator with the seed, so that they can be repeated exactly.
func delta(byConversation [][]float64, resamples int, seed uint64) Delta {
	var all []float64
	sums := make([]float64, len(byConversation))
	for i, list := range byConversation {
		all = append(all, list...)
		for _, d := range list {
			sums[i] += d
		}
	}
	if len(all) == 0 {
		return Delta{}
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	d := Delta{Mean: total / float64(len(all))}
	rng := rand.New(rand.NewPCG(seed, 0))
	d.CI95 = interval(resamples, func() float64 {
		sum := 0.0
		for range all {
			sum += all[rng.IntN(len(all))]
		}
		return sum / float64(len(all))
	})
	d.CI95Conversations = interval(resamples, func() float64 {
		sum, n := 0.0, 0
		for n == 0 { // a draw of conversations without any question says nothing
			sum = 0
			for range byConversation {
				i := rng.IntN(len(byConversation))
				sum += sums[i]
				n += len(byConversation[i])
			}
		}
		return sum / float64(n)
	})
	return d
}

// interval is the middle 95 % of what is drawn.
func interval(draws int, draw func() float64) [2]float64 {
	values := make([]float64, draws)
	for i := range values {
		values[i] = draw()
	}
	slices.Sort(values)
	at := func(p float64) float64 { return values[min(draws-1, int(p*float64(draws)))] }
	return [2]float64{at(.025), at(.975)}
}
