package npy_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

func Example() {
	var file bytes.Buffer
	if err := (&npy.Array{Shape: []int{2, 3}, Values: []int32{1, 2, 3, 4, 5, 6}}).Write(&file); err != nil {
		fmt.Println(err)
		return
	}
	a, err := npy.Read(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Shape, a.Values[3:])
	// Output: [2 3] [4 5 6]
}

// file makes a file of version 1 from its parts.
func file(header, values string) string {
	return "\x93NUMPY\x01\x00" + string(rune(len(header))) + "\x00" + header + values
}

func TestRead(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       npy.Array
	}{
		{"bytes", file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }\n", "\x00\x01\xff\x02"), npy.Array{Shape: []int{2, 2}, Values: []int32{0, 1, 255, 2}}},
		{"signed bytes", file("{'shape': (2,), 'descr': '|i1', 'fortran_order': False}", "\xff\x7f"), npy.Array{Shape: []int{2}, Values: []int32{-1, 127}}},
		{"long", file("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", "\xfe\xff\xff\xff\xff\xff\xff\xff"), npy.Array{Shape: []int{1}, Values: []int32{-2}}},
		{"short", file("{'descr': '<u2', 'fortran_order': False, 'shape': (1,), }", "\x01\x02"), npy.Array{Shape: []int{1}, Values: []int32{513}}},
		{"one value", file("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "\x07"), npy.Array{Values: []int32{7}}},
		{"no rows", file("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 900), }", ""), npy.Array{Shape: []int{0, 900}, Values: []int32{}}},
	} {
		got, err := npy.Read(strings.NewReader(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
}

func TestReadErrors(t *testing.T) {
	const rest = ", 'fortran_order': False, 'shape': (2,), }"
	for _, test := range []struct{ name, text, says string }{
		{"empty", "", "does not begin"},
		{"another file", "PK\x03\x04 something", "does not begin"},
		{"version", "\x93NUMPY\x09\x00\x00\x00\x00\x00", "version 9.0"},
		{"cut header", file("{'descr'", "")[:12], "header is cut off"},
		{"no shape", file("{'descr': '|u1', 'fortran_order': False}", ""), "lacks"},
		{"floats", file("{'descr': '<f4'"+rest, "12345678"), `type "<f4"`},
		{"no type", file("{'descr': '|1 '"+rest, "12"), `type "|1 "`},
		{"big-endian", file("{'descr': '>i4'"+rest, "12345678"), `type ">i4"`},
		{"cut values", file("{'descr': '<i4'"+rest, "1234567"), "cut off"},
		{"Fortran", file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}", "1234"), "Fortran order"},
		{"huge", file("{'descr': '|u1', 'fortran_order': False, 'shape': (99999, 99999)}", ""), "more than"},
		{"huge axis", file("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", ""), "an axis"},
		{"overflow", file("{'descr': '<u4'"+rest, "\xff\xff\xff\xff0000"), "value 0 does not fit"},
	} {
		_, err := npy.Read(strings.NewReader(test.text))
		if !errors.Is(err, npy.ErrFormat) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want ErrFormat with %q", test.name, err, test.says)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &npy.Array{Shape: rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape")}
		n := 1
		for _, size := range want.Shape {
			n *= size
		}
		want.Values = rapid.SliceOfN(rapid.Int32Range(0, 255), n, n).Draw(t, "values")
		if len(want.Shape) == 0 {
			want.Shape = nil
		}
		var b bytes.Buffer
		if err := want.Write(&b); err != nil {
			t.Fatal(err)
		}
		got, err := npy.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

func TestWriteRefusesAWrongShape(t *testing.T) {
	if err := (&npy.Array{Shape: []int{3}, Values: []int32{1}}).Write(&bytes.Buffer{}); err == nil {
		t.Error("3 values were promised, 1 was there, and it was written")
	}
	if err := (&npy.Array{Shape: []int{1}, Values: []int32{256}}).Write(&bytes.Buffer{}); err == nil {
		t.Error("256 does not fit a byte, and was written")
	}
}

func TestSharedData(t *testing.T) {
	f, err := os.Open("../../../../shared/data/maze/test_inputs.npy")
	if err != nil {
		t.Skip("the shared data are not here: ", err)
	}
	defer f.Close()
	a, err := npy.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{500, 900}, a.Shape); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(file("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }\n", "\x00\x01\xff\x02"))
	f.Add(file("{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }", "\xfe\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, text string) {
		a, err := npy.Read(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, npy.ErrFormat) {
				t.Fatalf("%v, want ErrFormat", err)
			}
			return
		}
		n := 1
		for _, size := range a.Shape {
			n *= size
		}
		if len(a.Values) != n {
			t.Fatalf("%d values of shape %v", len(a.Values), a.Shape)
		}
	})
}
