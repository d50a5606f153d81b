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

// facts plans what the ripe facts ask for by themselves: repeats become one, and what a later one updates stays true until then.
// It marks the records that changes take away as taken.
func (w *planner) facts(ctx context.Context) error {
	var facts []fact
	for _, r := range w.ripe {
		if r.Kind == memory.KindFact || r.Kind == memory.KindPersona {
			facts = append(facts, readFact(r))
		}
	}
	slices.SortFunc(facts, func(a, b fact) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(string(a.ID), string(b.ID)))
	})
	same, pairs, err := w.compare(ctx, facts)
	if err != nil {
		return err
	}
	taken := map[memory.ID]bool{}
	for _, list := range same {
		for _, f := range list {
			taken[f.ID] = true
		}
		w.plan.Changes = append(w.plan.Changes, merge(list))
	}
	for _, p := range pairs {
		a, b := p.earlier, p.later
		switch {
		case taken[a.ID] || taken[b.ID]:
		case p.relation == updates:
			taken[a.ID] = true
			w.plan.Changes = append(w.plan.Changes, expire(a.Record, b.Record, p.why))
		default:
			w.plan.Conflicts = append(w.plan.Conflicts, Conflict{Earlier: a.ID, Later: b.ID, Texts: [2]string{a.Text, b.Text}, Why: p.why})
		}
	}
	return nil
}

// merge makes one fact of several that say the same: the wording with most names, numbers and dates, of equals the earliest.
func merge(same []fact) Change {
	best := slices.MaxFunc(same, func(a, b fact) int {
		return cmp.Compare(len(specialists.Facts(a.Text, a.Created)), len(specialists.Facts(b.Text, b.Created)))
	})
	r := memory.Record{
		Scope: same[0].Scope, Kind: same[0].Kind, Role: best.Role, Speaker: best.Speaker, Text: best.Text, Position: -1,
		Created: same[0].Created, ValidFrom: same[0].Created, Confidence: 1, Origin: memory.Reconstructed, Meta: metaOf(best.Record),
	}
	c := Change{Op: Merge, Why: "said " + plural(len(same), "time")}
	for _, s := range same {
		c.Replaces = append(c.Replaces, s.ID)
		c.Before += packedTokens(s.Record)
		r.DerivedFrom = append(r.DerivedFrom, s.ID)
		r.Quotes = append(r.Quotes, memory.Quote{Source: s.ID, Text: s.Text})
		r.Importance, r.Confidence = max(r.Importance, s.Importance), min(r.Confidence, s.Confidence)
		if s.Scope.Session != r.Scope.Session {
			r.Scope.Session = "" // one that all have, or none
		}
	}
	c.After, c.Write = packedTokens(&r), r
	return c
}

// expire writes a fact again that is true until a later one updates it.
func expire(a, b *memory.Record, why string) Change {
	r := *a
	r.ID, r.Key, r.Recorded, r.Embedding, r.Model = "", "", time.Time{}, nil, ""
	r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	r.Meta = metaOf(a)
	if a.Origin == memory.Observed {
		r.Origin, r.DerivedFrom, r.Quotes = memory.Reconstructed, []memory.ID{a.ID}, []memory.Quote{{Source: a.ID, Text: a.Text}}
		r.Meta["single_source"] = "true"
	}
	if r.ValidFrom.IsZero() {
		r.ValidFrom = a.Created
	}
	if r.ValidUntil = b.Created; b.Created.Before(r.ValidFrom) {
		r.ValidUntil = r.ValidFrom
	}
	r.Meta["replaced_by"] = string(b.ID)
	n := packedTokens(a)
	return Change{Op: Expire, Why: why, Write: r, Replaces: []memory.ID{a.ID}, Before: n, After: n}
}

// metaOf is a record's own metadata to be changed.
func metaOf(r *memory.Record) map[string]string {
	meta := map[string]string{}
	maps.Copy(meta, r.Meta)
	return meta
}
