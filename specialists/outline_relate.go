package specialists

import (
	"math"
	"slices"
	"strings"
	"time"
)

// Bounds of what two outlines must share, chosen on half of testdata/relations_third.jsonl.
const (
	longOutline  = 30  // words beyond which a text says too much to be read loosely
	sameOutline  = .55 // of the weight of either's words, for the two to say the same
	topicOutline = .5  // of the weight of one's words, for another number to be about the same
	restOutline  = .4  // of the weight of what else the earlier says, for another state to be of the same
	overOutline  = .3
	denyOutline  = .7 // of the weight of what is denied, for the other to say it
	worldTurn    = 3 * 24 * time.Hour
)

// compared is how two outlines stand side by side.
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

// relateOutlines judges by what is there what could not be judged by how it is built.
func relateOutlines(a, b *outline, gap time.Duration) Verdict {
	apart := Verdict{Apart, "nothing in common"}
	if a.asks || b.asks || a.talk || b.talk || a.except || b.except || a.count > longOutline || b.count > longOutline || !aboutSame(a, b) {
		return apart
	}
	c := compareOutlines(a, b, gap)
	for _, rule := range [...]func() (Relation, string){c.death, c.over, c.arrived, c.part, c.denied, c.state, c.value, c.member, c.turn, c.same} {
		if r, why := rule(); r != "" {
			return Verdict{r, why}
		}
	}
	return apart
}

