package memory

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Flat is an exact [Index]: it holds the vectors side by side, in the order of their rows, and reads them all, which a
// processor with AVX2 does as fast as its memory delivers them. Nothing else is exact, and nothing is needed that is
// not: 100,000 vectors of 384 dimensions are 154 MB, about 10 ms on one core.
type Flat struct {
	dim int

	mu sync.RWMutex
	block
}

var _ Index = (*Flat)(nil)

// chunkRows is the number of vectors that are allocated together: 6 MB at 384 dimensions, so that growing copies
// nothing.
const chunkRows = 4096

// block holds the vectors in the order of their rows.
type block struct {
	rows   []int64
	dead   []bool
	leaves []int32 // index into scopes
	scopes []Scope
	number map[Scope]int32
	chunks [][]float32
	gone   int
}

// NewFlat makes an empty index for vectors of dim dimensions.
func NewFlat(dim int) *Flat {
	return &Flat{dim: dim, block: block{number: map[Scope]int32{}}}
}

func (b *block) vector(i, dim int) []float32 {
	chunk, at := b.chunks[i/chunkRows], i%chunkRows*dim
	return chunk[at : at+dim : at+dim]
}

func (b *block) leaf(s Scope) int32 {
	n, ok := b.number[s]
	if !ok {
		n = int32(len(b.scopes))
		b.scopes = append(b.scopes, s)
		b.number[s] = n
	}
	return n
}

// push appends a row, which must be higher than all before it, and returns the place for its unit vector.
func (b *block) push(row int64, leaf int32, dim int) []float32 {
	n := len(b.rows)
	if n/chunkRows == len(b.chunks) {
		b.chunks = append(b.chunks, nil)
	}
	// The last chunk grows by doubling, so that a small index stays small.
	last := &b.chunks[len(b.chunks)-1]
	if need := (n%chunkRows + 1) * dim; need > cap(*last) {
		grown := make([]float32, len(*last), min(max(2*cap(*last), 16*dim), chunkRows*dim))
		copy(grown, *last)
		*last = grown
	}
	*last = (*last)[:len(*last)+dim]
	b.rows = append(b.rows, row)
	b.dead = append(b.dead, false)
	b.leaves = append(b.leaves, leaf)
	return b.vector(n, dim)
}

// find is the place of a row.
func (b *block) find(row int64) (int, bool) {
	i, ok := slices.BinarySearch(b.rows, row)
	return i, ok && !b.dead[i]
}

// rebuild leaves out what is dead and puts in what came out of order, sorted.
func (b *block) rebuild(dim int, extra []entry) {
	entries := make([]entry, 0, len(b.rows)+len(extra))
	for i, row := range b.rows {
		if !b.dead[i] {
			entries = append(entries, entry{row, b.leaves[i], b.vector(i, dim)})
		}
	}
	entries = append(entries, extra...)
	slices.SortStableFunc(entries, func(a, c entry) int { return int(a.row - c.row) })
	fresh := block{scopes: b.scopes, number: b.number}
	for i, e := range entries {
		if i+1 < len(entries) && entries[i+1].row == e.row {
			continue // the later one stands
		}
		copy(fresh.push(e.row, e.leaf, dim), e.v)
	}
	*b = fresh
}

// entry is a unit vector with its row and the number of its scope.
type entry struct {
	row  int64
	leaf int32
	v    []float32
}

// ascending reports whether each row is higher than the one before.
func ascending(rows []int64) bool {
	for i := 1; i < len(rows); i++ {
		if rows[i] <= rows[i-1] {
			return false
		}
	}
	return true
}

// Upsert implements [Index].
func (f *Flat) Upsert(ctx context.Context, rows []int64, scopes []Scope, vectors [][]float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, v := range vectors {
		if err := checkVector(v, f.dim); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	// Of a row that comes more than once, the last counts.
	var last map[int64]int
	if !ascending(rows) {
		last = make(map[int64]int, len(rows))
		for i, row := range rows {
			last[row] = i
		}
	}
	var lates []entry // rows that are not higher than all before them
	for i, row := range rows {
		if last != nil && last[row] != i {
			continue
		}
		leaf := f.leaf(scopes[i])
		if n := len(f.rows); n == 0 || f.rows[n-1] < row {
			unit(f.push(row, leaf, f.dim), vectors[i])
		} else if at, ok := f.find(row); ok {
			unit(f.vector(at, f.dim), vectors[i])
			f.leaves[at] = leaf
		} else {
			v := make([]float32, f.dim)
			unit(v, vectors[i])
			lates = append(lates, entry{row, leaf, v})
		}
	}
	if len(lates) > 0 {
		f.rebuild(f.dim, lates)
	}
	return nil
}

// Delete implements [Index].
func (f *Flat) Delete(ctx context.Context, rows ...int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, row := range rows {
		if at, ok := f.find(row); ok {
			clear(f.vector(at, f.dim)) // overwritten at once
			f.dead[at] = true
			f.gone++
		}
	}
	if f.gone*4 > len(f.rows) {
		f.rebuild(f.dim, nil)
	}
	return nil
}

// Len implements [Index].
func (f *Flat) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.rows) - f.gone
}

