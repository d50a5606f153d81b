// Package binding runs ONNX Runtime sessions whose tensors stay in the memory of a device: what a recursion on a GPU
// needs, and what the Go binding used elsewhere does not offer. There, every Run takes its inputs from the host's memory
// and brings its outputs back, so that TRM's two latents cross the bus twice in every supervision step.
//
// A [Session] is a graph on a device. It allocates [Buffer]s there, and a [Binding] ties parts of buffers to the graph's
// inputs and outputs; [Session.Run] then moves nothing. The host reads and writes buffers explicitly.
//
// The C side calls the few functions of ONNX Runtime's C API that this takes, by their places in its table, which only
// ever grows: the same places hold for every version from 1.24 on. A test compares them with the published header.
//
// [Preload] and [Driver] look after what CUDA needs around the library, and say which part of it is missing.
package binding

import "errors"

// Errors of the package.
var (
	// ErrUnavailable is returned by everything in a program that was built without cgo, and on systems without dlopen.
	ErrUnavailable = errors.New("this build cannot bind device memory")
	// ErrNoDriver means that NVIDIA's driver is not installed.
	ErrNoDriver = errors.New("there is no NVIDIA driver (libcuda.so.1)")
	// ErrNoDevice means that the driver is there but finds no GPU.
	ErrNoDevice = errors.New("the NVIDIA driver finds no GPU")
)

// Element types, by ONNX's numbers.
const (
	Float Elem = 1
	Int32 Elem = 6
	Half  Elem = 10
)

// Elem is the type of a tensor's elements.
type Elem int

// Size is the number of bytes of an element.
func (e Elem) Size() int {
	if e == Half {
		return 2
	}
	return 4
}

// Options says what a session runs, and where.
type Options struct {
	Library  string            // path of ONNX Runtime's shared library
	CUDA     bool              // on the first CUDA device; else on the CPU
	Provider map[string]string // options of the CUDA provider
	Graph    []byte            // an ONNX file
	IntraOp  int               // threads of one Run on the CPU
}
