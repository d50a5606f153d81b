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
		var rows []int64
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
			rows, vectors = append(rows, int64(2*i)), append(vectors, v)
		}
		f.Put(rows[20:], make([]int32, 40), vectors[20:])
		f.Put(rows[:20], make([]int32, 20), vectors[:20]) // late
		f.Put(rows[5:6], make([]int32, 1), vectors[7:8])  // another in its place
		vectors[5] = vectors[7]
		f.Delete(rows[50:55]...)
		q := make([]float32, dim)
		Unit(q, vectors[1])
		got, mean := f.Cosines(vectors[1], rows, nil)
		want, n := 0.0, 0.0
		for i, v := range vectors {
			if i >= 50 && i < 55 {
				if got[i] != 0 {
					t.Errorf("a deleted row has the cosine %v", got[i])
				}
				continue
			}
			u := make([]float32, dim)
			Unit(u, v)
			exact := float64(Dot(q, u))
			want, n = want+exact, n+1
			if math.Abs(got[i]-exact) > .004 {
				t.Errorf("dim %d: the cosine %d is %v, exactly %v", dim, i, got[i], exact)
			}
		}
		if math.Abs(mean-want/n) > .002 {
			t.Errorf("dim %d: the mean is %v, exactly %v", dim, mean, want/n)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	const n, dim = 100_000, 384
	f := Flat{Dim: dim}
	r := rand.New(rand.NewPCG(5, 6))
	v := make([]float32, dim)
	for i := range n {
		for d := range v {
			v[d] = r.Float32() - .5
		}
		f.Put([]int64{int64(i)}, []int32{0}, [][]float32{v})
	}
	for b.Loop() {
		f.Search(v, 200, nil, nil)
	}
}
