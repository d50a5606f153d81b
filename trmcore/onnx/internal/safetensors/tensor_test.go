package safetensors

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

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
	for _, d := range []DType{F32, F16} {
		raw := Encode(d, values)
		if len(raw) != len(values)*int(sizes[d]) {
			t.Fatalf("%s: %d bytes", d, len(raw))
		}
		for i, got := range Decode(d, raw) {
			if got != values[i] {
				t.Errorf("%s: %v came back as %v", d, values[i], got)
			}
		}
	}
	if got := Decode(BF16, []byte{0x80, 0x3f, 0xc0, 0xbf}); got[0] != 1 || got[1] != -1.5 {
		t.Errorf("bfloat16 1 and -1.5 read as %v", got)
	}
}

func TestReadNamesWhatIsWrong(t *testing.T) {
	file := bytes.NewReader(make([]byte, 16))
	for name, ref := range map[string]Ref{
		"beyond the end": {Name: "w", DType: F32, Shape: []int{5}},
		"integers":       {Name: "w", DType: "I64", Shape: []int{1}},
		"negative":       {Name: "w", DType: F32, Shape: []int{-1}},
		"overflow":       {Name: "w", DType: F32, Shape: []int{1 << 32, 1 << 32}},
	} {
		if _, err := ref.Read(file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
	if got, err := (Ref{Name: "w", DType: F32, Shape: []int{2, 2}}).Read(file); err != nil || len(got) != 4 {
		t.Errorf("read %v, %v", got, err)
	}
}
