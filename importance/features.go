package importance

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/trm-go/refiner/memory"
)

// Names are the features that the learned ranking reads of each candidate, in order. None knows a language: they say how
// the candidate's words, those of its neighbours and of its session meet the question's, who spoke, when, and at what length.
var Names = []string{
	"lex", "lex_rank", "lex_abs", "cover", "cover_known", "matched", "rarest", "second", "cover_bare",
	"window1", "window2", "before_cover", "after_cover", "before_lex", "after_lex", "near_lex", "before_adds", "after_adds",
	"before_asks", "before_asks_lex", "asks", "relevance", "relevance_rank",
	"session_lex", "session_cover", "session_top3", "session_rank", "rank_in_session", "session_hits", "to_session_best",
	"named", "before_named", "after_named", "any_named", "mentions",
	"human", "assistant", "note", "no_place",
	"length", "length_rel", "before_length", "after_length",
	"place", "place_log", "age", "recency", "later_cover", "earlier_cover", "later_same", "earlier_same", "later_rival", "earlier_rival", "recent",
	"surprise", "information", "information_all", "terms", "best_cover", "margin", "rivals",
	"store_length", "store_assistant", "store_notes",
	"cosine", "cosine_share", "cosine_rank", "before_cosine", "after_cosine", "session_cosine",
	"meant", "meant_rank", "meant_adds", "meant_margin", "before_meant", "after_meant", "subject", "subject_rank", "before_subject", "after_subject",
	"accepted", "accepted_like", "accepted_session", "accepted_beside",
}

// accepted is the first of the features that [Table.Accept] fills in.
var accepted = slices.Index(Names, "accepted")

// Table is the features of some candidates.
type Table struct {
	At     []int     // the candidates of the rows
	Values []float32 // row by row, len(Names) each
	// Relevance is that of all candidates by their words and their neighbours': the ranking that the learned one begins with.
	Relevance []float64

	list []memory.Candidate
	near []float64 // centred cosines of all candidates
}

// Top are the rows of the k candidates that weigh most, best first; those without weight are left out.
func (t *Table) Top(weights []float64, k int) []int {
	rows := make([]int, 0, len(t.At))
	for row, at := range t.At {
		if weights[at] > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(weights[t.At[b]], weights[t.At[a]]) })
	return rows[:min(k, len(rows))]
}

// Accepted is how many memories are accepted in a step of the learned ranking: the best so far.
const Accepted = 3

// Accept fills in the features that say how a candidate stands to those that were accepted, which are numbers of rows: whether
// it is one, how like the most similar of them it is, how many are of its session, and whether one is beside it. Without
// any they are 0.
func (t *Table) Accept(rows []int) {
	for i, at := range t.At {
		f := t.Row(i)[accepted:]
		clear(f)
		m := &t.list[at]
		for _, row := range rows {
			if row == i {
				f[0] = 1
				continue
			}
			a := &t.list[t.At[row]]
			f[1] = max(f[1], float32(overlap(m.Terms, a.Terms)))
			if m.Position >= 0 && a.Position >= 0 && m.Session == a.Session {
				f[2]++
				if d := m.Position - a.Position; d == 1 || d == -1 {
					f[3] = 1
				}
			}
		}
	}
}

// Row is the features of the i-th row.
func (t *Table) Row(i int) []float32 { return t.Values[i*len(Names) : (i+1)*len(Names)] }

// mostRanked is how many candidates are ranked: the most relevant by their words and their neighbours'.
const mostRanked = 128

