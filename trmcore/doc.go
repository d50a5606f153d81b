// Package trmcore is the recursion of the Tiny Recursive Model, written once for everything in this module.
//
// TRM ("Less is More: Recursive Reasoning with Tiny Networks", arXiv 2510.04871, figure 3) keeps a question x, a current
// answer y and a latent z, and applies one tiny network again and again:
//
//	latent(x, y, z):  n times  z ← net(x, y, z)      reason
//	                  once     y ← net(y, z)         answer
//	deep(x, y, z):    T times  latent
//	run(x):           up to K supervision steps of deep, each fed its own output, until it halts
//
// The package has four types:
//
//   - [Net] is the tiny network: Reason improves the latent, Answer improves the answer.
//   - [Stepper] makes one supervision step. [Deep] makes a Stepper of a Net, package onnx one of a trained model.
//   - [Loop] runs a Stepper until a [Rule] halts it, keeps the best answer if it has a judge, and says why it stopped.
//   - [Step] is one line of the trace that [Loop.Steps] yields while it runs.
//
// A Loop never returns an answer that its judge likes less than the one it was given, and a Net that fails costs nothing
// but the steps it would have made: the best so far is returned with the error.
//
// The package knows nothing of puzzles, memories or language models, and depends on nothing but the standard library.
package trmcore
