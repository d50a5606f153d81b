package refine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory"
)

// Opener finds records by their IDs, superseded ones too. [memory.Store] is one.
type Opener interface {
	Record(ctx context.Context, scope memory.Scope, id memory.ID) (memory.Record, error)
}

// Sources are all the records that the recalled summaries stand for, by the ID of the summary, as far as they are still
// there; Recalled.Turns are those among them that answer.
func (r *Recollection) Sources(ctx context.Context) (map[memory.ID][]memory.Record, error) {
	src, ok := r.source.(Opener)
	if !ok {
		return nil, nil
	}
	sources := map[memory.ID][]memory.Record{}
	for _, m := range r.Memories {
		if !isSummary(&m.Record) {
			continue
		}
		for _, id := range m.DerivedFrom {
			s, err := src.Record(ctx, r.scope, id)
			switch {
			case errors.Is(err, memory.ErrNotFound): // deleted for privacy
				continue
			case err != nil:
				return nil, fmt.Errorf("open %s: %w", m.ID, err)
			}
			s.Embedding, s.Model = nil, ""
			sources[m.ID] = append(sources[m.ID], s)
		}
	}
	return sources, nil
}

// isSummary reports whether a record is a summary that stands for others.
func isSummary(r *memory.Record) bool {
	return r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed
}

// Unfold puts the turns that summaries were found by in their place, and keeps the first limit of all, best first. That is
// what evidence is: what was said, and not what was made of it.
func Unfold(memories []Recalled, limit int) []Recalled {
	var all []Recalled
	for _, m := range memories {
		if len(m.Turns) > 0 {
			all = append(all, m.Turns...)
		} else {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Recalled) int { return cmp.Compare(b.Weight, a.Weight) })
	return all[:min(limit, len(all))]
}

// Opened are the turns of the recalled summaries that were packed as they were said, the heaviest first.
func (p *Packed) Opened(recalled []Recalled) []Recalled {
	var turns []Recalled
	for _, m := range recalled {
		for _, t := range m.Turns {
			if i := slices.IndexFunc(p.Items, func(item Item) bool { return item.ID == t.ID && item.Of == m.ID }); i >= 0 {
				t.Level = p.Items[i].Level
				turns = append(turns, t)
			}
		}
	}
	slices.SortStableFunc(turns, func(a, b Recalled) int { return cmp.Compare(b.Weight, a.Weight) })
	return turns
}
