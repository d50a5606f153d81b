package specialists

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Thresholds of support, chosen on the first half of testdata/grounding.jsonl.
const (
	enoughNew   = .75 // of the weight of the words that the question does not have
	enoughGiven = .34 // of the weight of the question's own words
	enoughOnly  = .75 // of a claim all of whose words are the question's
	enoughOwn   = .3  // of all words, in the passage itself, unless it has a number or a time of the claim
	alike       = .62 // of the weight of words for a clause to be about the same, so that another value contradicts
	candidates  = 12  // passages that are compared in full
)

// match is how a claim compares with one passage.
type match struct {
	passage   int
	who       bool // everybody the claim names is there
	other     bool // another is named where the claim names somebody
	numbers   bool
	number    bool // another number of the same kind is there
	times     bool
	time      bool // another time is there
	polarity  bool
	stated    bool // the passage states it, rather than asks, wishes or supposes
	verb      bool
	novel     float64
	given     float64
	all       float64
	own       float64 // without what stands before the passage
	facts     bool    // it has a number or a time of the claim itself
	onlyGiven bool
	lacks     []string  // names that are not there
	missing   []string  // words that are not there
	hits      []float64 // for each term of the claim, how well it is there
	reach     int       // the first byte that was needed, of what stands before the passage
	neighbour int       // the source that was needed besides; -1: none
}

func (m *match) covers() bool {
	if m.onlyGiven {
		return m.given >= enoughOnly
	}
	return m.novel >= enoughNew && m.given >= enoughGiven
}

func (m *match) supports() bool {
	return (m.own >= enoughOwn || m.facts) && m.who && m.numbers && m.times && m.polarity && m.stated && m.verb && m.covers()
}

// compare looks for the passage that decides about a claim.
func (g *grounder) compare(text string, c *claim) ruling {
	e := g.e
	matches := g.matches(c)
	var expired *match
	for i := range matches {
		m := &matches[i]
		if !m.supports() {
			continue
		}
		// Another passage that is more about what the claim is about has another value: the travel budget, and not the
		// budget for marketing.
		if i > 0 && matches[0].all > m.all+.05 && matches[0].who && matches[0].stated && e.sources[e.passages[matches[0].passage].source].valid &&
			(matches[0].number && matches[0].times || matches[0].time && matches[0].numbers) {
			return ruling{Contradicted, "a memory has another value", g.quotes(&matches[0]), &matches[0], nil}
		}
		if !e.sources[e.passages[m.passage].source].valid && !c.past {
			if expired == nil {
				expired = m
			}
			continue
		}
		if later := g.overruled(c, m, matches); later != nil {
			return ruling{Contradicted, "a later memory says otherwise", g.quotes(later), later, m}
		}
		return ruling{Supported, "a memory says so", g.quotes(m), m, nil}
	}
	if m, why := g.conflict(text, c, matches); m != nil {
		return ruling{Contradicted, why, g.quotes(m), m, expired}
	}
	if expired != nil {
		return ruling{Unknown, "the memory that says so is no longer valid", nil, nil, expired}
	}
	if words := c.unheard(); len(words) > 0 {
		return ruling{Unknown, "no memory speaks of " + strings.Join(words, ", "), nil, nil, nil}
	}
	return ruling{Unknown, "no memory says so", nil, nil, nil}
}

// unheard are the words of a claim that nothing in the evidence says, at most four.
func (c *claim) unheard() []string {
	var words []string
	for _, t := range c.terms {
		if len(t.like) == 0 && t.word != "" && len(t.word) <= 32 && !t.given && !weak[t.stem] && len(words) < 4 {
			words = append(words, t.word)
		}
	}
	return words
}

