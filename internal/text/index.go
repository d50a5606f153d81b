package text

import "golang.org/x/text/unicode/norm"

// Index returns the terms that a text is found by, in order, with repeats: its words in lower case without accents, reduced
// to their stem by Porter's second English stemmer (snowballstem.org), which leaves most words of other languages as they are.
// Numbers stand as they are, without their separators of thousands. Runs of Han, Hiragana, Katakana and Thai, which are written
// without spaces, become overlapping pairs of characters. No word is left out: how much it tells is a matter of the question,
// see [Weighted].
func Index(s string) []string { return indexed(s, nil) }

// indexed are the terms of the words of s that keep accepts; nil: of all.
func indexed(s string, keep func(word string) bool) []string {
	terms := make([]string, 0, len(s)/6+1)
	for w := range words(s) {
		if w.unspaced {
			terms = appendPairs(terms, norm.NFKC.String(w.text))
		} else if term := w.folded(); term != "" && len(term) <= maxWord && (keep == nil || keep(term)) {
			terms = append(terms, stem(term))
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
			add(stem(term), term)
		}
	}
	return terms, weights
}
