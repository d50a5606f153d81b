//go:build !cgo || windows

package onnx

import "errors"

var errNoLoader = errors.New("this build cannot load CUDA")

func preload(string) error { return errNoLoader }

func cudaDriver() (int, error) { return 0, errNoLoader }
