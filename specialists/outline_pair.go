package specialists

import (
	"slices"
	"strings"
	"time"
)

// pair is how two outlines stand side by side.
type pair struct {
	l              *lexicon
	a, b           *outline
	to             []int // for each word of a the word of b it meets; -1: none
	back           []int
	near, nearBack []float64 // how near it is
	coverA, coverB float64
	shared         float64 // weight of the words that both have, persons aside
	names          bool    // each names somebody or something that the other does not
	kinds          []int16 // in which each has another member
	number         int     // units of which each has another number
	when           bool    // a time differs
	topic          bool    // each has a word before its verb, or before a word of both, that the other lacks
	lone           bool    // one of them has
	aside          int     // the words that count of either that the other has nothing like
	extraA, extraB bool    // it has a word that counts and that the other has nothing like
	gap            time.Duration
}

// compareOutlines sets two outlines side by side.
func compareOutlines(a, b *outline, gap time.Duration) *pair {
	c := &pair{l: lexical(), a: a, b: b, gap: gap}
	m := make([]float64, len(a.words)*len(b.words))
	for i := range a.words {
		for j := range b.words {
			m[i*len(b.words)+j] = c.l.likeness(&a.words[i], &b.words[j])
		}
	}
	there := meet(a.words, b.words, func(i, j int) float64 { return m[i*len(b.words)+j] })
	back := meet(b.words, a.words, func(i, j int) float64 { return m[j*len(b.words)+i] })
	c.to, c.near, c.coverA, c.extraA = there.to, there.near, there.cover, there.extra
	c.back, c.nearBack, c.coverB, c.extraB = back.to, back.near, back.cover, back.extra
	for i := range a.words {
		if c.to[i] < 0 && a.words[i].weight >= 1 {
			c.aside++
		}
	}
	for i := range b.words {
		if c.back[i] < 0 && b.words[i].weight >= 1 {
			c.aside++
		}
	}
	c.topic = there.topic && back.topic
	c.lone = there.topic || back.topic
	for i, j := range c.to {
		if j >= 0 && !a.words[i].person {
			c.shared += a.words[i].weight
		}
	}
	loneA, loneB := false, false
	for i, j := range c.to {
		loneA = loneA || j < 0 && a.words[i].name
		if j >= 0 {
			continue
		}
		for k, h := range c.back {
			if h < 0 {
				if kind, ok := contrast(a.words[i].sense, b.words[k].sense); ok && !slices.Contains(c.kinds, kind) {
					c.kinds = append(c.kinds, kind)
				}
			}
		}
	}
	for k, h := range c.back {
		loneB = loneB || h < 0 && b.words[k].name
	}
	c.names = loneA && loneB
	c.number = otherAmounts(a.numbers, b.numbers)
	c.names = c.names || otherAmounts(a.which, b.which) > 0
	c.when = timesConflict(&statement{times: a.times}, &statement{times: b.times})
	return c
}

// side is how the words of one outline stand to those of the other.
type side struct {
	to    []int     // for each word the word of the other that it meets; -1: none
	near  []float64 // how near that is
	cover float64   // the weight of the words that meet one
	topic bool      // one that meets none tells what it is about
	extra bool      // one that counts has nothing like it
}

// meet finds for each word the one that says the same among the others. near is how near word i is to word j of them.
func meet(words, others []concept, near func(i, j int) float64) side {
	s := side{to: make([]int, len(words)), near: make([]float64, len(words))}
	taken := make([]float64, len(others)) // how near its nearest is: what has its equal needs nothing alike
	for j := range others {
		for i := range words {
			taken[j] = max(taken[j], near(i, j))
		}
	}
	met, all := 0.0, 0.0
	last := -1
	for i := range words {
		s.to[i] = -1
		best := 0.0
		for j := range others {
			if q := near(i, j); q > best && (q == taken[j] || q >= enoughLike && taken[j] < 1) {
				best, s.to[i] = q, j
			}
		}
		w := &words[i]
		if best < enoughLike {
			s.to[i] = -1
		} else if last >= 0 && w.weight >= 1 && last == i-1 && w.at == words[last].at+1 && words[last].at > 0 && !words[last].verb && !w.verb {
			s.topic = true // the swimming of "swimming test"
		}
		if best < sameTopic {
			last = i
			if w.weight >= 1 {
				s.extra = true
				s.topic = s.topic || w.subject && w.clause == words[0].clause ||
					i > 0 && words[i-1].owner && s.to[i-1] >= 0 // the brother of "Julia's brother"
			}
		}
		s.near[i] = best
		all += w.weight
		met += best * w.weight
	}
	if all > 0 {
		s.cover = met / all
	}
	return s
}