// reader holds what the features of all candidates are made of.
type reader struct {
	c         *memory.Candidates
	seq       Sequence
	relevance []float64
	holds     []uint64 // bit k: the candidate holds the question's k-th term
	own       []uint64 // the same without terms that it has only because its speaker is called so
	weights   []float64
	known     float64 // sum of weights
	total     float64 // with the terms that occur nowhere
	names     uint64  // terms that name a speaker
	most      float64 // greatest lexical score
	second    float64
	rank      []int32 // by lexical score, from 1
	relRank   []int32
	near      []float64 // centred cosines as shares of the greatest
	nearRank  []int32
	meant     []float64 // how much of the question each candidate covers by meaning
	subject   []float64 // how near its subject is
	senseRank [2][]int32
	mostMeant float64
	sessions  []session

	oldest, newest    int64
	assistants, notes float64 // shares of the candidates
	bestCover         float64
	rivals            int // candidates with nearly the greatest lexical score
}

// session is what the features need of the candidates of one session.
type session struct {
	from, to int // its candidates
	union    uint64
	best     int // the candidate with the greatest lexical score
	top      [3]float64
	near     float64 // greatest centred cosine
	hits     int
	rank     int32
	last     int32 // highest position
}

// Features are those of the most relevant candidates, in their order.
func Features(c *memory.Candidates, seq Sequence) *Table {
	n := len(c.List)
	if n == 0 {
		return &Table{list: c.List}
	}
	r := &reader{c: c, seq: seq, relevance: relevant(c, seq), near: centred(c), holds: make([]uint64, n), own: make([]uint64, n)}
	r.read()
	t := &Table{list: c.List, near: r.near, Relevance: r.relevance}
	near := make([]float64, n)
	for i := range n {
		near[i] = max(r.relevance[i], t.near[i])
		if r.meant[i] >= leastMeant || r.subject[i] >= leastSubject {
			near[i] = max(near[i], r.meant[i]/2, r.subject[i]/2)
		}
		if near[i] > 0 {
			t.At = append(t.At, i)
		}
	}
	if len(t.At) > mostRanked {
		slices.SortStableFunc(t.At, func(a, b int) int { return cmp.Compare(near[b], near[a]) })
		t.At = t.At[:mostRanked]
		slices.Sort(t.At)
	}
	t.Values = make([]float32, len(t.At)*len(Names))
	later := r.changes(t.At)
	for row, i := range t.At {
		f := t.Row(row)[:0]
		f = r.words(f, i)
		f = r.around(f, i)
		f = r.inSession(f, i)
		f = r.speaker(f, i)
		f = r.shape(f, i)
		f = append(f, later[row][:]...)
		f = r.asked(f, i)
		f = r.nearness(f, i)
		r.meaning(f, i)
	}
	return t
}

// read gathers what is common to all candidates.
func (r *reader) read() {
	list := r.c.List
	terms := r.c.Query[:min(64, len(r.c.Query))]
	r.weights = r.c.Weights[:len(terms)]
	for _, w := range r.weights {
		r.known += w
	}
	r.total = r.known + r.c.Missing
	for i := range list {
		r.holds[i] = holding(list[i].Terms, terms)
	}
	r.findNames()
	r.rank, r.relRank = make([]int32, len(list)), make([]int32, len(list))
	lexical := make([]float64, len(list))
	for i := range list {
		lexical[i] = list[i].Lexical
		if list[i].Lexical > r.most {
			r.most, r.second = list[i].Lexical, r.most
		} else {
			r.second = max(r.second, list[i].Lexical)
		}
	}
	r.survey()
	ranks(r.rank, lexical)
	ranks(r.relRank, r.relevance)
	r.nearRank = make([]int32, len(list))
	ranks(r.nearRank, r.near)
	r.readMeanings()
	r.readSessions()
}

// survey gathers what sort of candidates they are.
func (r *reader) survey() {
	list := r.c.List
	r.oldest, r.newest = list[0].Created, list[0].Created
	for i := range list {
		m := &list[i]
		r.oldest, r.newest = min(r.oldest, m.Created), max(r.newest, m.Created)
		r.bestCover = max(r.bestCover, r.cover(r.holds[i]))
		if r.most > 0 && m.Lexical > .7*r.most {
			r.rivals++
		}
		if m.Role == memory.Assistant {
			r.assistants++
		}
		if m.Kind != memory.KindTurn {
			r.notes++
		}
	}
	r.assistants /= float64(len(list))
	r.notes /= float64(len(list))
}