func compareOutlines(a, b *outline, gap time.Duration) *pair {
	c := &pair{l: lexical(), a: a, b: b, gap: gap}
	var topicA, topicB bool
	c.to, c.near, c.coverA, topicA, c.extraA = meet(a.words, b.words)
	c.back, c.nearBack, c.coverB, topicB, c.extraB = meet(b.words, a.words)
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
	c.topic = topicA && topicB
	c.lone = topicA || topicB
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

// meet finds for each word the one that says the same among the others, and the weight of the words that have one; whether
// one tells what it is about that has none, and whether one that counts has none.
func meet(words, others []concept) (to []int, near []float64, cover float64, topic, extra bool) {
	to, near = make([]int, len(words)), make([]float64, len(words))
	met, all := 0.0, 0.0
	last := -1
	taken := make([]bool, len(others)) // has its like, and needs no word of its topic
	for j := range others {
		for i := range words {
			taken[j] = taken[j] || likeness(&words[i], &others[j]) >= .7
		}
	}
	for i := range words {
		to[i] = -1
		best := 0.0
		for j := range others {
			if q := likeness(&words[i], &others[j]); q > best && (q >= .7 || !taken[j]) {
				best = q
				to[i] = j
			}
		}
		if best < .7 {
			to[i] = -1
		} else if last >= 0 && words[i].weight >= 1 && last == i-1 && words[i].at == words[last].at+1 && !words[last].verb {
			topic = true // the swimming of "swimming test"
		}
		if best < .5 && i > 0 && words[i-1].owner && to[i-1] >= 0 && words[i].weight >= 1 {
			topic = true // the brother of "Julia's brother"
		}
		if best < .5 {
			last = i
		}
		if best < .5 && words[i].weight >= 1 {
			extra = true
			topic = topic || words[i].subject && words[i].clause == words[0].clause
		}
		near[i] = best
		all += words[i].weight
		met += best * words[i].weight
	}
	if all == 0 {
		return to, near, 0, topic, extra
	}
	return to, near, met / all, topic, extra
}

// likeness is how near two words are: 1 one concept, .8 a sort of the other, .5 of one topic.
func likeness(a, b *concept) float64 {
	if a.key == b.key {
		return 1
	}
	for _, m := range a.told {
		if slices.Contains(b.told, m) {
			return .8
		}
	}
	if _, other := contrast(a.sense, b.sense); other {
		return 0
	}
	if akin(a.sense, b.sense) {
		return .8
	}
	for _, f := range a.fields {
		if slices.Contains(b.fields, f) {
			return .5
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
	case strings.Contains(a.key+b.key, " "):
		return false
	case len(a.key) > len(b.key)+2 && len(b.key) > 3 && strings.HasSuffix(a.key, b.key), len(b.key) > len(a.key)+2 && len(a.key) > 3 && strings.HasSuffix(b.key, a.key):
		return true // "collarbone" and "bone"
	}
	return false
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

// otherAmounts counts the units of which a and b have a number, and none in common.
func otherAmounts(a, b []quantity) int {
	n := 0
	for i, x := range a {
		if slices.ContainsFunc(a[:i], func(q quantity) bool { return q.unit == x.unit }) {
			continue
		}
		other, same := false, false
		for _, y := range b {
			alike := y.unit == x.unit || plainUnit(x.unit) && plainUnit(y.unit) && (x.unit == "" || y.unit == "")
			other = other || alike
			same = same || alike && (y.value == x.value || x.unit == "clock" && math.Mod(y.value-x.value, 720) == 0)
		}
		if other && !same {
			n++
		}
	}
	return n
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

// death: who is dead does nothing any more.
func (c *pair) death() (Relation, string) {
	for i, w := range c.b.words {
		if w.cues&cueDeath == 0 || w.not || c.a.past || c.a.cues&cueDeath != 0 {
			continue
		}
		for k, x := range c.b.words {
			if x.clause == w.clause && k < i && x.subject && (x.person || x.name || x.weight >= 1) && c.back[k] >= 0 && !x.owner {
				return Updates, "who did is dead"
			}
		}
	}
	return "", ""
}

// over: what a has, does or is, has come to an end.
func (c *pair) over() (Relation, string) {
	if c.a.past || c.b.cues&cueWish != 0 {
		return "", ""
	}
	for i, j := range c.to {
		if j < 0 {
			continue
		}
		x, y := c.a.words[i], c.b.words[j]
		if x.person || x.name && x.subject && y.subject || x.weight < 1 || x.not || x.ended || x.past || y.not || !y.ended || y.owner || c.leads(j) || c.names && y.cues&cueEnd == 0 || len(c.kinds) > 0 || c.coverA < overOutline {
			continue
		}
		return Updates, "it is over"
	}
	return "", ""
}

// arrived: what was awaited has come.
func (c *pair) arrived() (Relation, string) {
	if c.a.past || c.a.cues&cueAwait == 0 || c.contrasts(-1) > 0 || c.b.cues&(cueWish|cueAwait|cueNegate) != 0 {
		return "", ""
	}
	for i, j := range c.to {
		if j >= 0 && c.b.words[j].gained && c.a.words[i].weight >= 1 && !c.a.words[i].person && !c.leads(j) {
			return Updates, "what was awaited has come"
		}
	}
	return "", ""
}

// part: what is said of all is not so of one of them.
func (c *pair) part() (Relation, string) {
	one := func(g *outline) bool { return g.names([]string{"one"}) || g.names([]string{"some"}) }
	if c.a.cues&cueAll != 0 && one(c.b) && !one(c.a) || c.b.cues&cueAll != 0 && one(c.a) && !one(c.b) {
		if c.shared >= 1 && c.extraA && c.extraB && c.aside <= 3 && (c.a.cues|c.b.cues)&(cueMany|cueWish|cueNegate) == 0 {
			return Contradicts, "it is not so of all"
		}
	}
	return "", ""
}

// leads reports whether word j of b only qualifies the next one, which a lacks: the bike in "bike helmet".
func (c *pair) leads(j int) bool {
	k := j + 1
	return k < len(c.b.words) && !c.b.words[j].capital && c.back[k] < 0 && c.b.words[k].at == c.b.words[j].at+1 && c.b.words[k].clause == c.b.words[j].clause && c.b.words[k].weight >= 1 && !c.b.words[k].name
}

// denied: one says what the other denies.
func (c *pair) denied() (Relation, string) {
	if c.contrasts(-1) > 0 || (c.a.cues|c.b.cues)&cueWish != 0 || c.agreed() || c.bothDeny() {
		return "", ""
	}
	for i, j := range c.to {
		if j < 0 {
			continue
		}
		x, y := c.a.words[i], c.b.words[j]
		if x.not == y.not || max(x.weight, y.weight) < 1 || x.person && x.subject && y.subject || !akin(x.sense, y.sense) {
			continue
		}
		cover := 0.0
		if x.not {
			cover = clauseCover(c.a, x.clause, c.near)
		} else {
			cover = clauseCover(c.b, y.clause, c.nearBack)
		}
		if cover < denyOutline {
			continue
		}
		switch {
		case c.b.cues&cueCorrect != 0:
			return Updates, "corrected"
		case x.not && (c.gap > worldTurn && (y.gained || c.a.cues&cueNever == 0 && !c.a.past && !c.b.past) || c.b.cues&cueChange != 0 || c.a.cues&cueAwait != 0):
			return Updates, "what was not is"
		case y.not && (c.b.cues&cueChange != 0 || y.ended):
			return Updates, "what was is no longer"
		case c.b.cues&cuePassing != 0:
			return "", ""
		}
		return Contradicts, "one denies the other"
	}
	return "", ""
}

// agreed reports whether both tell one value of how somebody or something is: "a vegetarian" and "no meat".
func (c *pair) agreed() bool {
	return slices.ContainsFunc(c.a.marks, func(m mark) bool {
		k := c.l.kinds[m.kind]
		return !(k.personal && k.fixed) && slices.Contains(c.b.marks, m)
	})
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

// state: each gives another value of a kind of which one excludes the other.
func (c *pair) state() (Relation, string) {
	for _, x := range c.a.marks {
		k := c.l.kinds[x.kind]
		for _, y := range c.b.marks {
			if x.kind != y.kind || (x.value == y.value) == (x.not == y.not) || c.agree(x.kind) && (c.a.cues|c.b.cues)&cueAll == 0 {
				continue
			}
			switch {
			case x.value != y.value && (x.not || y.not):
				continue
			case k.turns && (x.not || y.not || x.value > y.value), k.onward && c.sameName():
				continue
			case k.personal && !overlap(c.a.self, c.b.self) && !(c.b.other && len(c.b.about) == 0):
				continue
			case !k.personal && (c.shared < 1 || rest(c.b, c.back, x.kind) < restOutline/2), rest(c.a, c.to, x.kind) < restOutline:
				continue
			case c.contrasts(x.kind) > 0 && !(k.turns && c.b.cues&cuePassing == 0 && !c.names && len(c.kinds) <= 1):
				return "", ""
			case c.a.cues&cueWish != 0 || c.b.cues&cueWish != 0:
				continue
			case !k.personal && c.lone && !k.fixed && (c.a.cues|c.b.cues)&cueFinal == 0 && c.b.cues&(cueChange|cueCorrect) == 0:
				continue
			case c.a.past && c.b.past, k.fixed, !k.personal && !k.turns && (c.a.cues|c.b.cues)&cueFinal != 0 && c.b.cues&cueChange == 0:
				return Contradicts, "it cannot be both"
			case c.b.cues&(cueChange|cueEnd|cueMove|cueCorrect) != 0, c.gap > worldTurn:
				return Updates, "another state"
			}
			return Contradicts, "it cannot be both"
		}
	}
	return "", ""
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

// value: both give a number or a time of the same, and another one.
func (c *pair) value() (Relation, string) {
	if c.number == 0 && !c.when || len(c.kinds) > 0 || c.names || c.topic || c.number > 1 || c.shared < 1 || max(c.coverA, c.coverB) < topicOutline || c.b.cues&(cueMove|cueChange|cueCorrect) == 0 && min(c.coverA, c.coverB) < topicOutline/2 {
		return "", ""
	}
	if (len(c.a.times) == 0) != (len(c.b.times) == 0) && c.b.cues&(cueMove|cueChange|cueCorrect) == 0 {
		return "", ""
	}
	if (c.a.cues|c.b.cues)&cueWish != 0 || c.number > 0 && c.when && c.b.cues&(cueMove|cueChange|cueCorrect) == 0 {
		return "", ""
	}
	switch {
	case c.b.cues&(cueCorrect|cueMove|cueChange) != 0:
		return Updates, "another value"
	case c.when && c.a.past && c.b.past && (c.a.cues|c.b.cues)&cueFinal == 0:
		return "", ""
	case (c.a.cues|c.b.cues)&cuePassing != 0, c.lone, c.aside > 2:
		return "", ""
	case c.a.past && c.b.past, c.gap <= worldTurn:
		return Contradicts, "another value"
	}
	return Updates, "another value"
}

// member: both name one of a kind, and another one.
func (c *pair) member() (Relation, string) {
	if len(c.kinds) != 1 && !c.names || c.contrasts(-1) != 1 || c.beside() < topicOutline || (c.a.cues|c.b.cues)&cueWish != 0 {
		return "", ""
	}
	switch {
	case (c.a.cues|c.b.cues)&cuePassing != 0:
		return "", ""
	case c.b.cues&cueCorrect != 0, c.b.cues&(cueChange|cueMove) != 0 && !c.a.past:
		return Updates, "another one"
	case c.lone && !c.names:
		return "", ""
	case (c.a.cues|c.b.cues)&cueFinal != 0 && c.aside <= 3, (c.a.cues|c.b.cues)&cueAll != 0 && (c.a.cues|c.b.cues)&cueMany == 0 && c.aside <= 2:
		return Contradicts, "it can be one alone"
	case (c.a.cues|c.b.cues)&cueMany != 0 || c.aside > 2:
		return "", ""
	case c.a.past && c.b.past, c.gap <= worldTurn:
		return Contradicts, "it can be one alone"
	case !c.a.past && !c.b.past:
		return Updates, "another one"
	}
	return "", ""
}

// sameAmounts reports whether a and b have the same numbers, whatever is counted: "turns 90" and "her 90th birthday".
func sameAmounts(a, b []quantity) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x quantity) bool {
		return !slices.ContainsFunc(b, func(y quantity) bool {
			return x == y || x.unit == "clock" && y.unit == "clock" && math.Mod(x.value-y.value, 720) == 0 || x.value == y.value && (plainUnit(x.unit) || plainUnit(y.unit))
		})
	})
}

func plainUnit(u string) bool {
	return u == "" || u == "th" || units[u].kind == "" && u != "clock" && u != "%"
}

// differs reports whether one tells a value of a kind that the other tells, but not this one.
func (c *pair) differs() bool {
	other := func(marks, others []mark) bool {
		return slices.ContainsFunc(marks, func(m mark) bool {
			return slices.ContainsFunc(others, func(n mark) bool { return n.kind == m.kind }) && !slices.Contains(others, m)
		})
	}
	return other(c.a.marks, c.b.marks) || other(c.b.marks, c.a.marks)
}

// covers reports whether either has enough of the other's words; fewer do where both have the same number or denial.
func (c *pair) covers() bool {
	low, high := min(c.coverA, c.coverB), max(c.coverA, c.coverB)
	return low >= sameOutline || low >= .45 && high >= .85 && (len(c.a.numbers) > 0 || c.bothDeny())
}

// compares reports whether one is more than the other in both, and not the same one.
func (c *pair) compares() bool {
	both := slices.ContainsFunc(c.a.marks, func(m mark) bool {
		return c.l.kinds[m.kind].compares && slices.ContainsFunc(c.b.marks, func(n mark) bool { return n.kind == m.kind })
	})
	return both && len(c.a.words) > 0 && len(c.b.words) > 0 && c.a.words[0].key != c.b.words[0].key
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

// turn: b says outright that what a says is otherwise.
func (c *pair) turn() (Relation, string) {
	if c.b.cues&(cueCorrect|cueMove) == 0 || c.a.past || c.topic || c.names || len(c.kinds) > 0 || c.coverA < topicOutline || c.shared < 1 || (c.a.cues|c.b.cues)&cueWish != 0 {
		return "", ""
	}
	if !c.extraB {
		return "", ""
	}
	return Updates, "it is otherwise"
}

// same: either has nearly all words of the other, and nothing speaks against it.
func (c *pair) same() (Relation, string) {
	if c.contrasts(-1) > 0 || c.extraA && c.extraB || c.swapped() || !c.covers() || (c.a.cues^c.b.cues)&cueWish != 0 || c.shared < 1 && len(c.a.numbers) == 0 || (c.a.cues|c.b.cues)&cuePassing != 0 && c.gap > 0 {
		return "", ""
	}
	if c.compares() || c.differs() {
		return "", ""
	}
	if !c.bothDeny() {
		for i, j := range c.to {
			if j >= 0 && c.a.words[i].not != c.b.words[j].not && akin(c.a.words[i].sense, c.b.words[j].sense) {
				return "", ""
			}
		}
	}
	if len(c.a.times) > 0 && len(c.b.times) > 0 && !slices.ContainsFunc(c.a.times, func(m moment) bool { return slices.Contains(c.b.times, m) }) {
		return "", ""
	}
	if !sameAmounts(c.a.numbers, c.b.numbers) || (c.a.cues^c.b.cues)&(cueChange|cueEnd|cueDeath) != 0 || c.a.past != c.b.past && (c.a.cues|c.b.cues)&cueFinal == 0 {
		return "", ""
	}
	return Same, "the same in other words"
}
