package onnx

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// The safetensors format: a length, a JSON header that names every tensor's type, shape and place, and the raw
// little-endian data. [index] reads the header alone, so that a puzzle embedding table of gigabytes costs nothing but the
// rows that are used.

// The limits of what a file may claim: the JSON header's bytes, as in the reference implementation, and the elements of a
// tensor, of which the largest published table, 1.2 million rows of 512, has a tenth.
const (
	maxHeader   = 100 << 20
	maxElements = 1 << 33
)

// metadataKey names the header's entry that is no tensor but pairs of strings.
const metadataKey = "__metadata__"

// convertCheckpoint writes a checkpoint of the official code, a pickle, as safetensors with the same names.
const convertCheckpoint = `python -c "import sys,torch; from safetensors.torch import save_file; save_file({k: v.contiguous() for k, v in torch.load(sys.argv[1], map_location='cpu').items()}, sys.argv[2])" CHECKPOINT model.safetensors`

// ref is a tensor in a file: contiguous, row-major, little-endian.
type ref struct {
	Type    elementType `json:"dtype"`
	Shape   []int       `json:"shape"`
	Offsets []int64     `json:"data_offsets"` // of its first byte and of the one after its last; in a file's header from the header's end

	name string
}

// index reads the header of a file of size bytes: its tensors, sorted by name, and its metadata.
func index(src io.ReaderAt, size int64) (refs []ref, metadata map[string]string, err error) {
	head := make([]byte, 9)
	if n, _ := src.ReadAt(head, 0); n < len(head) || head[8] != '{' {
		if bytes.HasPrefix(head, []byte("PK")) {
			return nil, nil, fmt.Errorf("%w: a checkpoint of torch.save, which is a program; write its weights as safetensors: %s", ErrFormat, convertCheckpoint)
		}
		return nil, nil, fmt.Errorf("%w: not safetensors", ErrFormat)
	}
	length := binary.LittleEndian.Uint64(head)
	if length > maxHeader || int64(length) > size-8 {
		return nil, nil, fmt.Errorf("%w: the safetensors header claims %d bytes, the file has %d: truncated, or another format", ErrFormat, length, size)
	}
	header := make([]byte, length)
	if _, err := src.ReadAt(header, 8); err != nil && err != io.EOF {
		return nil, nil, fmt.Errorf("read the safetensors header: %w", err)
	}
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, nil, fmt.Errorf("%w: the safetensors header is not JSON: %w", ErrFormat, err)
	}
	if m, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(m, &metadata); err != nil {
			return nil, nil, fmt.Errorf("%w: the safetensors metadata: %w", ErrFormat, err)
		}
		delete(raw, metadataKey)
	}
	data := 8 + int64(length)
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		r := ref{name: name}
		if err := json.Unmarshal(raw[name], &r); err != nil {
			return nil, nil, fmt.Errorf("%w: tensor %q: %w", ErrFormat, name, err)
		}
		n, err := elements(name, r.Shape)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case elementSizes[r.Type] == 0:
			return nil, nil, fmt.Errorf("%w: tensor %q has the unknown type %q", ErrFormat, name, r.Type)
		case len(r.Offsets) != 2 || r.Offsets[0] < 0 || r.Offsets[1] < r.Offsets[0] || r.Offsets[1]-r.Offsets[0] != n*elementSizes[r.Type]:
			return nil, nil, fmt.Errorf("%w: tensor %q of shape %v cannot lie at %v", ErrFormat, name, r.Shape, r.Offsets)
		case r.Offsets[1] > size-data:
			return nil, nil, fmt.Errorf("%w: the file ends before tensor %q does: truncated", ErrFormat, name)
		}
		r.Offsets[0], r.Offsets[1] = data+r.Offsets[0], data+r.Offsets[1]
		refs = append(refs, r)
	}
	return refs, metadata, nil
}

// elements is the number of elements of a shape. It fails on a negative dimension and on more than maxElements.
func elements(name string, shape []int) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > 0 && n > maxElements/int64(d) {
			return 0, fmt.Errorf("%w: %q cannot have the shape %v", ErrFormat, name, shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// len is the number of elements.
func (r ref) len() int64 { return (r.Offsets[1] - r.Offsets[0]) / elementSizes[r.Type] }

// read reads the elements from first to first+n; r.len() of them are all.
func (r ref) read(src io.ReaderAt, first, n int64) ([]float32, error) {
	if !r.Type.float() {
		return nil, fmt.Errorf("%w: %q holds %s, not weights of F32, F16 or BF16", ErrFormat, r.name, r.Type)
	}
	size := elementSizes[r.Type]
	raw := make([]byte, n*size)
	if k, err := src.ReadAt(raw, r.Offsets[0]+first*size); int64(k) < n*size {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("%w: the file ends within %q: %w", ErrFormat, r.name, err)
	}
	return decode(r.Type, raw), nil
}

// ReadTensors reads all floating-point tensors of a safetensors file, by name. Others, such as tables of positions, are
// left out.
func ReadTensors(path string) (map[string]Tensor, error) {
	f, err := open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	refs, _, err := index(f, f.size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tensors := map[string]Tensor{}
	for _, r := range refs {
		if !r.Type.float() {
			continue
		}
		values, err := r.read(f, 0, r.len())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		tensors[r.name] = Tensor{r.Shape, values}
	}
	return tensors, nil
}

// writeTensors writes tensors as F32 or F16, sorted by name, so that the same tensors always give the same bytes.
func writeTensors(w io.Writer, t elementType, tensors map[string]Tensor, metadata map[string]string) error {
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	names := slices.Sorted(maps.Keys(tensors))
	var at int64
	for _, name := range names {
		n, err := elements(name, tensors[name].Shape)
		if err != nil {
			return err
		}
		if int(n) != len(tensors[name].Values) {
			return fmt.Errorf("tensor %q of shape %v has %d values", name, tensors[name].Shape, len(tensors[name].Values))
		}
		end := at + n*elementSizes[t]
		header[name] = ref{Type: t, Shape: tensors[name].Shape, Offsets: []int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header) // a map's keys are sorted
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte(" "), -len(text)&7)...) // the data is aligned
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, name := range names {
		if _, err := w.Write(encode(t, tensors[name].Values)); err != nil {
			return err
		}
	}
	return nil
}

// file is a file that can be read at any place.
type file struct {
	fs.File
	io.ReaderAt
	size int64
}

func open(fsys fs.FS, name string) (*file, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	src, ok := f.(io.ReaderAt)
	if err == nil && (!ok || !info.Mode().IsRegular()) {
		err = fmt.Errorf("%s is no file that can be read at any place", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{f, src, info.Size()}, nil
}
