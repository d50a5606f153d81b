package specialists

import (
	"slices"
	"strings"
	"unicode"
)

// overruled returns the match with a later valid memory that says otherwise than the memory of m; nil: none does. What a
// claim says of the past stays true.
func (g *grounder) overruled(c *claim, m *match, matches []match) *match {
	if c.past {
		return nil
	}
	e := g.e
	p := &e.passages[m.passage]
	s := &e.sources[p.source]
	for i := range matches {
		o := &matches[i]
		q := &e.passages[o.passage]
		t := &e.sources[q.source]
		if q.source == p.source || !t.valid || !t.at.After(s.at) || o.supports() {
			continue
		}
		v := e.parse(p).Relate(e.parse(q))
		if v.Relation == Updates || v.Relation == Contradicts {
			return o
		}
	}
	return nil
}

// conflict looks for a valid passage with which the claim cannot be true.
func (g *grounder) conflict(text string, c *claim, matches []match) (*match, string) {
	e := g.e
	for i := range matches {
		m := &matches[i]
		p := &e.passages[m.passage]
		if !e.sources[p.source].valid || !m.stated {
			continue
		}
		same := m.all >= alike || m.novel >= enoughNew && m.given >= enoughGiven
		switch {
		case m.other && same:
			return m, "the memory says it of another"
		case !m.who:
		case !m.polarity && m.numbers && m.times && m.covers():
			return m, "a memory denies it"
		case !m.polarity:
		case !m.numbers && m.number && same && m.times:
			return m, "a memory has another number"
		case !m.times && m.time && same && m.numbers:
			return m, "a memory has another time"
		}
	}
	for i := range matches {
		m := &matches[i]
		p := &e.passages[m.passage]
		if !e.sources[p.source].valid || !m.stated {
			continue
		}
		if why := g.otherName(c, m); why != "" {
			return m, why
		}
		if why := g.antonym(c, m); why != "" {
			return m, why
		}
	}
	// The rules for two statements know attributes that have one value at a time.
	speaker := "user"
	for n := range e.users {
		speaker = n
	}
	if c.fragment {
		return nil, ""
	}
	var statement *Parsed
	for i := range matches[:min(4, len(matches))] {
		m := &matches[i]
		p := &e.passages[m.passage]
		if !e.sources[p.source].valid || !m.stated || m.other || m.all < enoughOwn {
			continue
		}
		if statement == nil {
			begin, end := c.whole()
			statement = Parse(Said{mine(text[begin:end]), speaker, e.now})
		}
		if v := e.parse(p).Relate(statement); v.Relation == Contradicts || v.Relation == Updates {
			return m, "a memory has another value"
		}
	}
	return nil, ""
}

// single are verbs whose object has one value at a time.
var single = set(`live move work call name born marri cost teach studi`)

// otherName reports a passage that says the same of another name: the claim's own is missing, and the passage has one in
// its place.
func (g *grounder) otherName(c *claim, m *match) string {
	e := g.e
	p := &e.passages[m.passage]
	if !m.polarity || !m.numbers || !m.times {
		return ""
	}
	missing := m.lacks
	if len(missing) != 1 {
		return ""
	}
	var others []string
	for _, n := range p.names {
		if !slices.Contains(c.names, n) && !e.users[n] {
			others = append(others, n)
		}
	}
	if len(others) == 0 {
		return ""
	}
	before := wordBefore(c.toks, missing[0])
	parallel := before != "" && slices.ContainsFunc(others, func(o string) bool { return wordBefore(p.toks, o) == before })
	// What the two have in common, the name left out.
	sum, hit, common, verbs := 0.0, 0.0, 0, false
	for k := range c.terms {
		t := &c.terms[k]
		if t.stem == stems.of(missing[0]) {
			continue
		}
		sum += t.w
		hit += t.w * m.hits[k]
		verbs = verbs || t.verb && m.hits[k] > 0
		if m.hits[k] > 0 {
			common++
		}
	}
	facts := len(c.numbers) + len(c.whens)
	object := afterVerb(c.toks, c.verb, missing[0])
	verb := ""
	if c.main >= 0 {
		verb = c.toks[c.main].stem
	}
	switch {
	case sum == 0 || hit < .7*sum:
	case object && (single[verb] && verbs || copulaOf(c)) && common >= 1 && slices.ContainsFunc(others, func(o string) bool { return afterVerb(p.toks, p.verb, o) }) && whoAgrees(e, c, p, missing[0]):
		return "a memory has another name"
	case object && parallel && (common+facts >= 2 || before == "from" && common >= 1) && (verbs || c.main < 0) && whoAgrees(e, c, p, missing[0]):
		return "a memory has another name"
	case common+facts >= 3 && len(others) <= 2:
		return "a memory has another name"
	}
	return ""
}

// whoAgrees reports whether everybody else whom the claim names is in the passage.
func whoAgrees(e *evidence, c *claim, p *known, but string) bool {
	some := c.user && e.aboutUser(p) || !c.user && c.second && p.first
	for _, n := range c.names {
		if n == but {
			continue
		}
		if !e.mentions(p, n, slices.Contains(c.owners, n)) {
			return false
		}
		some = true
	}
	return some
}

// copulaOf reports whether the claim says what somebody's something is: "Her sister is Ruth".
func copulaOf(c *claim) bool {
	if c.verb < 0 || c.main >= 0 && !weak[c.toks[c.main].stem] {
		return false
	}
	for _, t := range c.toks[:c.verb] {
		if kin[t.stem] || attributes[t.stem] || slices.Contains(implied["pet"], t.stem) {
			return true
		}
	}
	return false
}

// wordBefore is the preposition before a name; "" if none stands there.
func wordBefore(toks []token, name string) string {
	for i, t := range toks {
		if t.low == name && i > 0 && prepositions[toks[i-1].low] {
			return toks[i-1].low
		}
	}
	return ""
}

func afterVerb(toks []token, verb int, name string) bool {
	for i, t := range toks {
		if t.low == name {
			return i > verb
		}
	}
	return false
}

// antonym reports a passage that differs from the claim in one word and its opposite.
func (g *grounder) antonym(c *claim, m *match) string {
	p := &g.e.passages[m.passage]
	if !m.who || !m.polarity || !m.numbers || !m.times {
		return ""
	}
	for k := range c.terms {
		t := &c.terms[k]
		if slices.ContainsFunc(t.like, func(s string) bool { return p.has(s) }) {
			continue
		}
		for _, tok := range p.toks {
			if tok.stem != "" && (antonyms[t.stem] == tok.stem || antonyms[tok.stem] == t.stem) && m.all+.3 >= alike {
				return "a memory says the opposite"
			}
		}
	}
	return ""
}

// mine turns what an answer tells the user into what the user would say: "You live in Porto" into "I live in Porto".
func mine(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsLetter(r) })
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' })
		if n < 0 {
			n = len(s)
		}
		switch w := s[:n]; strings.ToLower(w) {
		case "you":
			b.WriteString("I")
		case "your":
			b.WriteString("my")
		case "yours":
			b.WriteString("mine")
		case "you're":
			b.WriteString("I am")
		case "you've":
			b.WriteString("I have")
		default:
			b.WriteString(w)
		}
		s = s[n:]
	}
	b.WriteString(s)
	return strings.NewReplacer("I are ", "I am ", "I were ", "I was ").Replace(b.String())
}
