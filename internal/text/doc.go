// Package text turns the text of a memory into what the rest of the module reckons with: the terms it is found by, the
// names, dates and numbers it hangs together with other memories by, its sentences, and the tokens it costs.
//
//   - [Terms] are folded, without stop words, and stemmed: "Caroline's paintings" → carolin, paint.
//   - [Links] are names, dates and numbers; a date is resolved against the time of the text, so that "yesterday" in May
//     meets "7 May" in June.
//   - [Related] are the words that can stand where a term is asked for: "camping" where an activity is.
//   - [Context] gives what its speaker and its day add to both, and [ParseQuestion] what a question looks for.
//   - [Sentences] cuts a text where a sentence ends.
//   - [Tokens] estimates what a language model's tokeniser would count.
//
// Everything is a pure function of its arguments, never fails, and takes any string, invalid UTF-8 included.
package text
