package text

// Word is a word of a text as alignment reads it.
type Word struct {
	Start, End int    // its bytes in the text, a possessive included
	Low        string // folded: lower case, without accents
	Stem       string // what it is compared by; empty for a word that tells nothing
	Capital    bool   // it begins with a capital
	Opens      bool   // it is the first of its sentence
	Owns       bool   // it has a possessive 's
	Digits     bool   // it begins with a digit
	Unspaced   bool   // it is a pair of characters of a script without spaces
}

// Words returns the words of s in order. Of scripts that are written without spaces, every pair of neighbouring
// characters is one.
func Words(s string) []Word {
	var out []Word
	for w := range words(s) {
		if w.unspaced {
			prev, count := -1, 0
			for i, r := range w.text {
				end := w.start + i + len(string(r))
				if prev >= 0 {
					pair := s[prev:end]
					out = append(out, Word{Start: prev, End: end, Low: pair, Stem: pair, Unspaced: true})
				}
				prev, count = w.start+i, count+1
			}
			if count == 1 {
				out = append(out, Word{Start: w.start, End: w.end, Low: w.text, Unspaced: true})
			}
			continue
		}
		low := w.folded()
		if low == "" {
			continue
		}
		word := Word{Start: w.start, End: w.end, Low: low, Capital: isCapital(w), Opens: w.opens, Owns: w.owns, Digits: w.number}
		if !stopWords[low] && len(low) <= maxWord {
			word.Stem = stem(low)
		}
		out = append(out, word)
	}
	return out
}
