package integration

import (
	"context"
	"slices"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Explanation is why a question recalled what it did. Its JSON is a contract: docs/cli-json.md.
type Explanation struct {
	Query       string             `json:"query"`
	Scope       memory.Scope       `json:"scope"`
	Candidates  int                `json:"candidates"` // memories that took part
	Certificate refine.Certificate `json:"certificate"`
	Mode        refine.Mode        `json:"mode"`
	Weights     importance.Weights `json:"weights"` // of the signals
	Recursion   refine.Parameters  `json:"recursion"`
	// Residuals are the largest change of a weight in each step.
	Residuals []float64 `json:"residuals"`
	// Reranked tells what a reranker read and how long it took; nil: none did.
	Reranked *refine.Reranked     `json:"reranked,omitempty"`
	Memories []refine.Explanation `json:"memories"`

	// Best are the greatest weights before the first step and after each.
	Best []float64 `json:"-"`
}

// Explain recalls as [Plugin.Recall] does, and tells why.
func (p *Plugin) Explain(ctx context.Context, scope memory.Scope, query memory.Query) (*Explanation, error) {
	r, err := p.Recall(ctx, scope, query)
	if err != nil {
		return nil, err
	}
	o := p.Options()
	e := &Explanation{Query: query.Text, Scope: p.scope(scope), Candidates: len(r.Ranking.Weights), Certificate: r.Certificate,
		Mode: o.Mode, Weights: o.Weights, Recursion: *o.Parameters, Residuals: []float64{}, Reranked: r.Reranked}
	if e.Memories, err = r.Explain(ctx); err != nil {
		return nil, err
	}
	for step, err := range r.Ranking.Steps(ctx) {
		if err != nil {
			return nil, err
		}
		if step.N > 0 {
			e.Residuals = append(e.Residuals, step.Residual)
		}
		e.Best = append(e.Best, slices.Max(append(step.Weights, 0)))
	}
	return e, nil
}
