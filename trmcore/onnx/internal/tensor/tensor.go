// Package tensor describes tensors that lie in a file, and reads them as float32.
//
// A [Ref] is a name, an element type, a shape and an offset: what every weight format comes down to. Readers of the
// formats return Refs; nothing is read until [Ref.Read] asks for it, so that a puzzle embedding table of gigabytes costs
// nothing but the rows that are used.
package tensor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrFormat is wrapped by every error about a file that cannot be what it claims to be.
var ErrFormat = errors.New("malformed weights")

// DType is the type of a tensor's elements, by the names of the safetensors format.
type DType string

// The types that weights come in, and the integer types that a checkpoint may hold beside them.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16, I16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// Float reports whether the type holds weights.
func (d DType) Float() bool { return d == F64 || d == F32 || d == F16 || d == BF16 }

// Ref is a tensor in a file: contiguous, row-major, little-endian.
type Ref struct {
	Name   string
	DType  DType
	Shape  []int
	Offset int64 // of its first byte in the file
}

// MaxElements bounds a tensor: the largest published table, 1.2 million rows of 512, is a tenth of it.
const MaxElements = 1 << 33

// Len is the number of elements. It fails on a negative dimension and on more than [MaxElements].
func (r Ref) Len() (int64, error) {
	n := int64(1)
	for _, d := range r.Shape {
		if d < 0 {
			return 0, fmt.Errorf("%w: %q has a negative dimension in its shape %v", ErrFormat, r.Name, r.Shape)
		}
		if d > 0 && n > MaxElements/int64(d) {
			return 0, fmt.Errorf("%w: %q with shape %v is too large", ErrFormat, r.Name, r.Shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// Read reads all elements from the file.
func (r Ref) Read(src io.ReaderAt) ([]float32, error) {
	n, err := r.Len()
	if err != nil {
		return nil, err
	}
	return r.ReadRange(src, 0, n)
}

// ReadRange reads the elements from first to first+n.
func (r Ref) ReadRange(src io.ReaderAt, first, n int64) ([]float32, error) {
	if !r.DType.Float() {
		return nil, fmt.Errorf("%w: %q holds %s, not floating-point weights", ErrFormat, r.Name, r.DType)
	}
	size := int64(r.DType.Size())
	raw := make([]byte, n*size)
	if k, err := src.ReadAt(raw, r.Offset+first*size); int64(k) < n*size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: the file ends within %q: %w", ErrFormat, r.Name, err)
	}
	return Decode(r.DType, raw), nil
}

// Decode converts little-endian elements to float32; the type must be a floating-point one.
func Decode(d DType, raw []byte) []float32 {
	out := make([]float32, len(raw)/d.Size())
	for i := range out {
		switch d {
		case F64:
			out[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
		case F32:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case F16:
			out[i] = FromHalf(binary.LittleEndian.Uint16(raw[2*i:]))
		case BF16:
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	}
	return out
}

// Encode converts values to little-endian elements of type F32, F16 or BF16, rounding to nearest even.
func Encode(d DType, values []float32) []byte {
	out := make([]byte, 0, len(values)*d.Size())
	for _, v := range values {
		switch d {
		case F32:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		case F16:
			out = binary.LittleEndian.AppendUint16(out, ToHalf(v))
		case BF16:
			out = binary.LittleEndian.AppendUint16(out, toBrain(v))
		}
	}
	return out
}

// FromHalf converts an IEEE 754 binary16 number.
func FromHalf(h uint16) float32 {
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

// ToHalf converts to IEEE 754 binary16, to nearest even; what is too large becomes infinite.
func ToHalf(v float32) uint16 {
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

// toBrain converts to bfloat16, to nearest even.
func toBrain(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
