// Package refine is the recursion of package trmcore over memories and over answers.
//
// [Recall] answers a question from a store: it takes the candidates that match by words or by vector, with their
// neighbours in the conversation, measures each by itself (package importance), and ranks them ([Rescore]). [Pack] puts what
// was recalled into a token budget. A summary is recalled through the turns that it stands for, and packed by those that
// answer. [Respond] writes an answer from memories, or refines a given one, under a judge that has no part in writing it.
//
// In the terms of the Tiny Recursive Model, recall has as its question x the query with its candidates, as its answer y a weight
// for each memory, and as its latent z the evidence accepted so far. A learned ranking reads each memory with its neighbours and
// its session; one step of it is the default. In the mode [FixedPoint] the weights then spread along the conversation:
//
//	y ← (1−α−γ)·s + α·W·y + γ·s·z
//
// where s is the weight of a memory by itself, W joins it to the turns around it, and z is the weight of the best memory of its
// session. s stays in every round, so that the answer cannot drift away from the question. With every s at most 1, rows of W
// summing to at most 1, and α+γ < 1, this is a contraction: there is one fixed point, it is reached from any start, and the
// [Certificate] bounds the distance that is left to it.
package refine
