// Package align compares sentences by the words they have in common and the values that differ: numbers, times, dates and
// names. It knows no grammar: two sentences speak of one thing if nearly all of what they say is the same.
package align

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
)

// Line is a sentence made ready for alignment.
type Line struct {
	Text   string
	Asks   bool // it is a question
	words  []text.Word
	values []text.Value
	stems  map[string]bool
	names  []name
	unit   []bool // word i is part of a value or its unit

	// Of a [Corpus].
	Source int             // number of its statement
	place  int             // number of the line in its statement
	around map[string]bool // stems of the lines next to it, and of who said it
	whole  map[string]bool // stems of all its statement
}

// name is a run of words with a capital.
type name struct {
	low         string
	first, last int // words
}

// Read makes a sentence ready.
func Read(s string) *Line {
	l := &Line{Text: s, Asks: text.Asks(s), words: text.Words(s), values: text.Values(s), stems: map[string]bool{}}
	l.unit = make([]bool, len(l.words))
	for i, w := range l.words {
		if w.Stem != "" {
			l.stems[w.Stem] = true
		}
		l.unit[i] = slices.ContainsFunc(l.values, func(v text.Value) bool {
			return w.Start < v.End && v.Start < w.End || v.Unit != "" && w.Start >= v.End && w.Start-v.End <= 1 && (w.Stem == v.Unit || text.Unit(w.Low) == v.Unit)
		})
	}
	for i := 0; i < len(l.words); i++ {
		if !l.nameWord(i) || l.words[i].Opens && !(l.nameWord(i+1) && !l.words[i+1].Opens) {
			continue
		}
		n := name{l.words[i].Low, i, i}
		for l.nameWord(i+1) && !l.words[i+1].Opens && l.words[i+1].Start-l.words[i].End <= 2 {
			i++
			n.low += " " + l.words[i].Low
			n.last = i
		}
		l.names = append(l.names, n)
	}
	return l
}

func (l *Line) nameWord(i int) bool {
	return i < len(l.words) && l.words[i].Capital && l.words[i].Stem != "" && !l.unit[i] && !text.Pronoun(l.words[i].Low)
}

// Statement is what somebody said.
type Statement struct {
	Text, Speaker string
	At            time.Time
}

// Corpus are the sentences that claims are aligned with, and how rare their words are.
type Corpus struct {
	Statements []Statement
	Lines      []*Line
	count      map[string]int // of lines, by stem
}

// fewest is the least number of lines that rarity is computed from: recalled memories hold the words of the question more
// often than others do.
const fewest = 400

// mostBytes bounds what is read of one statement, and mostLines what is read of all.
const (
	mostBytes = 64 << 10
	mostLines = 4000
)

// NewCorpus reads statements.
func NewCorpus(statements []Statement) *Corpus {
	c := &Corpus{Statements: statements, count: map[string]int{}}
	for i, s := range statements {
		first := len(c.Lines)
		for _, sentence := range text.Sentences(strings.ToValidUTF8(s.Text[:min(len(s.Text), mostBytes)], "")) {
			if len(c.Lines) == mostLines {
				break
			}
			l := Read(sentence)
			l.Source, l.place = i, len(c.Lines)-first
			c.Lines = append(c.Lines, l)
			for stem := range l.stems {
				c.count[stem]++
			}
		}
		whole := map[string]bool{}
		for j, l := range c.Lines[first:] {
			for stem := range l.stems {
				whole[stem] = true
			}
			l.whole = whole
			l.around = map[string]bool{}
			for k := max(0, j-2); k <= min(len(c.Lines)-first-1, j+2); k++ {
				if k != j {
					for stem := range c.Lines[first+k].stems {
						l.around[stem] = true
					}
				}
			}
			for _, w := range text.Words(s.Speaker) {
				l.around[w.Stem] = true
			}
		}
	}
	return c
}

// kana reports whether a pair of characters is Hiragana, which mostly writes grammar.
func kana(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.Is(unicode.Hiragana, r) }) < 0
}

// weight is how much a word tells: the fewer lines have it the more, and a name more than another.
func (c *Corpus) weight(w text.Word) float64 {
	if w.Stem == "" || text.Pronoun(w.Low) || text.Grammar(w.Low) {
		return 0
	}
	n := float64(max(len(c.Lines), fewest))
	weight := math.Log((n + 1) / (float64(c.count[w.Stem]) + .5))
	switch {
	case text.Unit(w.Low) != "":
		weight *= .4 // "a month" tells how a value is meant, and little of what it is about
	case w.Unspaced && strings.ContainsAny(w.Low, "我你您私僕俺的了是"):
		return 0
	case w.Unspaced && kana(w.Low):
		weight *= .15
	case w.Capital && !w.Opens:
		weight *= 1.5
	case len(w.Low) <= 3 && !w.Digits:
		weight *= .6
	}
	return max(weight, .1)
}

// has says how far a line holds a word: 1 by itself, less by what stands around it or by a word of the same root.
func (l *Line) has(w text.Word) float64 {
	switch {
	case l.stems[w.Stem]:
		return 1
	case l.around[w.Stem]:
		return .8
	case w.Unspaced || w.Digits:
		return 0
	}
	for stem := range l.stems {
		if sameRoot(stem, w.Stem) {
			return .9
		}
	}
	if l.whole[w.Stem] {
		return .6
	}
	return 0
}

// sameRoot reports whether two stems are forms of one root, as far as their beginning tells: "rehears" and "rehearsal".
func sameRoot(a, b string) bool {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n >= 5 && len(a)-n <= 4 && len(b)-n <= 4
}

// same reports whether two words are one, or both pronouns of a person.
func same(a, b text.Word) bool {
	return a.Low == b.Low || a.Stem != "" && (a.Stem == b.Stem || !a.Unspaced && sameRoot(a.Stem, b.Stem)) || text.Pronoun(a.Low) && text.Pronoun(b.Low)
}

// Passage is what a line's statement says there, verbatim: the line, and the one before it where that tells what the line
// is about.
func (c *Corpus) Passage(l *Line, before bool) string {
	said := c.Statements[l.Source].Text
	end := 0
	start := 0
	for _, o := range c.Lines {
		if o.Source != l.Source || o.place > l.place {
			continue
		}
		i := strings.Index(said[end:], o.Text)
		if i < 0 {
			return l.Text
		}
		if o.place == l.place && !before || o.place == max(0, l.place-1) && before {
			start = end + i
		}
		end += i + len(o.Text)
	}
	return said[start:end]
}
