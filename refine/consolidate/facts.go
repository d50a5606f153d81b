package consolidate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// statement is a record with what it states.
type statement struct {
	*memory.Record
	parsed *specialists.Parsed
}

func (s statement) said() specialists.Said {
	return specialists.Said{Text: s.Text, Speaker: cmp.Or(s.Speaker, s.Role), At: s.Created}
}

// facts plans what the standing records ask for by themselves: repeats become one, and what a later one updates stays
// true until then. It also promotes what turns say again and again. It returns the records that changes take away.
func (w *planner) facts(ctx context.Context, live []*memory.Record, ripe func(*memory.Record) bool) (map[memory.ID]bool, error) {
	taken := map[memory.ID]bool{}
	var facts, turns []statement
	known := map[memory.ID]bool{} // turns that a fact was made of already
	for _, r := range live {
		if r.Kind == memory.KindFact && r.Origin == memory.Reconstructed {
			for _, id := range r.DerivedFrom {
				known[id] = true
			}
		}
	}
	for _, r := range live {
		if !ripe(r) || !r.ValidUntil.IsZero() {
			continue
		}
		said := statement{Record: r}.said()
		switch {
		case r.Kind == memory.KindFact || r.Kind == memory.KindPersona:
			facts = append(facts, statement{r, specialists.Parse(said)})
		case r.Kind == memory.KindTurn && w.plan.Policy.Recurs > 0 && r.Origin == memory.Observed && r.Role != "assistant" && len(r.Text) <= 200:
			if p := specialists.Parse(said); p.Lasting() && !known[r.ID] {
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
	repeats, _, err := w.compare(ctx, turns, false)
	if err != nil {
		return nil, err
	}
	for _, g := range repeats {
		if days(g) >= w.plan.Policy.Recurs {
			w.merge(Promote, g, taken)
		}
	}
	same, pairs, err := w.compare(ctx, facts, true)
	if err != nil {
		return nil, err
	}
	for _, g := range same {
		w.merge(Merge, g, taken)
	}
	for _, p := range pairs {
		a, b := p.earlier, p.later
		switch {
		case taken[a.ID] || taken[b.ID]:
		case p.Relation == specialists.Updates:
			w.expire(a.Record, b.Record, b.Created, p.Why, taken)
		case p.Relation == specialists.Contradicts && p.Why == "corrected":
			w.expire(a.Record, b.Record, a.Created, "corrected by "+string(b.ID), taken)
		default:
			w.plan.Conflicts = append(w.plan.Conflicts, Conflict{Earlier: a.ID, Later: b.ID, Texts: [2]string{a.Text, b.Text}, Why: p.Why})
		}
	}
	return taken, nil
}

// merge makes one fact of several records that say the same: the wording with most facts, of equals the earliest.
func (w *planner) merge(op Op, same []statement, taken map[memory.ID]bool) {
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
	maps.Copy(r.Meta, best.Meta)
	if op == Promote {
		r.Kind = memory.KindFact
	}
	c := Change{Op: op}
	for _, s := range same {
		r.DerivedFrom = append(r.DerivedFrom, s.ID)
		if op == Merge { // turns stay
			c.Replaces = append(c.Replaces, s.ID)
			c.Before += packedTokens(s.Record)
			taken[s.ID] = true
		}
		r.Quotes = append(r.Quotes, memory.Quote{Source: s.ID, Text: s.Text})
		r.Importance, r.Confidence = max(r.Importance, s.Importance), min(r.Confidence, s.Confidence)
		if s.Scope.Session != r.Scope.Session {
			r.Scope.Session = "" // one that all have, or none
		}
	}
	c.After, c.Write = packedTokens(&r), r
	if c.Why = "said " + plural(len(same), "time"); op == Promote {
		c.Why += " on " + plural(days(same), "day")
	}
	w.plan.Changes = append(w.plan.Changes, c)
}

// expire writes a fact again that was true until a moment.
func (w *planner) expire(a, b *memory.Record, until time.Time, why string, taken map[memory.ID]bool) {
	r := *a
	r.ID, r.Key, r.Recorded, r.Embedding, r.Model = "", "", time.Time{}, nil, ""
	r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	if r.Meta = maps.Clone(a.Meta); r.Meta == nil {
		r.Meta = map[string]string{}
	}
	if a.Origin == memory.Observed {
		r.Origin, r.DerivedFrom, r.Quotes = memory.Reconstructed, []memory.ID{a.ID}, []memory.Quote{{Source: a.ID, Text: a.Text}}
		r.Meta["single_source"] = "true"
	}
	if r.ValidFrom.IsZero() {
		r.ValidFrom = a.Created
	}
	if r.ValidUntil = until; until.Before(r.ValidFrom) {
		r.ValidUntil = r.ValidFrom
	}
	r.Meta["replaced_by"] = string(b.ID)
	n := packedTokens(a)
	taken[a.ID] = true
	w.plan.Changes = append(w.plan.Changes, Change{Op: Expire, Why: why, Write: r, Replaces: []memory.ID{a.ID}, Before: n, After: n})
}

// days counts the days on which statements were said.
func days(list []statement) int {
	days := map[string]bool{}
	for _, s := range list {
		days[s.Created.UTC().Format(time.DateOnly)] = true
	}
	return len(days)
}
