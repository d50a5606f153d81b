package importance

import (
	"math"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Signals are what one memory says for itself. Each is in [0, 1], and more is more important.
type Signals struct {
	// Relevance to the question.
	Relevance float64 `json:"relevance"`
	// Surprise is the memory's novelty against what was known before it: 1 − the cosine of the nearest earlier memory.
	Surprise float64 `json:"surprise"`
	// Decay is what is left of the memory: 2^(−age/half-life).
	Decay float64 `json:"decay"`
	// Habituation is 1 for a memory that is not worn out by being shown; each showing lowers it, and time restores it.
	Habituation float64 `json:"habituation"`
	// Attention is relevance to the question times recency: what the conversation is about just now.
	Attention float64 `json:"attention"`
}

// Times are the time constants of the signals. A zero field means its default.
type Times struct {
	// HalfLife of a memory of no importance that was never used.
	HalfLife time.Duration
	// Recovery is the half-life of habituation once a memory is no longer shown.
	Recovery time.Duration
	// Span is the half-life of attention.
	Span time.Duration
	// Habit is the number of showings that halve the habituation signal.
	Habit float64
}

// The default time constants. Half-life and recovery are Ada's (τ = 100 h, so ln 2·τ; 24 h), the others are chosen, not
// fitted: no data with labelled use is at hand.
const (
	defaultHalfLife = 69*time.Hour + 19*time.Minute
	defaultRecovery = 24 * time.Hour
	defaultSpan     = 6 * time.Hour
	defaultHabit    = 4
)

func (t *Times) orDefault() Times {
	var o Times
	if t != nil {
		o = *t
	}
	if o.HalfLife <= 0 {
		o.HalfLife = defaultHalfLife
	}
	if o.Recovery <= 0 {
		o.Recovery = defaultRecovery
	}
	if o.Span <= 0 {
		o.Span = defaultSpan
	}
	if o.Habit <= 0 {
		o.Habit = defaultHabit
	}
	return o
}

// Measure returns the signals of each candidate at a moment, given their relevance. A nil t means the defaults. A memory
// of the future, as after a clock that ran backwards, has no age.
func Measure(list []memory.Candidate, relevance []float64, now time.Time, t *Times) []Signals {
	times := t.orDefault()
	signals := make([]Signals, len(list))
	at := now.Unix()
	for i := range list {
		c := &list[i]
		age := seconds(at - c.Created)
		signals[i] = Signals{
			Relevance:   relevance[i],
			Surprise:    clamp(float64(c.Surprise)),
			Decay:       retention(age, times.HalfLife, float64(c.Importance), int(c.Used)),
			Habituation: 1,
			Attention:   relevance[i] * halved(age, times.Span),
		}
		if c.Shown > 0 {
			signals[i].Habituation = 1 - habituation(int(c.Shown), seconds(at-c.LastShown), times.Habit, times.Recovery)
		}
	}
	return signals
}

// retention is what is left of a memory of an age: 2^(−age/h), with h = half-life·(1 + importance)·(1 + log₂(1 + used)).
// Exponential forgetting whose half-life grows with every use is half-life regression (Settles and Meeder 2016); the
// stretching by importance is Ada's. Importance is in [0, 1].
func retention(age, halfLife time.Duration, importance float64, used int) float64 {
	stretch := (1 + clamp(importance)) * (1 + math.Log2(1+float64(max(0, used))))
	return halved(age, time.Duration(math.Min(float64(halfLife)*stretch, math.MaxInt64/2)))
}

// habituation is how worn out a memory is that was shown so many times, the last time so long ago: it rises towards 1
// as (1 − 2^(−shown/habit)), and recovers as 2^(−since/recovery). Both are characteristics of habituation listed by
// Rankin et al. (2009, "Habituation revisited").
func habituation(shown int, since time.Duration, habit float64, recovery time.Duration) float64 {
	if shown <= 0 {
		return 0
	}
	return (1 - math.Exp2(-float64(shown)/habit)) * halved(since, recovery)
}

// halved is 2^(−age/halfLife).
func halved(age, halfLife time.Duration) float64 {
	if age <= 0 {
		return 1
	}
	return math.Exp2(-float64(age) / float64(halfLife))
}

// seconds is a duration that does not overflow.
func seconds(s int64) time.Duration {
	return time.Duration(max(0, min(s, math.MaxInt64/int64(time.Second)))) * time.Second
}

// clamp bounds a signal; a NaN becomes 0.
func clamp(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}
