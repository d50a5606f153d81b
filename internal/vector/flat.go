package vector

import (
	"runtime"
	"sync"
)

// Flat holds unit vectors side by side, numbered as they come, and reads them all, which a processor with AVX2 does as fast as
// its memory delivers them. A component takes 8 bits, a vector a scale of its own: 100,000 vectors of 384 dimensions are 39 MB,
// and a cosine is off by some .003 at most. Make one with its Dim. It is not safe for concurrent use while it is written.
type Flat struct {
	Dim int

	scales []float32 // of each vector: its components times its scale are 1 long; 0: there is none
	chunks [][]int8
	sum    []float64 // of the unit vectors
	live   int
}

// chunkRows is the number of vectors that are allocated together: 1.6 MB at 384 dimensions, so that growing copies
// nothing.
const chunkRows = 4096

func (f *Flat) at(i int) []int8 {
	chunk, at := f.chunks[i/chunkRows], i%chunkRows*f.Dim
	return chunk[at : at+f.Dim : at+f.Dim]
}

// count adds a vector to the sum, or with sign -1 takes it away.
func (f *Flat) count(i, sign int) {
	if f.scales[i] == 0 {
		return
	}
	if f.sum == nil {
		f.sum = make([]float64, f.Dim)
	}
	scale := float64(sign) * float64(f.scales[i])
	for d, x := range f.at(i) {
		f.sum[d] += scale * float64(x)
	}
	f.live += sign
}

// Append adds a vector under the next number; one without a direction, as nil is, takes the number and is never found.
func (f *Flat) Append(v []float32) {
	n := len(f.scales)
	if n/chunkRows == len(f.chunks) {
		f.chunks = append(f.chunks, nil)
	}
	// The last chunk grows by doubling, so that a small index stays small.
	last := &f.chunks[len(f.chunks)-1]
	if need := (n%chunkRows + 1) * f.Dim; need > cap(*last) {
		grown := make([]int8, len(*last), min(max(2*cap(*last), 16*f.Dim), chunkRows*f.Dim))
		copy(grown, *last)
		*last = grown
	}
	*last = (*last)[:len(*last)+f.Dim]
	f.scales = append(f.scales, quantise(f.at(n), v))
	f.count(n, 1)
}

// Clear overwrites a vector. Its number stays taken.
func (f *Flat) Clear(i int) {
	f.count(i, -1)
	clear(f.at(i))
	f.scales[i] = 0
}

// Vector makes the unit vector of a number.
func (f *Flat) Vector(i int) []float32 {
	v := make([]float32, f.Dim)
	for d, x := range f.at(i) {
		v[d] = f.scales[i] * float32(x)
	}
	return v
}

// Query is a vector that those of a Flat are compared with.
type Query struct {
	f *Flat
	query
}

// Query prepares a comparison with v.
func (f *Flat) Query(v []float32) Query { return Query{f, newQuery(v)} }

// Cosine is that with the i-th vector; 0 if there is none.
func (q *Query) Cosine(i int) float64 { return q.cosine(q.f.at(i), q.f.scales[i]) }

// Mean is the mean cosine with all vectors.
func (q *Query) Mean() (mean float64) {
	for d, x := range q.f.sum {
		mean += x * float64(q.unit[d])
	}
	return mean / float64(max(1, q.f.live))
}

// Hub is the mean cosine of the i-th vector with the nearest others, among at most sample evenly spread.
func (f *Flat) Hub(i, nearest, sample int) float64 {
	q := f.Query(f.Vector(i))
	best := Best{K: nearest}
	for at := 0; at < len(f.scales); at += max(1, len(f.scales)/sample) {
		if at != i {
			q.offer(&best, at)
		}
	}
	sum := 0.0
	for _, m := range best.List {
		sum += m.Score
	}
	return sum / float64(max(1, len(best.List)))
}

// Between is the cosine of a unit vector with the direction between two of the vectors; 0 if one is not there.
func (f *Flat) Between(unit []float32, a, b int) float64 {
	if f.scales[a] == 0 || f.scales[b] == 0 {
		return 0
	}
	x, y := f.Vector(a), f.Vector(b)
	for i := range x {
		x[i] += y[i]
	}
	Unit(x, x)
	return float64(Dot(unit, x))
}

func (q *Query) offer(best *Best, i int) {
	if q.f.scales[i] == 0 {
		return
	}
	if s := q.Cosine(i); best.Takes(s) {
		best.Offer(Match{int64(i), s})
	}
}

// parallelRows is the number of vectors from which a second core pays for being woken up.
const parallelRows = 8192

// Nearest returns the k nearest vectors, of those that are allowed; nil allows all. A Row is the vector's number.
func (q *Query) Nearest(k int, allowed func(i int) bool) []Match {
	n, workers := len(q.f.scales), 1
	if n >= parallelRows {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	parts := make([]Best, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			best := Best{K: k}
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				if allowed == nil || allowed(i) {
					q.offer(&best, i)
				}
			}
			parts[w] = best
		})
	}
	wg.Wait()
	best := parts[0]
	for _, p := range parts[1:] {
		for _, m := range p.List {
			best.Offer(m)
		}
	}
	return best.List
}
