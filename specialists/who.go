package specialists

import (
	"slices"
	"strings"
)

// mentions reports whether a passage names somebody: by name, as its speaker, or by what he is to whoever speaks. As an
// owner a speaker is named by "my" alone.
func (e *evidence) mentions(p *known, name string, owner bool) bool {
	s := stems.of(name)
	for i, t := range p.toks {
		if (t.low == name || s != "" && t.stem == s) && (owner || !t.owns || !p.relative(i)) {
			return true
		}
	}
	return slices.Contains(p.also, name) || (p.first && owner || p.speaks()) && slices.Contains(e.sources[p.source].speaker, name)
}

// relative reports whether the owner at token i owns somebody rather than something: "Elena's sister".
func (p *passage) relative(i int) bool {
	for k := i + 1; k < len(p.toks) && k <= i+3; k++ {
		if kin[p.toks[k].stem] || p.isName(k) {
			return true
		}
		if auxiliaries[p.toks[k].low] || p.toks[k].comma {
			return false
		}
	}
	return false
}

// speaks reports whether a passage speaks of whoever says it, rather than of a relative of his.
func (p *passage) speaks() bool {
	if p.self && !names3(p.subject) {
		return true
	}
	for _, t := range p.subject {
		if t.low == "i" || t.low == "we" || strings.HasPrefix(t.low, "i'") || strings.HasPrefix(t.low, "we'") {
			return true
		}
	}
	return p.first && !names3(p.subject)
}

// names3 reports whether the tokens name a third person.
func names3(toks []token) bool {
	for i, t := range toks {
		if kin[t.stem] || t.capital && (!t.opens || !common[t.low] && !kin[t.stem] && t.stem != "" && !adverb(t.low)) && t.stem != "" && isoWeekday[t.low] == 0 && !fullMonths[t.low] {
			return i >= 0
		}
	}
	return false
}

// aboutUser reports whether a passage speaks of the user.
func (e *evidence) aboutUser(p *known) bool {
	s := &e.sources[p.source]
	mine := len(s.speaker) == 0 || len(e.users) == 0 || slices.ContainsFunc(s.speaker, func(w string) bool { return e.users[w] })
	if s.user && mine && p.speaks() || p.second && s.assistant {
		return true
	}
	for _, t := range p.toks {
		if e.users[t.low] || t.low == "user" {
			return true
		}
	}
	return s.user && mine && len(p.subject) == 0 && p.verb >= 0 // "Paid the £150."
}

// swapped reports whether the passage has who does it and to whom it is done the other way round.
func (g *grounder) swapped(c *claim, p *known) bool {
	if c.main < 0 || p.main < 0 || p.inherits {
		return false
	}
	if c.toks[c.main].stem != p.toks[p.main].stem || c.passive != p.passive {
		return false
	}
	side := func(toks []token, verb int, who string, first bool, speaker []string) (before, after bool) {
		for i, t := range toks {
			hit := t.low == who || first && (t.low == "i" || t.low == "me" || t.low == "we") && (slices.Contains(speaker, who) || who == "@user")
			if !hit {
				continue
			}
			if i < verb {
				before = true
			} else {
				after = true
			}
		}
		return before, after
	}
	s := &g.e.sources[p.source]
	for _, n := range c.names {
		if slices.Contains(c.owners, n) {
			continue
		}
		cb, ca := side(c.toks, c.verb, n, false, nil)
		pb, pa := side(p.toks, p.verb, n, p.first, s.speaker)
		if cb && !ca && pa && !pb || ca && !cb && pb && !pa {
			return true
		}
	}
	return false
}

// owned reports whether the passage speaks of somebody else's: "your dog" and "Tom's dog".
func (g *grounder) owned(c *claim, p *known) bool {
	s := &g.e.sources[p.source]
	for j, t := range c.toks {
		if t.stem == "" {
			continue
		}
		mine := g.e.owner(c.toks, j, false, true, nil)
		if mine == "" || mine == "@other" {
			continue
		}
		for k, u := range p.toks {
			if u.stem != t.stem {
				continue
			}
			if other := g.e.owner(p.toks, k, s.user, s.assistant, s.speaker); other != "" && other != "@other" && other != mine {
				return true
			}
		}
	}
	return false
}