// How near words are: of one concept 1, a sort of the other or telling the same enoughLike, of one topic sameTopic.
const (
	enoughLike = .8
	sameTopic  = .5
)

// likeness is how near two words are.
func (l *lexicon) likeness(a, b *concept) float64 {
	if a.key == b.key {
		return 1
	}
	kind, other := contrast(a.sense, b.sense)
	if other {
		switch k := &l.kinds[kind]; {
		case k.open:
			return 0
		case k.poles && a.not != b.not:
			return enoughLike // "not like" and "hate"
		}
	}
	for _, m := range a.told {
		if slices.Contains(b.told, m) {
			return enoughLike
		}
	}
	if other {
		return 0
	}
	if akin(a.sense, b.sense) {
		return enoughLike
	}
	for _, f := range a.fields {
		if slices.Contains(b.fields, f) {
			return sameTopic
		}
	}
	return 0
}

// akin reports whether a and b are one concept, or one is a sort of the other.
func akin(a, b *sense) bool {
	switch {
	case a.key == b.key:
		return true
	case slices.Contains(a.above, b.key), slices.Contains(b.above, a.key):
		return true
	}
	return compound(a.key, b.key) || compound(b.key, a.key)
}

// compound reports whether a word ends in another: "collarbone" and "bone".
func compound(whole, last string) bool {
	return len(whole) > len(last)+2 && len(last) > 3 && strings.HasSuffix(whole, last) && !strings.Contains(whole, " ")
}

// contrast is the kind of which two words are different members.
func contrast(a, b *sense) (int16, bool) {
	if slices.Contains(a.above, b.key) || slices.Contains(b.above, a.key) {
		return 0, false
	}
	for _, x := range a.kinds {
		for _, y := range b.kinds {
			if x.kind == y.kind && x.value != y.value {
				return x.kind, true
			}
		}
	}
	return 0, false
}

// contrasts counts in how many respects the two differ, but for one kind: one makes another value, two another thing.
func (c *pair) contrasts(but int16) int {
	n := 0
	for _, k := range c.kinds {
		if k != but {
			n++
		}
	}
	for _, v := range []bool{c.names, c.topic, c.when} {
		if v {
			n++
		}
	}
	return n + c.number
}

// leads reports whether word j of b only qualifies the next one, which a lacks: the bike in "bike helmet".
func (c *pair) leads(j int) bool {
	k := j + 1
	return k < len(c.b.words) && !c.b.words[j].capital && c.back[k] < 0 && c.b.words[k].at == c.b.words[j].at+1 && c.b.words[k].clause == c.b.words[j].clause && c.b.words[k].weight >= 1 && !c.b.words[k].name
}

// agreed reports whether both tell one value of how somebody or something is: "a vegetarian" and "no meat".
func (c *pair) agreed() bool {
	return slices.ContainsFunc(c.a.marks, func(m mark) bool {
		k := c.l.kinds[m.kind]
		return !(k.personal && k.fixed) && slices.Contains(c.b.marks, m) ||
			k.poles && slices.ContainsFunc(c.b.marks, func(n mark) bool { return n.kind == m.kind && n.value != m.value && n.not != m.not })
	})
}

// opposed reports whether one denies a word that the other does not.
func (c *pair) opposed() bool {
	for i, j := range c.to {
		if j >= 0 && c.a.words[i].not != c.b.words[j].not && akin(c.a.words[i].sense, c.b.words[j].sense) {
			return true
		}
	}
	return false
}

// bothDeny reports whether both deny one and the same.
func (c *pair) bothDeny() bool {
	for i, j := range c.to {
		if j >= 0 && c.a.words[i].not && c.b.words[j].not && c.a.words[i].weight >= 1 && !c.a.words[i].subject {
			return true
		}
	}
	return false
}

