package vector

import "math"

// quantise writes a vector's direction into dst, its greatest component at 127, and returns the scale that makes it 1 long.
func quantise(dst []int8, v []float32) float32 {
	most := 0.0
	for _, x := range v {
		most = max(most, math.Abs(float64(x)))
	}
	if !(most > 0) || math.IsInf(most, 0) {
		clear(dst)
		return 0
	}
	sum := 0
	for i, x := range v {
		n := int(math.Round(float64(x) / most * 127))
		dst[i] = int8(n)
		sum += n * n
	}
	return float32(1 / math.Sqrt(float64(sum)))
}

// query is a vector to compare with, in 16 bits a component.
type query struct {
	unit  []float32
	ints  []int16
	scale float64
}

func newQuery(v []float32) query {
	q := query{unit: make([]float32, len(v)), ints: make([]int16, len(v))}
	Unit(q.unit, v)
	most := 0.0
	for _, x := range q.unit {
		most = max(most, math.Abs(float64(x)))
	}
	if most == 0 {
		return q
	}
	// The scalar product with a vector of 8 bits must stay below 2³¹: it is at most scale·127·√dim.
	scale := min(math.MaxInt16/most, math.MaxInt32/(127*math.Sqrt(float64(len(v))+1))-1)
	for i, x := range q.unit {
		q.ints[i] = int16(math.Round(float64(x) * scale))
	}
	q.scale = 1 / scale
	return q
}

// cosine is that with a vector of Flat. Rounding can carry it past 1.
func (q *query) cosine(v []int8, scale float32) float64 {
	return max(-1, min(1, float64(dotInts(q.ints, v))*q.scale*float64(scale)))
}

// dotPlain is the scalar product.
func dotPlain(q []int16, v []int8) int32 {
	sum := int32(0)
	for i, x := range v {
		sum += int32(q[i]) * int32(x)
	}
	return sum
}
