package integration

import (
	"cmp"
	"context"
	"strconv"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Recall returns the memories of a scope that answer a query, best first, with the certificate of their ranking. The zero
// Scope is the plugin's; a query without a limit has the configured one. It writes nothing: what is shown to somebody is
// marked with [Plugin.Shown], what was of use with [memory.Store.MarkUsed].
func (p *Plugin) Recall(ctx context.Context, scope memory.Scope, query memory.Query) (*refine.Recollection, error) {
	return p.recall(ctx, p.scope(scope), query, p.Options())
}

// recall turns the settings into the options of the recursion.
func recall(c config.Recall) *refine.Options {
	o := &refine.Options{Mode: refine.Mode(c.Mode), Weights: importance.Default}
	if c.Preset == "ada" {
		o.Weights = importance.Ada
	}
	parameters := refine.DefaultParameters
	parameters.Steps = cmp.Or(c.Steps, parameters.Steps)
	o.Parameters = &parameters
	return o
}

// Options are the configured recursion.
func (p *Plugin) Options() *refine.Options {
	o := recall(p.config.Recall)
	if t := p.config.Recall.Rerank; p.reranker != nil && t != "ask" {
		o.Reranker = p.reranker
		o.Rerank, _ = strconv.Atoi(t) // no number: the usual one
	}
	return o
}
