package specialists

import (
	"slices"
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
	if c.a.cues&cueLimit != 0 && c.b.cues&(cueAll|cueLimit) == cueAll && len(c.kinds) == 0 && c.shared >= 1 && c.aside <= 3 && !c.names && c.a.cues&cueAll == 0 {
		return Contradicts, "it is not so of some alone"
	}
	one := func(g *outline) bool { return g.names([]string{"one"}) || g.names([]string{"some"}) }
	if c.a.cues&cueAll != 0 && one(c.b) && !one(c.a) || c.b.cues&cueAll != 0 && one(c.a) && !one(c.b) {
		if c.shared >= 1 && c.extraA && c.extraB && c.aside <= 3 && (c.a.cues|c.b.cues)&(cueMany|cueWish|cueNegate) == 0 {
			return Contradicts, "it is not so of all"
		}
	}
	return "", ""
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
			case k.poles && min(rest(c.a, c.to, x.kind), rest(c.b, c.back, x.kind)) < denyOutline*.8 && c.extraA && c.extraB, k.compares && (c.people() < 2 || c.swapped()):
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

// value: both give a number or a time of the same, and another one.
func (c *pair) value() (Relation, string) {
	if c.number == 0 && !c.when || len(c.kinds) > 0 || c.names || c.topic || c.number > 1 || c.shared < 1 || max(c.coverA, c.coverB) < topicOutline || c.b.cues&(cueMove|cueChange|cueCorrect) == 0 && min(c.coverA, c.coverB) < topicOutline/2 {
		return "", ""
	}
	if c.opposed() {
		return "", ""
	}
	if (len(c.a.times) == 0) != (len(c.b.times) == 0) && c.b.cues&(cueMove|cueChange|cueCorrect) == 0 {
		return "", ""
	}
	if (c.a.cues|c.b.cues)&cueWish != 0 || c.number > 0 && c.when && c.b.cues&(cueMove|cueChange|cueCorrect) == 0 {
		return "", ""
	}
	switch {
	case c.b.cues&cueCorrect != 0, c.b.cues&(cueMove|cueChange) != 0 && !c.a.past, c.b.cues&cueGain != 0 && c.shared >= 2 && c.gap > worldTurn && !c.a.past:
		return Updates, "another value"
	case c.when && c.a.past && c.b.past && (c.a.cues|c.b.cues)&cueFinal == 0:
		return "", ""
	case (c.a.cues|c.b.cues)&cuePassing != 0, c.lone, c.aside > 2, min(c.coverA, c.coverB) < sameOutline, len(c.a.numbers) != len(c.b.numbers):
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
	if len(c.kinds) == 1 && c.l.kinds[c.kinds[0]].compares {
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
	case c.a.past && c.b.past && !(c.a.copula() && c.b.copula()), c.a.past != c.b.past:
		return "", "" // it may have happened twice
	case c.a.past, c.gap <= worldTurn:
		return Contradicts, "it can be one alone"
	}
	return Updates, "another one"
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
	if c.contrasts(-1) > 0 || c.extraA && c.extraB && (min(c.coverA, c.coverB) < .65 || c.shared < 3) || c.swapped() || !c.covers() || (c.a.cues^c.b.cues)&cueWish != 0 || c.shared < 1 && len(c.a.numbers) == 0 || (c.a.cues|c.b.cues)&cuePassing != 0 && c.gap > 0 {
		return "", ""
	}
	if c.compares() || c.differs() || c.opposed() && !c.bothDeny() {
		return "", ""
	}
	if len(c.a.times) > 0 && len(c.b.times) > 0 && !slices.ContainsFunc(c.a.times, func(m moment) bool { return slices.Contains(c.b.times, m) }) {
		return "", ""
	}
	if !sameAmounts(c.a.numbers, c.b.numbers) || (c.a.cues^c.b.cues)&(cueChange|cueEnd|cueDeath) != 0 || c.a.past != c.b.past && (c.a.cues|c.b.cues)&cueFinal == 0 {
		return "", ""
	}
	return Same, "the same in other words"
}
