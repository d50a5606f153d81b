package consolidate

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// common is in how many records a key may occur for two records to be compared because of it: what is in more says
// nothing, and would make every record be compared with every other.
const commonKey = 64

// statement is a record with what it states.
type statement struct {
	*memory.Record
	parsed *specialists.Parsed
}

// facts plans what the standing records ask for by themselves: repeats become one, and what a later one updates stays
// true until then. It also promotes what turns say again and again. It returns the records that changes take away.
func (w *writer) facts(live []*memory.Record, ripe func(*memory.Record) bool) map[memory.ID]bool {
	taken := map[memory.ID]bool{}
	var facts, turns []statement
	for _, r := range live {
		if !ripe(r) || !r.ValidUntil.IsZero() {
			continue
		}
		said := specialists.Said{Text: r.Text, Speaker: cmp.Or(r.Speaker, r.Role), At: r.Created}
		switch {
		case r.Kind == memory.KindFact || r.Kind == memory.KindPersona:
			facts = append(facts, statement{r, specialists.Parse(said)})
		case r.Kind == memory.KindTurn && w.plan.Policy.Recurs > 0 && r.Origin == memory.Observed && r.Role != "assistant" && len(r.Text) <= 200:
			if p := specialists.Parse(said); p.Lasting() {
				turns = append(turns, statement{r, p})
			}
		}
	}
	for _, list := range [][]statement{facts, turns} {
		slices.SortFunc(list, func(a, b statement) int {
			return cmp.Or(a.Created.Compare(b.Created), strings.Compare(string(a.ID), string(b.ID)))
		})
	}
	// What a fact already says need not become one.
	for _, g := range w.repeats(turns, nil) {
		days := map[string]bool{}
		for _, s := range g {
			days[s.Created.UTC().Format(time.DateOnly)] = true
		}
		if len(days) >= w.plan.Policy.Recurs {
			w.merge(Promote, g, taken)
		}
	}
	update := func(a, b statement, v, hint specialists.Verdict) {
		switch {
		case taken[a.ID] || taken[b.ID]:
		case v.Relation == specialists.Apart:
			w.plan.Conflicts = append(w.plan.Conflicts, Conflict{Perhaps: hint.Relation, Earlier: a.ID, Later: b.ID, Texts: [2]string{a.Text, b.Text}, Why: hint.Why})
		case v.Relation == specialists.Updates:
			w.expire(a.Record, b.Record, b.Created, v.Why, taken)
		case v.Relation == specialists.Contradicts && v.Why == "corrected":
			w.expire(a.Record, b.Record, a.Created, "corrected by "+string(b.ID), taken)
		case v.Relation == specialists.Contradicts:
			w.plan.Conflicts = append(w.plan.Conflicts, Conflict{Earlier: a.ID, Later: b.ID, Texts: [2]string{a.Text, b.Text}, Why: v.Why})
		}
	}
	var judged, hinted []func()
	for _, g := range w.repeats(facts, func(a, b statement, v, hint specialists.Verdict) {
		if v.Relation == specialists.Apart {
			hinted = append(hinted, func() { update(a, b, v, hint) })
		} else {
			judged = append(judged, func() { update(a, b, v, hint) })
		}
	}) {
		w.merge(Merge, g, taken)
	}
	for _, j := range append(judged, hinted...) { // what is sure first: of what it takes away there is nothing to hint
		j()
	}
	return taken
}

// repeats groups statements that say the same, in order. other gets each pair that is neither the same nor apart, and each
// that is apart and gives a hint of something else, the earlier first.
func (w *writer) repeats(list []statement, other func(a, b statement, v, hint specialists.Verdict)) [][]statement {
	keysOf := func(s statement) []string {
		keys := append(s.parsed.Keys(), "text "+s.Text)
		if other != nil {
			for _, k := range s.parsed.HintKeys() {
				keys = append(keys, "hint "+k)
			}
		}
		return keys
	}
	where := map[string][]int{}
	keys := make([][]string, len(list))
	for i, s := range list {
		keys[i] = keysOf(s)
		for _, k := range keys[i] {
			where[k] = append(where[k], i)
		}
	}
	group := make([]int, len(list))
	for i := range group {
		group[i] = i
	}
	find := func(i int) int {
		for group[i] != i {
			i = group[i]
		}
		return i
	}
	for j, b := range list {
		if j%1024 == 0 {
			w.progress(j, w.total)
		}
		near := map[int]bool{}
		for _, k := range keys[j] {
			others := where[k]
			at, _ := slices.BinarySearch(others, j)
			for _, i := range others[max(0, at-commonKey):at] {
				near[i] = true
			}
		}
		for _, i := range slices.Sorted(maps.Keys(near)) {
			a := list[i]
			if a.Scope.Agent != b.Scope.Agent || a.Kind != b.Kind {
				continue
			}
			switch v := a.parsed.Relate(b.parsed); v.Relation {
			case specialists.Apart:
				if other == nil {
					break
				}
				if hint := a.parsed.Hint(b.parsed); hint.Relation != specialists.Apart {
					other(a, b, v, hint)
				}
			case specialists.Same:
				x, y := find(i), find(j)
				group[max(x, y)] = min(x, y)
			default:
				if other != nil {
					other(a, b, v, specialists.Verdict{})
				}
			}
		}
	}
	members := map[int][]statement{}
	for i, s := range list {
		root := find(i)
		members[root] = append(members[root], s)
	}
	var groups [][]statement
	for _, root := range slices.Sorted(maps.Keys(members)) {
		if len(members[root]) > 1 {
			groups = append(groups, members[root])
		}
	}
	return groups
}