// verbatim decides about a clause that is the very words of a memory.
func (g *grounder) verbatim(part *passage) (ruling, bool) {
	e := g.e
	for i := range e.passages {
		p := &e.passages[i]
		if len(p.toks) != len(part.toks) || p.question || part.question || p.possible || !sameTokens(p.toks, part.toks) {
			continue
		}
		if len(p.toks) < 3 && p.verb < 0 {
			continue // a name or two say nothing by themselves
		}
		c := g.claim(part)
		if !e.sources[p.source].valid && !c.past {
			continue
		}
		m := match{passage: i, reach: p.from, neighbour: -1}
		if later := g.overruled(&c, &m, g.matches(&c)); later != nil {
			return ruling{Contradicted, "a later memory says otherwise", g.quotes(later), later, &m}, true
		}
		return ruling{Supported, "the very words of a memory", g.quotes(&m), &m, nil}, true
	}
	return ruling{}, false
}

func sameTokens(a, b []token) bool {
	for i := range a {
		if a[i].low != b[i].low || a[i].owns != b[i].owns {
			return false
		}
	}
	return true
}

// matches compares the claim with the passages that have most of it, best first.
func (g *grounder) matches(c *claim) []match {
	e := g.e
	score := map[int32]float64{}
	for i := range c.terms {
		for k, s := range c.terms[i].like {
			w := c.terms[i].w
			if k > 0 {
				w *= .9
			}
			for _, p := range e.postings[s] {
				score[p] += w
			}
		}
	}
	for i := range e.passages {
		p := &e.passages[i]
		for _, n := range c.numbers {
			if _, ok := findNumber(p.numbers, n); ok {
				score[int32(i)] += 1.5
			}
		}
		for _, w := range c.whens {
			if findWhen(p.whens, w) || findWhen(p.former, w) {
				score[int32(i)] += 1.5
			}
		}
	}
	// What follows a passage may speak of the same.
	for i := range e.passages {
		p := &e.passages[i]
		for _, j := range e.context(i) {
			if (p.anaphor || len(p.names) == 0) && score[int32(j)] > 0 {
				score[int32(i)] += .3 * score[int32(j)]
				break
			}
		}
	}
	order := make([]int32, 0, len(score))
	for p := range score {
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b int32) int {
		if d := cmp.Compare(score[b], score[a]); d != 0 {
			return d
		}
		return cmp.Compare(a, b)
	})
	if len(order) > candidates {
		order = order[:candidates]
	}
	out := make([]match, 0, len(order))
	for _, p := range order {
		out = append(out, g.match(c, int(p)))
	}
	slices.SortStableFunc(out, func(a, b match) int { return cmp.Compare(b.all, a.all) })
	return out
}

// context are the passages that stand before passage i in its source, nearest first, at most three, those of its own
// sentence included.
func (e *evidence) context(i int) []int {
	var out []int
	for j := i - 1; j >= e.sources[e.passages[i].source].from && len(out) < 3; j-- {
		out = append(out, j)
	}
	return out
}

