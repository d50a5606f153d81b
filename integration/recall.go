package integration

import (
	"cmp"
	"context"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Recall returns the memories of the configured scope that answer a query, best first, with the certificate of their
// ranking. A query without a limit has the configured one. It writes nothing: what is shown to somebody is marked with
// [Plugin.Shown], what was of use with [memory.Store.MarkUsed].
func (p *Plugin) Recall(ctx context.Context, query memory.Query) (*refine.Recollection, error) {
	query.Limit = cmp.Or(query.Limit, p.config.Recall.Limit)
	return refine.Recall(ctx, p.Store, p.Scope, query, p.Options())
}

// recall turns the settings into the options of the recursion.
func recall(c config.Recall) *refine.Options {
	o := &refine.Options{Mode: refine.Mode(c.Mode), Weights: importance.Default}
	if c.Preset == "ada" {
		o.Weights = importance.Ada
	}
	set := c.Weights.Set()
	for name, weight := range map[string]*float64{
		"relevance": &o.Weights.Relevance, "surprise": &o.Weights.Surprise, "decay": &o.Weights.Decay,
		"habituation": &o.Weights.Habituation, "attention": &o.Weights.Attention,
	} {
		if w, ok := set[name]; ok {
			*weight = w
		}
	}
	parameters := refine.DefaultParameters
	if c.Spread >= 0 {
		parameters.Spread = c.Spread
	}
	if c.Session >= 0 {
		parameters.Session = c.Session
	}
	parameters.Epsilon = cmp.Or(c.Epsilon, parameters.Epsilon)
	parameters.Steps = cmp.Or(c.Steps, parameters.Steps)
	o.Parameters = &parameters
	return o
}

// Options are the configured recursion.
func (p *Plugin) Options() *refine.Options {
	o := recall(p.config.Recall)
	if p.tune != nil {
		p.tune(o)
	}
	return o
}

// Parameters are what a measurement of the configured recall needs to be repeated.
func (p *Plugin) Parameters() map[string]any {
	o := p.Options()
	return map[string]any{"mode": o.Mode, "weights": o.Weights, "recursion": o.Parameters,
		"candidates": map[string]any{"limit": memory.DefaultCandidates, "radius": memory.DefaultRadius,
			"k1": memory.DefaultK1, "b": memory.DefaultB, "related": memory.DefaultRelated}}
}

// Systems are the configured recall, and the modes it is compared with, for [bench.Run].
func (p *Plugin) Systems() bench.Systems {
	system := func(mode refine.Mode) bench.System {
		o := p.Options()
		o.Mode = mode
		return func(ctx context.Context, scope memory.Scope, question string, k int) ([]string, error) {
			r, err := refine.Recall(ctx, p.Store, scope, memory.Query{Text: question, Limit: k}, o)
			if err != nil {
				return nil, err
			}
			refs := make([]string, len(r.Memories))
			for i, m := range r.Memories {
				refs[i] = bench.Ref(m.Record)
			}
			return refs, nil
		}
	}
	systems := bench.Systems{Main: system(refine.Mode(p.config.Recall.Mode)), Baselines: map[string]bench.System{}}
	for _, mode := range []refine.Mode{refine.SinglePass, refine.Hybrid, refine.BM25, refine.Vector} {
		systems.Baselines[string(mode)] = system(mode)
	}
	return systems
}
