package specialists

import (
	"strings"
	"time"
	"unicode"

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
			if isFact(link) {
				add(link)
			}
		}
		for _, n := range negations(sentence) {
			add(n)
		}
	}
	return facts
}

// isFact reports whether a link is a name, a number or a date. Other links say of what kind a text is.
func isFact(link string) bool {
	if link == text.PrefixName+"ill" {
		return false // "I'll" within a sentence is a capital, and no name
	}
	for _, prefix := range [...]string{text.PrefixName, text.PrefixNumber, text.PrefixDay, text.PrefixWeek, text.PrefixMonth, text.PrefixYear} {
		if strings.HasPrefix(link, prefix) {
			return true
		}
	}
	return false
}

// Missing returns those of the facts that have does not hold, in order. A month is held by a day in it, and a name by
// any text that has the name as a word.
func Missing(facts []string, have map[string]bool) []string {
	var lost []string
	for _, f := range facts {
		if !have[f] {
			lost = append(lost, f)
		}
	}
	return lost
}

// Invented returns the facts of derived that no source has. A name counts as had if a source holds its word at all:
// which words of a sentence are capitalised depends on where it stands.
func Invented(derived []string, sources map[string]bool, words map[string]bool) []string {
	var made []string
	for _, f := range derived {
		if sources[f] {
			continue
		}
		if name, ok := strings.CutPrefix(f, text.PrefixName); ok && words[name] {
			continue
		}
		made = append(made, f)
	}
	return made
}

// deniers are the words that deny what follows them. A word that ends in "n't" denies too.
var deniers = map[string]bool{
	"not": true, "no": true, "never": true, "nobody": true, "nothing": true, "none": true, "neither": true, "nor": true,
	"without": true, "cannot": true, "can't": true, "won't": true, "don't": true, "nowhere": true, "hardly": true,
	"except": true,
}

// negations returns the negations of s, each with the next word that is not a stop word.
func negations(s string) []string {
	var found []string
	pending := false
	for i := 0; i < len(s); {
		r := rune(s[i])
		if !isLetter(s[i]) {
			// A negation reaches no further than its sentence: "No! I went." denies nothing that follows.
			if strings.ContainsRune(".!?;\n", r) {
				pending = false
			}
			if pending && r == ',' {
				pending = false
			}
			i++
			continue
		}
		start := i
		for i < len(s) && (isLetter(s[i]) || s[i] == '\'' || strings.HasPrefix(s[i:], "’") || start < i-1 && strings.HasPrefix(s[i-1:], "’")) {
			if s[i] >= 0x80 && strings.HasPrefix(s[i:], "’") {
				i += len("’")
				continue
			}
			i++
		}
		w := strings.ToLower(strings.ReplaceAll(s[start:i], "’", "'"))
		w = strings.Trim(w, "'")
		if deniers[w] || strings.HasSuffix(w, "n't") {
			pending = true
			continue
		}
		if pending && !text.Stop(w) {
			if terms := text.Terms(w); len(terms) > 0 { // "I'd" is none
				found = append(found, PrefixNot+terms[0])
				pending = false
			}
		}
	}
	return found
}

func isLetter(c byte) bool {
	return c >= 0x80 || unicode.IsLetter(rune(c))
}
