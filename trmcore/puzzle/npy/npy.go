// Package npy reads and writes NumPy's .npy files of whole numbers: the form in which the data sets of the Tiny
// Recursive Model are kept (all__inputs.npy and its sisters).
//
// An [Array] has a shape and its values row by row. [Read] takes versions 1 to 3 of the format
// (numpy.lib.format), little-endian integers of 1 to 8 bytes and booleans; [Array.Write] writes bytes and [WriteFloats]
// float32.
package npy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ErrFormat is what every error about a bad file wraps.
var ErrFormat = errors.New("not an .npy file of whole numbers")

// maxValues bounds what a header may ask for, so that a damaged one does not exhaust memory: 2³⁰ values are 4 GiB.
const maxValues = 1 << 30

// Array is an array of whole numbers.
type Array struct {
	Shape  []int   // the sizes of its axes
	Values []int32 // row by row; as many as the product of Shape
}

// magic begins every file.
const magic = "\x93NUMPY"

// header holds the three entries that every header has, in any order.
var (
	descr   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	fortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9L,\s]*)\)`)
)

// Read reads an array. Values beyond the range of int32 are an error.
func Read(r io.Reader) (*Array, error) {
	in := bufio.NewReader(r)
	head := make([]byte, 8)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:6]) != magic {
		return nil, fmt.Errorf("%w: it does not begin like one", ErrFormat)
	}
	length := make([]byte, 2)
	if head[6] >= 2 {
		length = make([]byte, 4)
	}
	if _, err := io.ReadFull(in, length); err != nil || head[6] < 1 || head[6] > 3 {
		return nil, fmt.Errorf("%w: version %d.%d", ErrFormat, head[6], head[7])
	}
	size := uint32(binary.LittleEndian.Uint16(length))
	if len(length) == 4 {
		size = binary.LittleEndian.Uint32(length)
	}
	if size > 1<<20 {
		return nil, fmt.Errorf("%w: a header of %d bytes", ErrFormat, size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(in, text); err != nil {
		return nil, fmt.Errorf("%w: the header is cut off", ErrFormat)
	}
	kind, sizes, n, err := parseHeader(string(text))
	if err != nil {
		return nil, err
	}
	a := &Array{Shape: sizes}
	a.Values, err = readValues(in, kind, n)
	return a, err
}

// parseHeader reads the Python dictionary of a header.
func parseHeader(text string) (kind string, sizes []int, n int, err error) {
	d, f, s := descr.FindStringSubmatch(text), fortran.FindStringSubmatch(text), shape.FindStringSubmatch(text)
	if d == nil || f == nil || s == nil {
		return "", nil, 0, fmt.Errorf("%w: the header lacks descr, fortran_order or shape", ErrFormat)
	}
	n = 1
	for part := range strings.SplitSeq(s[1], ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		size, err := strconv.Atoi(part)
		if err != nil || size > maxValues {
			return "", nil, 0, fmt.Errorf("%w: an axis of %s", ErrFormat, part)
		}
		sizes = append(sizes, size)
		if n *= size; n > maxValues {
			return "", nil, 0, fmt.Errorf("%w: more than %d values", ErrFormat, maxValues)
		}
	}
	if f[1] == "True" && len(sizes) > 1 {
		return "", nil, 0, fmt.Errorf("%w: it is in Fortran order; write it with numpy.ascontiguousarray", ErrFormat)
	}
	return d[1], sizes, n, nil
}

// kinds are the types of values that can be read: boolean, signed and unsigned, with their width in bytes.
var kinds = []string{"b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"}

// readValues reads n values of a kind such as |u1 or <i4. Memory grows with what is really there.
func readValues(in io.Reader, kind string, n int) ([]int32, error) {
	if len(kind) != 3 || !strings.ContainsRune("|<", rune(kind[0])) || !slices.Contains(kinds, kind[1:]) {
		return nil, fmt.Errorf("%w: values of type %q; want little-endian integers", ErrFormat, kind)
	}
	width, signed := int(kind[2]-'0'), kind[1] == 'i'
	values := make([]int32, 0, min(n, 1<<20))
	chunk := make([]byte, 8<<10)
	for len(values) < n {
		part := chunk[:min(len(chunk), (n-len(values))*width)]
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, fmt.Errorf("%w: it is cut off: %w", ErrFormat, err)
		}
		for ; len(part) > 0; part = part[width:] {
			var bits [8]byte
			copy(bits[:], part[:width])
			v := int64(binary.LittleEndian.Uint64(bits[:]))
			if shift := 64 - 8*width; signed {
				v = v << shift >> shift
			}
			if v < math.MinInt32 || v > math.MaxInt32 {
				return nil, fmt.Errorf("%w: value %d does not fit 32 bits", ErrFormat, len(values))
			}
			values = append(values, int32(v))
		}
	}
	return values, nil
}

// Write writes the array in bytes. A value that is not 0 to 255 is an error.
func (a *Array) Write(w io.Writer) error {
	raw := make([]byte, len(a.Values))
	for i, v := range a.Values {
		if v < 0 || v > 255 {
			return fmt.Errorf("write an array: value %d does not fit a byte", v)
		}
		raw[i] = byte(v)
	}
	return write(w, "|u1", a.Shape, len(raw), raw)
}

// WriteFloats writes an array of float32, row-major.
func WriteFloats(w io.Writer, shape []int, values []float32) error {
	raw := make([]byte, 0, 4*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return write(w, "<f4", shape, len(values), raw)
}

// write writes the header and the bytes of n values.
func write(w io.Writer, kind string, shape []int, n int, raw []byte) error {
	sizes, want := "", 1
	for _, size := range shape {
		want *= size
		sizes += strconv.Itoa(size) + ", "
	}
	if n != want {
		return fmt.Errorf("write an array of shape %v: it has %d values, want %d", shape, n, want)
	}
	if len(shape) > 1 {
		sizes = strings.TrimSuffix(sizes, ", ")
	}
	head := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, strings.TrimSpace(sizes))
	const before = len(magic) + 4
	head += strings.Repeat(" ", 63-(before+len(head))%64) + "\n" // values begin at a multiple of 64 bytes
	_, err := w.Write(append(binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(head))), head...))
	if err == nil {
		_, err = w.Write(raw)
	}
	return err
}
