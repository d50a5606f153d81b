//go:build !cgo

package onnx

import "time"

func openEngine(engineOptions) (engine, error) { return nil, ErrNoRuntime }

func start(string) error { return ErrNoRuntime }

func runtimeVersion() string { return "" }

func timeMatMul(string, []byte, int) (time.Duration, error) { return 0, ErrNoRuntime }