// Search implements [Index].
func (f *Flat) Search(ctx context.Context, scope Scope, query []float32, k int) ([]Match, error) {
	return f.search(ctx, scope, nil, query, k)
}

// SearchRows is Search among some rows of the scope only, in ascending order. Fewer rows take less time.
func (f *Flat) SearchRows(ctx context.Context, scope Scope, rows []int64, query []float32, k int) ([]Match, error) {
	if rows == nil {
		rows = []int64{}
	}
	return f.search(ctx, scope, rows, query, k)
}

// parallelRows is the number of vectors from which a second core pays for being woken up.
const parallelRows = 8192

func (f *Flat) search(ctx context.Context, scope Scope, only []int64, query []float32, k int) ([]Match, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkVector(query, f.dim); err != nil {
		return nil, err
	}
	q := make([]float32, f.dim)
	unit(q, query)
	f.mu.RLock()
	defer f.mu.RUnlock()
	if k <= 0 {
		return nil, nil
	}
	b, leaves, all := &f.block, make([]bool, len(f.scopes)), true
	for i, s := range f.scopes {
		leaves[i] = scope.Contains(s)
		all = all && leaves[i]
	}
	if all {
		leaves = nil
	}
	workers := 1
	if len(b.rows) >= parallelRows && (only == nil || len(only) >= parallelRows) {
		workers = min(runtime.GOMAXPROCS(0), 8)
	}
	// Only what lies between the first and the last row is divided: "since May" is the end of a block.
	first, end := 0, len(b.rows)
	if len(only) > 0 {
		first, _ = slices.BinarySearch(b.rows, only[0])
		end, _ = slices.BinarySearch(b.rows, only[len(only)-1]+1)
	}
	parts := make([]nearest, workers)
	var wg sync.WaitGroup
	for w := range workers {
		lo, hi := first+(end-first)*w/workers, first+(end-first)*(w+1)/workers
		parts[w].k = k
		if w == workers-1 {
			b.scan(&parts[w], q, f.dim, leaves, only, lo, hi)
			continue
		}
		wg.Go(func() { b.scan(&parts[w], q, f.dim, leaves, only, lo, hi) })
	}
	wg.Wait()
	best := parts[0]
	for _, p := range parts[1:] {
		for _, m := range p.heap {
			best.offer(m.Row, m.Score)
		}
	}
	return best.sorted(), nil
}

// scan offers the vectors lo to hi.
func (b *block) scan(best *nearest, q []float32, dim int, leaves []bool, only []int64, lo, hi int) {
	offer := func(i int) {
		if b.dead[i] || leaves != nil && !leaves[b.leaves[i]] {
			return
		}
		// Rounding can carry a cosine past 1.
		if s := float64(dot(q, b.vector(i, dim))); s > best.least || len(best.heap) < best.k {
			best.offer(b.rows[i], max(-1, min(1, s)))
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
	from, _ := slices.BinarySearch(only, b.rows[lo])
	only = only[from:]
	// Few rows are looked up, many are walked along with the block.
	if len(only)*16 < hi-lo {
		for _, row := range only {
			if row > b.rows[hi-1] {
				break
			}
			if at, ok := slices.BinarySearch(b.rows[lo:hi], row); ok {
				offer(lo + at)
			}
		}
		return
	}
	for i := lo; i < hi && len(only) > 0; i++ {
		for len(only) > 0 && only[0] < b.rows[i] {
			only = only[1:]
		}
		if len(only) > 0 && only[0] == b.rows[i] {
			offer(i)
		}
	}
}

// Vector copies a row's vector, made 1 long.
func (f *Flat) Vector(row int64) ([]float32, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	at, ok := f.find(row)
	if !ok {
		return nil, false
	}
	return slices.Clone(f.vector(at, f.dim)), true
}

// nearest keeps the k best matches; the worst of them is on top of the heap.
type nearest struct {
	k     int
	heap  []Match
	least float64 // score of the worst when the heap is full
}

// worse orders matches from the worst: lower scores first, and of equal ones the higher row.
func worse(a, b Match) bool {
	if a.Score != b.Score {
		return a.Score < b.Score
	}
	return a.Row > b.Row
}

func (n *nearest) offer(row int64, score float64) {
	m := Match{row, score}
	h := n.heap
	if len(h) < n.k {
		h = append(h, m)
		for i := len(h) - 1; i > 0; {
			up := (i - 1) / 2
			if !worse(h[i], h[up]) {
				break
			}
			h[i], h[up] = h[up], h[i]
			i = up
		}
		n.heap = h
	} else if worse(h[0], m) {
		h[0] = m
		for i := 0; ; {
			down := 2*i + 1
			if down >= len(h) {
				break
			}
			if down+1 < len(h) && worse(h[down+1], h[down]) {
				down++
			}
			if !worse(h[down], h[i]) {
				break
			}
			h[i], h[down] = h[down], h[i]
			i = down
		}
	}
	if len(n.heap) == n.k {
		n.least = n.heap[0].Score
	} else {
		n.least = math.Inf(-1)
	}
}

// sorted empties the heap, best first.
func (n *nearest) sorted() []Match {
	slices.SortFunc(n.heap, func(a, b Match) int {
		switch {
		case worse(b, a):
			return -1
		case worse(a, b):
			return 1
		}
		return 0
	})
	return n.heap
}
