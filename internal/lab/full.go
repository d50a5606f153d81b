package main

import (
	"math"
	"regexp"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

var reFirst = regexp.MustCompile(`(?i)\b(i|my|me|i'm|i've|mine)\b`)
var reWhen = regexp.MustCompile(`(?i)^\s*(when|what (year|month|day|date)|how long|which (year|month|day))\b`)
var reRel = regexp.MustCompile(`(?i)\b(yesterday|today|tomorrow|last|next|this|ago|week|weekend|month|year|recently|since|monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|april|june|july|august|september|october|november|december)\b`)

type qinfo struct {
	terms []string
	w     []float64
	named map[int]bool
	when  bool
	links []string
	L     [][]float64 // per term per doc
	bm    []float64
	ses   []float64
}

var cache = map[*Q]map[[2]float64]*qinfo{}

func info(c *Conv, q *Q, p Params) *qinfo {
	k1, b := p["k1"], p["b"]
	m := cache[q]
	if m == nil {
		m = map[[2]float64]*qinfo{}
		cache[q] = m
	}
	key := [2]float64{k1, b}
	if x := m[key]; x != nil {
		return x
	}
	x := &qinfo{terms: qterms(c, q), named: map[int]bool{}, when: reWhen.MatchString(q.Text), links: text.Links(q.Text, c.Docs[len(c.Docs)-1].At)}
	for _, n := range named(c, q) {
		x.named[n] = true
	}
	if c.Set == "beam" && reFirst.MatchString(q.Text) {
		x.named[0] = true
	}
	x.bm = make([]float64, len(c.Docs))
	for _, t := range x.terms {
		row := make([]float64, len(c.Docs))
		w := c.idf(t)
		for _, d := range c.post[t] {
			tf := float64(c.Docs[d].tf[t])
			row[d] = w * tf * (k1 + 1) / (tf + k1*(1-b+b*c.Docs[d].length/c.avg))
			x.bm[d] += row[d]
		}
		x.L = append(x.L, row)
	}
	m[key] = x
	return x
}

func full(c *Conv, q *Q, p Params) []float64 {
	x := info(c, q, p)
	n := len(c.Docs)
	// coverage: what neighbours say counts where the turn itself is silent
	s := make([]float64, n)
	cp, cn := p["covp"], p["covn"]
	for ti := range x.terms {
		row := x.L[ti]
		for d := 0; d < n; d++ {
			v := row[d]
			if cp > 0 || cn > 0 {
				// window 1..3
				dp, dn := cp, cn
				a, z := c.prev[d], c.next[d]
				for k := 0; k < 3; k++ {
					if a >= 0 {
						v = math.Max(v, row[a]*dp)
						a = c.prev[a]
						dp *= p["covd"]
					}
					if z >= 0 {
						v = math.Max(v, row[z]*dn)
						z = c.next[z]
						dn *= p["covd"]
					}
				}
			}
			s[d] += v
		}
	}
	mx := 1e-9
	for _, v := range s {
		mx = math.Max(mx, v)
	}
	for d := range s {
		s[d] /= mx
	}
	// priors
	for d := range s {
		doc := &c.Docs[d]
		f := 1.0
		if len(x.named) > 0 && len(x.named) < len(c.Speakers) {
			if x.named[doc.Speaker] {
				f += p["spk"]
			}
		}
		if doc.isQ {
			f -= p["isq"]
		}
		if doc.first {
			f += p["first"]
		}
		if x.when && reRel.MatchString(doc.Text) {
			f += p["when"]
		}
		if doc.length < p["short"] {
			f *= doc.length / p["short"]
		}
		s[d] *= f
	}
	if p["date"] > 0 && len(x.links) > 0 {
		for d := range s {
			for _, l := range x.links {
				hit := 0.0
				if strings.HasPrefix(l, "m:") && c.Docs[d].At.Format("2006-01") == l[2:] || strings.HasPrefix(l, "d:") && c.Docs[d].At.Format("2006-01-02") == l[2:] {
					hit = 1
				}
				for _, dl := range c.Docs[d].links {
					if dl == l && l[0] != 'n' && l[0] != '#' {
						hit = 1
					}
				}
				s[d] += p["date"] * hit * s[d]
			}
		}
	}
	// session prior
	if p["ses"] > 0 {
		ses := map[int]float64{}
		for d := range s {
			if v := s[d]; v > 0 {
				ses[c.Docs[d].Session] += math.Pow(v, p["sesp"])
			}
		}
		m := 1e-9
		for k := range ses {
			ses[k] = math.Pow(ses[k], 1/p["sesp"])
			m = math.Max(m, ses[k])
		}
		for d := range s {
			s[d] *= 1 + p["ses"]*ses[c.Docs[d].Session]/m
			if p["sesadd"] > 0 {
				s[d] += p["sesadd"] * ses[c.Docs[d].Session] / m
			}
		}
	}
	a := p["alpha"]
	if a == 0 {
		return s
	}
	// diffusion over prev/next
	wp, wn := p["wp"], 1-p["wp"]
	f := append([]float64{}, s...)
	T := int(p["T"])
	if T == 0 {
		T = 30
	}
	g := make([]float64, n)
	for t := 0; t < T; t++ {
		for d := 0; d < n; d++ {
			v := 0.0
			if c.prev[d] >= 0 {
				v += wp * f[c.prev[d]]
			}
			if c.next[d] >= 0 {
				v += wn * f[c.next[d]]
			}
			g[d] = (1-a)*s[d] + a*v
		}
		f, g = g, f
	}
	// prior again on speaker: neighbours do not inherit
	if p["spk2"] > 0 && len(x.named) > 0 && len(x.named) < len(c.Speakers) {
		for d := range f {
			if x.named[c.Docs[d].Speaker] {
				f[d] *= 1 + p["spk2"]
			}
		}
	}
	return f
}
