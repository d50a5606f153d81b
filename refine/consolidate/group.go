package consolidate

import (
	"time"
)

// segments cuts the turns of each session and day into runs that belong together. A run ends where it has grown to a
// unit's size, or where the next turn has hardly a word in common with it; an answer stays with its question.
func (m *material) segments() [][]int32 {
	const related = .08 // share of a turn's rare words that the run must have, below which the topic has changed
	var all [][]int32
	var run []int32
	tokens := 0
	seen := map[int32]bool{}
	flush := func() {
		if len(run) > 0 {
			all = append(all, run)
		}
		run, tokens = nil, 0
		clear(seen)
	}
	for i := range m.sources {
		s := &m.sources[i]
		if len(run) > 0 {
			before := &m.sources[run[len(run)-1]]
			full := tokens+int(s.tokens) > m.policy.Unit
			switch {
			case before.session != s.session, before.day != s.day:
				flush()
			case before.question && tokens+int(s.tokens) <= 2*m.policy.Unit:
			case full, tokens >= m.policy.Unit/2 && m.common(s.terms, seen) < related:
				flush()
			}
		}
		run, tokens = append(run, int32(i)), tokens+int(s.tokens)
		for _, t := range s.terms {
			seen[t] = true
		}
	}
	flush()
	return all
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

// clusters joins units of the same period that speak of the same, while the result is no larger than a summary may be.
// period numbers the stretch of time that a day lies in.
func (m *material) clusters(units []unit, period func(day int32) int32) [][]int32 {
	const alike = .30 // share of the smaller one's rare words that the other must have
	var all [][]int32
	terms := make([][]int32, len(units))
	for i, u := range units {
		for _, p := range u.picks {
			terms[i] = append(terms[i], m.passages[p].terms...)
		}
		terms[i] = distinct(terms[i])
	}
	groups := map[int32][]int{} // clusters of a period, in order
	held := []map[int32]bool{}
	sizes := []int{}
	for i, u := range units {
		k := period(m.sources[u.sources[0]].day)
		best, bestShare := -1, alike
		for _, c := range groups[k] {
			if sizes[c]+u.tokens > m.policy.Unit {
				continue
			}
			if share := m.common(terms[i], held[c]); share > bestShare {
				best, bestShare = c, share
			}
		}
		if best < 0 {
			best = len(all)
			all, held, sizes = append(all, nil), append(held, map[int32]bool{}), append(sizes, 0)
			groups[k] = append(groups[k], best)
		}
		all[best] = append(all[best], int32(i))
		sizes[best] += u.tokens
		for _, t := range terms[i] {
			held[best][t] = true
		}
	}
	return all
}

// periodOf returns the numbering of days by week or month.
func periodOf(level Level) func(day int32) int32 {
	if level == Week {
		return func(day int32) int32 { return (day + 3) / 7 } // weeks begin on Monday: 1 January 1970 was a Thursday
	}
	return func(day int32) int32 {
		t := dayTime(day)
		return int32(t.Year()*12 + int(t.Month()))
	}
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
