package onnx

import (
	"math"
	"runtime"

	"golang.org/x/sys/cpu"
)

// quantise rounds weights [in, out] to signed integers of the given width, symmetric around zero, with one scale for
// each column: w ≈ value * scale.
func quantise(w Tensor, bits int) (values []byte, scales []float32, shape []int) {
	rows, columns := w.Shape[0], w.Shape[1]
	top := float32(int(1)<<(bits-1) - 1)
	scales = make([]float32, columns)
	for i, v := range w.Values {
		scales[i%columns] = max(scales[i%columns], float32(math.Abs(float64(v))))
	}
	for j := range scales {
		if scales[j] == 0 {
			scales[j] = 1 // a column of zeros
		}
		scales[j] /= top
	}
	values = make([]byte, rows*columns)
	for i, v := range w.Values {
		values[i] = byte(int8(math.RoundToEven(float64(v / scales[i%columns]))))
	}
	return values, scales, w.Shape
}

// weightBits is the width that quantised weights can have on this processor. On x86 without VNNI, two products of 8-bit
// numbers are added in 16 bits and saturate; one bit less cannot.
func weightBits() int {
	if runtime.GOARCH == "amd64" && !cpu.X86.HasAVX512VNNI && !cpu.X86.HasAVXVNNI {
		return 7
	}
	return 8
}
