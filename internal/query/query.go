// Package query reads the operators of a query: phrases, beginnings of words and exclusions.
package query

import (
	"errors"
	"fmt"
	"regexp"
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
		if m := phrase.FindStringSubmatch(s); m != nil && (atStart || m[1] == "") {
			s, atStart = s[len(m[0]):], true
			switch {
			case !wordly.MatchString(m[2]):
			case m[1] != "":
				p.Not = append(p.Not, Phrase{m[2], false})
			default:
				p.Must = append(p.Must, Phrase{m[2], false})
				plain.WriteString(" " + m[2] + " ")
			}
			continue
		}
		if m := word.FindStringSubmatch(s); m != nil && atStart {
			s, atStart = s[len(m[0]):], false
			if m[1] != "" {
				p.Not = append(p.Not, Phrase{m[1], m[3] != ""})
				continue
			}
			if m[3] != "" && utf8.RuneCountInString(m[2]) >= 2 {
				p.Must = append(p.Must, Phrase{m[2], true})
			}
			plain.WriteString(m[2])
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		atStart = unicode.IsSpace(r)
		plain.WriteString(s[:size])
		s = s[size:]
	}
	p.Plain = strings.TrimSpace(plain.String())
	return p, nil
}

var (
	phrase = regexp.MustCompile(`^(-?)"([^"]*)"`)
	word   = regexp.MustCompile(`^(?:-(\pL[\pL\pM\p{Nd}]*)|([\pL\p{Nd}][\pL\pM\p{Nd}]*))(\*?)`)
	wordly = regexp.MustCompile(`[\pL\p{Nd}]`)
)
