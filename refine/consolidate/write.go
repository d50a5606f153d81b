package consolidate

import (
	"slices"

	"github.com/trm-go/refiner/memory"
)

// unit is one summary in the making: the passages picked from its sources. Units are never changed, only replaced.
type unit struct {
	sources  []int32     // sorted
	picks    []int32     // passages, sorted: in the order in which they were said
	tokens   int         // of the picked passages
	replaces []memory.ID // the summaries that it takes the place of, sorted
	level    int         // index into levels: the highest at which it was joined
	fresh    bool        // it is not in the store as it is
}

// weight of a fact against a content word of the same rarity, when there is no room for all.
const factWeight = 2

// write picks from the candidates what says most for its length, until the share of the sources' tokens is used up: the
// one pass that others stop after. What has been picked already counts no second time, so that repeats fall away.
func (m *material) write(sources, candidates []int32) unit {
	u := unit{sources: sources, fresh: true}
	budget := m.budget(sources)
	haveFacts, haveTerms := map[int32]bool{}, map[int32]bool{}
	gain := func(p *passage) float64 {
		g := 0.0
		for _, f := range p.facts {
			if !haveFacts[f] {
				g += factWeight * m.factRare[f]
			}
		}
		for _, t := range p.terms {
			if !haveTerms[t] {
				g += m.rarity[t]
			}
		}
		return g * p.weight / float64(p.tokens+2)
	}
	// A question states nothing: it comes in with its answer, if that needs it, unless there is nothing else.
	left := slices.DeleteFunc(slices.Clone(candidates), func(c int32) bool { return m.passages[c].question })
	if len(left) == 0 {
		left = slices.Clone(candidates)
	}
	// A gain only ever falls, so that the first of the greatest that still stands is the best.
	gains := make([]float64, len(left))
	for i, c := range left {
		gains[i] = gain(&m.passages[c])
	}
	picked := map[int32]bool{}
	for len(left) > 0 {
		best := slices.Index(gains, slices.Max(gains))
		next := left[best]
		if g := gain(&m.passages[next]); g < gains[best] {
			gains[best] = g
			continue
		} else if g == 0 && len(u.picks) > 0 {
			break
		}
		left, gains = slices.Delete(left, best, best+1), slices.Delete(gains, best, best+1)
		chain, tokens := m.chain(sources, next, picked)
		if u.tokens+tokens > budget && len(u.picks) > 0 { // something must stand for the sources
			continue
		}
		for _, c := range chain {
			p := &m.passages[c]
			picked[c] = true
			u.picks, u.tokens = append(u.picks, c), u.tokens+int(p.tokens)
			mark(haveFacts, p.facts)
			mark(haveTerms, p.terms)
		}
	}
	slices.Sort(u.picks)
	return u
}

// mark puts numbers into a set.
func mark(set map[int32]bool, numbers []int32) {
	for _, n := range numbers {
		set[n] = true
	}
}

// chain is a passage with those that it needs and that are not picked, as far as they are of the sources, and their tokens.
func (m *material) chain(sources []int32, c int32, picked map[int32]bool) (chain []int32, tokens int) {
	for ; c >= 0 && !picked[c]; c = m.passages[c].needs {
		if _, ours := slices.BinarySearch(sources, m.passages[c].source); !ours {
			break
		}
		chain, tokens = append(chain, c), tokens+int(m.passages[c].tokens)
	}
	return chain, tokens
}

// held are the facts that picks hold.
func (m *material) held(picks []int32) map[int32]bool {
	have := map[int32]bool{}
	for _, p := range picks {
		mark(have, m.passages[p].facts)
	}
	return have
}

// lost are the facts that the unit's important sources ask for and its picks do not hold, sorted.
func (m *material) lost(u unit) []int32 {
	have := m.held(u.picks)
	var lost []int32
	for _, s := range u.sources {
		if !m.sources[s].asks {
			continue
		}
		for _, f := range m.sources[s].facts {
			if !have[f] {
				lost = append(lost, f)
			}
		}
	}
	return distinct(lost)
}

// restore puts the passages back that hold what was lost, the one with most of it for its length first.
func (m *material) restore(u unit, lost []int32) unit {
	missing, picked := map[int32]bool{}, map[int32]bool{}
	picks, tokens := slices.Clone(u.picks), u.tokens
	mark(missing, lost)
	mark(picked, picks)
	for len(missing) > 0 {
		best, bestGain := int32(-1), 0.0
		for _, s := range u.sources {
			for c := m.sources[s].first; c < m.sources[s].last; c++ {
				p := &m.passages[c]
				n := 0
				for _, f := range p.facts {
					if missing[f] {
						n++
					}
				}
				if g := float64(n) / float64(p.tokens+2); g > bestGain {
					best, bestGain = c, g
				}
			}
		}
		if best < 0 {
			break // cannot be: every fact is a passage's
		}
		chain, more := m.chain(u.sources, best, picked)
		if len(chain) == 0 {
			break // it is picked, and holds what is missing: cannot be
		}
		tokens += more
		for _, c := range chain {
			picks, picked[c] = append(picks, c), true
			for _, f := range m.passages[c].facts {
				delete(missing, f)
			}
		}
	}
	slices.Sort(picks)
	u.picks, u.tokens, u.fresh = picks, tokens, true
	return u
}

// tighten drops the picks without which nothing is lost that is asked for, the least telling first, while the unit is
// over its share. A unit of which nothing can be dropped stays as it is.
func (m *material) tighten(u unit) unit {
	budget := m.budget(u.sources)
	if u.tokens <= budget || len(u.picks) < 2 {
		return u
	}
	asked := map[int32]bool{}
	for _, s := range u.sources {
		if m.sources[s].asks {
			mark(asked, m.sources[s].facts)
		}
	}
	// By how many picks a fact or a term is held, and a passage needed.
	facts, terms, wanted := map[int32]int{}, map[int32]int{}, map[int32]int{}
	count := func(c int32, by int) {
		p := &m.passages[c]
		for _, f := range p.facts {
			facts[f] += by
		}
		for _, t := range p.terms {
			terms[t] += by
		}
		wanted[p.needs] += by
	}
	for _, c := range u.picks {
		count(c, 1)
	}
	needed := func(c int32) bool {
		return wanted[c] > 0 || slices.ContainsFunc(m.passages[c].facts, func(f int32) bool { return asked[f] && facts[f] == 1 })
	}
	worth := func(p *passage) (worth float64) { // what it alone tells, for its length
		for _, t := range p.terms {
			if terms[t] == 1 {
				worth += m.rarity[t]
			}
		}
		return worth * p.weight / float64(p.tokens+2)
	}
	picks, tokens := slices.Clone(u.picks), u.tokens
	for tokens > budget && len(picks) > 1 {
		drop, least := -1, 0.0
		for i, c := range picks {
			if w := worth(&m.passages[c]); (drop < 0 || w < least) && !needed(c) {
				drop, least = i, w
			}
		}
		if drop < 0 {
			break
		}
		count(picks[drop], -1)
		tokens -= int(m.passages[picks[drop]].tokens)
		picks = slices.Delete(picks, drop, drop+1)
	}
	if len(picks) < len(u.picks) {
		u.picks, u.tokens, u.fresh = picks, tokens, true
	}
	return u
}
