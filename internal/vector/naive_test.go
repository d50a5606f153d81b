package vector

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func TestFlatAgainstANaiveScan(t *testing.T) {
	const dim = 5
	rapid.Check(t, func(rt *rapid.T) {
		f := Flat{Dim: dim}
		vectors, places := map[int64][]float32{}, map[int64]int32{}
		// Small whole numbers, so that equal scores occur.
		random := func() []float32 {
			v := make([]float32, dim)
			for i := range v {
				v[i] = float32(rapid.IntRange(-2, 2).Draw(rt, "x"))
			}
			if _, ok := Length(v); !ok {
				v[0] = 1
			}
			return v
		}
		rt.Repeat(map[string]func(*rapid.T){
			"upsert": func(*rapid.T) {
				n := rapid.IntRange(1, 8).Draw(rt, "n")
				var rows []int64
				var in []int32
				var vs [][]float32
				for range n {
					row, place, v := int64(rapid.IntRange(1, 40).Draw(rt, "row")), rapid.Int32Range(0, 2).Draw(rt, "group"), random()
					rows, in, vs = append(rows, row), append(in, place), append(vs, v)
					vectors[row], places[row] = slices.Clone(v), place
				}
				f.Put(rows, in, vs)
				for _, v := range vs {
					clear(v) // the index keeps no reference
				}
			},
			"delete": func(*rapid.T) {
				rows := rapid.SliceOfN(rapid.Int64Range(1, 45), 0, 12).Draw(rt, "rows")
				f.Delete(rows...)
				for _, row := range rows {
					delete(vectors, row)
				}
			},
			"": func(*rapid.T) {
				if f.Len() != len(vectors) {
					rt.Fatalf("%d vectors, want %d", f.Len(), len(vectors))
				}
				groups := rapid.SampledFrom([][]bool{nil, {true, false, false}, {false, true, true}, {false, false, false}}).Draw(rt, "groups")
				q, k := random(), rapid.IntRange(1, 12).Draw(rt, "k")
				var only []int64
				if rapid.Bool().Draw(rt, "some") {
					only = rapid.SliceOfNDistinct(rapid.Int64Range(1, 45), 0, 20, func(x int64) int64 { return x }).Draw(rt, "only")
					slices.Sort(only)
				}
				unitQ, u := make([]float32, dim), make([]float32, dim)
				Unit(unitQ, q)
				want := []Match{}
				for row, v := range vectors {
					if (groups == nil || groups[places[row]]) && (only == nil || slices.Contains(only, row)) {
						Unit(u, v)
						want = append(want, Match{row, max(-1, min(1, float64(Dot(unitQ, u))))})
					}
				}
				slices.SortFunc(want, func(a, b Match) int {
					if c := cmp.Compare(b.Score, a.Score); c != 0 {
						return c
					}
					return cmp.Compare(a.Row, b.Row)
				})
				want = want[:min(k, len(want))]
				got := f.Search(q, k, groups, only)
				// The index rounds, so that which of two near ones comes first may differ.
				exact := func(matches []Match) (scores []float64) {
					for _, m := range matches {
						scores = append(scores, m.Score)
					}
					return scores
				}
				if d := gocmp.Diff(exact(want), exact(got), cmpopts.EquateApprox(0, .01)); d != "" {
					rt.Fatalf("matches (-want +got):\n%s", d)
				}
				for _, m := range got {
					Unit(u, vectors[m.Row])
					if groups != nil && !groups[places[m.Row]] || only != nil && !slices.Contains(only, m.Row) || math.Abs(float64(Dot(unitQ, u))-m.Score) > .01 {
						rt.Fatalf("%v is no match", m)
					}
				}
			},
		})
	})
}

// Large enough for several chunks and cores.
func TestFlatInParallel(t *testing.T) {
	const n, dim = 3*chunkRows + 77, 16
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	r := rand.New(rand.NewPCG(1, 2))
	f := Flat{Dim: dim}
	var rows []int64
	var groups []int32
	var vectors [][]float32
	for i := range n {
		v := make([]float32, dim)
		for j := range v {
			v[j] = r.Float32() - .5
		}
		rows, groups, vectors = append(rows, int64(2*i+1)), append(groups, int32(i%3)), append(vectors, v)
	}
	f.Put(rows, groups, vectors)
	for _, i := range []int{0, chunkRows - 1, chunkRows, n - 1} {
		got := f.Search(vectors[i], 3, nil, nil)
		if got[0].Row != rows[i] || math.Abs(got[0].Score-1) > .01 {
			t.Errorf("vector %d finds %v", i, got)
		}
		if all := f.Search(vectors[i], 3, nil, rows); gocmp.Diff(got, all) != "" {
			t.Errorf("vector %d among all rows finds %v, not %v", i, all, got)
		}
		in := []bool{i%3 == 0, i%3 == 1, i%3 == 2}
		if few := f.Search(vectors[i], 3, in, []int64{1, 2, rows[i], 1 << 40}); few[0].Row != rows[i] {
			t.Errorf("vector %d among few rows finds %v", i, few)
		}
	}
}
