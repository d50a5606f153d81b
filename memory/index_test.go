package memory

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/trm-go/refiner/internal/vector"
)

func TestFlatAgainstANaiveScan(t *testing.T) {
	ctx := context.Background()
	const dim = 5
	scopes := []Scope{{User: "a", Session: "1"}, {User: "a", Session: "2"}, {User: "b"}}
	rapid.Check(t, func(rt *rapid.T) {
		f := NewFlat(dim)
		vectors, places := map[int64][]float32{}, map[int64]Scope{}
		// Small whole numbers, so that equal scores occur.
		random := func() []float32 {
			v := make([]float32, dim)
			for i := range v {
				v[i] = float32(rapid.IntRange(-2, 2).Draw(rt, "x"))
			}
			if _, ok := vector.Length(v); !ok {
				v[0] = 1
			}
			return v
		}
		rt.Repeat(map[string]func(*rapid.T){
			"upsert": func(*rapid.T) {
				n := rapid.IntRange(1, 8).Draw(rt, "n")
				var rows []int64
				var in []Scope
				var vs [][]float32
				for range n {
					row, place, v := int64(rapid.IntRange(1, 40).Draw(rt, "row")), rapid.SampledFrom(scopes).Draw(rt, "scope"), random()
					rows, in, vs = append(rows, row), append(in, place), append(vs, v)
					vectors[row], places[row] = slices.Clone(v), place
				}
				if err := f.Upsert(ctx, rows, in, vs); err != nil {
					rt.Fatal(err)
				}
				for _, v := range vs {
					clear(v) // the index keeps no reference
				}
			},
			"delete": func(*rapid.T) {
				rows := rapid.SliceOfN(rapid.Int64Range(1, 45), 0, 12).Draw(rt, "rows")
				if err := f.Delete(ctx, rows...); err != nil {
					rt.Fatal(err)
				}
				for _, row := range rows {
					delete(vectors, row)
				}
			},
			"": func(*rapid.T) {
				if f.Len() != len(vectors) {
					rt.Fatalf("%d vectors, want %d", f.Len(), len(vectors))
				}
				scope := rapid.SampledFrom(append(slices.Clone(scopes), Scope{User: "a"}, Scope{User: "c"})).Draw(rt, "asked")
				q, k := random(), rapid.IntRange(0, 12).Draw(rt, "k")
				var only []int64
				if rapid.Bool().Draw(rt, "some") {
					only = rapid.SliceOfNDistinct(rapid.Int64Range(1, 45), 0, 20, func(x int64) int64 { return x }).Draw(rt, "only")
					slices.Sort(only)
				}
				unitQ, u := make([]float32, dim), make([]float32, dim)
				vector.Unit(unitQ, q)
				want := []Match{}
				for row, v := range vectors {
					if scope.Contains(places[row]) && (only == nil || slices.Contains(only, row)) {
						vector.Unit(u, v)
						want = append(want, Match{row, max(-1, min(1, float64(vector.Dot(unitQ, u))))})
					}
				}
				slices.SortFunc(want, func(a, b Match) int {
					if c := cmp.Compare(b.Score, a.Score); c != 0 {
						return c
					}
					return cmp.Compare(a.Row, b.Row)
				})
				want = want[:min(k, len(want))]
				var got []Match
				var err error
				if only != nil {
					got, err = f.SearchRows(ctx, scope, only, q, k)
				} else {
					got, err = f.Search(ctx, scope, q, k)
				}
				if err != nil {
					rt.Fatal(err)
				}
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
					vector.Unit(u, vectors[m.Row])
					if !scope.Contains(places[m.Row]) || only != nil && !slices.Contains(only, m.Row) || math.Abs(float64(vector.Dot(unitQ, u))-m.Score) > .01 {
						rt.Fatalf("%v is no match", m)
					}
				}
			},
		})
	})
}

