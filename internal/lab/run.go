package main

import (
	"fmt"
	"math"
	"os"
	"sort"
)

type dim struct {
	name string
	vals []float64
}

func objective(L, B []*Conv, f Scorer, p Params) (float64, Metrics, Metrics) {
	var l, b Metrics
	for _, c := range L {
		l.add(evalConv(c, f, p, nil))
	}
	for _, c := range B {
		b.add(evalConv(c, f, p, nil))
	}
	v := (l.r10 + .5*l.mrr) / math.Max(1, float64(l.n))
	if b.n > 0 {
		v += .5 * (b.r10 / float64(b.n))
	}
	return v, l, b
}

func descend(L, B []*Conv, f Scorer, p Params, dims []dim, rounds int, log bool) Params {
	best, _, _ := objective(L, B, f, p)
	for r := 0; r < rounds; r++ {
		moved := false
		for _, d := range dims {
			old := p[d.name]
			bv := old
			for _, v := range d.vals {
				if v == old {
					continue
				}
				o, _, _ := objective(L, B, f, p.with(d.name, v))
				if o > best+1e-4 {
					best, bv = o, v
				}
			}
			if bv != old {
				p = p.with(d.name, bv)
				moved = true
			}
		}
		if log {
			_, l, b := objective(L, B, f, p)
			fmt.Printf("round %d obj %.4f\n  L %v\n  B %v\n  %v\n", r, best, l, b, show(p))
		}
		if !moved {
			break
		}
	}
	return p
}

func show(p Params) string {
	var ks []string
	for k := range p {
		ks = append(ks, k)
	}
	sort.Strings(ks)
	s := ""
	for _, k := range ks {
		s += fmt.Sprintf("%s=%.3g ", k, p[k])
	}
	return s
}

func cv(L, B []*Conv, f Scorer, p Params, dims []dim, rounds int) {
	var l, b Metrics
	for i := range L {
		var tl, tb []*Conv
		for j := range L {
			if j != i {
				tl = append(tl, L[j])
			}
		}
		var hb []*Conv
		for j := range B {
			if j%len(L) != i {
				tb = append(tb, B[j])
			} else {
				hb = append(hb, B[j])
			}
		}
		pp := descend(tl, tb, f, p, dims, rounds, false)
		m := evalConv(L[i], f, pp, nil)
		fmt.Printf("  fold %s %v  %s\n", L[i].Name, m, show(pp))
		l.add(m)
		for _, c := range hb {
			b.add(evalConv(c, f, pp, nil))
		}
	}
	fmt.Println("CV locomo", l)
	fmt.Println("CV beam  ", b)
}

func setup(caption, query, speaker, date bool) ([]*Conv, []*Conv) {
	withCaption, withQuery, withSpeaker, withDate = caption, query, speaker, date
	L, B := loadLocomo(), loadBeam()
	for _, c := range append(append([]*Conv{}, L...), B...) {
		c.index()
	}
	return L, B
}

