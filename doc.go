// Package refiner is a memory for assistants that thinks again.
//
// It does to an assistant's memories what the Tiny Recursive Model does to a puzzle: it looks at its own output and makes
// it better, again and again, until it stands still. This folder holds no code of its own; start at one of these:
//
//   - [github.com/trm-go/refiner/integration]: the plugin that an assistant's backend holds; it wires everything below.
//   - [github.com/trm-go/refiner/refine]: recall rescored, and answers refined, to a fixed point.
//   - [github.com/trm-go/refiner/refine/consolidate]: a store refined over time.
//   - [github.com/trm-go/refiner/memory]: records and the store that keeps them.
//   - [github.com/trm-go/refiner/trmcore/onnx]: the real Tiny Recursive Model.
//   - [github.com/trm-go/refiner/trmcore]: the recursion itself.
package refiner
