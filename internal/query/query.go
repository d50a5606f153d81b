// Package query reads the operators of a query: phrases, beginnings of words and exclusions.
package query

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is the longest text of a query, in bytes.
const Max = 64 << 10

// Query is a query's text taken apart.
type Query struct {
	Plain string   // what is searched for, without operators and exclusions
	Must  []string // FTS5 strings: phrases, and beginnings of words followed by *
	Not   []string
}

// Parse reads "a phrase", beginning*, -word and -"a phrase". Everything else, whatever it means to FTS5 or SQL, is
// words to search for: any text is a query, unless it is no text.
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
						p.Not = append(p.Not, quoteFTS(phrase))
					} else {
						p.Must = append(p.Must, quoteFTS(phrase))
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
			switch fts := quoteFTS(word); {
			case negative && star:
				p.Not = append(p.Not, fts+" *")
			case negative:
				p.Not = append(p.Not, fts)
			default:
				if star && utf8.RuneCountInString(word) >= 2 {
					p.Must = append(p.Must, fts+" *")
				}
				plain.WriteString(word)
			}
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

// quoteFTS makes an FTS5 string: within quotes nothing has a meaning but the quote, which is doubled.
func quoteFTS(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