// Large enough for several chunks and cores.
func TestFlatInParallel(t *testing.T) {
	const chunkRows = 4096
	const n, dim = 3*chunkRows + 77, 16
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	r := rand.New(rand.NewPCG(1, 2))
	f := NewFlat(dim)
	var rows []int64
	var scopes []Scope
	var vectors [][]float32
	for i := range n {
		v := make([]float32, dim)
		for j := range v {
			v[j] = r.Float32() - .5
		}
		rows, scopes, vectors = append(rows, int64(2*i+1)), append(scopes, Scope{Session: string(rune('a' + i%3))}), append(vectors, v)
	}
	if err := f.Upsert(t.Context(), rows, scopes, vectors); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, chunkRows - 1, chunkRows, n - 1} {
		got, err := f.Search(t.Context(), Scope{}, vectors[i], 3)
		if err != nil || got[0].Row != rows[i] || math.Abs(got[0].Score-1) > .01 {
			t.Errorf("vector %d finds %v, %v", i, got, err)
		}
		all, err := f.SearchRows(t.Context(), Scope{}, rows, vectors[i], 3)
		if err != nil || gocmp.Diff(got, all) != "" {
			t.Errorf("vector %d among all rows finds %v, not %v, %v", i, all, got, err)
		}
		few, err := f.SearchRows(t.Context(), scopes[i], []int64{1, 2, rows[i], 1 << 40}, vectors[i], 3)
		if err != nil || few[0].Row != rows[i] {
			t.Errorf("vector %d among few rows finds %v, %v", i, few, err)
		}
	}
}

func TestFlatRefuses(t *testing.T) {
	f := NewFlat(3)
	for _, v := range [][]float32{nil, {1, 2}, {0, 0, 0}, {1, float32(math.NaN()), 0}, {float32(math.Inf(-1)), 0, 0}} {
		if err := f.Upsert(t.Context(), []int64{1}, []Scope{{}}, [][]float32{v}); !errors.Is(err, ErrDimension) {
			t.Errorf("upsert of %v: %v", v, err)
		}
		if _, err := f.Search(t.Context(), Scope{}, v, 1); !errors.Is(err, ErrDimension) {
			t.Errorf("search for %v: %v", v, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Search(ctx, Scope{}, []float32{1, 0, 0}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if f.Len() != 0 {
		t.Errorf("%d vectors", f.Len())
	}
}

func TestHashed(t *testing.T) {
	h := NewHashed(0)
	if h.Model() != "hashed-v1-384" || h.Dim() != 384 || NewHashed(1024).Model() != "hashed-v1-1024" {
		t.Errorf("model %s", h.Model())
	}
	for model, want := range map[string]bool{"hashed-v1-384": true, "hashed-v1-0384": false, "hashed-v1-": false, "hashed-v1-384x": false, "text-embedding-3": false, "hashed-v1--3": false} {
		if got := hashedModel(model) != nil; got != want {
			t.Errorf("%q is ours: %v", model, got)
		}
	}
	vs, err := h.Embed(t.Context(), []string{"The greenhouse needs new panes", "new panes are needed by the greenhouse", "greenhuose panes", "my flight was cancelled", "", "the", "🥐", "?!"})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vs {
		if n, ok := vector.Length(v); !ok || math.Abs(n-1) > 1e-5 {
			t.Errorf("vector %d is %v long", i, n)
		}
	}
	same, typo, other := vector.Dot(vs[0], vs[1]), vector.Dot(vs[0], vs[2]), vector.Dot(vs[0], vs[3])
	if !(same > typo && typo > other+.2 && other < .2) {
		t.Errorf("cosines %v %v %v do not fall", same, typo, other)
	}
	// The vector of a text must never change: stores keep it. Computed once, kept here.
	sum := 0.0
	for i, x := range vs[0] {
		sum += float64(x) * float64(i%17-8)
	}
	if want := goldenHashed; math.Abs(sum-want) > 1e-4 {
		t.Errorf("the vectors of %s have changed (%v, not %v): give the model a new name", h.Model(), sum, want)
	}
}

func FuzzHashed(f *testing.F) {
	f.Add("plain words", 384)
	f.Add("\xff\x00", 1)
	f.Add("日本語 🥐 …", 3)
	f.Fuzz(func(t *testing.T, s string, dim int) {
		if dim < 1 || dim > 4096 {
			return
		}
		vs, err := NewHashed(dim).Embed(t.Context(), []string{s})
		if err != nil {
			t.Fatal(err)
		}
		if err := checkVector(vs[0], dim); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

const goldenHashed = -2.25728964
