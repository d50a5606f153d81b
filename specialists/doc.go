// Package specialists examines answers: what they state, and how that stands to the memories they are meant to rest on.
//
//   - [Disputes] are the claims of an answer that a person's memory plainly contradicts.
//   - [Ground] cuts an answer into claims and judges each, with exact quotes.
//   - A [Specialist] examines a draft of an answer, and may say how it should read instead. [Default] has those that need
//     no language model; refine.Respond runs them to a fixed point. docs/specialists.md has a table of them.
//   - [Relate] says whether the later of two statements repeats or updates the earlier one, where their words are the same.
//   - [Facts] are the names, numbers, dates and negations of a text, [Missing] those that another text has lost, [Invented]
//     those that it has no source for.
//
// But for what is given a [Model], everything here is a pure function that compares words and values in any language.
package specialists
