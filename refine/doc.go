// Package refine is the recursion of package trmcore over memories.
//
// [Recall] answers a question from a store: it takes the candidates that match by words or by vector, with their
// neighbours in the conversation, measures what each says for itself (package importance), and lets weight spread among
// them until nothing changes ([Rescore]). [Pack] puts what was recalled into a token budget. A summary is recalled through
// the turns that gave way to it, and packed by those that answer.
//
// In the terms of the Tiny Recursive Model: the question x is the query with its candidates and the graph between them,
// the answer y a weight for each memory, the latent z the evidence gathered so far. Each step reads the memories that now
// weigh most (which sessions do they come from?), and answers
//
//	y ← (1−α−γ)·s + α·W·y + γ·s·z
//
// where s is what each memory says for itself, W joins it to the turns around it and to memories that share a rare name,
// date or number, and z is the weight of the best memory of its session. s stays in every round, so that the answer
// cannot drift away from the question. With every s at most 1, rows of W summing to at most 1, and α+γ < 1, this is a
// contraction: there is one fixed point, it is reached from any start, and the [Certificate] bounds what is left to it.
package refine
