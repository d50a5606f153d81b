package refine

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/trm-go/refiner/importance"
)

// Mode says how memories are ranked. All but the default are there to compare with.
type Mode string

// The modes.
const (
	Learned    Mode = "learned"     // trees that read each memory with its neighbours and its session
	FixedPoint Mode = "fixed_point" // the same, and weight that spreads along the conversation to a fixed point
	Hybrid     Mode = "hybrid"      // words and vector, each memory for itself
	BM25       Mode = "bm25"        // words only
	Vector     Mode = "vector"      // vector only
)

// Modes are all modes, the default first.
var Modes = []Mode{Learned, FixedPoint, Hybrid, BM25, Vector}

// Options say how to rescore. Nil, or the zero value, is the measured default.
type Options struct {
	// Mode is the zero value for [Learned].
	Mode Mode
	// Weights of the signals. Zero means [importance.Default].
	Weights importance.Weights
	// Parameters of the recursion. Nil means [DefaultParameters].
	Parameters *Parameters
	// Reranker reads the best Rerank memories together with the question; nil: none is used. Zero means 20.
	Reranker Reranker
	Rerank   int
	// Now is the moment of the question. Zero means the query's At, or else the present.
	Now time.Time
}

// Parameters are those of the recursion.
type Parameters struct {
	// Steps at most. Zero: 1 for the learned ranking, whose further steps read the memories again in the light of the best
	// three, and 100 for the fixed point.
	Steps int `json:"steps"`
	// Epsilon is the change of no weight greater than which the recursion stands still. At least 1e-12.
	Epsilon float64 `json:"epsilon"`
	// Spread (α) is the share of a memory's weight that comes from its neighbours, and Session (γ) the share that comes
	// from the best memory of its session, both at the fixed point. Their sum, below 1, is the rate of contraction.
	Spread  float64 `json:"spread"`
	Session float64 `json:"session"`
}

// DefaultParameters are the shares and the epsilon that were measured (bench/LOG.md).
var DefaultParameters = Parameters{Spread: .35, Session: .35, Epsilon: 1e-6}

// resolve fills in what is not set, and refuses what is out of range.
func (o *Options) resolve() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	if r.Mode = cmp.Or(r.Mode, Learned); !slices.Contains(Modes, r.Mode) {
		return r, fmt.Errorf("unknown mode %q: use one of %v", r.Mode, Modes)
	}
	if r.Weights == (importance.Weights{}) {
		r.Weights = importance.Default
	}
	if err := r.Weights.Validate(); err != nil {
		return r, err
	}
	if r.Parameters == nil {
		r.Parameters = &DefaultParameters
	}
	if err := r.Parameters.validate(); err != nil {
		return r, err
	}
	if r.Parameters.Steps == 0 {
		p := *r.Parameters
		if p.Steps = 1; r.Mode == FixedPoint {
			p.Steps = 100
		}
		r.Parameters = &p
	}
	return r, nil
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
		in("epsilon", p.Epsilon, 1e-12, 1), in("steps", float64(p.Steps), 0, 10_000),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
