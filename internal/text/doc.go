// Package text turns the text of a memory into what the rest of the module works with: the terms it is found by, its names,
// dates, numbers and values, its sentences, and the tokens it costs.
//
//   - [Index] are folded and stemmed words: "Caroline's paintings" → carolin, paint. [Weighted] says how much each tells in a
//     question; [Terms] leaves the stop words out.
//   - [Dates] are resolved against the time of the text, so that "yesterday" in May meets "7 May" in June. [Window] is the time
//     that a question asks about.
//   - [Links] are names, dates and numbers, each with a prefix.
//   - [Sentences] cuts a text where a sentence ends.
//   - [Tokens] estimates what a language model's tokeniser would count.
//
// Everything is a pure function of its arguments, never fails, and takes any string, invalid UTF-8 included.
package text
