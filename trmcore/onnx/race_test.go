//go:build race

package onnx

// raceDetector tells that the process's memory is the race detector's as well.
const raceDetector = true
