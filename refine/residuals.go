package refine

import (
	"context"

	"github.com/trm-go/refiner/trmcore"
)

// Residuals are the greatest change of a weight in each step of the recursion; the last is the certificate's. It runs the
// recursion again: only explaining needs it. A mode without recursion has none.
func (r *Ranking) Residuals(ctx context.Context) ([]float64, error) {
	residuals := []float64{}
	if r.field == nil {
		return residuals, nil
	}
	for step, err := range r.loop.Steps(ctx, r.field, trmcore.State[[]float64, evidence]{Y: r.Seed}) {
		if err != nil {
			return nil, err
		}
		residuals = append(residuals, step.Residual)
	}
	return residuals, nil
}
