// Package safetensors reads and writes the safetensors format: a length, a JSON header that names every tensor's type,
// shape and place, and the raw little-endian data.
//
// [Index] returns a [Ref] for each tensor. Nothing is read until [Ref.Read] asks for it, so that a puzzle embedding table of
// gigabytes costs nothing but the rows that are used.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// maxHeader bounds the JSON header, as the reference implementation does.
const maxHeader = 100 << 20

// metadataKey holds string pairs instead of a
const metadataKey = "__metadata__"

type entry struct {
	DType   DType   `json:"dtype"`
	Shape   []int   `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// Index reads the header of a file of size bytes: its tensors, sorted by name, and its metadata.
func Index(src io.ReaderAt, size int64) ([]Ref, map[string]string, error) {
	var head [8]byte
	if size < 8 {
		return nil, nil, fmt.Errorf("%w: %d bytes are too few for a safetensors file", ErrFormat, size)
	}
	if _, err := src.ReadAt(head[:], 0); err != nil {
		return nil, nil, fmt.Errorf("read the safetensors header: %w", err)
	}
	length := binary.LittleEndian.Uint64(head[:])
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
	var metadata map[string]string
	if m, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(m, &metadata); err != nil {
			return nil, nil, fmt.Errorf("%w: the safetensors metadata: %w", ErrFormat, err)
		}
		delete(raw, metadataKey)
	}
	data := 8 + int64(length)
	refs := make([]Ref, 0, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var e entry
		if err := json.Unmarshal(raw[name], &e); err != nil {
			return nil, nil, fmt.Errorf("%w: tensor %q: %w", ErrFormat, name, err)
		}
		ref := Ref{Name: name, DType: e.DType, Shape: e.Shape}
		n, err := ref.Len()
		if err != nil {
			return nil, nil, err
		}
		switch {
		case sizes[e.DType] == 0:
			return nil, nil, fmt.Errorf("%w: tensor %q has the unknown type %q", ErrFormat, name, e.DType)
		case len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1]-e.Offsets[0] != n*sizes[e.DType]:
			return nil, nil, fmt.Errorf("%w: tensor %q of shape %v cannot lie at %v", ErrFormat, name, e.Shape, e.Offsets)
		case e.Offsets[1] > size-data:
			return nil, nil, fmt.Errorf("%w: the file ends before tensor %q does: truncated", ErrFormat, name)
		}
		ref.Offset = data + e.Offsets[0]
		refs = append(refs, ref)
	}
	return refs, metadata, nil
}

// Tensor is what [Write] writes.
type Tensor struct {
	Name   string
	Shape  []int
	Values []float32
}

// Write writes the tensors as F32 or F16, sorted by name, so that the same tensors always give the same bytes.
func Write(w io.Writer, dtype DType, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	var at int64
	for _, t := range tensors {
		n, err := (Ref{Name: t.Name, Shape: t.Shape}).Len()
		if err != nil {
			return err
		}
		if int(n) != len(t.Values) {
			return fmt.Errorf("tensor %q of shape %v has %d values", t.Name, t.Shape, len(t.Values))
		}
		end := at + n*sizes[dtype]
		header[t.Name] = entry{DType: dtype, Shape: t.Shape, Offsets: []int64{at, end}}
		at = end
	}
	text, err := json.Marshal(header) // a map's keys are sorted
	if err != nil {
		return err
	}
	for len(text)%8 != 0 { // the data is aligned
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(Encode(dtype, t.Values)); err != nil {
			return err
		}
	}
	return nil
}
