package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// maxWord is the longest word that becomes a term, in bytes; what is longer is a key, a hash or an encoded file, which
// no question has as a word.
const maxWord = 64

// Terms are those of [Index] without English stop words.
func Terms(s string) []string {
	return indexed(s, func(word string) bool { return !stopWords[word] })
}

// stem reduces a folded word. Words with digits stand as they are.
func stem(word string) string {
	if len(word) < 3 || strings.ContainsAny(word, "0123456789") {
		return word
	}
	return english.Stem(word, false)
}

func appendPairs(terms []string, run string) []string {
	prev := -1
	n := 0
	for i := range run {
		if prev >= 0 {
			_, size := utf8.DecodeRuneInString(run[i:])
			terms = append(terms, run[prev:i+size])
		}
		prev, n = i, n+1
	}
	if n == 1 {
		terms = append(terms, run)
	}
	return terms
}

// word is one word of a text.
type word struct {
	text     string // as written, without a possessive 's
	start    int    // its first byte in the text
	end      int    // the byte after it, possessive included
	opens    bool   // it is the first of its sentence
	owns     bool   // it carried a possessive 's
	number   bool   // it begins with a digit
	unspaced bool   // it is a run of a script that is written without spaces
}

// folded is the word in lower case, without accents, and without separators inside.
func (w word) folded() string {
	s := w.text
	ascii, lower := true, true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c >= 'A' && c <= 'Z', c == ',', c == '\'':
			lower = false
		}
	}
	if ascii && lower {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	if ascii {
		for i := range len(s) {
			switch c := s[i]; {
			case c >= 'A' && c <= 'Z':
				b.WriteByte(c + 'a' - 'A')
			case c == ',', c == '\'':
			default:
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r) && r < 0x3000, r != '.' && !isWord(r): // decomposing brings spaces too
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// words yields the words of s in order.
func words(s string) func(yield func(word) bool) {
	return func(yield func(word) bool) {
		opens := true
		for i := 0; i < len(s); {
			r, size := decode(s, i)
			if !isWord(r) {
				if endsSentence(r) {
					opens = true
				}
				i += size
				continue
			}
			w := word{start: i, opens: opens, number: unicode.IsDigit(r), unspaced: isUnspaced(r)}
			for i < len(s) {
				r, size = decode(s, i)
				if !isWord(r) && !(joins(r) && joinsHere(s, w, i, size)) || isUnspaced(r) != w.unspaced {
					break
				}
				i += size
			}
			w.text, w.end = s[w.start:i], i
			w.text, w.owns = cutPossessive(w.text)
			opens = false
			if !yield(w) {
				return
			}
		}
	}
}

// decode is utf8.DecodeRuneInString at byte i, fast for ASCII.
func decode(s string, i int) (rune, int) {
	if s[i] < utf8.RuneSelf {
		return rune(s[i]), 1
	}
	return utf8.DecodeRuneInString(s[i:])
}

func isWord(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

func isUnspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
}

func endsSentence(r rune) bool {
	switch r {
	case '.', '!', '?', '\n', ':', ';', '…', '。', '！', '？', '"', '“', '”', '(', '*', '[':
		return true
	}
	return false
}

// joins reports whether r may stand inside a word: an apostrophe, or the separators of a number.
func joins(r rune) bool { return r == '\'' || r == '’' || r == ',' || r == '.' }

// joinsHere reports whether the joiner at byte i has the right neighbours: letters around an apostrophe, digits around
// the separators of a number.
func joinsHere(s string, w word, i, size int) bool {
	if i+size >= len(s) {
		return false
	}
	next, _ := decode(s, i+size)
	switch s[i] {
	case ',', '.':
		return w.number && s[i-1] >= '0' && s[i-1] <= '9' && next >= '0' && next <= '9'
	}
	return !w.number && unicode.IsLetter(next) && !isUnspaced(next)
}

func cutPossessive(s string) (string, bool) {
	for _, suffix := range [...]string{"'s", "’s", "'S", "’S"} {
		if cut, ok := strings.CutSuffix(s, suffix); ok && cut != "" {
			return cut, true
		}
	}
	return s, false
}
