package safetensors

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

// The types that weights come in. Tensors of other types may lie beside them and cannot be read.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
)

// sizes are the bytes of one element.
var sizes = map[DType]int64{F32: 4, F16: 2, BF16: 2, "F64": 8, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}

// Float reports whether the type holds weights.
func (d DType) Float() bool { return d == F32 || d == F16 || d == BF16 }

// Ref is a tensor in a file: contiguous, row-major, little-endian.
type Ref struct {
	Name   string
	DType  DType
	Shape  []int
	Offset int64 // of its first byte in the file
}

// maxElements bounds a tensor: the largest published table, 1.2 million rows of 512, is a tenth of it.
const maxElements = 1 << 33

// Len is the number of elements. It fails on a negative dimension and on more than maxElements.
func (r Ref) Len() (int64, error) {
	n := int64(1)
	for _, d := range r.Shape {
		if d < 0 {
			return 0, fmt.Errorf("%w: %q has a negative dimension in its shape %v", ErrFormat, r.Name, r.Shape)
		}
		if d > 0 && n > maxElements/int64(d) {
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
		return nil, fmt.Errorf("%w: %q holds %s, not weights of F32, F16 or BF16", ErrFormat, r.Name, r.DType)
	}
	size := sizes[r.DType]
	raw := make([]byte, n*size)
	if k, err := src.ReadAt(raw, r.Offset+first*size); int64(k) < n*size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: the file ends within %q: %w", ErrFormat, r.Name, err)
	}
	return Decode(r.DType, raw), nil
}

// Decode converts little-endian elements to float32; the type must be F32, F16 or BF16.
func Decode(d DType, raw []byte) []float32 {
	out := make([]float32, len(raw)/int(sizes[d]))
	for i := range out {
		switch d {
		case F32:
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		case F16:
			out[i] = fromHalf(binary.LittleEndian.Uint16(raw[2*i:]))
		case BF16:
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[2*i:])) << 16)
		}
	}
	return out
}

// Encode converts values to little-endian F16, rounding to nearest even, or F32.
func Encode(d DType, values []float32) []byte {
	out := make([]byte, 0, len(values)*int(sizes[d]))
	for _, v := range values {
		if d == F16 {
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
