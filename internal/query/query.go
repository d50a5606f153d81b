// Package query reads the operators of a query: phrases, beginnings of words and exclusions.
package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/text"
)

// Max is the longest text of a query, in bytes.
const Max = 64 << 10

// Query is a query's text taken apart.
type Query struct {
	Plain string   // what is searched for, without operators and exclusions
	Must  []Phrase // what a text must hold, and what it must not
	Not   []Phrase
}

// Phrase is words that stand next to each other, in this order.
type Phrase struct {
	Text   string
	Prefix bool // the last word may go on
}

// Terms are the words by which an index finds what may hold the phrase. The last of a prefix is not reduced to its stem.
func (p Phrase) Terms() []string {
	if !p.Prefix {
		return text.Index(p.Text)
	}
	var terms []string
	for _, w := range text.Words(p.Text) {
		terms = append(terms, w.Low)
	}
	return terms
}

// In reports whether a text holds the phrase. Words are compared by their stems, or, where the last may go on, as they are
// written, without accents and in lower case.
func (p Phrase) In(s string) bool {
	want, have := p.Terms(), Phrase{s, p.Prefix}.Terms()
	for i := 0; i+len(want) <= len(have); i++ {
		at, last := have[i:i+len(want)], len(want)-1
		if last >= 0 && slices.Equal(at[:last], want[:last]) && (at[last] == want[last] || p.Prefix && strings.HasPrefix(at[last], want[last])) {
			return true
		}
	}
	return false
}

// Parse reads "a phrase", beginning*, -word and -"a phrase". Everything else is words to
// search for: any text is a query, unless it is no text.
func Parse(s string) (Query, error) {
	switch {
	case len(s) > Max:
		return Query{}, fmt.Errorf("the query has %d bytes, at most %d are allowed", len(s), Max)
	case !utf8.ValidString(s):
		return Query{}, errors.New("the query is not valid UTF-8")
	case strings.ContainsRune(s, 0):
		return Query{}, errors.New("the query holds a NUL byte")
	}
	var p Query
	var plain strings.Builder
	for atStart := true; s != ""; {
		r, size := utf8.DecodeRuneInString(s)
		negative := false
		if atStart && r == '-' {
			if next, _ := utf8.DecodeRuneInString(s[1:]); next == '"' || unicode.IsLetter(next) {
				negative = true
				s = s[1:]
				r, size = utf8.DecodeRuneInString(s)
			}
		}
		if r == '"' {
			if phrase, rest, ok := strings.Cut(s[1:], `"`); ok {
				s = rest
				if hasWord(phrase) {
					if negative {
						p.Not = append(p.Not, Phrase{phrase, false})
					} else {
						p.Must = append(p.Must, Phrase{phrase, false})
						plain.WriteString(" " + phrase + " ")
					}
				}
				atStart = true
				continue
			}
		}
		if atStart && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			word := s[:wordEnd(s)]
			s = s[len(word):]
			atStart = false
			star := strings.HasPrefix(s, "*")
			if star {
				s = s[1:]
			}
			if negative {
				p.Not = append(p.Not, Phrase{word, star})
				continue
			}
			if star && utf8.RuneCountInString(word) >= 2 {
				p.Must = append(p.Must, Phrase{word, true})
			}
			plain.WriteString(word)
			continue
		}
		atStart = unicode.IsSpace(r)
		plain.WriteString(s[:size])
		s = s[size:]
	}
	p.Plain = strings.TrimSpace(plain.String())
	return p, nil
}

// wordEnd is where the letters and digits at the beginning of s end.
func wordEnd(s string) int {
	for i, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) {
			return i
		}
	}
	return len(s)
}

func hasWord(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) >= 0
}
