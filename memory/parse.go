package memory

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxQuery is the longest text of a query, in bytes.
const MaxQuery = 64 << 10

// parsed is a query's text taken apart.
type parsed struct {
	plain string   // what is searched for, without operators and exclusions
	must  []string // FTS5 strings: phrases, and beginnings of words followed by *
	not   []string
}

func (p parsed) empty() bool { return strings.TrimSpace(p.plain) == "" }

// parseQuery reads "a phrase", beginning*, -word and -"a phrase". Everything else, whatever it means to FTS5 or SQL, is
// words to search for: any text is a query, unless it is no text.
func parseQuery(s string) (parsed, error) {
	switch {
	case len(s) > MaxQuery:
		return parsed{}, fmt.Errorf("%w: the query has %d bytes, at most %d are allowed", ErrInvalid, len(s), MaxQuery)
	case !utf8.ValidString(s):
		return parsed{}, fmt.Errorf("%w: the query is not valid UTF-8", ErrInvalid)
	case strings.ContainsRune(s, 0):
		return parsed{}, fmt.Errorf("%w: the query holds a NUL byte", ErrInvalid)
	}
	var p parsed
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
						p.not = append(p.not, quoteFTS(phrase))
					} else {
						p.must = append(p.must, quoteFTS(phrase))
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
				p.not = append(p.not, fts+" *")
			case negative:
				p.not = append(p.not, fts)
			default:
				if star && utf8.RuneCountInString(word) >= 2 {
					p.must = append(p.must, fts+" *")
				}
				plain.WriteString(word)
			}
			continue
		}
		atStart = unicode.IsSpace(r)
		plain.WriteString(s[:size])
		s = s[size:]
	}
	p.plain = strings.TrimSpace(plain.String())
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

// operators are the rows that a query's operators ask for, and those they exclude; nil where it has none.
func (s *Store) operators(ctx context.Context, scope Scope, p parsed) (must, not map[int64]bool, err error) {
	if len(p.must) > 0 {
		if must, err = s.holding(ctx, scope, strings.Join(p.must, " AND ")); err != nil {
			return nil, nil, err
		}
	}
	if len(p.not) > 0 {
		if not, err = s.holding(ctx, scope, strings.Join(p.not, " OR ")); err != nil {
			return nil, nil, err
		}
	}
	return must, not, nil
}

// holding are the rows of a scope whose text matches an FTS5 expression.
func (s *Store) holding(ctx context.Context, scope Scope, expression string) (map[int64]bool, error) {
	rows, err := s.reader.QueryContext(ctx, `SELECT r.row FROM words CROSS JOIN records r ON r.row = words.rowid CROSS JOIN scopes c ON c.scope = r.scope
		WHERE words MATCH ? AND +`+inScope, append([]any{expression}, scopeArgs(scope)...)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[int64]bool{}
	for rows.Next() {
		var row int64
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		found[row] = true
	}
	return found, rows.Err()
}
