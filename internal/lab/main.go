package main

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

type Params map[string]float64

func (p Params) with(kv ...any) Params {
	o := Params{}
	for k, v := range p {
		o[k] = v
	}
	for i := 0; i < len(kv); i += 2 {
		o[kv[i].(string)] = kv[i+1].(float64)
	}
	return o
}

type Metrics struct{ r5, r10, r20, mrr, ndcg float64; n int }

func measure(rank []int, gold map[int]bool) Metrics {
	m := Metrics{n: 1}
	g := float64(len(gold))
	ideal := 0.0
	for i := 0; i < min(10, len(gold)); i++ {
		ideal += 1 / math.Log2(float64(i)+2)
	}
	for i, d := range rank {
		if !gold[d] {
			continue
		}
		if i < 5 {
			m.r5 += 1 / g
		}
		if i < 10 {
			m.r10 += 1 / g
			m.ndcg += 1 / math.Log2(float64(i)+2) / ideal
		}
		if i < 20 {
			m.r20 += 1 / g
		}
		if m.mrr == 0 {
			m.mrr = 1 / float64(i+1)
		}
	}
	return m
}

func (m *Metrics) add(o Metrics) { m.r5 += o.r5; m.r10 += o.r10; m.r20 += o.r20; m.mrr += o.mrr; m.ndcg += o.ndcg; m.n += o.n }
func (m Metrics) String() string {
	n := float64(max(m.n, 1))
	return fmt.Sprintf("R5 %.3f R10 %.4f R20 %.3f nDCG %.3f MRR %.4f n=%d", m.r5/n, m.r10/n, m.r20/n, m.ndcg/n, m.mrr/n, m.n)
}

type Scorer func(c *Conv, q *Q, p Params) []float64

func topk(s []float64, k int) []int {
	idx := make([]int, len(s))
	for i := range idx {
		idx[i] = i
	}
	sort.SliceStable(idx, func(a, b int) bool { return s[idx[a]] > s[idx[b]] })
	return idx[:min(k, len(idx))]
}

func evalConv(c *Conv, f Scorer, p Params, cats map[string]*Metrics) Metrics {
	var m Metrics
	for i := range c.Qs {
		q := &c.Qs[i]
		if q.CatName == "adversarial" && cats == nil {
			continue
		}
		r := measure(topk(f(c, q, p), 100), q.Gold)
		if cats != nil {
			if cats[q.CatName] == nil {
				cats[q.CatName] = &Metrics{}
			}
			cats[q.CatName].add(r)
		}
		if q.CatName != "adversarial" {
			m.add(r)
		}
	}
	return m
}

func report(name string, cs []*Conv, f Scorer, p Params, bycat bool) (Metrics) {
	var m Metrics
	cats := map[string]*Metrics{}
	for _, c := range cs {
		m.add(evalConv(c, f, p, cats))
	}
	fmt.Printf("%-40s %v\n", name, m)
	if bycat {
		var ks []string
		for k := range cats {
			ks = append(ks, k)
		}
		sort.Strings(ks)
		for _, k := range ks {
			fmt.Printf("    %-30s %v\n", k, *cats[k])
		}
	}
	return m
}

func qterms(c *Conv, q *Q) []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range text.Terms(q.Text) {
		if !seen[t] && c.df[t] > 0 {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

func (c *Conv) idf(t string) float64 {
	n := float64(len(c.Docs))
	df := float64(c.df[t])
	return math.Log(1 + (n-df+.5)/(df+.5))
}

func named(c *Conv, q *Q) []int {
	var out []int
	if c.Set == "beam" {
		return nil
	}
	low := " " + strings.ToLower(q.Text)
	for i, s := range c.Speakers {
		if strings.Contains(low, " "+strings.ToLower(s)) {
			out = append(out, i)
		}
	}
	return out
}

func bm25(c *Conv, q *Q, p Params) []float64 {
	s := make([]float64, len(c.Docs))
	k1, b := p["k1"], p["b"]
	for _, t := range qterms(c, q) {
		w := c.idf(t)
		for _, d := range c.post[t] {
			tf := float64(c.Docs[d].tf[t])
			s[d] += w * tf * (k1 + 1) / (tf + k1*(1-b+b*c.Docs[d].length/c.avg))
		}
	}
	return s
}
