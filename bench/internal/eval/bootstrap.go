package eval

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// Delta is the mean of a paired difference with its 95 % confidence intervals.
type Delta struct {
	Mean float64 `json:"mean"`
	// CI95 is over questions: how sure the difference is for other questions to the same conversations.
	CI95 Interval `json:"ci95"`
	// CI95Conversations is over conversations with all their questions: how sure it is for other conversations. It is
	// wider, rough where the conversations are few, and not known where there is only one.
	CI95Conversations Interval `json:"ci95_conversations"`
}

// Interval is its lower and its upper end. One that is not known holds NaN, and is null as JSON.
type Interval [2]float64

// Known reports whether there is an interval.
func (i Interval) Known() bool { return !math.IsNaN(i[0]) && !math.IsNaN(i[1]) }

// MarshalJSON renders [lower, upper], or null.
func (i Interval) MarshalJSON() ([]byte, error) {
	if !i.Known() {
		return []byte("null"), nil
	}
	return json.Marshal([2]float64(i))
}

// Bootstrap resamples paired differences, one list for each conversation: percentile intervals (Efron 1979) over that many
// resamples, drawn from a generator with the seed, so that they can be repeated exactly.
func Bootstrap(byConversation [][]float64, resamples int, seed uint64) Delta {
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
	d.CI95 = Percentiles(resamples, func() float64 {
		sum := 0.0
		for range all {
			sum += all[rng.IntN(len(all))]
		}
		return sum / float64(len(all))
	})
	if len(byConversation) < 2 {
		d.CI95Conversations = Interval{math.NaN(), math.NaN()}
		return d
	}
	d.CI95Conversations = Percentiles(resamples, func() float64 {
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

// Percentiles is the middle 95 % of what is drawn.
func Percentiles(draws int, draw func() float64) Interval {
	values := make([]float64, draws)
	for i := range values {
		values[i] = draw()
	}
	slices.Sort(values)
	at := func(p float64) float64 { return values[min(draws-1, int(p*float64(draws)))] }
	return Interval{at(.025), at(.975)}
}
