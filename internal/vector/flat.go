package vector

import (
	"runtime"
	"slices"
	"sync"
)

// Flat holds unit vectors side by side in the order of their rows, each in a group, and reads them all, which a processor with
// AVX2 does as fast as its memory delivers them. A component takes 8 bits, a vector a scale of its own: 100,000 vectors of 384
// dimensions are 39 MB, and a cosine is off by some .003 at most. Make one with its Dim. It is not safe for concurrent use
// while it is written.
type Flat struct {
	Dim int

	rows   []int64
	dead   []bool
	groups []int32
	scales []float32 // of each row: its components times its scale are the unit vector
	chunks [][]int8
	gone   int
	sum    []float64 // of the unit vectors
}

// chunkRows is the number of vectors that are allocated together: 1.6 MB at 384 dimensions, so that growing copies
// nothing.
const chunkRows = 4096

func (f *Flat) at(i int) []int8 {
	chunk, at := f.chunks[i/chunkRows], i%chunkRows*f.Dim
	return chunk[at : at+f.Dim : at+f.Dim]
}

// set writes the i-th vector, which is none or cleared before.
func (f *Flat) set(i int, v []float32) {
	f.scales[i] = quantise(f.at(i), v)
	f.count(i, 1)
}

// count adds a vector to the sum, or takes it away.
func (f *Flat) count(i int, sign float64) {
	if f.sum == nil {
		f.sum = make([]float64, f.Dim)
	}
	scale := sign * float64(f.scales[i])
	for d, x := range f.at(i) {
		f.sum[d] += scale * float64(x)
	}
}

// push appends a row, which must be higher than all before it, and returns its place.
func (f *Flat) push(row int64, group int32) int {
	n := len(f.rows)
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
	f.rows, f.dead, f.groups, f.scales = append(f.rows, row), append(f.dead, false), append(f.groups, group), append(f.scales, 0)
	return n
}

func (f *Flat) find(row int64) (int, bool) {
	i, ok := slices.BinarySearch(f.rows, row)
	return i, ok && !f.dead[i]
}

// late is a vector that came out of order.
type late struct {
	row   int64
	group int32
	v     []int8
	scale float32
}

// rebuild leaves out what is dead and puts in what came out of order, of equal rows the last.
func (f *Flat) rebuild(extra []late) {
	all := make([]late, 0, len(f.rows)+len(extra))
	for i, row := range f.rows {
		if !f.dead[i] {
			all = append(all, late{row, f.groups[i], f.at(i), f.scales[i]})
		}
	}
	all = append(all, extra...)
	slices.SortStableFunc(all, func(a, b late) int { return int(a.row - b.row) })
	fresh := Flat{Dim: f.Dim}
	for i, e := range all {
		if i+1 == len(all) || all[i+1].row != e.row {
			at := fresh.push(e.row, e.group)
			copy(fresh.at(at), e.v)
			fresh.scales[at] = e.scale
			fresh.count(at, 1)
		}
	}
	*f = fresh
}

// Put puts vectors in, or others in their place; of a row that comes twice the last counts.
func (f *Flat) Put(rows []int64, groups []int32, vectors [][]float32) {
	var lates []late
	for i, row := range rows {
		if n := len(f.rows); n == 0 || f.rows[n-1] < row {
			f.set(f.push(row, groups[i]), vectors[i])
		} else if at, ok := f.find(row); ok {
			f.count(at, -1)
			f.set(at, vectors[i])
			f.groups[at] = groups[i]
		} else {
			v := make([]int8, f.Dim)
			lates = append(lates, late{row, groups[i], v, quantise(v, vectors[i])})
		}
	}
	if len(lates) > 0 {
		f.rebuild(lates)
	}
}

// Delete takes rows out; their numbers are overwritten at once.
func (f *Flat) Delete(rows ...int64) {
	for _, row := range rows {
		if at, ok := f.find(row); ok {
			f.count(at, -1)
			clear(f.at(at))
			f.dead[at] = true
			f.gone++
		}
	}
	if f.gone*4 > len(f.rows) {
		f.rebuild(nil)
	}
}

// Regroup gives every row its group, takes out those that have none, and returns the others.
func (f *Flat) Regroup(group func(row int64) (int32, bool)) (kept []int64) {
	var gone []int64
	for i, row := range f.rows {
		if f.dead[i] {
			continue
		}
		var ok bool
		if f.groups[i], ok = group(row); ok {
			kept = append(kept, row)
		} else {
			gone = append(gone, row)
		}
	}
	f.Delete(gone...)
	return kept
}

