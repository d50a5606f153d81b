package refine

import (
	"fmt"
	"time"

	"github.com/trm-go/refiner/importance"
)

// Mode says how memories are ranked. All but the default are there to compare with.
type Mode string

// The modes.
const (
	FixedPoint Mode = "fixed_point" // the recursion, to its fixed point
	SinglePass Mode = "single_pass" // one step of it
	Hybrid     Mode = "hybrid"      // words and vector, each memory for itself
	BM25       Mode = "bm25"        // words only
	Vector     Mode = "vector"      // vector only
)

// Modes are all modes, the default first.
var Modes = []Mode{FixedPoint, SinglePass, Hybrid, BM25, Vector}

// Options say how to rescore. Nil, or the zero value, is the measured default.
type Options struct {
	// Mode is the zero value for [FixedPoint].
	Mode Mode
	// Weights of the signals. Zero means [importance.Default]. Modes without recursion know relevance only.
	Weights importance.Weights
	// Times are the time constants of the signals. Zero fields mean their defaults.
	Times importance.Times
	// Parameters of the recursion. Nil means [DefaultParameters].
	Parameters *Parameters
	// Thresholds of the levels. Zero means [importance.DefaultThresholds].
	Thresholds importance.Thresholds
	// Reranker reads the best Rerank memories together with the question; nil: nobody does. Zero means [DefaultRerank].
	Reranker Reranker
	Rerank   int
	// Now is the moment of the question. Zero means the query's At, or else the present.
	Now time.Time
}

// Parameters are the numbers that the recursion was measured with.
type Parameters struct {
	Context importance.Context `json:"context"`
	Ties    importance.Ties    `json:"ties"`

	// Spread (α) is the share of a memory's weight that comes from its neighbours, and Session (γ) the share that comes
	// from the best memory of its session. Their sum, below 1, is the rate of contraction.
	Spread  float64 `json:"spread"`
	Session float64 `json:"session"`
	// Epsilon is the change of no weight greater than which the fixed point counts as reached. At least 1e-12.
	Epsilon float64 `json:"epsilon"`
	// Steps at most.
	Steps int `json:"steps"`

	// Speaker, Type and Short make the fit of a memory to the question: × (1+Speaker) if the question names who said it,
	// × (1+Type) for each date of the question that it holds and for being of the type that answers it, and × n/(n+Short)
	// for a text of n distinct terms: "Thanks!" answers nothing.
	Speaker float64 `json:"speaker"`
	Type    float64 `json:"type"`
	Short   float64 `json:"short"`
}

// DefaultParameters were chosen on five LoCoMo conversations and ten BEAM chats together; see bench/LOG.md.
var DefaultParameters = Parameters{
	Context: importance.DefaultContext,
	Ties:    importance.DefaultTies,
	Spread:  .35,
	Session: .35,
	Epsilon: 1e-6,
	Steps:   100,
	Speaker: 1.5,
	Type:    .5,
	Short:   1,
}

// resolve fills in what is not set, and refuses what cannot be reckoned with.
func (o *Options) resolve() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Mode == "" {
		r.Mode = FixedPoint
	}
	switch r.Mode {
	case FixedPoint, SinglePass, Hybrid, BM25, Vector:
	default:
		return r, fmt.Errorf("unknown mode %q: use one of %v", r.Mode, Modes)
	}
	if r.Weights == (importance.Weights{}) {
		r.Weights = importance.Default
	}
	if err := r.Weights.Validate(); err != nil {
		return r, err
	}
	if r.Thresholds == (importance.Thresholds{}) {
		r.Thresholds = importance.DefaultThresholds
	}
	if r.Parameters == nil {
		r.Parameters = &DefaultParameters
	}
	return r, r.Parameters.validate()
}

func (p *Parameters) validate() error {
	in := func(name string, x, least, most float64) error {
		if !(x >= least && x <= most) {
			return fmt.Errorf("parameter %s is %v: use a number from %v to %v", name, x, least, most)
		}
		return nil
	}
	for _, err := range []error{
		in("spread", p.Spread, 0, .95), in("session", p.Session, 0, .95), in("spread + session", p.Spread+p.Session, 0, .95),
		in("epsilon", p.Epsilon, 1e-12, 1), in("steps", float64(p.Steps), 1, 10_000),
		in("speaker", p.Speaker, 0, 100), in("type", p.Type, 0, 100), in("short", p.Short, 0, 1000),
		in("context before", p.Context.Before, 0, 1), in("context after", p.Context.After, 0, 1),
		in("context fade", p.Context.Fade, 0, 1), in("context vector", p.Context.Vector, 0, 1),
		in("ties before", p.Ties.Before, 0, 1), in("ties after", p.Ties.After, 0, 1), in("ties answer", p.Ties.Answer, 0, 1),
		in("ties before + after", max(p.Ties.Before, p.Ties.Answer)+p.Ties.After, 0, 1), in("ties length", p.Ties.Length, 0, 1e6),
		in("ties shared", p.Ties.Shared, 0, 1), in("ties common", float64(p.Ties.Common), 0, 100),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
