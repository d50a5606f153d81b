package main

import "math"

// adam is the optimiser of that name.
type adam struct {
	n    float64
	m, v []float64
}

// step moves weights against the mean of a gradient.
func (o *adam) step(w, grad []float64, weight, decay float64) {
	if o.m == nil {
		o.m, o.v = make([]float64, len(w)), make([]float64, len(w))
	}
	o.n++
	for k := range w {
		g := grad[k]/weight + decay*w[k]
		o.m[k] = .9*o.m[k] + .1*g
		o.v[k] = .999*o.v[k] + .001*g*g
		w[k] -= .02 * o.m[k] / (1 - math.Pow(.9, o.n)) / (math.Sqrt(o.v[k]/(1-math.Pow(.999, o.n))) + 1e-8)
	}
}
