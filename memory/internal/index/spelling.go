package index

import (
	"unicode"
	"unicode/utf8"
)

// A word that no record of a part of an index holds may be misspelt, or stand in a form that the stemmer does not know. It is then looked
// for in the word of the part that is most like it.
const (
	spelledShare = .6 // of the weight of a word that is found in another spelling
	likeness     = .6 // least likeness of two spellings, see alike
	shortestWord = 4  // bytes of a word that may have another spelling
)

// spelled is the term of a word, and its share of the word's weight: 1 if the part holds the word, less if it holds one
// that is spelled much the same, 0 if neither.
func (x *Index) spelled(word string, weight float64, a part) (Term, float64) {
	if t, ok := x.numbers[word]; ok && x.docFreq(a, t) > 0 {
		return t, 1
	}
	if weight < 1 || len(word) < shortestWord || !unicode.IsLetter(first(word)) {
		return 0, 0
	}
	best, most := Term(0), 0.0
	pairs := appendPairs(nil, word)
	var space [64]uint16
	for i, other := range x.words {
		if n := len(other); n < shortestWord || 2*n > 3*len(word) || 3*n < 2*len(word) || other[0] != word[0] && other[n-1] != word[len(word)-1] {
			continue
		}
		if l := alike(pairs, appendPairs(space[:0], other)); l > most && l >= likeness && x.docFreq(a, Term(i)) > 0 {
			best, most = Term(i), l
		}
	}
	if most == 0 {
		return 0, 0
	}
	return best, spelledShare
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// appendPairs appends the pairs of neighbouring bytes of a word with its ends marked.
func appendPairs(pairs []uint16, word string) []uint16 {
	last := byte('^')
	for i := range len(word) {
		pairs = append(pairs, uint16(last)<<8|uint16(word[i]))
		last = word[i]
	}
	return append(pairs, uint16(last)<<8|'$')
}

// alike is the likeness of two spellings, in [0, 1]: the share of their pairs of letters that both have (Dice 1945).
func alike(a, b []uint16) float64 {
	var used [64]bool
	common := 0
	for _, x := range a {
		for i, y := range b[:min(len(b), len(used))] {
			if x == y && !used[i] {
				used[i] = true
				common++
				break
			}
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}
