// Package onnx runs the real Tiny Recursive Model (TRM, arXiv 2510.04871) through ONNX Runtime: the published
// architecture exactly, both variants (MLP mixer and attention), of any size, on CPU and GPU, without Python; and a third
// mixer, made for Sudoku, which is this module's own and not the paper's (cover.go).
//
// There are two types:
//
//   - [Model] is trained weights with an architecture and a model card. [LoadModel] reads a directory with
//     model.safetensors and card.json, or a safetensors file.
//   - [Solver] runs a model. [Solver.Solve] works on many problems at once, [Solver.Steps] shows one settling step by
//     step.
//
// # How it runs
//
// The graph of one supervision step is written here, as ONNX's protobuf, from the weights; it never touches a disk. A
// step reads the tokens and the two latents and gives logits, the halting logit and the next latents:
//
//	tokens [B, S] ─┐
//	puzzle [B, P] ─┤                                       ┌─ logits [B, S, V]
//	z_H [B, L, D] ─┼─ T times: n times z_L ← f(z_L, z_H+x) ┼─ q      [B, 2]
//	z_L [B, L, D] ─┘           once    z_H ← f(z_H, z_L)   └─ z_H, z_L
//
// The loop over supervision steps stays in Go, so that every problem can halt by itself: it leaves its micro-batch and
// another takes its place.
//
// Whether a problem goes on is decided by trmcore's own rules, one [trmcore.Halting] for each problem of a batch. Any
// device other than the CPU is taken by itself only after it has proved that it computes the same; docs/gpu-run.md says
// what an NVIDIA GPU needs.
//
// # Caveats
//
//   - ONNX Runtime is a C library: the program must be built with cgo, and the library be found ([FindLibrary]) or
//     installed ([InstallLibrary]). Without either, everything but [Open] still works, and Open says what to do.
//   - ONNX Runtime's environment is one for the process and is never unloaded.
//   - The quantised precisions need a processor with 8-bit dot products to be fast, and a check of the accuracy on the
//     task before they are trusted.
//
// The package knows no puzzle: tokens come in and go out. Rules, pictures and scores are in trmcore/puzzle.
package onnx
