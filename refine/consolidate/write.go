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
	// Lazy greedy: a gain only ever falls, so that the first in the queue whose gain still stands is the best.
	queue := newQueue(len(candidates))
	asking := 0
	for _, c := range candidates {
		if m.passages[c].question {
			asking++ // it states nothing: it comes in with its answer, if that needs it
		} else {
			queue.push(c, gain(&m.passages[c]))
		}
	}
	if asking == len(candidates) {
		for _, c := range candidates {
			queue.push(c, gain(&m.passages[c]))
		}
	}
	picked := map[int32]bool{}
	for !queue.empty() {
		c, stale := queue.pop()
		p := &m.passages[c]
		if picked[c] {
			continue
		}
		if g := gain(p); g < stale {
			queue.push(c, g)
			continue
		} else if g == 0 && len(u.picks) > 0 {
			break
		}
		chain, tokens := m.chain(sources, c, picked)
		if u.tokens+tokens > budget && len(u.picks) > 0 { // something must stand for the sources
			continue
		}
		for _, c := range chain {
			picked[c] = true
			u.picks, u.tokens = append(u.picks, c), u.tokens+int(m.passages[c].tokens)
			for _, f := range m.passages[c].facts {
				haveFacts[f] = true
			}
			for _, t := range m.passages[c].terms {
				haveTerms[t] = true
			}
		}
	}
	slices.Sort(u.picks)
	return u
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

// lost are the facts that the unit's important sources ask for and its picks do not hold, sorted.
func (m *material) lost(u unit) []int32 {
	have := map[int32]bool{}
	for _, p := range u.picks {
		for _, f := range m.passages[p].facts {
			have[f] = true
		}
	}
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
	missing := make(map[int32]bool, len(lost))
	for _, f := range lost {
		missing[f] = true
	}
	picks, tokens := slices.Clone(u.picks), u.tokens
	picked := make(map[int32]bool, len(picks))
	for _, c := range picks {
		picked[c] = true
	}
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
	asked := map[int32]int{} // facts that are asked for, with how many picks hold them
	for _, s := range u.sources {
		if m.sources[s].asks {
			for _, f := range m.sources[s].facts {
				asked[f] = 0
			}
		}
	}
	held := map[int32]int{}
	for _, p := range u.picks {
		for _, f := range m.passages[p].facts {
			if _, ok := asked[f]; ok {
				asked[f]++
			}
		}
		for _, t := range m.passages[p].terms {
			held[t]++
		}
	}
	worth := func(c int32) float64 {
		g := 0.0
		for _, t := range m.passages[c].terms {
			if held[t] == 1 {
				g += m.rarity[t]
			}
		}
		return g * m.passages[c].weight / float64(m.passages[c].tokens+2)
	}
	picks, tokens := slices.Clone(u.picks), u.tokens
	wanted := map[int32]int{} // by how many picks a passage is needed
	for _, c := range picks {
		wanted[m.passages[c].needs]++
	}
	for tokens > budget {
		drop, least := -1, 0.0
		for i, c := range picks {
			needed := wanted[c] > 0
			for _, f := range m.passages[c].facts {
				if n, ok := asked[f]; ok && n == 1 {
					needed = true
					break
				}
			}
			if needed {
				continue
			}
			if w := worth(c); drop < 0 || w < least {
				drop, least = i, w
			}
		}
		if drop < 0 || len(picks) == 1 {
			break
		}
		p := &m.passages[picks[drop]]
		for _, f := range p.facts {
			if _, ok := asked[f]; ok {
				asked[f]--
			}
		}
		for _, t := range p.terms {
			held[t]--
		}
		wanted[p.needs]--
		tokens -= int(p.tokens)
		picks = slices.Delete(picks, drop, drop+1)
	}
	if len(picks) < len(u.picks) {
		u.picks, u.tokens, u.fresh = picks, tokens, true
	}
	return u
}

// queue is a heap of passages by gain, the lower number first among equals.
type queue struct {
	id   []int32
	gain []float64
}

func newQueue(n int) *queue { return &queue{id: make([]int32, 0, n), gain: make([]float64, 0, n)} }

func (q *queue) empty() bool { return len(q.id) == 0 }

func (q *queue) before(i, j int) bool {
	return q.gain[i] > q.gain[j] || q.gain[i] == q.gain[j] && q.id[i] < q.id[j]
}

func (q *queue) swap(i, j int) {
	q.id[i], q.id[j] = q.id[j], q.id[i]
	q.gain[i], q.gain[j] = q.gain[j], q.gain[i]
}

func (q *queue) push(id int32, gain float64) {
	q.id, q.gain = append(q.id, id), append(q.gain, gain)
	for i := len(q.id) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(i, parent) {
			break
		}
		q.swap(i, parent)
		i = parent
	}
}

func (q *queue) pop() (int32, float64) {
	id, gain := q.id[0], q.gain[0]
	last := len(q.id) - 1
	q.swap(0, last)
	q.id, q.gain = q.id[:last], q.gain[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && q.before(child+1, child) {
			child++
		}
		if !q.before(child, i) {
			break
		}
		q.swap(i, child)
		i = child
	}
	return id, gain
}