// holding is the set of terms that a sorted list holds.
func holding(sorted []memory.Term, terms []memory.Term) (set uint64) {
	for k, t := range terms {
		if _, ok := slices.BinarySearch(sorted, t); ok {
			set |= 1 << k
		}
	}
	return set
}

// findNames finds the terms that name a speaker: all of the speaker's records are found by them.
func (r *reader) findNames() {
	copy(r.own, r.holds)
	for _, s := range r.c.Speakers {
		all := ^uint64(0)
		for i := range r.c.List {
			if r.c.List[i].Speaker == s {
				all &= r.holds[i]
			}
		}
		if all == ^uint64(0) {
			continue
		}
		r.names |= all
		for i := range r.c.List {
			if r.c.List[i].Speaker == s {
				r.own[i] &^= all
			}
		}
	}
}

// ranks writes the place of each value, from 1 for the greatest; equal values share the better place.
func ranks(out []int32, values []float64) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	for place, i := range order {
		out[i] = int32(place + 1)
		if place > 0 && values[order[place-1]] == values[i] {
			out[i] = out[order[place-1]]
		}
	}
}

func (r *reader) readSessions() {
	list := r.c.List
	for from := 0; from < len(list); {
		s := session{from: from, best: from}
		to := from
		for ; to < len(list) && list[to].Session == list[from].Session; to++ {
			x := list[to].Lexical
			s.union |= r.holds[to]
			s.near = max(s.near, r.near[to])
			if x > list[s.best].Lexical {
				s.best = to
			}
			if r.most > 0 && x >= r.most/2 {
				s.hits++
			}
			for k := range s.top {
				if x > s.top[k] {
					x, s.top[k] = s.top[k], x
				}
			}
			s.last = max(s.last, list[to].Position)
		}
		s.to = to
		r.sessions = append(r.sessions, s)
		from = to
	}
	best := make([]float64, len(r.sessions))
	for i, s := range r.sessions {
		best[i] = list[s.best].Lexical
	}
	place := make([]int32, len(best))
	ranks(place, best)
	for i := range r.sessions {
		r.sessions[i].rank = place[i]
	}
}

// cover is the share of the question's weight in a set of terms.
func (r *reader) cover(set uint64) float64 {
	if r.total <= 0 {
		return 0
	}
	return weigh(set, r.weights) / r.total
}

// share is a lexical score as a share of the greatest.
func (r *reader) share(x float64) float64 {
	if r.most <= 0 {
		return 0
	}
	return x / r.most
}