// merge makes one fact of several records that say the same: the wording with most facts, of equals the earliest.
func (w *writer) merge(op Op, same []statement, taken map[memory.ID]bool) {
	best := same[0]
	for _, s := range same[1:] {
		if len(specialists.Facts(s.Text, s.Created)) > len(specialists.Facts(best.Text, best.Created)) {
			best = s
		}
	}
	r := memory.Record{
		Scope: same[0].Scope, Kind: same[0].Kind, Role: best.Role, Speaker: best.Speaker, Text: best.Text, Position: -1,
		Created: same[0].Created, ValidFrom: same[0].Created, Confidence: 1, Origin: memory.Reconstructed,
		Meta: map[string]string{},
	}
	if op == Promote {
		r.Kind = memory.KindFact
	}
	c := Change{Op: op}
	for k, v := range best.Meta {
		r.Meta[k] = v
	}
	var sessions []string
	for _, s := range same {
		r.DerivedFrom, c.Replaces = append(r.DerivedFrom, s.ID), append(c.Replaces, s.ID)
		r.Quotes = append(r.Quotes, memory.Quote{Source: s.ID, Text: s.Text})
		r.Importance, r.Confidence = max(r.Importance, s.Importance), min(r.Confidence, s.Confidence)
		sessions = append(sessions, s.Scope.Session)
		c.Before += packedTokens(s.Record)
		taken[s.ID] = true
	}
	r.Scope.Session = only(sessions)
	c.After, c.Write = packedTokens(&r), r
	c.Why = "said " + plural(len(same), "time")
	if op == Promote {
		days := map[string]bool{}
		for _, s := range same {
			days[s.Created.UTC().Format(time.DateOnly)] = true
		}
		c.Why += " on " + plural(len(days), "day")
	}
	w.plan.Changes = append(w.plan.Changes, c)
}

// expire writes a fact again that was true until a moment.
func (w *writer) expire(a, b *memory.Record, until time.Time, why string, taken map[memory.ID]bool) {
	r := w.again(a)
	if r.ValidFrom.IsZero() {
		r.ValidFrom = a.Created
	}
	if until.Before(r.ValidFrom) {
		until = r.ValidFrom
	}
	r.ValidUntil = until
	r.Meta["replaced_by"] = string(b.ID)
	n := packedTokens(a)
	taken[a.ID] = true
	w.plan.Changes = append(w.plan.Changes, Change{Op: Expire, Why: why, Write: r, Replaces: []memory.ID{a.ID}, Before: n, After: n})
}

// demote takes a tenth of importance from what nobody has used for as long as the policy says.
func (w *writer) demote(live []*memory.Record, taken map[memory.ID]bool) {
	if w.plan.Policy.Idle <= 0 {
		return
	}
	for _, c := range w.plan.Changes {
		for _, id := range c.Replaces {
			taken[id] = true
		}
	}
	for _, r := range live {
		last := r.Recorded
		for _, t := range []time.Time{r.Created, r.LastUsed, r.LastShown} {
			if t.After(last) {
				last = t
			}
		}
		if taken[r.ID] || r.Origin != memory.Reconstructed || r.Importance >= w.plan.Policy.Keep || r.Importance < .1 || w.now.Sub(last) < w.plan.Policy.Idle {
			continue
		}
		again := w.again(r)
		again.Importance = r.Importance * .9
		n := packedTokens(r)
		w.plan.Changes = append(w.plan.Changes, Change{
			Op: Demote, Level: level(r), Why: "nobody has used it since " + last.UTC().Format(time.DateOnly), Write: again,
			Replaces: []memory.ID{r.ID}, Before: n, After: n,
		})
	}
}

// again is a copy of a record, to be written in its place.
func (w *writer) again(a *memory.Record) memory.Record {
	r := *a
	r.ID, r.Key, r.Recorded = "", "", time.Time{}
	r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	r.Embedding, r.Model = nil, ""
	if r.Meta = map[string]string{}; a.Meta != nil {
		for k, v := range a.Meta {
			r.Meta[k] = v
		}
	}
	if a.Origin == memory.Observed {
		r.Origin = memory.Reconstructed
		r.DerivedFrom, r.Quotes = []memory.ID{a.ID}, []memory.Quote{{Source: a.ID, Text: a.Text}}
		r.Meta["single_source"] = "true"
	}
	return r
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return strconv.Itoa(n) + " " + stem + "ies"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
