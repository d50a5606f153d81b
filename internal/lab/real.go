package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

type rq struct {
	conv string
	cat  string
	c    *memory.Candidates
	gold map[int64]bool
	n    int // gold count incl. missing
	text string
}

func realLoad(d *bench.Dataset, o *memory.CandidateOptions) []rq {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "lab")
	st, err := memory.Create(ctx, filepath.Join(dir, "s.db"), nil)
	if err != nil {
		panic(err)
	}
	var out []rq
	for _, c := range d.Conversations {
		if _, err := st.Add(ctx, c.Scope, c.Records...); err != nil {
			panic(err)
		}
		for _, q := range c.Questions {
			cs, err := st.Candidates(ctx, c.Scope, memory.Query{Text: q.Text}, o)
			if err != nil {
				panic(err)
			}
			var rows []int64
			for _, x := range cs.List {
				rows = append(rows, x.Row)
			}
			recs, err := st.Fetch(ctx, c.Scope, rows...)
			if err != nil || len(recs) != len(rows) {
				panic(fmt.Sprint(err, len(recs), len(rows)))
			}
			ev := map[string]bool{}
			for _, e := range q.Evidence {
				ev[e] = true
			}
			x := rq{conv: c.Scope.User, cat: q.Category, c: cs, gold: map[int64]bool{}, n: len(ev), text: q.Text}
			for i, r := range recs {
				if ev[bench.Ref(r)] {
					x.gold[rows[i]] = true
				}
			}
			out = append(out, x)
		}
	}
	return out
}

func score(r *refine.Ranking, x *rq) Metrics {
	g := map[int]bool{}
	for i, c := range x.c.List {
		if x.gold[c.Row] {
			g[i] = true
		}
	}
	k := len(g)
	for ; k < x.n; k++ {
		g[-1-k] = true
	}
	return measure(r.Order[:min(100, len(r.Order))], g)
}

func realEval(qs []rq, o *refine.Options) (Metrics, map[string]*Metrics, []Metrics) {
	var m Metrics
	cats := map[string]*Metrics{}
	var all []Metrics
	for i := range qs {
		r, err := refine.Rescore(context.Background(), qs[i].c, o)
		if err != nil {
			panic(err)
		}
		s := score(r, &qs[i])
		if cats[qs[i].cat] == nil {
			cats[qs[i].cat] = &Metrics{}
		}
		cats[qs[i].cat].add(s)
		if qs[i].cat != "adversarial" {
			m.add(s)
		}
		all = append(all, s)
	}
	return m, cats, all
}

func boot(qs []rq, a, b []Metrics, f func(Metrics) float64) string {
	byc := map[string][]float64{}
	var ds []float64
	mean := 0.0
	for i := range qs {
		if qs[i].cat == "adversarial" {
			continue
		}
		d := f(a[i]) - f(b[i])
		ds = append(ds, d)
		byc[qs[i].conv] = append(byc[qs[i].conv], d)
		mean += d
	}
	mean /= float64(len(ds))
	var cs []string
	for c := range byc {
		cs = append(cs, c)
	}
	sort.Strings(cs)
	rng := rand.New(rand.NewSource(1))
	var v []float64
	for r := 0; r < 4000; r++ {
		s, n := 0.0, 0
		for range cs {
			c := byc[cs[rng.Intn(len(cs))]]
			for range c {
				s += c[rng.Intn(len(c))]
				n++
			}
		}
		v = append(v, s/float64(n))
	}
	sort.Float64s(v)
	return fmt.Sprintf("%+.4f [%+.4f, %+.4f]", mean, v[100], v[3899])
}

