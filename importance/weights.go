package importance

import "fmt"

// Weights say how much each signal counts. They are not negative; their sum is what a score is divided by.
type Weights struct {
	Relevance   float64 `json:"relevance"`
	Surprise    float64 `json:"surprise"`
	Decay       float64 `json:"decay"`
	Habituation float64 `json:"habituation"`
	Attention   float64 `json:"attention"`
}

// The presets.
var (
	// Default is relevance alone: the learned ranking reads the other signals among its features. Give them a weight where old
	// or worn-out memories shall step back.
	Default = Weights{Relevance: 1}
	// Ada is the preset of the Ada assistant (surprise .60, relevance .20, decay .10, habituation .10).
	Ada = Weights{Relevance: .20, Surprise: .60, Decay: .10, Habituation: .10}
)

// Score is the weighted mean of signals, in [0, 1]; 0 if all weights are 0.
func (w Weights) Score(s Signals) float64 {
	sum := w.Relevance + w.Surprise + w.Decay + w.Habituation + w.Attention
	if sum <= 0 {
		return 0
	}
	return clamp((w.Relevance*s.Relevance + w.Surprise*s.Surprise + w.Decay*s.Decay + w.Habituation*s.Habituation + w.Attention*s.Attention) / sum)
}

// Validate reports a weight that is no weight.
func (w Weights) Validate() error {
	sum := 0.0
	for _, x := range []float64{w.Relevance, w.Surprise, w.Decay, w.Habituation, w.Attention} {
		if !(x >= 0 && x <= 1e6) {
			return fmt.Errorf("a signal's weight is %v: use a number from 0 to 1000000", x)
		}
		sum += x
	}
	if sum == 0 {
		return fmt.Errorf("all signals weigh 0: give one of them a weight")
	}
	return nil
}

// Level says how much of a memory is worth showing.
type Level string

// The levels, from the most to the least.
const (
	Full    Level = "full"    // the whole text
	Chunk   Level = "chunk"   // the part of it that answers
	Summary Level = "summary" // its first words
	Dropped Level = "dropped" // nothing
)

// Thresholds are the least scores of the levels above Dropped, falling.
type Thresholds struct {
	Full, Chunk, Summary float64
}

// DefaultThresholds are Ada's: .75, .50, .20.
var DefaultThresholds = Thresholds{Full: .75, Chunk: .50, Summary: .20}

// Level is the level of a score in [0, 1].
func (t Thresholds) Level(score float64) Level {
	switch {
	case score >= t.Full:
		return Full
	case score >= t.Chunk:
		return Chunk
	case score >= t.Summary:
		return Summary
	}
	return Dropped
}
