//go:build cgo

package onnx

import (
	"context"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// Session runs a graph from a file on the CPU. Its inputs are int64, as those of text models are. It is safe for concurrent
// use until it is closed.
type Session struct {
	inputs  []string
	session *ort.DynamicAdvancedSession
}

// OpenSession loads a graph; library is ONNX Runtime's, looked for by [FindLibrary] if it is empty. It returns
// [ErrNoLibrary] without one and [ErrFormat] for a file that is no graph, or one whose inputs are not int64.
func OpenSession(path, library string) (*Session, error) {
	found, err := FindLibrary(library)
	if err != nil {
		return nil, err
	}
	if err := start(found.Path); err != nil {
		return nil, err
	}
	inputs, outputs, err := ort.GetInputOutputInfo(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFormat, path, err)
	}
	s := &Session{}
	for _, in := range inputs {
		if in.DataType != ort.TensorElementDataTypeInt64 {
			return nil, fmt.Errorf("%w: %s: the input %q is %s, not int64", ErrFormat, path, in.Name, in.DataType)
		}
		s.inputs = append(s.inputs, in.Name)
	}
	if len(outputs) == 0 {
		return nil, fmt.Errorf("%w: %s has no output", ErrFormat, path)
	}
	options, err := sessionOptions(1) // who has much to do calls Run on several goroutines
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	// The first output is the one that models of text are made for: hidden states, a sentence's vector, or a score.
	if s.session, err = ort.NewDynamicAdvancedSession(path, s.inputs, []string{outputs[0].Name}, options); err != nil {
		return nil, fmt.Errorf("%w: ONNX Runtime refuses %s: %w", ErrFormat, path, err)
	}
	return s, nil
}

// Run runs the graph for one sequence: every input has the shape [1, n]. It returns the first output. A context that
// ends stops it between operators.
func (s *Session) Run(ctx context.Context, inputs map[string][]int64) (Tensor, error) {
	in, out := make([]ort.Value, len(s.inputs)), []ort.Value{nil}
	defer func() {
		for _, v := range append(in, out...) {
			if v != nil {
				_ = v.Destroy()
			}
		}
	}()
	for i, name := range s.inputs {
		data, ok := inputs[name]
		if !ok {
			return Tensor{}, fmt.Errorf("%w: the graph has the input %q, for which there is nothing", ErrFormat, name)
		}
		t, err := ort.NewTensor(ort.NewShape(1, int64(len(data))), data)
		if err != nil {
			return Tensor{}, fmt.Errorf("make tensors: %w", err)
		}
		in[i] = t
	}
	stop, err := ort.NewRunOptions()
	if err != nil {
		return Tensor{}, fmt.Errorf("make run options: %w", err)
	}
	defer stop.Destroy()
	if err := runSession(ctx, s.session, in, out, stop); err != nil {
		return Tensor{}, fmt.Errorf("run the graph: %w", err)
	}
	t, ok := out[0].(*ort.Tensor[float32])
	if !ok {
		return Tensor{}, fmt.Errorf("%w: the graph's first output is %T, not float32", ErrFormat, out[0])
	}
	result := Tensor{Values: slices.Clone(t.GetData())}
	for _, n := range t.GetShape() {
		result.Shape = append(result.Shape, int(n))
	}
	return result, nil
}

// Close frees the graph.
func (s *Session) Close() error { return s.session.Destroy() }
