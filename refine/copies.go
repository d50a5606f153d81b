package refine

import (
	"strings"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
)

// sameShare is the share of common words from which a memory is a copy of another.
const sameShare = .8

// copies keeps one of those that say the same: a crowd of them takes one place.
type copies struct{ seen []wording }

// wording is the words of a text with how much they tell, and of them what a copy must have in common: what holds digits.
type wording struct {
	words  map[string]float64
	values map[string]bool
	total  float64
}

func wordingOf(s string) wording {
	w := wording{words: map[string]float64{}, values: map[string]bool{}}
	terms, weights := text.Weighted(s)
	for i, term := range terms {
		w.words[term] = weights[i]
		w.total += weights[i]
		if strings.ContainsFunc(term, unicode.IsDigit) {
			w.values[term] = true
		}
	}
	return w
}

// copies reports whether two texts say the same: nearly the same words, and the very same values.
func (w wording) copies(o wording) bool {
	if len(w.values) != len(o.values) {
		return false
	}
	for v := range w.values {
		if !o.values[v] {
			return false
		}
	}
	common := 0.0
	for t, weight := range w.words {
		if _, ok := o.words[t]; ok {
			common += weight
		}
	}
	return common > 0 && common >= sameShare*(w.total+o.total-common)
}

// has reports whether a text is a copy of one that was kept.
func (c *copies) has(w wording) bool {
	for _, o := range c.seen {
		if w.copies(o) {
			return true
		}
	}
	return false
}

// Distinct are the memories without the copies of those before them, at most limit.
func Distinct(memories []Recalled, limit int) []Recalled {
	var c copies
	kept := make([]Recalled, 0, min(limit, len(memories)))
	for _, m := range memories {
		w := wordingOf(m.Text)
		if len(kept) < limit && !c.has(w) {
			c.seen = append(c.seen, w)
			kept = append(kept, m)
		}
	}
	return kept
}
