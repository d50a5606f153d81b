// Package cuda asks NVIDIA's driver what it serves, and loads CUDA's libraries so that ONNX Runtime's provider finds them.
package cuda

import "errors"

// Errors of the package.
var (
	// ErrUnavailable is returned by a program that was built without cgo, and on systems without dlopen.
	ErrUnavailable = errors.New("this build cannot load CUDA")
	// ErrNoDriver means that NVIDIA's driver is not installed.
	ErrNoDriver = errors.New("there is no NVIDIA driver (libcuda.so.1)")
	// ErrNoDevice means that the driver is there but finds no GPU.
	ErrNoDevice = errors.New("the NVIDIA driver finds no GPU")
)
