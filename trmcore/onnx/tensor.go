package onnx

import (
	"encoding/binary"
	"math"
)

// Tensor is an array of numbers with its shape, row-major.
type Tensor struct {
	Shape  []int
	Values []float32
}

// rows returns rows from first to last of a matrix, sharing the values.
func (t Tensor) rows(first, last int) Tensor {
	width := t.Shape[1]
	return Tensor{[]int{last - first, width}, t.Values[first*width : last*width]}
}

// transposed returns a transposed copy of a matrix.
func (t Tensor) transposed() Tensor {
	r, c := t.Shape[0], t.Shape[1]
	out := Tensor{[]int{c, r}, make([]float32, len(t.Values))}
	for i := range r {
		for j := range c {
			out.Values[j*r+i] = t.Values[i*c+j]
		}
	}
	return out
}

// scaled returns a copy multiplied by s.
func (t Tensor) scaled(s float32) Tensor {
	out := Tensor{t.Shape, make([]float32, len(t.Values))}
	for i, v := range t.Values {
		out.Values[i] = s * v
	}
	return out
}

// elementType is the type of a tensor's elements in a file, by the names of the safetensors format.
type elementType string

// The types that weights come in. Tensors of other types may lie beside them and cannot be read.
const (
	typeF32  elementType = "F32"
	typeF16  elementType = "F16"
	typeBF16 elementType = "BF16"
)

// elementSizes are the bytes of one element.
var elementSizes = map[elementType]int64{
	typeF32: 4, typeF16: 2, typeBF16: 2, "F64": 8, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}

// float reports whether the type holds weights.
func (t elementType) float() bool { return t == typeF32 || t == typeF16 || t == typeBF16 }

// decode converts little-endian elements to float32; the type must be F32, F16 or BF16.
func decode(t elementType, raw []byte) []float32 {
	out := make([]float32, len(raw)/int(elementSizes[t]))
	for i := range out {
		switch t {
		case typeF32:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case typeF16:
			out[i] = fromHalf(binary.LittleEndian.Uint16(raw[2*i:]))
		case typeBF16:
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	}
	return out
}

// encode converts values to little-endian F16, rounding to nearest even, or F32.
func encode(t elementType, values []float32) []byte {
	out := make([]byte, 0, len(values)*int(elementSizes[t]))
	for _, v := range values {
		if t == typeF16 {
			out = binary.LittleEndian.AppendUint16(out, toHalf(v))
		} else {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return out
}

// fromHalf converts an IEEE 754 binary16 number.
func fromHalf(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 0: // zero and the subnormals, which are multiples of 2^-24
		v := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// toHalf converts to IEEE 754 binary16, to nearest even; what is too large becomes infinite.
func toHalf(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, abs := uint16(bits>>16)&0x8000, bits&0x7fffffff
	switch {
	case abs > 255<<23: // NaN keeps a fraction that is not zero
		return sign | 0x7e00
	case abs >= (127+16)<<23:
		return sign | 0x7c00
	case abs < (127-14)<<23: // subnormal: adding 2^-1 leaves the multiples of 2^-24 in the low bits, rounded
		shifted := math.Float32frombits(abs) + 0x1p-1
		return sign | uint16(math.Float32bits(shifted)-math.Float32bits(0x1p-1))
	}
	rounded := abs + 0xfff + abs>>13&1
	return sign | uint16((rounded-(127-15)<<23)>>13)
}
