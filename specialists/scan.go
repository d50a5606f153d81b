package specialists

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/trm-go/refiner/internal/text"
)

// token is one word or number of a text, and where it stands.
type token struct {
	start, end int
	low        string // in lower case, without accents and possessive 's
	stem       string // its stem; "" for a word that tells nothing
	opens      bool   // it is the first of its sentence
	capital    bool   // it begins with a capital
	owns       bool   // it carries a possessive 's
	digit      bool   // it begins with a digit
	comma      bool   // a comma, a semicolon, a colon, a dash or a bracket stands before it
}

// scan cuts the sentence at whole[offset:end] into tokens. References in square brackets, as "[1]", are no words of it.
func scan(whole string, offset, end int) []token {
	s := whole[offset:end]
	toks := make([]token, 0, len(s)/5+1)
	comma := false
	for i := 0; i < len(s); {
		c := s[i]
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if sign := signs[r]; sign != "" {
			toks = append(toks, token{start: offset + i, end: offset + i + size, low: sign, comma: comma})
			i, comma = i+size, false
			continue
		}
		if r == '[' {
			if n := reference(s[i:]); n > 0 {
				i += n
				continue
			}
		}
		if !isWordRune(r) {
			comma = comma || strings.ContainsRune(",;:–—()", r) || r == '-' && i > 0 && s[i-1] == ' '
			i += size
			continue
		}
		start := i
		if unspaced(r) {
			// Written without spaces: overlapping pairs stand for words.
			i += size
			next, n := utf8.DecodeRuneInString(s[i:])
			pair := i
			if unspaced(next) {
				pair += n
			}
			toks = append(toks, token{start: offset + start, end: offset + pair, low: s[start:pair], stem: s[start:pair], opens: len(toks) == 0, comma: comma})
			comma = false
			continue
		}
		t := token{start: offset + start, opens: len(toks) == 0, capital: unicode.IsUpper(r), digit: r >= '0' && r <= '9', comma: comma}
		comma = false
		ascii := true
		for i < len(s) {
			r, size = rune(s[i]), 1
			if s[i] >= utf8.RuneSelf {
				r, size = utf8.DecodeRuneInString(s[i:])
			}
			if !isWordRune(r) && !joined(s, i, size, t.digit) || unspaced(r) {
				break
			}
			ascii = ascii && size == 1
			i += size
		}
		t.end = offset + i
		word := s[start:i]
		if !ascii {
			word = fold(word)
		}
		word = strings.ToLower(word)
		if cut, ok := strings.CutSuffix(word, "'s"); ok && cut != "" && !contracted[cut] {
			word, t.owns = cut, true
		} else if cut, ok := strings.CutSuffix(word, "s'"); ok && cut != "" {
			word, t.owns = cut+"s", true
		}
		t.low = word
		t.stem = stems.of(word)
		toks = append(toks, t)
	}
	return toks
}

// signs are characters that stand for words.
var signs = map[rune]string{'£': "gbp", '€': "eur", '$': "usd", '%': "percent"}

// contracted are words after which 's is a verb.
var contracted = set(`it he she that there what who where when how here let`)

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == '’':
			b.WriteByte('\'')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func unspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

// joined reports whether the character at i stands inside a word: an apostrophe, or a separator of a number.
func joined(s string, i, size int, number bool) bool {
	if i+size >= len(s) {
		return false
	}
	next := s[i+size]
	switch {
	case s[i] == '\'' || strings.HasPrefix(s[i:], "’"):
		return !number && (next >= 'a' && next <= 'z' || next >= 'A' && next <= 'Z')
	case s[i] == '.' || s[i] == ',' || s[i] == ':':
		return number && next >= '0' && next <= '9' && i > 0 && s[i-1] >= '0' && s[i-1] <= '9'
	case s[i] == '-':
		return number && next >= '0' && next <= '9' && isoPrefix(s, i)
	}
	return false
}

// isoPrefix reports whether the hyphen at i is one of 2024-05-07.
func isoPrefix(s string, i int) bool {
	digits := func(j, n int) bool {
		if j < 0 || j+n > len(s) {
			return false
		}
		for k := j; k < j+n; k++ {
			if s[k] < '0' || s[k] > '9' {
				return false
			}
		}
		return true
	}
	return digits(i-4, 4) && digits(i+1, 2) && i+3 < len(s) && s[i+3] == '-' && digits(i+4, 2) ||
		digits(i-2, 2) && i > 2 && s[i-3] == '-' && digits(i-7, 4) && digits(i+1, 2)
}

// reference returns the length of a reference such as "[1]", "[2, 3]" or "[01JD…]" at the beginning of s; 0: none.
func reference(s string) int {
	for i := 1; i < len(s) && i < 64; i++ {
		switch c := s[i]; {
		case c == ']':
			if i == 1 {
				return 0
			}
			return i + 1
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c == ',', c == ' ', c == '-', c == ':', c == '#':
		default:
			return 0
		}
	}
	return 0
}

// stemCache remembers stems: a stemmer takes a microsecond a word, and a conversation uses the same few thousand.
type stemCache struct {
	mu   sync.RWMutex
	stem map[string]string
	find func(string) string
}

const maxStems = 1 << 14

var (
	stems = stemCache{stem: map[string]string{}, find: tellingStem}
	roots = stemCache{stem: map[string]string{}, find: root}
)

// tellingStem is the stem of a folded word, or "" if the word tells nothing.
func tellingStem(w string) string {
	if text.Stop(w) || text.Stop(strings.ReplaceAll(w, "'", "")) || fillers[w] || auxiliaries[w] {
		return ""
	}
	return stem(w)
}

// longestStemmed is the longest word that is stemmed, in bytes: what is longer is a key or a hash.
const longestStemmed = 64

// stem is the stem of a folded word; a longer one than longestStemmed is its own.
func stem(w string) string {
	if len(w) > longestStemmed {
		return w
	}
	return roots.of(w)
}

// of is what find says of a folded word, and nothing of one that is too long.
func (c *stemCache) of(w string) string {
	if len(w) > longestStemmed {
		return ""
	}
	c.mu.RLock()
	s, ok := c.stem[w]
	c.mu.RUnlock()
	if ok {
		return s
	}
	s = c.find(w)
	c.mu.Lock()
	if len(c.stem) >= maxStems {
		clear(c.stem)
	}
	c.stem[strings.Clone(w)] = s
	c.mu.Unlock()
	return s
}