// Len is the number of vectors.
func (f *Flat) Len() int { return len(f.rows) - f.gone }

// Vector makes a row's unit vector.
func (f *Flat) Vector(row int64) ([]float32, bool) {
	at, ok := f.find(row)
	if !ok {
		return nil, false
	}
	v := make([]float32, f.Dim)
	for i, x := range f.at(at) {
		v[i] = f.scales[at] * float32(x)
	}
	return v, true
}

// Cosines are those of q with some rows; 0 for a row that is not there. mean is that with all of the groups that are in; nil: with all.
func (f *Flat) Cosines(q []float32, rows []int64, in []bool) (cosines []float64, mean float64) {
	c := newQuery(q)
	cosines = make([]float64, len(rows))
	for i, row := range rows {
		if at, ok := f.find(row); ok {
			cosines[i] = c.cosine(f.at(at), f.scales[at])
		}
	}
	sum, n := f.sum, f.Len()
	if in != nil {
		sum, n = f.sumOf(in)
	}
	for d, x := range sum {
		mean += x * float64(c.unit[d])
	}
	return cosines, mean / float64(max(1, n))
}

// sumOf adds up the vectors of the groups that are in, and counts them.
func (f *Flat) sumOf(in []bool) (sum []float64, n int) {
	sum = make([]float64, f.Dim)
	for i, group := range f.groups {
		if f.dead[i] || int(group) >= len(in) || !in[group] {
			continue
		}
		n++
		for d, x := range f.at(i) {
			sum[d] += float64(f.scales[i]) * float64(x)
		}
	}
	return sum, n
}

// Hub is the mean cosine of a row with the nearest others, among at most sample rows evenly spread.
func (f *Flat) Hub(row int64, nearest, sample int) float64 {
	v, ok := f.Vector(row)
	if !ok {
		return 0
	}
	q := newQuery(v)
	best := Best{K: nearest}
	step := max(1, len(f.rows)/sample)
	for i := 0; i < len(f.rows); i += step {
		if f.dead[i] || f.rows[i] == row {
			continue
		}
		if s := q.cosine(f.at(i), f.scales[i]); best.Takes(s) {
			best.Offer(Match{f.rows[i], s})
		}
	}
	sum := 0.0
	for _, m := range best.List {
		sum += m.Score
	}
	return sum / float64(max(1, len(best.List)))
}

// Between is the cosine of a unit vector with the direction between two rows; 0 if one is not there.
func (f *Flat) Between(unit []float32, a, b int64) float64 {
	x, ok1 := f.Vector(a)
	y, ok2 := f.Vector(b)
	if !ok1 || !ok2 {
		return 0
	}
	for i := range x {
		x[i] += y[i]
	}
	Unit(x, x)
	return float64(Dot(unit, x))
}

// parallelRows is the number of vectors from which a second core pays for being woken up.
const parallelRows = 8192

// Search returns the k vectors nearest to q, of the groups that are in and of the rows in only, which ascend; nil: of all.
func (f *Flat) Search(q []float32, k int, in []bool, only []int64) []Match {
	c := newQuery(q)
	workers := 1
	if len(f.rows) >= parallelRows && (only == nil || len(only) >= parallelRows) {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	// Only what lies between the first and the last row is divided: "since May" is the end of an index.
	first, end := 0, len(f.rows)
	if len(only) > 0 {
		first, _ = slices.BinarySearch(f.rows, only[0])
		end, _ = slices.BinarySearch(f.rows, only[len(only)-1]+1)
	}
	parts := make([]Best, workers)
	var wg sync.WaitGroup
	for w := range workers {
		parts[w].K = k
		wg.Go(func() {
			f.scan(&parts[w], c, in, only, first+(end-first)*w/workers, first+(end-first)*(w+1)/workers)
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

// scan offers the vectors lo to hi.
func (f *Flat) scan(best *Best, q query, in []bool, only []int64, lo, hi int) {
	offer := func(i int) {
		if f.dead[i] || in != nil && !in[f.groups[i]] {
			return
		}
		if s := q.cosine(f.at(i), f.scales[i]); best.Takes(s) {
			best.Offer(Match{f.rows[i], s})
		}
	}
	if only == nil {
		for i := lo; i < hi; i++ {
			offer(i)
		}
		return
	}
	if lo == hi {
		return
	}
	from, _ := slices.BinarySearch(only, f.rows[lo])
	for _, row := range only[from:] {
		if row > f.rows[hi-1] {
			break
		}
		at, ok := slices.BinarySearch(f.rows[lo:hi], row)
		if ok {
			offer(lo + at)
		}
		lo += at
	}
}
