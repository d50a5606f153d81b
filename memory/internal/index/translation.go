package index

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/text"
)

// A question may be asked in another language than a record is written in. So a word of it also finds the words of other languages that
// mean much the same, by [text.MeaningOf]. Near words of its own language are not looked for: they stand for other things
// (Monday, Tuesday) more often than for the same.
const (
	mostTranslations = 3
	leastTranslation = .58 // likeness in meaning
	sureTranslation  = .7  // and the one from which a translation counts like the word
	telling          = .75 // least [text.Weight] of a word that is translated, and of what stands for it
)

// variant is a term that stands for a word of a question, with its share of the word's weight.
type variant struct {
	term  Term
	share float64
}

// meant is a term whose meaning is known.
type meant struct {
	term    Term
	meaning text.Meaning
}

// meaningOf is the meaning of a term. A pair of characters that is no word has that of its only Han character that means
// something by itself: 猫の and 的猫 that of 猫.
func meaningOf(term string) (text.Meaning, bool) {
	m, known := text.MeaningOf(term)
	if known || len(term) > 2*utf8.UTFMax || !strings.ContainsFunc(term, isHan) {
		return m, known
	}
	for _, r := range term {
		if one, ok := text.MeaningOf(string(r)); ok && isHan(r) {
			if known {
				return m, false
			}
			m, known = one, true
		}
	}
	return m, known
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// variants are the terms of a part that stand for a word of a question: the word itself or one that is spelled much the same, then its
// likeliest translations.
func (x *Index) variants(word string, weight float64, a part) (list []variant) {
	own, share := x.spelled(word, weight, a)
	if share > 0 {
		list = []variant{{own, share}}
	}
	meaning, ok := meaningOf(word)
	if !ok || weight < telling {
		return list
	}
	like := meaning.Likenesses()
	var found []variant
	for _, o := range x.meant {
		if !meaning.Foreign(o.meaning) {
			continue
		}
		if l := like(o.meaning); l >= leastTranslation && text.Weight(x.words[o.term]) >= telling && x.docFreq(a, o.term) > 0 {
			found = append(found, variant{o.term, min(1, l/sureTranslation)})
		}
	}
	slices.SortFunc(found, func(a, b variant) int { return cmp.Or(cmp.Compare(b.share, a.share), cmp.Compare(a.term, b.term)) })
	return append(list, found[:min(len(found), mostTranslations)]...)
}

// tell sets what an answer's query is: of each word of the question the first that stands for it.
func (x *Index) tell(answer *Answer, q *Question, a part) {
	answer.alike = map[Term]Term{}
	for i, list := range q.variants {
		if len(list) == 0 {
			answer.Missing += q.Weights[i] * idf(a.live, 0)
			continue
		}
		head := list[0]
		if !slices.Contains(answer.Query, head.term) {
			answer.Query = append(answer.Query, head.term)
			answer.Weights = append(answer.Weights, head.share*q.Weights[i]*idf(a.live, x.docFreq(a, head.term)))
		}
		for _, v := range list[1:] {
			answer.alike[v.term] = head.term
		}
	}
}

// TermsOf are the terms of a document, with the terms of the query that others of it stand for: sorted, distinct.
func (a *Answer) TermsOf(d *Doc) []Term {
	terms := d.Terms
	for _, t := range d.Terms {
		if head, ok := a.alike[t]; ok {
			if i, held := slices.BinarySearch(terms, head); !held {
				terms = slices.Insert(slices.Clone(terms), i, head)
			}
		}
	}
	return terms
}
