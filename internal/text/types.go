package text

import (
	"strings"
	"unicode"
)

// Links of the type of a text, by which a question meets the texts that can answer it.
const (
	TypeDate  = PrefixType + "date"  // it tells of a date, or of a time relative to its own
	TypePlace = PrefixType + "place" // it names a place: in Rome, from the Highlands
	TypeRule  = PrefixType + "rule"  // it tells how answers shall be: "Always ... when I ask about ..."
	TypeSelf  = PrefixType + "self"  // its speaker tells of himself
	TypeAsks  = PrefixType + "asks"  // it ends in a question, so that what follows answers it
)

// types adds the types of the text, once its dates are found.
func (l *linker) types(s string) {
	dated, self, place, rule := l.dates > 0, false, false, false
	for i, w := range l.words {
		low := l.lower[i]
		dated = dated || timeWords[low] || isWeekday(low)
		place = place || placeWords[low] && l.isPlace(i)
		rule = rule || l.isRule(i)
		self = self || selfWords[low] || strings.HasPrefix(w.text, "I'") || strings.HasPrefix(w.text, "I’")
	}
	for _, t := range []struct {
		is   bool
		link string
	}{{dated, TypeDate}, {place, TypePlace}, {rule, TypeRule}, {self, TypeSelf}, {asks(s), TypeAsks}} {
		if t.is {
			l.add(t.link, "")
		}
	}
}

// isPlace reports whether word i, which often stands before a place, does: "in the Alps", but not "in May".
func (l *linker) isPlace(i int) bool {
	if l.is(i+1, "the") {
		i++
	}
	if i+1 >= len(l.words) {
		return false
	}
	w := l.words[i+1]
	return isCapital(w) && !w.opens && !w.number && months[l.lower[i+1]] == 0 && !isWeekday(l.lower[i+1]) && !stopWords[l.lower[i+1]]
}

// isRule reports whether a rule for answers begins at word i.
func (l *linker) isRule(i int) bool {
	switch {
	case l.is(i, "always", "never"):
		return l.words[i].opens || l.is(i-1, "please")
	case l.is(i, "when", "whenever"):
		return l.is(i+1, "i") && l.is(i+2, "ask", "mention", "say", "request")
	}
	return l.is(i, "from") && l.is(i+1, "now") && l.is(i+2, "on")
}

// asks reports whether a text ends in a question. A note at its end, as of an image, does not count.
func asks(s string) bool {
	if at := strings.LastIndexByte(s, '['); at >= 0 && strings.HasSuffix(s, "]") {
		s = s[:at]
	}
	s = strings.TrimRightFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '?' && r != '？' })
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "？")
}

// timeWords make a text tell of a time without a date that can be resolved.
var timeWords = setOf("yesterday today tomorrow last next this ago week weeks weekend month months year years recently since")

// placeWords often stand before a place.
var placeWords = setOf("in at to from near around visit visited visiting")

var selfWords = setOf("i my we our")