// match compares a claim with one passage.
func (g *grounder) match(c *claim, i int) match {
	e := g.e
	p := &e.passages[i]
	src := &e.sources[p.source]
	m := match{passage: i, reach: p.from, neighbour: -1, stated: !p.question && (!p.possible || c.possible), polarity: c.negative == p.negative}
	ctx := e.context(i)
	near := -1
	if src.before >= 0 {
		near = src.before
	}
	need := func(j int) {
		if e.passages[j].source == p.source {
			m.reach = min(m.reach, e.passages[j].from)
		} else {
			m.neighbour = e.passages[j].source
		}
	}
	around := func(beyond bool, has func(q *known) bool) bool {
		for _, j := range ctx {
			if q := &e.passages[j]; (!q.possible || c.possible) && has(q) {
				need(j)
				return true
			}
		}
		if near >= 0 && beyond {
			for j := e.sources[near].to - 1; j >= e.sources[near].from; j-- {
				if has(&e.passages[j]) {
					need(j)
					return true
				}
			}
		}
		return false
	}
	// It may be about somebody named before.
	open := p.anaphor || !p.first && len(p.names) == 0 || i > src.from && e.passages[i-1].begin == p.begin && !p.self && !names3(p.subject)

	apposed := i > src.from && e.passages[i-1].begin == p.begin && (p.toks[0].low == "a" || p.toks[0].low == "an")
	fill := p.verb < 0 || p.pronoun || apposed

	// Who.
	m.who = true
	for _, n := range c.names {
		owner := slices.Contains(c.owners, n)
		if e.mentions(p, n, owner) {
			continue
		}
		if (open || p.pronoun && afterVerb(c.toks, c.verb, n)) && around(true, func(q *known) bool { return e.mentions(q, n, owner) }) {
			continue
		}
		m.who = false
		m.lacks = append(m.lacks, n)
	}
	if c.user && !e.aboutUser(p) && !(open && around(true, func(q *known) bool { return e.aboutUser(q) })) {
		m.who = false
	}
	if len(c.soft) > 0 && m.who {
		some := func(q *known) bool {
			return slices.ContainsFunc(c.soft, func(n string) bool {
				return e.mentions(q, n, slices.Contains(c.softOwners, n)) || e.users[n] && e.aboutUser(q)
			})
		}
		if !some(p) && !around(true, some) {
			m.who = false
		}
	}
	if m.who && (g.swapped(c, p) || g.owned(c, p)) {
		m.who, m.other = false, true
	}

	// What.
	var newSum, newHit, givenSum, givenHit, ownHit float64
	m.verb = true
	for k := range c.terms {
		t := &c.terms[k]
		hit, own := 0.0, 0.0
		if t.name != "" && !slices.Contains(m.lacks, t.name) {
			hit = 1
			if e.mentions(p, t.name, slices.Contains(c.owners, t.name)) {
				own = 1
			}
		}
		for n, s := range t.like {
			if hit == 1 {
				break
			}
			if p.has(s) || slices.Contains(p.also, s) {
				hit = 1
				if n > 0 {
					hit = .9
				}
				break
			}
		}
		if t.name == "" {
			own = hit
		}
		// What stands before the passage fills in what it leaves out: all of a pronoun or a fragment, the subject and the
		// circumstances of a verb without a subject, and never its object.
		fills := fill || open && (t.subject || c.fragment) || p.inherits && (!t.object || p.passive)
		if hit == 0 && len(t.like) > 0 && !t.must && fills {
			if around(t.given, func(q *known) bool {
				return !q.question && (q.negative == p.negative || p.verb < 0 || t.subject) && slices.ContainsFunc(t.like, func(s string) bool { return q.has(s) }) ||
					q.question && slices.ContainsFunc(t.like, func(s string) bool { return q.has(s) })
			}) {
				hit = .8
			}
		}
		m.hits = append(m.hits, hit)
		if hit < .5 {
			if t.must {
				m.numbers = false
			}
			m.missing = append(m.missing, t.stem)
		}
		if t.verb && hit == 0 && !weak[t.stem] && c.verb >= 0 && !(t.given && p.plain()) {
			m.verb = false
		}
		if t.object && hit < .5 && !weak[t.stem] && !light[t.stem] {
			m.verb = false // whom or what it is done to
		}
		ownHit += t.w * own
		if t.given {
			givenSum += t.w
			givenHit += t.w * hit
		} else {
			newSum += t.w
			newHit += t.w * hit
		}
	}
	m.novel, m.given = ratio(newHit, newSum), ratio(givenHit, givenSum)
	if newSum+givenSum > 0 {
		m.own = ownHit / (newSum + givenSum)
	}
	m.all = ratio(newHit+.5*givenHit, newSum+.5*givenSum)
	facts := len(c.numbers) + len(c.whens)
	m.onlyGiven = newSum == 0 && facts == 0
	// What the passage says to have ended supports only what says so too.
	for _, tok := range p.toks {
		if enders[tok.stem] && p.negative && c.negative {
			continue
		}
		if tok.stem != "" && (reversals[tok.stem] || reversals[tok.low]) && !slices.ContainsFunc(c.terms, func(t term) bool { return slices.Contains(t.like, tok.stem) }) {
			m.verb = false
		}
	}
	g.values(c, p, &m, func(has func(*known) bool) bool {
		return (fill || p.inherits || c.fragment && open) && around(false, has)
	})
	return m
}

