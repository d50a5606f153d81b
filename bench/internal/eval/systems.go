package eval

import (
	"context"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Recall is a plugin's store, recalled from as the plugin is configured but in a mode of its own.
func Recall(p *integration.Plugin, mode refine.Mode) System {
	o := p.Options()
	o.Mode = mode
	if mode != p.Options().Mode {
		o.Reranker = nil
	}
	return func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
		r, err := refine.Recall(ctx, p.Store, scope, memory.Query{Text: question, Limit: k}, o)
		if err != nil {
			return nil, err
		}
		refs := make([]string, len(r.Memories))
		for i, m := range r.Memories {
			refs[i] = Ref(m.Record)
		}
		return refs, nil
	}
}

// Modes are a plugin's recall, and the modes it is compared with.
func Modes(p *integration.Plugin) Systems {
	systems := Systems{Main: Recall(p, p.Options().Mode), Baselines: map[string]System{}}
	modes := []refine.Mode{refine.FixedPoint, refine.BM25}
	if p.Store.Embedder().Dim() > 0 {
		modes = append(modes, refine.Hybrid, refine.Vector)
	}
	for _, mode := range modes {
		systems.Baselines[string(mode)] = Recall(p, mode)
	}
	return systems
}

// Parameters are what is needed to repeat a measurement of a plugin's recall.
func Parameters(p *integration.Plugin) map[string]any {
	o := p.Options()
	return map[string]any{"mode": o.Mode, "weights": o.Weights, "recursion": o.Parameters,
		"candidates": map[string]any{"limit": memory.DefaultCandidates, "radius": memory.DefaultRadius}}
}

// Ask answers as a plugin does, in the way that a request says. Its scope and its question are filled in, and nothing is
// counted: a measurement changes nothing.
func Ask(p *integration.Plugin, r integration.Request) Answerer {
	return func(ctx context.Context, scope memory.Scope, question string) (string, error) {
		r := r
		r.Scope, r.Question, r.Quiet = scope, question, true
		a, err := p.Ask(ctx, r)
		if err != nil {
			return "", err
		}
		return a.Text, nil
	}
}
