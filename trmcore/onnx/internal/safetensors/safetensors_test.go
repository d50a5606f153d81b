package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func file(t testing.TB, dtype DType) []byte {
	t.Helper()
	var b bytes.Buffer
	err := Write(&b, dtype, []Tensor{
		{Name: "w", Shape: []int{2, 3}, Values: []float32{1, 2, 3, 4, 5, 6}},
		{Name: "b", Shape: []int{1}, Values: []float32{-.5}},
	}, map[string]string{"task": "sudoku"})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	for _, dtype := range []DType{F32, F16} {
		raw := file(t, dtype)
		refs, metadata, err := Index(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		if metadata["task"] != "sudoku" {
			t.Errorf("metadata %v", metadata)
		}
		got := map[string][]float32{}
		for _, r := range refs {
			if got[r.Name], err = r.Read(bytes.NewReader(raw)); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string][]float32{"w": {1, 2, 3, 4, 5, 6}, "b": {-.5}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dtype, diff)
		}
	}
}

func withHeader(header string, data int) []byte {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(raw, header...), make([]byte, data)...)
}

func TestMalformed(t *testing.T) {
	whole := file(t, F32)
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
		if _, _, err := Index(bytes.NewReader(raw), int64(len(raw))); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error %v, want ErrFormat", name, err)
		}
	}
}

func TestWriteRefusesAShapeThatDoesNotFit(t *testing.T) {
	if err := Write(&bytes.Buffer{}, F32, []Tensor{{Name: "w", Shape: []int{3}, Values: []float32{1}}}, nil); err == nil {
		t.Error("a tensor of shape [3] with one value was written")
	}
}

func FuzzIndex(f *testing.F) {
	f.Add(file(f, F32))
	f.Add(file(f, F16)[:60])
	f.Add(withHeader(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Fuzz(func(t *testing.T, raw []byte) {
		refs, _, err := Index(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		for _, r := range refs {
			if r.DType.Float() {
				if _, err := r.Read(bytes.NewReader(raw)); err != nil {
					t.Errorf("indexed, but not readable: %v", err)
				}
			}
		}
	})
}
