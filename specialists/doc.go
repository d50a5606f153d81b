// Package specialists examines text: what it states, what of it must survive, how two statements stand to each other,
// and how an answer stands to the memories it is meant to rest on.
//
//   - [Facts] are the names, numbers, dates and negations of a text. [Missing] are those that another text has lost,
//     [Invented] those that it has no source for.
//   - [Relate] says whether the later of two statements repeats, updates or contradicts the earlier one, or whether
//     both stand, by how they are built.
//   - [Ground] cuts an answer into claims and says of each whether the evidence supports it, with exact quotes.
//   - A [Specialist] examines a draft of an answer, and may say how it should read instead. [Default] has those that need
//     no language model; refine.Respond runs them to a fixed point. docs/specialists.md has a table of them.
//
// But for what is given a [Model], everything here is a pure function over English text. Text in other languages has fewer
// facts found in it, its statements stand apart unless they are the same words, and its claims are supported only by
// the same words: a rule that does not understand does nothing.
package specialists
