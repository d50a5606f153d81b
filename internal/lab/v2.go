package main

import (
	"math"
	"sort"
	"strings"
)

var p0 = "nd#w"

// v2: contraction F with session max, fit as readout; presence-based approximations of term contributions.
func v2(c *Conv, q *Q, p Params) []float64 {
	x := info(c, q, p)
	n := len(c.Docs)
	s := make([]float64, n)
	own := make([]float64, n) // per-unit
	for d := range own {
		sum := 0.0
		for ti, t := range x.terms {
			if x.L[ti][d] > 0 {
				sum += c.idf(t)
			}
		}
		if sum > 0 {
			own[d] = x.bm[d] / sum
		}
	}
	cp, cn, cd := p["covp"], p["covn"], p["covd"]
	for ti, t := range x.terms {
		w := c.idf(t)
		row := x.L[ti]
		at := func(d int) float64 {
			if row[d] > 0 {
				if p["exact"] > 0 {
					return row[d]
				}
				return w * own[d]
			}
			return 0
		}
		for d := 0; d < n; d++ {
			v := at(d)
			dp, dn := cp, cn
			a, z := c.prev[d], c.next[d]
			for k := 0; k < 3; k++ {
				if a >= 0 {
					v = math.Max(v, at(a)*dp)
					a = c.prev[a]
					dp *= cd
				}
				if z >= 0 {
					v = math.Max(v, at(z)*dn)
					z = c.next[z]
					dn *= cd
				}
			}
			s[d] += v
		}
	}
	mx := 1e-9
	for _, v := range s {
		mx = math.Max(mx, v)
	}
	fit := make([]float64, n)
	for d := range s {
		s[d] /= mx
		doc := &c.Docs[d]
		f := 1.0
		if len(x.named) > 0 && len(x.named) < len(c.Speakers) && x.named[doc.Speaker] {
			f *= 1 + p["spk"]
		}
		if doc.isQ {
			f *= 1 - p["isq"]
		}
		if doc.first {
			f *= 1 + p["first"]
		}
		if x.when && reRel.MatchString(doc.Text) {
			f *= 1 + p["when"]
		}
		for _, l := range x.links {
			if l[0] == 'n' || l[0] == '#' {
				for _, dl := range doc.links {
					if dl == l {
						f *= 1 + p["names"]
					}
				}
				continue
			}
			hit := l[0] == 'm' && doc.At.Format("2006-01") == l[2:] || l[0] == 'd' && doc.At.Format("2006-01-02") == l[2:]
			for _, dl := range doc.links {
				hit = hit || dl == l
			}
			if hit {
				f *= 1 + p["date"]
			}
		}
		if sh := p["short"]; sh > 0 {
			f *= float64(len(doc.tf)) / (float64(len(doc.tf)) + sh)
		}
		fit[d] = f
		if p["pre"] > 0 {
			s[d] *= math.Pow(f, p["pre"])
		}
	}
	if p["pre"] > 0 {
		mx = 1e-9
		for _, v := range s {
			mx = math.Max(mx, v)
		}
		for d := range s {
			s[d] /= mx
		}
	}
	if p["rm3"] > 0 {
		top := topk(s, int(p["rm3n"]))
		e := map[string]float64{}
		for _, d := range top {
			for t := range c.Docs[d].tf {
				if c.df[t] > 1 {
					e[t] += s[d] * c.idf(t)
				}
			}
		}
		for _, t := range x.terms {
			delete(e, t)
		}
		type tw struct {
			t string
			w float64
		}
		var best []tw
		for t, w := range e {
			best = append(best, tw{t, w})
		}
		sort.Slice(best, func(i, j int) bool { return best[i].w > best[j].w || best[i].w == best[j].w && best[i].t < best[j].t })
		ev := make([]float64, n)
		m := 1e-9
		for _, b := range best[:min(len(best), int(p["rm3t"]))] {
			for _, d := range c.post[b.t] {
				ev[d] += b.w
				m = math.Max(m, ev[d])
			}
		}
		for d := range s {
			s[d] = (1-p["rm3"])*s[d] + p["rm3"]*ev[d]/m
		}
	}
	type edge struct {
		j int
		w float64
	}
	var edges [][]edge
	if p["lw"] > 0 {
		edges = make([][]edge, n)
		by := map[string][]int{}
		for d := range c.Docs {
			for _, l := range c.Docs[d].links {
				if strings.Contains(p0, l[:1]) {
					by[l] = append(by[l], d)
				}
			}
			if p["rare"] > 0 {
				for t := range c.Docs[d].tf {
					if c.df[t] <= int(p["rare"]) {
						by["~"+t] = append(by["~"+t], d)
					}
				}
			}
		}
		maxdf := int(p["ldf"])
		for _, ds := range by {
			if len(ds) < 2 || len(ds) > maxdf {
				continue
			}
			for _, i := range ds {
				for _, j := range ds {
					if i != j {
						edges[i] = append(edges[i], edge{j, 1 / float64(len(ds)-1)})
					}
				}
			}
		}
		for i := range edges {
			sort.Slice(edges[i], func(a, b int) bool { return edges[i][a].j < edges[i][b].j })
			t := 0.0
			for _, e := range edges[i] {
				t += e.w
			}
			for k := range edges[i] {
				edges[i][k].w /= math.Max(t, 1)
			}
		}
	}
	a, g := p["alpha"], p["gamma"]
	lw := p["lw"]
	// F(f) = (1-a-g) s + a W f + g s max_session f
	wp, wn := p["wp"], 1-p["wp"]
	f := append([]float64{}, s...)
	nf := make([]float64, n)
	T := int(p["T"])
	if T == 0 {
		T = 40
	}
	ses := map[int]float64{}
	for t := 0; t < T; t++ {
		clear(ses)
		for d := range f {
			ses[c.Docs[d].Session] = math.Max(ses[c.Docs[d].Session], f[d])
		}
		for d := 0; d < n; d++ {
			v := 0.0
			if c.prev[d] >= 0 {
				v += wp * f[c.prev[d]]
			}
			if c.next[d] >= 0 {
				v += wn * f[c.next[d]]
			}
			if lw > 0 {
				u := 0.0
				for _, e := range edges[d] {
					u += e.w * f[e.j]
				}
				v = (1-lw)*v + lw*u
			}
			nf[d] = (1-a-g)*s[d] + a*v + g*s[d]*ses[c.Docs[d].Session]
		}
		f, nf = nf, f
	}
	for d := range f {
		f[d] *= math.Pow(fit[d], 1-p["pre"])
	}
	return f
}
