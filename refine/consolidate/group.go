package consolidate

import (
	"cmp"
	"slices"
	"time"
)

// segments cuts the loose turns of each session and day into runs that belong together. A run ends where it has grown
// to a unit's size, or where the next turn has hardly a word in common with it; an answer stays with its question.
func (m *material) segments() [][]int32 {
	const related = .08 // share of a turn's rare words that the run must have, below which the topic has changed
	var all [][]int32
	var run []int32
	tokens := 0
	seen := map[int32]bool{}
	flush := func() {
		switch last := len(all) - 1; {
		case len(run) == 0:
		case tokens < m.policy.Unit/4 && last >= 0 && m.together(all[last][0], run[0]):
			all[last] = append(all[last], run...) // the end of a conversation is no summary of its own
		default:
			all = append(all, run)
		}
		run, tokens = nil, 0
		clear(seen)
	}
	for _, i := range m.loose {
		s := &m.sources[i]
		if len(run) > 0 {
			before := &m.sources[run[len(run)-1]]
			full := tokens+int(s.tokens) > m.policy.Unit
			switch {
			case !m.together(run[len(run)-1], i):
				flush()
			case before.question && tokens+int(s.tokens) <= 2*m.policy.Unit:
			case full, tokens >= m.policy.Unit/2 && m.common(s.terms, seen) < related:
				flush()
			}
		}
		run, tokens = append(run, i), tokens+int(s.tokens)
		for _, t := range s.terms {
			seen[t] = true
		}
	}
	flush()
	return all
}

// together reports whether two sources are of the same session and day.
func (m *material) together(a, b int32) bool {
	return m.sources[a].record.Scope == m.sources[b].record.Scope && m.sources[a].day == m.sources[b].day
}

// alone reports whether a unit of one source keeps all of it, and there is no other of its session and day.
func (m *material) alone(u unit) bool {
	i := u.sources[0]
	return len(u.picks) == int(m.sources[i].last-m.sources[i].first) && (i == 0 || !m.together(i-1, i)) && (int(i)+1 == len(m.sources) || !m.together(i, i+1))
}

// common is the share of the terms' rarity that is in seen.
func (m *material) common(terms []int32, seen map[int32]bool) float64 {
	all, shared := 1e-9, 0.0
	for _, t := range terms {
		all += m.rarity[t]
		if seen[t] {
			shared += m.rarity[t]
		}
	}
	return shared / all
}

// clusters joins units of the same agent and period that speak of the same, while the result is no larger than a
// summary may be. It returns numbers of units; joined tells whether any were.
func (m *material) clusters(units []unit, level Level) (groups [][]int32, joined bool) {
	const alike = .30 // share of the smaller one's rare words that the other must have
	type place struct {
		agent  string
		period int32
	}
	type cluster struct {
		group  int
		tokens int
		terms  map[int32]bool
	}
	open := map[place][]*cluster{} // that have room, in order
	for i, u := range units {
		first := &m.sources[u.sources[0]]
		at := place{first.record.Scope.Agent, period(level, first.day)}
		var terms []int32
		for _, p := range u.picks {
			terms = append(terms, m.passages[p].terms...)
		}
		terms = distinct(terms)
		var best *cluster
		bestShare := alike
		for _, c := range open[at] {
			if c.tokens+u.tokens > m.policy.Unit {
				continue
			}
			if share := m.common(terms, c.terms); share > bestShare {
				best, bestShare = c, share
			}
		}
		if best == nil {
			best = &cluster{group: len(groups), terms: make(map[int32]bool, len(terms))}
			groups = append(groups, nil)
			open[at] = append(open[at], best)
		}
		groups[best.group] = append(groups[best.group], int32(i))
		joined = joined || len(groups[best.group]) > 1
		best.tokens += u.tokens
		for _, t := range terms {
			best.terms[t] = true
		}
		if best.tokens > m.policy.Unit*9/10 { // as good as full
			open[at] = slices.DeleteFunc(open[at], func(c *cluster) bool { return c == best })
		}
	}
	return groups, joined
}

// period numbers the weeks or months that days lie in.
func period(level Level, day int32) int32 {
	if level == Week {
		return (day + 3) / 7 // weeks begin on Monday, and 1 January 1970 was a Thursday
	}
	t := dayTime(day)
	return int32(t.Year()*12 + int(t.Month()))
}

// sortUnits orders units by their first source, so that what is found does not depend on how they came to be.
func sortUnits(units []unit) {
	slices.SortFunc(units, func(a, b unit) int { return cmp.Compare(a.sources[0], b.sources[0]) })
}

func dayTime(day int32) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

// passagesOf are all passages of the sources, in order.
func (m *material) passagesOf(sources []int32) []int32 {
	var all []int32
	for _, s := range sources {
		for p := m.sources[s].first; p < m.sources[s].last; p++ {
			all = append(all, p)
		}
	}
	return all
}
