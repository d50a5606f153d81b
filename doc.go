// Package refiner is a memory for assistants that checks itself.
//
// It applies the recursion of the Tiny Recursive Model to memories and answers: it examines its own output and improves it
// until nothing gets better. This folder holds no code of its own; start at one of these:
//
//   - [github.com/trm-go/refiner/integration]: the plugin that an assistant's backend holds; it wires everything below.
//   - [github.com/trm-go/refiner/refine]: recall rescored, and answers refined, to a fixed point.
//   - [github.com/trm-go/refiner/refine/consolidate]: a store refined over time.
//   - [github.com/trm-go/refiner/memory]: records and the store that keeps them.
//   - [github.com/trm-go/refiner/trmcore/onnx]: the real Tiny Recursive Model.
//   - [github.com/trm-go/refiner/trmcore]: the recursion itself.
package refiner