// plain reports whether the clause has no verb that tells more than that something is.
func (p *passage) plain() bool {
	if p.main < 0 {
		return true
	}
	for _, t := range p.toks[p.main:] {
		if t.stem != "" && !weak[t.stem] && (verbs[t.stem] || strings.HasSuffix(t.low, "ed") || irregularPast(t.low)) {
			return false
		}
	}
	return true
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 1
	}
	return a / b
}

// values compares numbers and times.
func (g *grounder) values(c *claim, p *known, m *match, around func(func(*known) bool) bool) {
	must := slices.ContainsFunc(c.terms, func(t term) bool { return t.must && slices.Contains(m.missing, t.stem) })
	m.numbers = !must
	for _, n := range c.numbers {
		at, ok := findNumber(p.numbers, n)
		if ok && p.numbers[at].former && !c.past && !n.former {
			m.numbers, m.number = false, true
			continue
		}
		if ok && !boundElsewhere(c, p, n, at) {
			m.facts = true
			continue
		}
		if !ok && around(func(q *known) bool { _, ok := findNumber(q.numbers, n); return ok && len(p.numbers) == 0 }) {
			continue
		}
		m.numbers = false
		m.number = m.number || slices.ContainsFunc(p.numbers, func(q counted) bool { return sameKind(n, q) && !sameQuantity(n.quantity, q.quantity) })
	}
	m.times = true
	for _, w := range c.whens {
		if findWhen(p.whens, w) {
			m.facts = true
			continue
		}
		if findWhen(p.former, w) {
			m.times = m.times && c.past
			m.time = m.time || !c.past
			continue
		}
		other := func(v when) bool { return v.conflicts(w) }
		if len(p.whens) > 0 {
			m.times = false
			m.time = m.time || slices.ContainsFunc(p.whens, other)
			continue
		}
		found := around(func(q *known) bool { return findWhen(q.whens, w) })
		m.times = m.times && found
		m.time = m.time || !found && around(func(q *known) bool { return slices.ContainsFunc(q.whens, other) })
	}
}

func findWhen(have []when, w when) bool {
	return slices.ContainsFunc(have, func(v when) bool { return v.entails(w) })
}

func findNumber(have []counted, n counted) (int, bool) {
	for i, q := range have {
		if sameQuantity(n.quantity, q.quantity) {
			return i, true
		}
	}
	return 0, false
}

// sameQuantity compares in the first unit of a kind. A number without a unit may have any.
func sameQuantity(a, b quantity) bool {
	if a.unit == "clock12" || b.unit == "clock12" {
		if a.unit != "clock" && a.unit != "clock12" || b.unit != "clock" && b.unit != "clock12" {
			return false
		}
		return math.Mod(a.value, 720) == math.Mod(b.value, 720)
	}
	if a.unit != b.unit && a.unit != "" && b.unit != "" {
		return false
	}
	return math.Abs(a.value-b.value) <= 1e-6*math.Max(math.Abs(a.value), 1)
}

// sameKind reports whether two numbers count the same, so that they can contradict each other.
func sameKind(a, b counted) bool {
	return a.unit != "" && a.unit == b.unit || a.unit == "" && b.unit == "" && a.noun == b.noun
}

// boundElsewhere reports whether what the claim's number counts is counted otherwise in the passage: "3 kg of flour" in
// "5 kg of flour and 3 kg of sugar".
func boundElsewhere(c *claim, p *known, n counted, at int) bool {
	if n.noun == "" || p.numbers[at].noun == n.noun {
		return false
	}
	for _, q := range p.numbers {
		if q.noun == n.noun && !sameQuantity(q.quantity, n.quantity) {
			return true
		}
	}
	return false
}

// quotes are the passages that a match rests on, verbatim.
func (g *grounder) quotes(m *match) []memory.Quote {
	p := &g.e.passages[m.passage]
	s := &g.e.sources[p.source]
	from := min(m.reach, p.from)
	if from == p.from {
		from = p.begin
	}
	out := []memory.Quote{{Source: s.id, Text: strings.TrimSpace(s.text[from:max(p.to, from)])}}
	if m.neighbour >= 0 {
		n := &g.e.sources[m.neighbour]
		out = append(out, memory.Quote{Source: n.id, Text: n.text})
	}
	return out
}
