// Package specialists examines answers: what they state, and how that stands to the memories they are meant to rest on.
//
//   - [Disputes] are the claims of an answer that a person's memory plainly contradicts.
//   - [Ground] cuts an answer into claims and judges each, with exact quotes.
//   - A [Specialist] examines a draft of an answer, and may say how it should read instead. [Default] has seven;
//     refine.Respond runs them to a fixed point. docs/specialists.md has a table of them.
//   - [Facts] are the names, numbers, dates and negations of a text, [Missing] those that another text has lost, [Invented]
//     those that it has no source for.
//
// Everything here is a pure function that compares words and values in any language.
package specialists
