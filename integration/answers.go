package integration

import (
	"context"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/memory"
)

// Answerer answers with the configured recall, model and refinement, for [bench.RunAnswers].
func (p *Plugin) Answerer() bench.Answerer {
	return func(ctx context.Context, scope memory.Scope, question string) (string, error) {
		a, err := p.Ask(ctx, Request{Scope: scope, Question: question})
		if err != nil {
			return "", err
		}
		return a.Text, nil
	}
}
