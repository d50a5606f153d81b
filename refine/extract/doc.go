// Package extract answers a question in the words of the memories, without a language model: it scores their sentences,
// sees which a later one takes the place of, and tells how surely the best ones answer. What it knows it has learned from
// questions with known answers (bench/answer fits model.json); nothing of it is a rule of a language.
package extract
