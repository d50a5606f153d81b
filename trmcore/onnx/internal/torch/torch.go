// Package torch reads PyTorch checkpoints: the zip files that torch.save writes since 1.6, with their pickle.
//
// A pickle is a program. The one here is run by a machine that knows only the opcodes and the five names that a state
// dict is made of, so that a checkpoint from anywhere can do no more than fail.
package torch

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/trm-go/refiner/trmcore/onnx/internal/tensor"
)

// maxDepth bounds dicts within dicts: {"model": {"inner": ...}}.
const maxDepth = 8

// Index lists the tensors of a checkpoint of size bytes. Dicts within dicts are joined with dots.
func Index(src io.ReaderAt, size int64) ([]tensor.Ref, error) {
	archive, err := zip.NewReader(src, size)
	if err != nil {
		return nil, fmt.Errorf("%w: not a zip file of torch.save (truncated, or saved before PyTorch 1.6): %w", tensor.ErrFormat, err)
	}
	var program *zip.File
	files := map[string]*zip.File{}
	for _, f := range archive.File {
		files[f.Name] = f
		if path.Base(f.Name) == "data.pkl" && program == nil {
			program = f
		}
	}
	if program == nil {
		return nil, fmt.Errorf("%w: the zip file holds no data.pkl: not a checkpoint of torch.save", tensor.ErrFormat)
	}
	root := path.Dir(program.Name)
	if f := files[path.Join(root, "byteorder")]; f != nil {
		if order, err := content(f, 16); err != nil || strings.TrimSpace(string(order)) != "little" {
			return nil, fmt.Errorf("%w: the checkpoint is not little-endian", tensor.ErrFormat)
		}
	}
	code, err := content(program, maxPickle)
	if err != nil {
		return nil, err
	}
	m := &machine{code: code}
	top, err := m.run()
	if err != nil {
		return nil, err
	}
	x := &index{root: root, files: files, seen: map[string]bool{}}
	if err := x.walk("", top, 0); err != nil {
		return nil, err
	}
	if len(x.refs) == 0 {
		return nil, fmt.Errorf("%w: the checkpoint holds no tensors; save model.state_dict()", tensor.ErrFormat)
	}
	return x.refs, nil
}

func content(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", tensor.ErrFormat, f.Name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", tensor.ErrFormat, f.Name, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", tensor.ErrFormat, f.Name, limit)
	}
	return b, nil
}

// index collects the tensors of nested dicts.
type index struct {
	root  string
	files map[string]*zip.File
	seen  map[string]bool
	refs  []tensor.Ref
}

// maxRefs bounds the names that are walked: a pickle can hold one dict many times over.
const maxRefs = 1 << 14

var errTooMany = errors.New("more tensors than any checkpoint has")

func (x *index) walk(name string, v any, depth int) error {
	if len(x.seen) > maxRefs {
		return fmt.Errorf("%w: %w", tensor.ErrFormat, errTooMany)
	}
	switch v := v.(type) {
	case *dict:
		if depth >= maxDepth {
			return fmt.Errorf("%w: dicts are nested deeper than %d", tensor.ErrFormat, maxDepth)
		}
		for i, key := range v.keys {
			if name != "" {
				key = name + "." + key
			}
			if x.seen[key] {
				continue
			}
			x.seen[key] = true
			if err := x.walk(key, v.values[i], depth+1); err != nil {
				return err
			}
		}
	case view:
		ref, err := x.locate(name, v)
		if err != nil {
			return err
		}
		x.refs = append(x.refs, ref)
	}
	return nil
}

// locate finds where in the file a tensor lies: torch stores without compression, aligned to 64 bytes.
func (x *index) locate(name string, v view) (tensor.Ref, error) {
	ref := tensor.Ref{Name: name, DType: v.dtype, Shape: v.shape}
	f := x.files[path.Join(x.root, "data", v.key)]
	if f == nil {
		return ref, fmt.Errorf("%w: the storage %q of %q is missing", tensor.ErrFormat, v.key, name)
	}
	if f.Method != zip.Store {
		return ref, fmt.Errorf("%w: the storage of %q is compressed; save it with torch.save", tensor.ErrFormat, name)
	}
	n, err := ref.Len()
	if err != nil {
		return ref, err
	}
	width := int64(v.dtype.Size())
	if v.first > tensor.MaxElements || uint64((v.first+n)*width) > f.UncompressedSize64 {
		return ref, fmt.Errorf("%w: %q of shape %v is larger than its storage", tensor.ErrFormat, name, v.shape)
	}
	at, err := f.DataOffset()
	if err != nil {
		return ref, fmt.Errorf("%w: the storage of %q: %w", tensor.ErrFormat, name, err)
	}
	ref.Offset = at + v.first*width
	return ref, nil
}
