//go:build cgo

package models

// cgo reports whether ONNX Runtime can be used at all.
const cgo = true
