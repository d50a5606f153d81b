package specialists

import (
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// PrefixNot marks the fact that a word is denied: "not:eat". Names, numbers and dates carry the prefixes of
// internal/text.
const PrefixNot = "not:"

// Facts returns what must survive of s when it is shortened: its names, numbers and dates as [text.Links] finds them in
// each sentence, and its negations, each with the first word it denies. They are distinct and in order of appearance. at
// is when s was said; it resolves "yesterday".
func Facts(s string, at time.Time) []string {
	var facts []string
	seen := map[string]bool{}
	add := func(f string) {
		if !seen[f] {
			seen[f] = true
			facts = append(facts, f)
		}
	}
	// A date or a denial never reaches from one sentence into the next.
	for _, sentence := range text.Sentences(s) {
		for _, link := range text.Links(sentence, at) {
			if link != text.PrefixName+"ill" { // "I'll" within a sentence is a capital, and no name
				add(link)
			}
		}
		for _, n := range negations(sentence) {
			add(n)
		}
	}
	return facts
}

// Missing returns those of the facts that have does not hold, in order.
func Missing(facts []string, have map[string]bool) []string {
	var lost []string
	for _, f := range facts {
		if !have[f] {
			lost = append(lost, f)
		}
	}
	return lost
}

// Invented returns the facts that no source has. A name counts as had if a source holds its word at all: which words of a
// sentence are capitalised depends on where it stands.
func Invented(facts []string, sources map[string]bool, words map[string]bool) []string {
	return slices.DeleteFunc(Missing(facts, sources), func(f string) bool {
		name, ok := strings.CutPrefix(f, text.PrefixName)
		return ok && words[name]
	})
}

// negations returns the negations of a sentence, each with the next word that tells something.
func negations(s string) []string {
	var found []string
	pending, end := false, 0
	for _, w := range text.Words(s) {
		if strings.ContainsAny(s[end:w.Start], ".!?;,\n") { // it reaches no further: "No, I went." denies nothing that follows
			pending = false
		}
		end = w.End
		switch {
		case text.Denies(w.Low, s[w.Start:w.End]):
			pending = true
		case pending && w.Stem != "" && !w.Digits:
			found = append(found, PrefixNot+w.Stem)
			pending = false
		}
	}
	return found
}