func realMain() {
	ctx := context.Background()
	ld, err := bench.LoCoMo(ctx, "../shared/data/locomo/locomo_dev.json", &bench.LoCoMoOptions{Corrections: "../shared/data/locomo/locomo_dev_corrections.json", Adversarial: true})
	if err != nil {
		panic(err)
	}
	bd, err := bench.BEAM(ctx, "../shared/data/beam/100K")
	if err != nil {
		panic(err)
	}
	t := time.Now()
	L, B := realLoad(ld, nil), realLoad(bd, nil)
	fmt.Println("loaded", len(L), len(B), time.Since(t))
	n := 0
	for _, x := range L {
		n += len(x.c.List)
	}
	fmt.Println("mean candidates", n/len(L))
	var fx = map[string][][]Metrics{}
	for _, mode := range []refine.Mode{refine.BM25, refine.Vector, refine.Hybrid, refine.SinglePass, refine.FixedPoint} {
		for si, qs := range [][]rq{L, B} {
			t := time.Now()
			m, cats, all := realEval(qs, &refine.Options{Mode: mode})
			fx[string(mode)] = append(fx[string(mode)], all)
			fmt.Printf("%-12s %v  %v/q\n", mode, m, time.Since(t)/time.Duration(len(qs)))
			if mode == refine.FixedPoint || mode == refine.BM25 || mode == refine.SinglePass {
				var ks []string
				for k := range cats {
					ks = append(ks, k)
				}
				sort.Strings(ks)
				for _, k := range ks {
					fmt.Printf("     %-26s %v\n", k, *cats[k])
				}
			}
			_ = si
		}
	}
	r10 := func(m Metrics) float64 { return m.r10 }
	mrr := func(m Metrics) float64 { return m.mrr }
	for _, base := range []string{"single_pass", "hybrid", "bm25"} {
		for si, qs := range [][]rq{L, B} {
			fmt.Println(base, si, "R10", boot(qs, fx["fixed_point"][si], fx[base][si], r10), "MRR", boot(qs, fx["fixed_point"][si], fx[base][si], mrr))
		}
	}
	if len(os.Args) > 2 {
		return
	}
	try := func(name string, f func(p *refine.Parameters, o *refine.Options)) {
		p := refine.DefaultParameters
		o := &refine.Options{Parameters: &p}
		f(&p, o)
		l, _, _ := realEval(L, o)
		b, _, _ := realEval(B, o)
		fmt.Printf("%-26s L %v\n%-26s B %v\n", name, l, "", b)
	}
	for _, v := range []float64{0, .05, .1, .2, .3} {
		try(fmt.Sprint("vector ", v), func(p *refine.Parameters, o *refine.Options) { p.Context.Vector = v })
	}
	for _, v := range []float64{.05, .1, .2} {
		try(fmt.Sprint("surprise ", v), func(p *refine.Parameters, o *refine.Options) { o.Weights.Relevance = 1 - v; o.Weights.Surprise = v })
	}
	try("ada", func(p *refine.Parameters, o *refine.Options) { o.Weights.Relevance = .2; o.Weights.Surprise = .6; o.Weights.Decay = .1; o.Weights.Habituation = .1 })
	for _, v := range []float64{.5, 1, 2, 3} {
		try(fmt.Sprint("speaker ", v), func(p *refine.Parameters, o *refine.Options) { p.Speaker = v })
	}
	for _, v := range []float64{0, .25, .75} {
		try(fmt.Sprint("type ", v), func(p *refine.Parameters, o *refine.Options) { p.Type = v })
	}
	for _, v := range []float64{0, 2, 4} {
		try(fmt.Sprint("short ", v), func(p *refine.Parameters, o *refine.Options) { p.Short = v })
	}
	for _, v := range []float64{0, .2} {
		try(fmt.Sprint("shared ", v), func(p *refine.Parameters, o *refine.Options) { p.Ties.Shared = v })
	}
	for _, v := range []float64{0, .2, .3, .5} {
		try(fmt.Sprint("spread ", v), func(p *refine.Parameters, o *refine.Options) { p.Spread = v })
	}
	for _, v := range []float64{0, .2, .5} {
		try(fmt.Sprint("session ", v), func(p *refine.Parameters, o *refine.Options) { p.Session = v })
	}
	for _, v := range []float64{.5, .65, .85} {
		try(fmt.Sprint("before ", v), func(p *refine.Parameters, o *refine.Options) { p.Ties.Before = v })
	}
	for _, v := range [][3]float64{{0, 0, .7}, {.2, .2, .7}, {.3, .3, .7}, {.3, .4, .7}, {.2, .3, .5}} {
		try(fmt.Sprint("context ", v), func(p *refine.Parameters, o *refine.Options) { p.Context.Before, p.Context.After, p.Context.Fade = v[0], v[1], v[2] })
	}
}
