package text

import (
	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// Index returns the terms that a text is found by, in order, with repeats: all its words in lower case without accents,
// reduced to their stem by Porter's second English stemmer, which leaves most words of other languages as they are.
// Runs of scripts that are written without spaces become overlapping pairs of characters. No word is left out: how much it
// tells is a matter of the question, see [Weighted].
func Index(s string) []string {
	terms := make([]string, 0, len(s)/6+1)
	for w := range words(s) {
		if w.unspaced {
			terms = appendPairs(terms, norm.NFKC.String(w.text))
		} else if term := w.folded(); term != "" && len(term) <= maxWord {
			terms = append(terms, root(term))
		}
	}
	return terms
}

// Weighted returns the distinct terms of a question in order, as [Index] makes them, and how much each tells: see [Weight].
func Weighted(s string) (terms []string, weights []float64) {
	seen := map[string]bool{}
	add := func(term, word string) {
		if !seen[term] {
			seen[term] = true
			terms, weights = append(terms, term), append(weights, Weight(word))
		}
	}
	for w := range words(s) {
		if w.unspaced {
			for _, pair := range appendPairs(nil, norm.NFKC.String(w.text)) {
				add(pair, pair)
			}
		} else if term := w.folded(); term != "" && len(term) <= maxWord {
			add(root(term), term)
		}
	}
	return terms, weights
}

// root is the stem of a folded word. Words with digits stand as they are.
func root(word string) string {
	if len(word) < 3 {
		return word
	}
	for i := range len(word) {
		if word[i] >= '0' && word[i] <= '9' {
			return word
		}
	}
	return english.Stem(word, false)
}

// Asks reports whether a text ends in a question. A note at its end, as of an image, does not count.
func Asks(s string) bool { return asks(s) }
