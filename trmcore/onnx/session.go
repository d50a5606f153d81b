package onnx

import (
	"fmt"
	"os"

	"github.com/trm-go/refiner/trmcore/onnx/internal/safetensors"
)

// SessionOptions say how a [Session] runs. The zero value is fine.
type SessionOptions struct {
	// Library is ONNX Runtime's shared library. Empty: [FindLibrary] looks for it.
	Library string
}

// Tensor is an array of numbers with its shape, row-major.
type Tensor struct {
	Shape  []int64
	Values []float32
}

// ReadTensors reads all floating-point tensors of a safetensors file, by name. Others, such as tables of positions, are
// left out.
func ReadTensors(path string) (map[string]Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	refs, _, err := safetensors.Index(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tensors := map[string]Tensor{}
	for _, ref := range refs {
		if !ref.DType.Float() {
			continue
		}
		values, err := ref.Read(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		t := Tensor{Values: values}
		for _, n := range ref.Shape {
			t.Shape = append(t.Shape, int64(n))
		}
		tensors[ref.Name] = t
	}
	return tensors, nil
}
