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
		var vectors [][]float32 // nil: cleared, or none
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
			"append": func(*rapid.T) {
				v := random()
				vectors = append(vectors, slices.Clone(v))
				f.Append(v)
				clear(v) // no reference is kept
			},
			"append none": func(*rapid.T) {
				vectors = append(vectors, nil)
				f.Append(nil)
			},
			"clear": func(*rapid.T) {
				if len(vectors) > 0 {
					i := rapid.IntRange(0, len(vectors)-1).Draw(rt, "i")
					vectors[i] = nil
					f.Clear(i)
				}
			},
			"": func(*rapid.T) {
				allowed := rapid.SampledFrom([]func(int) bool{nil, func(i int) bool { return i%3 == 0 }, func(int) bool { return false }}).Draw(rt, "allowed")
				q, k := random(), rapid.IntRange(1, 12).Draw(rt, "k")
				unitQ, u := make([]float32, dim), make([]float32, dim)
				Unit(unitQ, q)
				want := []Match{}
				for i, v := range vectors {
					if v != nil && (allowed == nil || allowed(i)) {
						Unit(u, v)
						want = append(want, Match{int64(i), max(-1, min(1, float64(Dot(unitQ, u))))})
					}
				}
				slices.SortFunc(want, func(a, b Match) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row)) })
				want = want[:min(k, len(want))]
				query := f.Query(q)
				got := query.Nearest(k, allowed)
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
					if allowed != nil && !allowed(int(m.Row)) || math.Abs(float64(Dot(unitQ, u))-m.Score) > .01 {
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
	vectors := make([][]float32, n)
	for i := range n {
		vectors[i] = make([]float32, dim)
		for j := range vectors[i] {
			vectors[i][j] = r.Float32() - .5
		}
		f.Append(vectors[i])
	}
	for _, i := range []int{0, chunkRows - 1, chunkRows, n - 1} {
		q := f.Query(vectors[i])
		got := q.Nearest(3, nil)
		if got[0].Row != int64(i) || math.Abs(got[0].Score-1) > .01 {
			t.Errorf("vector %d finds %v", i, got)
		}
		if few := q.Nearest(3, func(at int) bool { return at%3 == i%3 }); few[0].Row != int64(i) {
			t.Errorf("vector %d among a third finds %v", i, few)
		}
	}
}
