//go:build !cgo

package onnx

func openEngine(engineOptions) (engine, error) { return nil, ErrNoRuntime }

func runtimeVersion() string { return "" }
