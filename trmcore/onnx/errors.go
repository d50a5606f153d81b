package onnx

import "errors"

// Errors about a model's files.
var (
	// ErrFormat is returned for a file that is truncated, corrupt or of another format.
	ErrFormat = errors.New("malformed weights")
	// ErrArch is returned for weights whose shapes do not make the architecture that the card, the options or the other
	// weights say.
	ErrArch = errors.New("the weights are of another architecture")
	// ErrTask is returned for a model that was trained for another task than the one asked for.
	ErrTask = errors.New("the model is for another task")
)

// Errors about the runtime.
var (
	// ErrNoRuntime is returned by [Open] in a program that was built without cgo.
	ErrNoRuntime = errors.New("this program was built without ONNX Runtime; build it with CGO_ENABLED=1 and a C compiler")
	// ErrNoLibrary is returned when ONNX Runtime's shared library is not found, or is not one that can be used.
	ErrNoLibrary = errors.New("no usable ONNX Runtime library; run: trm runtime install")
	// ErrDevice is returned when the device that was asked for cannot run the model here.
	ErrDevice = errors.New("the device cannot be used")
)

// Errors about solving.
var (
	// ErrProblem is returned for a problem that the model cannot read: a wrong length, a token out of range.
	ErrProblem = errors.New("not a problem for this model")
	// ErrClosed is returned by a [Solver] that was closed.
	ErrClosed = errors.New("the solver is closed")
)
