package main

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/refine"
)

// knob is a number that the search turns.
type knob struct {
	name   string
	values []float64
	of     func(p *refine.Parameters, w *importance.Weights) *float64
}

var knobs = []knob{
	{"spread", []float64{.2, .25, .3, .35, .4, .45, .5}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Spread }},
	{"session", []float64{.1, .2, .3, .35, .4, .45}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Session }},
	{"ties.length", []float64{0, 20, 40, 80, 160}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Ties.Length }},
	{"ties.before", []float64{.3, .4, .5, .6, .7, .8}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Ties.Before }},
	{"ties.answer", []float64{.6, .7, .8, .9}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Ties.Answer }},
	{"ties.after", []float64{0, .05, .1, .2, .3}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Ties.After }},
	{"ties.shared", []float64{0, .05, .1, .2}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Ties.Shared }},
	{"context.before", []float64{.1, .2, .3, .4, .5}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Context.Before }},
	{"context.after", []float64{.1, .2, .3, .4, .5}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Context.After }},
	{"context.fade", []float64{.3, .5, .7, .9}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Context.Fade }},
	{"context.vector", []float64{0, .1, .2, .3, .4}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Context.Vector }},
	{"speaker", []float64{.5, 1, 1.5, 2, 3}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Speaker }},
	{"type", []float64{.2, .3, .4, .5, .6, .8}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Type }},
	{"short", []float64{0, .5, 1, 2}, func(p *refine.Parameters, _ *importance.Weights) *float64 { return &p.Short }},
	{"surprise", []float64{0, .1, .2, .27, .35}, func(_ *refine.Parameters, w *importance.Weights) *float64 { return &w.Surprise }},
}

// point is a setting with its sums over each conversation of each set.
type point struct {
	p    refine.Parameters
	w    importance.Weights
	sums [][]sum
}

type sum struct {
	recall, ndcg, mrr float64
	n                 int
}

func (s *sum) add(t sum) {
	s.recall, s.ndcg, s.mrr, s.n = s.recall+t.recall, s.ndcg+t.ndcg, s.mrr+t.mrr, s.n+t.n
}

func measure(ctx context.Context, sets []*set, p refine.Parameters, w importance.Weights) (*point, error) {
	x := &point{p: p, w: w}
	for _, s := range sets {
		report, err := eval.Run(ctx, s.Dataset, eval.Systems{Main: s.system(setting{options: refine.Options{Parameters: &p, Weights: w}})}, nil)
		if err != nil {
			return nil, err
		}
		at := map[string]int{}
		sums := make([]sum, len(s.Conversations))
		for i, c := range s.Conversations {
			at[c.ID] = i
		}
		for _, r := range report.Results {
			sums[at[r.Conversation]].add(sum{r.Scores.Recall10, r.Scores.NDCG10, r.Scores.MRR, 1})
		}
		x.sums = append(x.sums, sums)
	}
	return x, nil
}

// total sums a set without one of its conversations; -1: all of them.
func (x *point) total(set, without int) sum {
	var t sum
	for c, s := range x.sums[set] {
		if c != without {
			t.add(s)
		}
	}
	return t
}

// goal is what the search raises: the mean of recall@10 and nDCG@10, each set counting the same.
func (x *point) goal(set, without int) float64 {
	g := 0.0
	for i := range x.sums {
		c := -1
		if i == set {
			c = without
		}
		t := x.total(i, c)
		g += (t.recall + t.ndcg) / float64(2*t.n) / float64(len(x.sums))
	}
	return g
}

func (x *point) figures(sets []*set) string {
	text := ""
	for i, s := range sets {
		t := x.total(i, -1)
		n := float64(t.n)
		text += fmt.Sprintf("  %s recall@10 %.4f MRR %.4f", s.Name, t.recall/n, t.mrr/n)
	}
	return text
}

// leaveOneOut turns one knob after the other, twice, from the shipped setting, and keeps what raises the goal. Of all the
// settings that were tried on the way it then takes, for each conversation, the one that is best without it, and scores the
// conversation with that.
func leaveOneOut(ctx context.Context, sets []*set) error {
	best, err := measure(ctx, sets, refine.DefaultParameters, importance.Default)
	if err != nil {
		return err
	}
	fmt.Printf("%-22s%s\n", "shipped", best.figures(sets))
	tried := []*point{best}
	for range 2 {
		for _, k := range knobs {
			from := best
			for _, v := range k.values {
				p, w := from.p, from.w
				if *k.of(&p, &w) == v {
					continue
				}
				*k.of(&p, &w) = v
				if max(p.Ties.Before, p.Ties.Answer)+p.Ties.After > 1 {
					continue
				}
				x, err := measure(ctx, sets, p, w)
				if err != nil {
					return err
				}
				tried = append(tried, x)
				if x.goal(-1, -1) > best.goal(-1, -1) {
					best = x
				}
			}
			if best != from {
				p, w := best.p, best.w
				fmt.Printf("%-22s%s\n", fmt.Sprintf("%s %v", k.name, *k.of(&p, &w)), best.figures(sets))
			}
		}
	}
	fmt.Printf("%d settings; left out one by one:\n", len(tried))
	for i, s := range sets {
		var t sum
		for c := range s.Conversations {
			chosen := tried[0]
			for _, x := range tried {
				if x.goal(i, c) > chosen.goal(i, c) {
					chosen = x
				}
			}
			t.add(chosen.sums[i][c])
		}
		n := float64(t.n)
		fmt.Printf("%-22s  recall@10 %.4f nDCG@10 %.4f MRR %.4f\n", s.Name, t.recall/n, t.ndcg/n, t.mrr/n)
	}
	return nil
}
