package ada

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/importance"
)

// Settings are what an Ada's environment says of its memory, in this module's terms.
type Settings struct {
	Weights    importance.Weights    // IMPORTANCE_WEIGHT_*; its own defaults are importance.Ada
	Thresholds importance.Thresholds // GRADIENT_THRESHOLD_*
	// HalfLife is ln 2 of MEMORY_DECAY_TIME_SCALE_HOURS, the time in which a memory falls to 1/e.
	HalfLife time.Duration
	Recovery time.Duration // CONTEXT_HABITUATION_DECAY_HOURS
	Turns    int           // RAG_TURN_TOP_K: turns of the conversation that stand before a question
	Memories int           // RAG_MEMORY_TOP_K: memories that are recalled for it
	Remember bool          // RAG_ENABLED and RAG_ENABLE_TURN: turns are written back
	Model    string        // OLLAMA_MODEL, for /v1/info
}

// Variables are the variables that [FromEnv] reads, in the order of Settings.
var Variables = []string{
	"IMPORTANCE_WEIGHT_DECAY", "IMPORTANCE_WEIGHT_SURPRISE", "IMPORTANCE_WEIGHT_RELEVANCE", "IMPORTANCE_WEIGHT_HABITUATION",
	"GRADIENT_THRESHOLD_FULL", "GRADIENT_THRESHOLD_CHUNKS", "GRADIENT_THRESHOLD_SUMMARY",
	"MEMORY_DECAY_ENABLED", "MEMORY_DECAY_TIME_SCALE_HOURS", "CONTEXT_HABITUATION_ENABLED", "CONTEXT_HABITUATION_DECAY_HOURS",
	"RAG_TURN_TOP_K", "RAG_TURNS_TOP_K", "RAG_TOP_K", "RAG_MEMORY_TOP_K",
	"RAG_ENABLED", "RAG_ENABLE_TURN", "OLLAMA_MODEL",
}

// FromEnv reads the variables with which an Ada is tuned; getenv is os.Getenv. A variable that is not set has Ada's default,
// one that cannot be read is an error that names it.
func FromEnv(getenv func(string) string) (Settings, error) {
	v := variables{getenv: getenv}
	s := Settings{
		Weights: importance.Weights{
			Relevance:   v.number("IMPORTANCE_WEIGHT_RELEVANCE", importance.Ada.Relevance, 0, 1e6),
			Surprise:    v.number("IMPORTANCE_WEIGHT_SURPRISE", importance.Ada.Surprise, 0, 1e6),
			Decay:       v.number("IMPORTANCE_WEIGHT_DECAY", importance.Ada.Decay, 0, 1e6),
			Habituation: v.number("IMPORTANCE_WEIGHT_HABITUATION", importance.Ada.Habituation, 0, 1e6),
		},
		Thresholds: importance.Thresholds{
			Full:    v.number("GRADIENT_THRESHOLD_FULL", importance.DefaultThresholds.Full, 0, 1),
			Chunk:   v.number("GRADIENT_THRESHOLD_CHUNKS", importance.DefaultThresholds.Chunk, 0, 1),
			Summary: v.number("GRADIENT_THRESHOLD_SUMMARY", importance.DefaultThresholds.Summary, 0, 1),
		},
		HalfLife: hours(v.number("MEMORY_DECAY_TIME_SCALE_HOURS", 100, 1e-3, 1e6) * math.Ln2),
		Recovery: hours(v.number("CONTEXT_HABITUATION_DECAY_HOURS", 24, 1e-3, 1e6)),
		Turns:    v.count("RAG_TURN_TOP_K", v.count("RAG_TURNS_TOP_K", v.count("RAG_TOP_K", 4))),
		Memories: v.count("RAG_MEMORY_TOP_K", 3),
		Model:    getenv("OLLAMA_MODEL"),
	}
	s.Remember = v.yes("RAG_ENABLED") && v.yes("RAG_ENABLE_TURN")
	if !v.yes("MEMORY_DECAY_ENABLED") {
		s.Weights.Decay = 0
	}
	if !v.yes("CONTEXT_HABITUATION_ENABLED") {
		s.Weights.Habituation = 0
	}
	if v.err == nil {
		if v.err = s.Weights.Validate(); v.err != nil {
			v.err = fmt.Errorf("IMPORTANCE_WEIGHT_*: %w", v.err)
		}
	}
	if t := s.Thresholds; v.err == nil && (t.Chunk > t.Full || t.Summary > t.Chunk) {
		v.err = fmt.Errorf("GRADIENT_THRESHOLD_*: full %v, chunks %v and summary %v must fall in this order", t.Full, t.Chunk, t.Summary)
	}
	return s, v.err
}

func hours(x float64) time.Duration { return time.Duration(x * float64(time.Hour)) }

// variables reads an environment and keeps the first error.
type variables struct {
	getenv func(string) string
	err    error
}

func (v *variables) number(name string, fallback, low, high float64) float64 {
	text := v.getenv(name)
	if text == "" {
		return fallback
	}
	x, err := strconv.ParseFloat(text, 64)
	if (err != nil || !(x >= low && x <= high)) && v.err == nil {
		v.err = fmt.Errorf("%s is %q: use a number from %g to %g", name, text, low, high)
	}
	return x
}

func (v *variables) count(name string, fallback int) int {
	text := v.getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if (err != nil || n < 0 || n > 10_000) && v.err == nil {
		v.err = fmt.Errorf("%s is %q: use a whole number from 0 to 10000", name, text)
	}
	return n
}

// yes reads a switch as Ada does: on where it is not set, and else on only for true in any case.
func (v *variables) yes(name string) bool {
	text := v.getenv(name)
	return text == "" || strings.EqualFold(text, "true")
}
