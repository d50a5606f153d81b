// Package eval measures how well a memory finds the evidence for questions, and how well it answers them.
//
// A [Dataset] is a set of conversations, each with questions whose evidence is known turn by turn. [LoCoMo], [BEAM] and
// [Sample] load one. A [System] answers a question with turns, best first; [Run] asks one system, and others to compare
// it with, every question, and returns a [Report]: recall, nDCG and reciprocal rank over all questions and by category,
// the paired difference to one of the others with its confidence intervals, and latencies. [RunAnswers] compares answers
// with the known ones.
//
// Evidence is scored at the level of turns. To find the right session is easy (the ten best of about 27 sessions) and
// says little; figures of other systems at the level of sessions do not compare with these.
package eval

import product "github.com/trm-go/refiner/internal/eval"

// What "refine eval" has too.
type (
	Dataset          = product.Dataset
	Conversation     = product.Conversation
	Question         = product.Question
	Everyday         = product.Everyday
	EverydayQuestion = product.EverydayQuestion
	Verdict          = product.Verdict
	Share            = product.Share
)

// The verdicts that the laboratory asks for.
const (
	Right = product.Right
	Stale = product.Stale
	Wrong = product.Wrong
)

// The functions that "refine eval" has too.
var (
	Sample       = product.Sample
	Ref          = product.Ref
	ReadEveryday = product.ReadEveryday
	Refuses      = product.Refuses
)
