// Package specialists examines text: what it states, what of it must survive, and how two statements stand to each
// other. A specialist judges and never writes.
//
//   - [Facts] are the names, numbers, dates and negations of a text. [Missing] are those that another text has lost,
//     [Invented] those that it has no source for.
//   - [Relate] says whether the later of two statements repeats, updates or contradicts the earlier one, or whether
//     both stand.
//
// Everything here is a pure function over English text that needs no model. Text in other languages has fewer facts found in
// it, and its statements stand apart unless they are the same words: a rule that does not understand does nothing.
package specialists
