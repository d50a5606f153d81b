package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func tensorFile(t testing.TB, stored elementType) []byte {
	t.Helper()
	var b bytes.Buffer
	err := writeTensors(&b, stored, map[string]Tensor{"w": {[]int{2, 3}, []float32{1, 2, 3, 4, 5, 6}}, "b": {[]int{1}, []float32{-.5}}}, map[string]string{"task": "sudoku"})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTensorsRoundTrip(t *testing.T) {
	for _, stored := range []elementType{typeF32, typeF16} {
		raw := tensorFile(t, stored)
		refs, metadata, err := index(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if metadata["task"] != "sudoku" {
			t.Errorf("metadata %v", metadata)
		}
		got := map[string][]float32{}
		for _, r := range refs {
			if got[r.name], err = r.read(bytes.NewReader(raw), 0, r.len()); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string][]float32{"w": {1, 2, 3, 4, 5, 6}, "b": {-.5}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", stored, diff)
		}
	}
}

func withHeader(header string, data int) []byte {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(raw, header...), make([]byte, data)...)
}

func TestMalformedTensors(t *testing.T) {
	whole := tensorFile(t, typeF32)
	for name, raw := range map[string][]byte{
		"empty":            {},
		"cut in data":      whole[:len(whole)-1],
		"cut in header":    whole[:20],
		"not JSON":         withHeader("hello", 0),
		"wrong size":       withHeader(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 8),
		"negative offset":  withHeader(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, 8),
		"unknown type":     withHeader(`{"w":{"dtype":"F3","shape":[1],"data_offsets":[0,4]}}`, 8),
		"no offsets":       withHeader(`{"w":{"dtype":"F32","shape":[1]}}`, 8),
		"metadata numbers": withHeader(`{"__metadata__":{"a":1}}`, 0),
	} {
		if _, _, err := index(bytes.NewReader(raw), int64(len(raw))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
}

func TestWriteRefusesAShapeThatDoesNotFit(t *testing.T) {
	if err := writeTensors(&bytes.Buffer{}, typeF32, map[string]Tensor{"w": {[]int{3}, []float32{1}}}, nil); err == nil {
		t.Error("a tensor of shape [3] with one value was written")
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(tensorFile(f, typeF32))
	f.Add(tensorFile(f, typeF16)[:60])
	f.Add(withHeader(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(func(t *testing.T, raw []byte) {
		refs, _, err := index(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		for _, r := range refs {
			if r.Type.float() {
				if _, err := r.read(bytes.NewReader(raw), 0, r.len()); err != nil {
					t.Errorf("indexed, but not readable: %v", err)
				}
			}
		}
	})
}

func TestHalfIsExactForEveryHalf(t *testing.T) {
	for h := range 1 << 16 {
		v := fromHalf(uint16(h))
		if v != v {
			if back := fromHalf(toHalf(v)); back == back {
				t.Fatalf("NaN %#04x came back as %v", h, back)
			}
			continue
		}
		if back := toHalf(v); back != uint16(h) {
			t.Fatalf("half %#04x = %v came back as %#04x", h, v, back)
		}
	}
}

func TestToHalfRoundsToNearestEven(t *testing.T) {
	for _, c := range []struct {
		in   float32
		want float32
	}{
		{1, 1}, {-2.5, -2.5}, {65504, 65504}, {65519, 65504}, {65520, float32(math.Inf(1))}, {1e9, float32(math.Inf(1))},
		{2049, 2048}, {2051, 2052}, // halfway between neighbours, to the even one
		{0x1p-24, 0x1p-24}, {0x1p-25, 0}, {0x1.8p-24, 0x1p-23}, {0x1.1p-25, 0x1p-24},
	} {
		if got := fromHalf(toHalf(c.in)); got != c.want {
			t.Errorf("toHalf(%v) = %v, want %v", c.in, got, c.want)
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	values := []float32{0, 1, -1.5, 0.25, 1024, -0x1p-10}
	for _, d := range []elementType{typeF32, typeF16} {
		raw := encode(d, values)
		if len(raw) != len(values)*int(elementSizes[d]) {
			t.Fatalf("%s: %d bytes", d, len(raw))
		}
		for i, got := range decode(d, raw) {
			if got != values[i] {
				t.Errorf("%s: %v came back as %v", d, values[i], got)
			}
		}
	}
	if got := decode(typeBF16, []byte{0x80, 0x3f, 0xc0, 0xbf}); got[0] != 1 || got[1] != -1.5 {
		t.Errorf("bfloat16 1 and -1.5 read as %v", got)
	}
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	file := bytes.NewReader(make([]byte, 16))
	for name, r := range map[string]ref{
		"beyond the end": {name: "w", Type: typeF32, Offsets: []int64{0, 20}},
		"integers":       {name: "w", Type: "I64", Offsets: []int64{0, 8}},
	} {
		if _, err := r.read(file, 0, r.len()); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
	for _, shape := range [][]int{{-1}, {1 << 32, 1 << 32}} {
		if _, err := elements("w", shape); !errors.Is(err, ErrFormat) {
			t.Errorf("%v: error %v, want ErrFormat", shape, err)
		}
	}
}