func put(f []float32, values ...float64) []float32 {
	for _, v := range values {
		f = append(f, float32(v))
	}
	return f
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func logged(n int) float64 { return math.Log1p(float64(max(0, n))) }

// words are the features of a candidate's own words.
func (r *reader) words(f []float32, i int) []float32 {
	m, holds := &r.c.List[i], r.holds[i]
	first, second := 0.0, 0.0 // the greatest weights of the question
	var rarest, next bool
	for k, w := range r.weights {
		held := holds>>k&1 == 1
		switch {
		case w > first:
			first, second, rarest, next = w, first, held, rarest
		case w > second:
			second, next = w, held
		}
	}
	known, bare := 0.0, 0.0
	if r.known > 0 {
		known = weigh(holds, r.weights) / r.known
	}
	if rest := r.known - weigh(r.names, r.weights); rest > 1e-9 {
		bare = weigh(r.own[i]&^r.names, r.weights) / rest
	}
	absolute := 0.0
	if r.total > 0 {
		absolute = m.Lexical / r.total
	}
	return put(f, r.share(m.Lexical), math.Log(float64(r.rank[i])), absolute, r.cover(holds), known,
		float64(bits.OnesCount64(holds))/float64(max(1, len(r.weights))), flag(rarest), flag(next), bare)
}

// around are the features of a candidate's neighbours.
func (r *reader) around(f []float32, i int) []float32 {
	list := r.c.List
	b, a := r.seq.Before[i], r.seq.After[i]
	var beforeSet, afterSet, farSet uint64
	var beforeLex, afterLex, farLex float64
	asks := false
	if b >= 0 {
		beforeSet, beforeLex, asks = r.holds[b], r.share(list[b].Lexical), list[b].Asks
		if bb := r.seq.Before[b]; bb >= 0 {
			farSet, farLex = r.holds[bb], r.share(list[bb].Lexical)
		}
	}
	if a >= 0 {
		afterSet, afterLex = r.holds[a], r.share(list[a].Lexical)
		if aa := r.seq.After[a]; aa >= 0 {
			farSet, farLex = farSet|r.holds[aa], max(farLex, r.share(list[aa].Lexical))
		}
	}
	own := r.holds[i]
	asked := 0.0
	if asks {
		asked = beforeLex
	}
	return put(f, r.cover(own|beforeSet|afterSet), r.cover(own|beforeSet|afterSet|farSet), r.cover(beforeSet), r.cover(afterSet),
		beforeLex, afterLex, max(beforeLex, afterLex, farLex), r.cover(own|beforeSet)-r.cover(own), r.cover(own|afterSet)-r.cover(own),
		flag(asks), asked, flag(list[i].Asks), r.relevance[i], math.Log(float64(r.relRank[i])))
}

// sessionOf is the session of a candidate.
func (r *reader) sessionOf(i int) *session {
	at, _ := slices.BinarySearchFunc(r.sessions, i, func(s session, i int) int {
		switch {
		case s.to <= i:
			return -1
		case s.from > i:
			return 1
		}
		return 0
	})
	return &r.sessions[at]
}

// inSession are the features of a candidate's session. A record of no session is one of its own.
func (r *reader) inSession(f []float32, i int) []float32 {
	list := r.c.List
	s := r.sessionOf(i)
	if list[i].Position < 0 {
		own := r.share(list[i].Lexical)
		return put(f, own, r.cover(r.holds[i]), own/3, math.Log(float64(r.rank[i])), 0, 0, 0)
	}
	place := 0
	for j := s.from; j < s.to; j++ {
		if list[j].Lexical > list[i].Lexical {
			place++
		}
	}
	top := (s.top[0] + s.top[1] + s.top[2]) / 3
	return put(f, r.share(list[s.best].Lexical), r.cover(s.union), r.share(top), math.Log(float64(s.rank)), logged(place), logged(s.hits),
		float64(max(-10, min(10, list[i].Position-list[s.best].Position))))
}

// speaker are the features of who speaks, and of what sort the record is.
func (r *reader) speaker(f []float32, i int) []float32 {
	list := r.c.List
	named := func(j int32) float64 {
		return flag(j >= 0 && slices.Contains(r.c.Speakers, list[j].Speaker))
	}
	m := &list[i]
	return put(f, named(int32(i)), named(r.seq.Before[i]), named(r.seq.After[i]), flag(len(r.c.Speakers) > 0), flag(r.own[i]&r.names != 0),
		flag(m.Role == memory.Human), flag(m.Role == memory.Assistant), flag(m.Kind != memory.KindTurn), flag(m.Position < 0))
}

// shape are the features of length, place and time.
func (r *reader) shape(f []float32, i int) []float32 {
	list := r.c.List
	m := &list[i]
	length := func(j int32) float64 {
		if j < 0 {
			return -1
		}
		return logged(len(list[j].Terms))
	}
	place := 0.0
	if last := r.sessionOf(i).last; last > 0 {
		place = float64(max(0, m.Position)) / float64(last)
	}
	recency := 1.0
	if r.newest > r.oldest {
		recency = float64(m.Created-r.oldest) / float64(r.newest-r.oldest)
	}
	return put(f, length(int32(i)), math.Log1p(float64(len(m.Terms)))-math.Log1p(r.c.MeanTerms), length(r.seq.Before[i]), length(r.seq.After[i]),
		place, logged(int(m.Position)), math.Log1p(max(0, float64(r.newest-m.Created)/86400)), recency)
}

// nearness are the features of vectors, all 0 without.
func (r *reader) nearness(f []float32, i int) []float32 {
	of := func(j int32) float64 {
		if j < 0 {
			return 0
		}
		return r.near[j]
	}
	cosine, session := 0.0, r.near[i]
	if v := r.c.List[i].Vector; v != 0 {
		cosine = v - r.c.Mean
	}
	if r.c.List[i].Position >= 0 {
		session = r.sessionOf(i).near
	}
	return put(f, cosine, r.near[i], math.Log(float64(r.nearRank[i])), of(r.seq.Before[i]), of(r.seq.After[i]), session)
}

// compared bounds how many candidates are compared with each other word by word: those with the best words.
const compared = 40

// changes are the features that tell whether a matter was spoken of again: how many later and earlier candidates hold the same
// terms of the question, how like the most similar of them is, how far the best of another session that no assistant said is
// ahead, as far as it holds the same terms of the question, and how many of the best are later.
func (r *reader) changes(at []int) [][changed]float32 {
	list := r.c.List
	out := make([][changed]float32, len(at))
	for row, i := range at {
		if r.holds[i] == 0 {
			continue
		}
		own := weigh(r.holds[i], r.weights)
		var count [2]int
		rival := [2]float64{-1, -1}
		best := 0
		for _, j := range at {
			if j == i {
				continue
			}
			side := 1
			if after(&list[j], &list[i]) {
				side = 0
			}
			common := r.holds[j] & r.holds[i]
			if common == r.holds[i] {
				count[side]++
			}
			if r.rank[j] <= compared && r.rank[i] <= compared {
				out[row][2+side] = max(out[row][2+side], float32(overlap(list[i].Terms, list[j].Terms)))
			}
			if list[j].Role == memory.Assistant || common == 0 || list[j].Session == list[i].Session && list[i].Position >= 0 {
				continue
			}
			rival[side] = max(rival[side], r.share(list[j].Lexical)*weigh(common, r.weights)/own-r.share(list[i].Lexical))
			if side == 0 && r.rank[j] <= few {
				best++
			}
		}
		for side := range 2 {
			out[row][side], out[row][4+side] = float32(logged(count[side])), float32(rival[side])
		}
		out[row][6] = float32(best)
	}
	return out
}

// changed is how many features [reader.changes] gives, and few how many candidates are the best for it.
const (
	changed = 7
	few     = 8
)

func after(a, b *memory.Candidate) bool {
	return a.Created > b.Created || a.Created == b.Created && a.Row > b.Row
}

// overlap is the share of two sorted lists that both have (Jaccard).
func overlap(a, b []memory.Term) float64 {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			i, j, common = i+1, j+1, common+1
		}
	}
	if common == 0 {
		return 0
	}
	return float64(common) / float64(len(a)+len(b)-common)
}

// asked are the features of the question, and of how the candidate stands against the others.
func (r *reader) asked(f []float32, i int) []float32 {
	list := r.c.List
	margin := r.share(list[i].Lexical) - 1
	if list[i].Lexical == r.most {
		margin = 1 - r.share(r.second)
	}
	informed := float64(list[i].Information) / math.Log(float64(2+r.c.Len))
	return put(f, float64(list[i].Surprise), informed, math.Log1p(informed*float64(len(list[i].Terms))), logged(len(r.weights)), r.bestCover, margin, logged(r.rivals),
		math.Log1p(r.c.MeanTerms), r.assistants, r.notes)
}
