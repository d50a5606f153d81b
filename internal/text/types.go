package text

import (
	"strings"
	"unicode"
)

// TypeAsks marks in an index entry a text that ends in a question, so that what follows answers it.
const TypeAsks = "t:asks"

// Asks reports whether a text ends in a question. A note at its end, as of an image, does not count.
func Asks(s string) bool {
	if at := strings.LastIndexByte(s, '['); at >= 0 && strings.HasSuffix(s, "]") {
		s = s[:at]
	}
	s = strings.TrimRightFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '?' && r != '？' })
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "？")
}
