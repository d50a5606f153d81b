package vector

import "golang.org/x/sys/cpu"

// dotAVX2 is the scalar product of the first n components; n is a multiple of 16, above 0.
//
//go:noescape
func dotAVX2(q *int16, v *int8, n int) int32

var wide = cpu.X86.HasAVX2

func dotInts(q []int16, v []int8) int32 {
	n := len(v) &^ 15
	if !wide || n == 0 {
		return dotPlain(q, v)
	}
	return dotAVX2(&q[0], &v[0], n) + dotPlain(q[n:], v[n:])
}
