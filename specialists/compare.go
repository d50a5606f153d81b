package specialists

import (
	"slices"
	"strings"
)

// words are all the words of s that count: who, what, and the verb unless it is a light one.
func (s *statement) words() []string {
	if s.bag != nil {
		return s.bag
	}
	w := slices.Concat(unowned(s.subject), s.object)
	if !light[s.verb] {
		w = append(w, s.verb)
	}
	s.bag = distinct(w)
	return s.bag
}

// light verbs say little by themselves: "is allergic" and "has an allergy".
var light = set(`be have do get`)

func unowned(words []string) []string {
	var out []string
	for _, w := range words {
		if !strings.HasPrefix(w, "@") && !generic[w] {
			out = append(out, w)
		}
	}
	return out
}

func content(words []string) []string {
	var out []string
	for _, w := range words {
		if !fillers[w] {
			out = append(out, w)
		}
	}
	return out
}

func names(s *statement, words []string) []string {
	var out []string
	for _, w := range words {
		if slices.Contains(s.proper, w) {
			out = append(out, w)
		}
	}
	return out
}

// sameBag reports whether a and b have the same words, and are about the same person.
func sameBag(a, b *statement) bool {
	if !sameWords(a.words(), b.words()) {
		return false
	}
	if a.verb == b.verb && !a.passive && !b.passive && a.verb != "be" && !light[a.verb] && !sameSubject(a, b) {
		return false // Tom met Ben; who did what counts
	}
	return sameOwner(a, b)
}

func sameWords(a, b []string) bool { return slices.Equal(a, b) }

// sameOwner reports whether no two different speakers own a and b.
func sameOwner(a, b *statement) bool {
	oa, ob := ownerOf(a), ownerOf(b)
	return oa == "" || ob == "" || oa == ob
}

func ownerOf(s *statement) string {
	for _, w := range s.subject {
		if strings.HasPrefix(w, "@") {
			return w
		}
	}
	return ""
}

// sameSubject reports whether a and b are about the same: the same words but for whose they are and what any subject
// may carry.
func sameSubject(a, b *statement) bool {
	if !sameOwner(a, b) {
		return false
	}
	ua, ub := unowned(a.subject), unowned(b.subject)
	if len(ua) == 0 && len(ub) == 0 {
		return len(a.subject) == len(b.subject) || ownerOf(a) == ownerOf(b)
	}
	return slices.Equal(ua, ub)
}

func contains(whole, part []string) bool {
	for _, w := range part {
		if !slices.Contains(whole, w) {
			return false
		}
	}
	return len(part) > 0
}

func overlap(a, b []string) bool {
	for _, w := range a {
		if slices.Contains(b, w) {
			return true
		}
	}
	return false
}

// overlapStrict is overlap where each side has a word of its own too: "Hillside School" and "Lakeview School".
func overlapStrict(a, b []string) bool {
	return overlap(a, b) && len(difference(a, b)) > 0 && len(difference(b, a)) > 0
}

func difference(a, b []string) []string {
	var out []string
	for _, w := range a {
		if !slices.Contains(b, w) {
			out = append(out, w)
		}
	}
	return out
}

func sameNumbers(a, b *statement) bool { return slices.Equal(sorted(a.numbers), sorted(b.numbers)) }

func sorted(q []quantity) []string {
	out := formatted(q)
	slices.Sort(out)
	return out
}

// sameTimes reports whether a and b name the same times; a year that only one of them names does not part them.
func sameTimes(a, b *statement) bool {
	return !timesConflict(a, b) && (len(a.times) == 0) == (len(b.times) == 0)
}

// timesConflict reports whether a and b name different times of the same kind.
func timesConflict(a, b *statement) bool {
	for _, x := range a.times {
		kind := x[:2]
		found, same := false, false
		for _, y := range b.times {
			if y[:2] == kind {
				found = true
				same = same || x == y
			}
		}
		if found && !same {
			return true
		}
	}
	// A month and a day in another month.
	for _, s := range [...][2]*statement{{a, b}, {b, a}} {
		for _, x := range s[0].times {
			for _, y := range s[1].times {
				if x[:2] == "m:" && y[:2] == "d:" && x[2:4] != y[2:4] {
					return true
				}
			}
		}
	}
	return false
}

func sameValues(a, b *statement) bool { return sameNumbers(a, b) && !timesConflict(a, b) }

func valueDiffers(a, b *statement) bool {
	return timesConflict(a, b) || len(a.numbers) > 0 && len(b.numbers) > 0 && !sameNumbers(a, b) || overlapStrict(a.proper, b.proper)
}

func similarObject(a, b *statement) bool {
	return len(a.object) > 0 && slices.Equal(a.object, b.object)
}

func isLasting(s *statement) bool {
	for _, w := range s.subject {
		if lasting[w] && s.verb == "be" {
			return true
		}
	}
	return s.verb == "born" || s.naming
}

func hasAny(s *statement, set map[string]bool) bool {
	if set[s.verb] {
		return true
	}
	for _, w := range s.object {
		if set[w] {
			return true
		}
	}
	return false
}

func denied(a, b *statement) bool { return a.negative != b.negative }

// covers reports whether the denial of two statements is about all that the other says: "no fish" denies "fish on
// Fridays", and "no fish on Fridays" does not deny "fish".
func covers(a, b *statement) bool {
	deny, say := a, b
	if b.negative {
		deny, say = b, a
	}
	if len(deny.object) == 0 && light[deny.verb] {
		return false
	}
	said := say.words()
	for _, w := range said {
		if kind := hypernyms[w]; kind != "" && !slices.Contains(said, kind) {
			said = append(slices.Clone(said), kind)
		}
	}
	return sameSubject(a, b) && contains(said, deny.words()) && len(say.words())-len(deny.words()) <= 2
}

// rivals reports whether each names somebody or something in its object, and not the same.
func rivals(a, b *statement) bool {
	na, nb := names(a, a.object), names(b, b.object)
	return len(na) > 0 && len(nb) > 0 && !overlap(na, nb)
}

// opposed reports whether one has the antonym of a word of the other.
func opposed(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if antonyms[x] == y || antonyms[y] == x {
				return true
			}
		}
	}
	return false
}

// opposite tells whether a and b differ in one antonym: "state" if the world moves between the two, "" if they do not.
func opposite(a, b *statement) string {
	if isLasting(a) && !sameWords(a.words(), b.words()) && len(a.numbers) == 0 {
		return ""
	}
	onlyA, onlyB := difference(a.words(), b.words()), difference(b.words(), a.words())
	if len(a.numbers) > 0 && sameNumbers(a, b) && a.verb != b.verb {
		return "" // open until eight, closes at eight
	}
	for _, f := range families {
		for _, x := range onlyA {
			for _, y := range onlyB {
				// The partner of a marriage, or the day of a closing, may be named besides.
				if f[x] && f[y] && (a.verb == "be" || b.verb == "be") {
					return "state"
				}
			}
		}
	}
	if len(onlyA) != 1 || len(onlyB) != 1 {
		return ""
	}
	if antonyms[onlyA[0]] == onlyB[0] || antonyms[onlyB[0]] == onlyA[0] {
		return "antonym"
	}
	return ""
}

// occasional reports whether s names a season or a feast.
func occasional(s *statement) bool {
	return slices.ContainsFunc(s.times, func(m moment) bool { return strings.HasPrefix(string(m), "o:") })
}
