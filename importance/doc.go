// Package importance tells how much a memory matters to a question: five signals of the memory itself, and the graph on
// which importance spreads from one memory to the next.
//
//	signals := importance.Measure(candidates, relevance, now, nil)   // of each memory, each in [0, 1]
//	score := importance.Default.Score(signals[0])                     // their weighted mean
//	level := importance.DefaultThresholds.Level(score)                // full, chunk, summary or dropped
//
// Relevance is measured by words and by learned trees ([Features]), the graph is built by [NewGraph]; package refine runs the recursion over both.
//
// Two presets of weights are given. [Ada] is the one published with the Ada assistant: .60 of its weight is on surprise.
// It was fitted to synthetic data in which surprise follows the label, so it is here to compare with. [Default] is what
// labelled conversations chose.
//
// Nothing here reads a clock: the moment of the question is an argument.
package importance
