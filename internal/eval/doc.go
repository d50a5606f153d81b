// Package eval measures ordinary use: what a plugin recalls and answers on an [Everyday] suite, of which "refine eval everyday"
// prints the [EverydayReport]. The bundled conversation with its questions is a [Dataset]; bench has others, and their metrics.
package eval
