package main

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// variant is the shipped setting with one part of it changed.
type variant struct {
	name   string
	change func(x *setting, p *refine.Parameters)
}

var variants = []variant{
	{"one pass", func(x *setting, _ *refine.Parameters) { x.options.Mode = refine.SinglePass }},
	{"no edges (α = 0)", func(_ *setting, p *refine.Parameters) { p.Spread = 0 }},
	{"no edge from the turn before", func(_ *setting, p *refine.Parameters) { p.Ties.Before, p.Ties.Answer = 0, 0 }},
	{"answers not told from other turns", func(_ *setting, p *refine.Parameters) { p.Ties.Answer = p.Ties.Before }},
	{"no edge from the turn after", func(_ *setting, p *refine.Parameters) { p.Ties.After = 0 }},
	{"long turns take all", func(_ *setting, p *refine.Parameters) { p.Ties.Length = 0 }},
	{"no edges of names, dates, numbers", func(_ *setting, p *refine.Parameters) { p.Ties.Shared = 0 }},
	{"no lift of the session (γ = 0)", func(_ *setting, p *refine.Parameters) { p.Session = 0 }},
	{"no words of the neighbours", func(_ *setting, p *refine.Parameters) { p.Context.Before, p.Context.After = 0, 0 }},
	{"no vector", func(_ *setting, p *refine.Parameters) { p.Context.Vector = 0 }},
	{"no related words", func(x *setting, _ *refine.Parameters) { x.candidates.Related = -1 }},
	{"no surprise", func(x *setting, _ *refine.Parameters) { x.options.Weights = importance.Weights{Relevance: 1} }},
	{"no speaker", func(_ *setting, p *refine.Parameters) { p.Speaker = 0 }},
	{"no type of text", func(_ *setting, p *refine.Parameters) { p.Type = 0 }},
	{"short turns not held back", func(_ *setting, p *refine.Parameters) { p.Short = 0 }},
	{"BM25 with k1 1.2", func(x *setting, _ *refine.Parameters) { x.candidates.K1 = 1.2 }},
	{"BM25 with b .6", func(x *setting, _ *refine.Parameters) { x.candidates.B = .6 }},
	{"weights of Ada", func(x *setting, _ *refine.Parameters) { x.options.Weights = importance.Ada; x.fresh = true }},
	{"decay weighs .10", func(x *setting, _ *refine.Parameters) {
		x.options.Weights = with(importance.Weights{Decay: .1})
		x.fresh = true
	}},
	{"attention weighs .10", func(x *setting, _ *refine.Parameters) {
		x.options.Weights = with(importance.Weights{Attention: .1})
		x.fresh = true
	}},
	{"100 candidates each", func(x *setting, _ *refine.Parameters) { x.candidates = memory.CandidateOptions{Limit: 100} }},
	{"400 candidates each", func(x *setting, _ *refine.Parameters) { x.candidates = memory.CandidateOptions{Limit: 400} }},
}

// with is the default weights and others.
func with(w importance.Weights) importance.Weights {
	w.Relevance, w.Surprise = importance.Default.Relevance, importance.Default.Surprise
	return w
}

// ablate prints, for each variant, its figures and what the shipped setting gains over it.
func ablate(ctx context.Context, sets []*set) error {
	fmt.Println("| set | variant | recall@10 | MRR | the shipped setting gains in recall@10, 95 % over questions | in MRR |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, s := range sets {
		for i, v := range variants {
			p := refine.DefaultParameters
			x := setting{}
			v.change(&x, &p)
			x.options.Parameters = &p
			report, err := eval.Run(ctx, s.Dataset, eval.Systems{Main: s.system(setting{}), Baselines: map[string]eval.System{v.name: s.system(x)}},
				&eval.Options{Against: v.name})
			if err != nil {
				return err
			}
			if i == 0 {
				fmt.Printf("| %s | shipped | %.3f | %.3f | | |\n", s.Name, report.Recall10, report.MRR)
			}
			f := report.Baselines[v.name]
			fmt.Printf("| %s | %s | %.3f | %.3f | %s | %s |\n", s.Name, v.name, f.Recall10, f.MRR, gain(report.Delta["recall@10"]), gain(report.Delta["mrr"]))
		}
	}
	return nil
}

func gain(d eval.Delta) string {
	return fmt.Sprintf("%+.3f [%+.3f, %+.3f]", d.Mean, d.CI95[0], d.CI95[1])
}
