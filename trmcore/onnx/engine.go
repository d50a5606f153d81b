package onnx

import "context"

// engine runs one supervision step at a time. ONNX Runtime is one; tests have others.
type engine interface {
	// lane makes preallocated tensors for up to slots problems. Lanes may be used at the same time as each other.
	lane(slots int) (lane, error)
	// device is the provider that runs the graph.
	device() Device
	// runtime is the library's version.
	runtime() string
	close() error
}

// lane is the memory of a micro-batch. A slot's rows are written and read between steps by whoever owns the lane.
type lane interface {
	tokens() []int32                // [slots, SeqLen]
	puzzles() []float32             // [slots, PuzzleEmbNdim], nil without a puzzle embedding
	state() (h, l []float32)        // [slots, Len, D] each; the slices change with every step
	results() (logits, q []float32) // [slots, SeqLen, VocabSize] and [slots, 2]
	// step applies one supervision step to the first n slots.
	step(ctx context.Context, n int) error
	close() error
}

// engineOptions is what an engine is made with.
type engineOptions struct {
	library string
	device  Device
	intraOp int // threads of one Run
	graph   []byte
	arch    Arch
	whole   bool // the device must run all of the graph: nothing may fall back to the CPU
}
