package vector

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestDotOfIntsInAnyLength(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 100 {
		q, v := make([]int16, n), make([]int8, n)
		for i := range n {
			q[i], v[i] = int16(r.IntN(1<<14)-1<<13), int8(r.IntN(255)-127)
		}
		if got, want := dotInts(q, v), dotPlain(q, v); got != want {
			t.Fatalf("%d components: %d, want %d", n, got, want)
		}
	}
}

// Cosines of vectors of 8 bits stay near the exact ones, also of extreme vectors, and the mean is that of all that are there.
func TestCosinesAreNearlyExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, dim := range []int{1, 3, 16, 384, 1536, 4096} {
		f := Flat{Dim: dim}
		var vectors [][]float32
		for i := range 60 {
			v := make([]float32, dim)
			for d := range v {
				v[d] = float32(r.NormFloat64())
			}
			if i%5 == 0 {
				clear(v)
				v[i%dim] = 1e30 // one component alone
			}
			if i%7 == 0 {
				for d := range v {
					v[d] = 1e-30
				}
			}
			vectors = append(vectors, v)
			f.Append(v)
		}
		for i := 50; i < 55; i++ {
			f.Clear(i)
		}
		f.Append(nil)
		q := make([]float32, dim)
		Unit(q, vectors[1])
		query := f.Query(vectors[1])
		want, n := 0.0, 0.0
		for i, v := range vectors {
			if i >= 50 && i < 55 {
				if got := query.Cosine(i); got != 0 {
					t.Errorf("a deleted vector has the cosine %v", got)
				}
				continue
			}
			u := make([]float32, dim)
			Unit(u, v)
			exact := float64(Dot(q, u))
			want, n = want+exact, n+1
			if got := query.Cosine(i); math.Abs(got-exact) > .004 {
				t.Errorf("dim %d: the cosine %d is %v, exactly %v", dim, i, got, exact)
			}
		}
		if mean := query.Mean(); math.Abs(mean-want/n) > .002 {
			t.Errorf("dim %d: the mean is %v, exactly %v", dim, mean, want/n)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	const n, dim = 100_000, 384
	f := Flat{Dim: dim}
	r := rand.New(rand.NewPCG(5, 6))
	v := make([]float32, dim)
	for range n {
		for d := range v {
			v[d] = r.Float32() - .5
		}
		f.Append(v)
	}
	for b.Loop() {
		q := f.Query(v)
		q.Nearest(200, nil)
	}
}
