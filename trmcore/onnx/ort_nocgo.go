//go:build !cgo

package onnx

import "context"

func openEngine(engineOptions) (engine, error) { return nil, ErrNoRuntime }

// Session cannot be opened in a program that was built without cgo.
type Session struct{}

// OpenSession returns [ErrNoRuntime].
func OpenSession(path, library string) (*Session, error) { return nil, ErrNoRuntime }

// Run returns [ErrNoRuntime].
func (*Session) Run(context.Context, map[string][]int64) (Tensor, error) {
	return Tensor{}, ErrNoRuntime
}

// Close does nothing.
func (*Session) Close() error { return nil }
