// Package ui is how the commands talk to people: tables, progress, colour, JSON, questions, errors and pictures.
//
// A [Terminal] is the three streams and what is known about them. Data goes to Out and talk to Err, so that output can be
// piped. Colour is used only on a terminal and never with NO_COLOR; progress is drawn only when Err is a terminal.
// Whatever comes from a memory passes [Clean] before it is shown: a memory may hold escape sequences.
//
// [Settling] is a ranking on its way to its fixed point. It is drawn as a picture by [Settling.Save] and as text by
// [Settling.Places].
//
// The package knows nothing of stores, memories or commands; it is handed words and numbers.
package ui