func main() {
	L, B := setup(true, false, true, true)
	switch os.Args[1] {
	case "a":
		p := Params{"k1": .9, "b": .6, "covp": 0, "covn": 0, "covd": .5, "spk": .3, "isq": 0, "first": 0, "when": 0, "short": 0, "date": 0, "ses": .5, "sesp": 4, "alpha": .4, "wp": .7, "spk2": 0, "sesadd": 0}
		dims := []dim{{"k1", []float64{.6, .9, 1.2, 1.6}}, {"b", []float64{.3, .45, .6, .75, .9}}, {"alpha", []float64{0, .2, .3, .4, .5, .6}}, {"wp", []float64{.5, .6, .7, .8, .9}},
			{"spk", []float64{0, .15, .3, .5, .8}}, {"spk2", []float64{0, .15, .3, .5, .8}}, {"ses", []float64{0, .25, .5, 1, 2}}, {"sesp", []float64{1, 2, 4, 8}}, {"sesadd", []float64{0, .05, .1, .2}},
			{"isq", []float64{0, .1, .2, .3}}, {"first", []float64{0, .1, .2, .3}}, {"when", []float64{0, .15, .3, .5, .8}}, {"short", []float64{0, 4, 8, 12}}, {"date", []float64{0, .3, .6, 1}},
			{"covp", []float64{0, .2, .4, .6, .8}}, {"covn", []float64{0, .1, .2, .4, .6}}, {"covd", []float64{.3, .5, .7}}}
		p = descend(L, B, full, p, dims, 4, true)
		report("locomo", L, full, p, true)
		report("beam", B, full, p, true)
		report("locomo 1pass", L, full, p.with("T", 1.0), false)
		report("beam 1pass", B, full, p.with("T", 1.0), false)
		for _, d := range dims {
			_, l, b := objective(L, B, full, p.with(d.name, 0.0))
			if d.name != "k1" && d.name != "b" && d.name != "sesp" {
				fmt.Printf("without %-8s L %v\n                 B %v\n", d.name, l, b)
			}
		}
		cv(L, B, full, p, dims, 2)
	
	case "b":
		p := Params{"k1": .9, "b": .6, "covp": .2, "covn": .4, "covd": .7, "spk": .8, "isq": 0, "first": .3, "when": .5, "short": 1, "date": .6, "gamma": .3, "alpha": .4, "wp": .7, "pre": 0, "exact": 0}
		dims := []dim{{"k1", []float64{.6, .9, 1.2, 1.6}}, {"b", []float64{.45, .6, .75, .9}}, {"alpha", []float64{0, .2, .3, .4, .5, .6}}, {"wp", []float64{.5, .6, .7, .8, .9}},
			{"gamma", []float64{0, .1, .2, .3, .39}},
			{"spk", []float64{0, .3, .5, .8, 1.2, 2}},
			{"first", []float64{0, .15, .3, .5, .8}}, {"when", []float64{0, .25, .5, 1}}, {"short", []float64{0, 1, 2, 4}}, {"date", []float64{0, .3, .6, 1}}, {"isq", []float64{0, .1, .2}},
			{"covp", []float64{0, .2, .4, .6}}, {"covn", []float64{0, .2, .4, .6}}, {"covd", []float64{.3, .5, .7}}, {"pre", []float64{0, .5, 1}}}
		_, l, b := objective(L, B, v2, p)
		fmt.Println("start", l, b)
		p = descend(L, B, v2, p, dims, 3, true)
		report("locomo", L, v2, p, true)
		report("beam", B, v2, p, false)
		for _, T := range []float64{1, 2, 4, 8} {
			report(fmt.Sprint("locomo T ", T), L, v2, p.with("T", T), false)
			report(fmt.Sprint("beam T ", T), B, v2, p.with("T", T), false)
		}
		for _, d := range dims {
			_, l, b := objective(L, B, v2, p.with(d.name, 0.0))
			if d.name != "k1" && d.name != "b" {
				fmt.Printf("without %-8s L %v\n                 B %v\n", d.name, l, b)
			}
		}
		report("exact", L, v2, p.with("exact", 1.0), false)
		report("exact", B, v2, p.with("exact", 1.0), false)
	
	case "c":
		p := Params{"k1": .9, "b": .6, "covp": .2, "covn": .3, "covd": .7, "spk": 1, "isq": 0, "first": .5, "when": .5, "short": 1, "date": .5, "gamma": .35, "alpha": .4, "wp": .75, "pre": .5}
		try := func(name string, p Params) {
			_, l, b := objective(L, B, v2, p)
			fmt.Printf("%-30s L %v\n%-30s B %v\n", name, l, "", b)
		}
		try("base", p)
		try("b .75", p.with("b", .75))
		try("b .45", p.with("b", .45))
		try("spk 2", p.with("spk", 2.0))
		try("pre 1", p.with("pre", 1.0))
		try("pre 0", p.with("pre", 0.0))
		try("names .3", p.with("names", .3))
		try("names .5", p.with("names", .5))
		for _, w := range []float64{.1, .2, .3} {
			for _, n := range []float64{3, 10} {
				for _, t := range []float64{5, 20} {
					try(fmt.Sprint("rm3 ", w, n, t), p.with("rm3", w, "rm3n", n, "rm3t", t))
				}
			}
		}
		for _, lw := range []float64{.1, .2, .4} {
			for _, ldf := range []float64{4, 10, 30} {
				try(fmt.Sprint("links ", lw, ldf), p.with("lw", lw, "ldf", ldf))
			}
			try(fmt.Sprint("links+rare 4 ", lw), p.with("lw", lw, "ldf", 10.0, "rare", 4.0))
			try(fmt.Sprint("links+rare 10 ", lw), p.with("lw", lw, "ldf", 10.0, "rare", 10.0))
		}
		for _, v := range [][4]bool{{true, false, false, false}, {true, false, true, false}, {true, true, true, true}, {false, false, true, true}} {
			cache = map[*Q]map[[2]float64]*qinfo{}
			L, B = setup(v[0], v[1], v[2], v[3])
			try(fmt.Sprint("caption,query,speaker,date ", v), p)
		}
	}
}
