package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// assembler writes pickles by hand, as torch.save does with protocol 2.
type assembler struct{ bytes.Buffer }

func (a *assembler) text(s string) {
	a.WriteByte('X')
	a.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	a.WriteString(s)
}

func (a *assembler) global(module, name string) { fmt.Fprintf(a, "c%s\n%s\n", module, name) }

func (a *assembler) ints(values ...int) {
	a.WriteByte('(')
	for _, v := range values {
		a.WriteByte('J')
		a.Write(binary.LittleEndian.AppendUint32(nil, uint32(int32(v))))
	}
	a.WriteByte('t')
}

// tensor pushes a rebuilt tensor.
func (a *assembler) tensor(class, key string, first int, shape, stride []int) {
	a.global("torch._utils", "_rebuild_tensor_v2")
	a.WriteString("((")
	a.text("storage")
	a.global("torch", class)
	a.text(key)
	a.text("cpu")
	a.WriteString("K\x06tQK")
	a.WriteByte(byte(first))
	a.ints(shape...)
	a.ints(stride...)
	a.WriteByte(0x89)
	a.global("collections", "OrderedDict")
	a.WriteString(")RtR")
}

// stateDict is OrderedDict([("w", float32 2x2 from element 1), ("inner", {"b": bfloat16 2})]).
func stateDict() []byte {
	var a assembler
	a.WriteString("\x80\x02")
	a.global("collections", "OrderedDict")
	a.WriteString(")Rq\x00(")
	a.text("w")
	a.tensor("FloatStorage", "0", 1, []int{2, 2}, []int{2, 1})
	a.text("inner")
	a.WriteString("}(")
	a.text("b")
	a.tensor("BFloat16Storage", "1", 0, []int{2}, []int{1})
	a.WriteString("uu}(")
	a.text("_metadata")
	a.WriteString("h\x00ub.")
	return a.Bytes()
}

func checkpoint(t testing.TB, pickle []byte, method uint16, extra map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	add("step_1/data.pkl", pickle)
	add("step_1/data/0", tensor.Encode(tensor.F32, []float32{9, 1, 2, 3, 4, 9}))
	add("step_1/data/1", tensor.Encode(tensor.BF16, []float32{.5, -1}))
	for name, text := range extra {
		add(name, []byte(text))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestIndexReadsAStateDict(t *testing.T) {
	raw := checkpoint(t, stateDict(), zip.Store, map[string]string{"step_1/byteorder": "little"})
	refs, err := Index(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]float32{}
	for _, r := range refs {
		if got[r.Name], err = r.Read(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]float32{"w": {1, 2, 3, 4}, "inner.b": {.5, -1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestIndexRefuses(t *testing.T) {
	program := func(f func(a *assembler)) []byte {
		var a assembler
		a.WriteString("\x80\x02")
		f(&a)
		a.WriteByte('.')
		return checkpoint(t, a.Bytes(), zip.Store, nil)
	}
	whole := checkpoint(t, stateDict(), zip.Store, nil)
	cases := map[string]struct {
		raw  []byte
		want string
	}{
		"truncated":  {whole[:len(whole)/2], "not a zip file"},
		"empty":      {nil, "not a zip file"},
		"code":       {program(func(a *assembler) { a.global("os", "system"); a.WriteString("("); a.text("true"); a.WriteString("tR") }), `"os system" is refused`},
		"opcode":     {program(func(a *assembler) { a.WriteString("\x81") }), "opcode 0x81"},
		"no tensors": {program(func(a *assembler) { a.WriteString("}") }), "no tensors"},
		"compressed": {checkpoint(t, stateDict(), zip.Deflate, nil), "compressed"},
		"big-endian": {checkpoint(t, stateDict(), zip.Store, map[string]string{"step_1/byteorder": "big"}), "little-endian"},
		"transposed": {program(func(a *assembler) {
			a.WriteString("}")
			a.text("w")
			a.tensor("FloatStorage", "0", 0, []int{2, 3}, []int{1, 2})
			a.WriteString("s")
		}), "not contiguous"},
		"too long": {program(func(a *assembler) {
			a.WriteString("}")
			a.text("w")
			a.tensor("FloatStorage", "0", 3, []int{4}, []int{1})
			a.WriteString("s")
		}), "larger than its storage"},
		"no storage": {program(func(a *assembler) {
			a.WriteString("}")
			a.text("w")
			a.tensor("FloatStorage", "7", 0, []int{4}, []int{1})
			a.WriteString("s")
		}), "missing"},
		"recursive":   {program(func(a *assembler) { a.WriteString("}q\x00"); a.text("x"); a.WriteString("h\x00s") }), "nested deeper"},
		"cut program": {checkpoint(t, stateDict()[:40], zip.Store, nil), "truncated"},
	}
	for name, c := range cases {
		_, err := Index(bytes.NewReader(c.raw), int64(len(c.raw)))
		if !errors.Is(err, tensor.ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want ErrFormat with %q", name, err, c.want)
		}
	}
}

func FuzzMachine(f *testing.F) {
	f.Add(stateDict())
	f.Add([]byte("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01aK\x01u."))
	f.Add([]byte("(lp0\n."))
	f.Add([]byte("\x80\x02}q\x00(X\x01\x00\x00\x00ah\x00u."))
	f.Fuzz(func(t *testing.T, code []byte) {
		m := &machine{code: code}
		top, err := m.run()
		if err != nil {
			if !errors.Is(err, tensor.ErrFormat) {
				t.Errorf("error %v is no ErrFormat", err)
			}
			return
		}
		x := &index{seen: map[string]bool{}}
		_ = x.walk("", top, 0) // must end
	})
}

func FuzzIndex(f *testing.F) {
	f.Add(checkpoint(f, stateDict(), zip.Store, nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		refs, err := Index(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		for _, r := range refs {
			if n, err := r.Len(); err != nil || r.DType.Float() && n < 1<<20 && r.Offset+n*int64(r.DType.Size()) <= int64(len(raw)) {
				if _, err := r.Read(bytes.NewReader(raw)); err != nil {
					t.Errorf("indexed, but not readable: %v", err)
				}
			}
		}
	})
}