// clauseCover is the weight of what is denied in a clause that the other outline has.
func clauseCover(g *outline, clause int, near []float64) float64 {
	met, all := 0.0, 0.0
	for i, w := range g.words {
		if w.clause == clause && (w.not || w.subject) {
			all += w.weight
			met += w.weight * near[i]
		}
	}
	if all == 0 {
		return 0
	}
	return met / all
}

// rest is the weight of g's words that the other has, but for those that tell a value of a kind; 1: it has no others.
func rest(g *outline, to []int, kind int16) float64 {
	met, all := 0.0, 0.0
	for i, w := range g.words {
		if w.light || slices.ContainsFunc(w.told, func(m member) bool { return m.kind == kind }) {
			continue
		}
		all += w.weight
		if to[i] >= 0 {
			met += w.weight
		}
	}
	if all == 0 {
		return 1
	}
	return met / all
}

// people counts those whom both are about or name.
func (c *pair) people() int {
	n := 0
	if len(c.a.self) > 0 && overlap(c.a.self, c.b.self) {
		n++
	}
	for i, j := range c.to {
		if j >= 0 && (c.a.words[i].person || c.a.words[i].name) && !slices.Contains(c.a.self, c.a.words[i].key) {
			n++
		}
	}
	return n
}

// sameName reports whether both name one place or thing.
func (c *pair) sameName() bool {
	for i, j := range c.to {
		if j >= 0 && c.a.words[i].name && !c.a.words[i].subject {
			return true
		}
	}
	return false
}

// agree reports whether both say one and the same value of a kind.
func (c *pair) agree(kind int16) bool {
	for _, x := range c.a.marks {
		for _, y := range c.b.marks {
			if x.kind == kind && x == y {
				return true
			}
		}
	}
	return false
}

// differs reports whether one tells a value of a kind that the other tells, but not this one.
func (c *pair) differs() bool {
	other := func(marks, others []mark) bool {
		return slices.ContainsFunc(marks, func(m mark) bool {
			return !c.l.kinds[m.kind].poles && !slices.Contains(others, m) &&
				slices.ContainsFunc(others, func(n mark) bool { return n.kind == m.kind && !(m.not && !n.not && n.value != m.value) })
		})
	}
	return other(c.a.marks, c.b.marks) || other(c.b.marks, c.a.marks)
}

// covers reports whether either has enough of the other's words; fewer do where both have the same number or denial.
func (c *pair) covers() bool {
	low, high := min(c.coverA, c.coverB), max(c.coverA, c.coverB)
	measured := slices.ContainsFunc(c.a.numbers, func(q quantity) bool { return !plainUnit(q.unit) })
	return low >= sameOutline || low >= .45 && (high >= .85 && (len(c.a.numbers) > 0 || c.bothDeny()) || measured && c.shared >= 1)
}

// compares reports whether one is more than the other in both, and not the same one.
func (c *pair) compares() bool {
	both := slices.ContainsFunc(c.a.marks, func(m mark) bool {
		return c.l.kinds[m.kind].compares && slices.ContainsFunc(c.b.marks, func(n mark) bool { return n.kind == m.kind })
	})
	return both && c.a.first() != "" && c.b.first() != "" && c.a.first() != c.b.first()
}

// first is who is named first before a verb.
func (g *outline) first() string {
	for _, w := range g.words {
		if w.subject && (w.person || w.name) {
			return w.key
		}
	}
	return ""
}

// swapped reports whether one who does something in a has it done to him in b.
func (c *pair) swapped() bool {
	if c.a.copula() && c.b.copula() {
		return false // "the CEO is Dana" and "Dana is the CEO"
	}
	first, second := false, false
	for i, j := range c.to {
		if j >= 0 && (c.a.words[i].name || c.a.words[i].person) {
			first = first || c.a.words[i].subject && !c.b.words[j].subject
			second = second || !c.a.words[i].subject && c.b.words[j].subject
		}
	}
	return first && second
}

// beside is the weight of a's words that b has, but for those that b has others for; 0 if nothing is shared.
func (c *pair) beside() float64 {
	met, all := 0.0, 0.0
	for i, w := range c.a.words {
		if w.light || c.to[i] < 0 && (w.name || slices.ContainsFunc(w.kinds, func(m member) bool { return slices.Contains(c.kinds, m.kind) })) {
			continue
		}
		all += w.weight
		if c.to[i] >= 0 {
			met += w.weight
		}
	}
	if met < 1 {
		return 0
	}
	return met / all
}
