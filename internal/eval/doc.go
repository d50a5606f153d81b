// Package eval measures how well a memory finds the evidence for a question.
//
// A [Dataset] is a set of conversations, each with questions whose evidence is known turn by turn. [LoCoMo], [BEAM] and
// [Sample] load one. A [System] answers a question with turns, best first; [Run] asks one system, and others to compare
// it with, every question, and returns a [Report]: recall, nDCG and reciprocal rank over all questions and by category,
// the paired difference to one of the others with its confidence intervals, and latencies. The report's JSON is what
// "refine eval --json" prints.
//
// Evidence is scored at the level of turns. To find the right session is easy (the ten best of about 27 sessions) and
// says little; figures of other systems at the level of sessions do not compare with these.
//
// The package knows no store and no ranking: whoever calls it puts the records where its systems find them.
package eval
