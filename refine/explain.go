package refine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// Explanation tells why a memory was recalled.
type Explanation struct {
	Recalled
	// Through is the turn by which a summary was found: all that follows is said of it.
	Through *memory.Record `json:"through,omitempty"`
	Terms   []string       `json:"terms"` // of the question, that it holds
	Seed    float64        `json:"seed"`  // what it says for itself, in [0, 1]
	// Steps are its weights before the first step and after each.
	Steps []float64 `json:"steps"`
	// Lifts are where its weight comes from, the greatest first; their shares sum to 1.
	Lifts []Lift `json:"lifts"`
}

// Lift is a part of a memory's weight.
type Lift struct {
	Reason importance.Reason `json:"reason"`
	From   *memory.Record    `json:"from,omitempty"` // whose weight it is; nil for its own, and if it is gone
	Share  float64           `json:"share"`          // in (0, 1]
}

// Explain tells why each of the memories was recalled, in their order.
func (r *Recollection) Explain(ctx context.Context) ([]Explanation, error) {
	k := r.Ranking
	c := k.candidates
	out := make([]Explanation, len(r.Memories))
	for i, at := range r.at {
		m := &c.List[at]
		out[i] = Explanation{Recalled: r.Memories[i], Seed: k.Seed[at], Terms: words(c, m.Terms)}
		if turns := r.Memories[i].Turns; len(turns) > 0 {
			out[i].Through = &turns[0].Record
		}
	}
	for step, err := range k.Steps(ctx) {
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		for i, at := range r.at {
			out[i].Steps = append(out[i].Steps, step.Weights[at])
		}
	}
	lifts := make([][]lift, len(r.at))
	var rows []int64
	for i, at := range r.at {
		lifts[i] = k.lifts(at)
		for _, l := range lifts[i] {
			if l.from >= 0 {
				rows = append(rows, c.List[l.from].Row)
			}
		}
	}
	slices.Sort(rows)
	rows = slices.Compact(rows)
	records, err := fetch(ctx, r.source, r.scope, rows)
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	for i := range out {
		for _, l := range lifts[i] {
			told := Lift{Reason: l.reason, Share: l.share}
			if l.from >= 0 {
				at, _ := slices.BinarySearch(rows, c.List[l.from].Row)
				told.From = records[at]
			}
			out[i].Lifts = append(out[i].Lifts, told)
		}
	}
	return out, nil
}

// words are those of the question's terms that tell something and that a sorted list holds.
func words(c *memory.Candidates, held []memory.Term) []string {
	found := []string{}
	least := slices.Max(append(slices.Clone(c.Weights), 0)) / 4
	for i, t := range c.Query {
		if _, ok := slices.BinarySearch(held, t); ok && c.Weights[i] >= least {
			found = append(found, c.Word(t))
		}
	}
	return found
}

type lift struct {
	reason importance.Reason
	from   int32 // the candidate; -1: the memory itself
	share  float64
}

// lifts are the parts of a candidate's weight, the greatest first: what raised its score in the trees, or at the fixed point
// the terms of its sum in one more step.
func (r *Ranking) lifts(at int) []lift {
	var parts []lift
	switch row := r.row(at); {
	case r.field != nil && r.field.graph != nil:
		parts = r.spreads(at)
	case row >= 0:
		for _, p := range r.table.Parts(row) {
			from := int32(-1)
			switch p.Reason {
			case importance.Before:
				from = r.seq.Before[at]
			case importance.After:
				from = r.seq.After[at]
			}
			if from < 0 && (p.Reason == importance.Before || p.Reason == importance.After) {
				p.Reason = importance.Near // that it has no such turn tells something too
			}
			if i := slices.IndexFunc(parts, func(l lift) bool { return l.reason == p.Reason && l.from == from }); i >= 0 {
				parts[i].share += p.Share
				continue
			}
			parts = append(parts, lift{p.Reason, from, p.Share})
		}
	default:
		parts = []lift{{importance.Own, -1, 1}}
	}
	total := 0.0
	parts = slices.DeleteFunc(parts, func(l lift) bool { return !(l.share > 0) })
	for _, l := range parts {
		total += l.share
	}
	for i := range parts {
		parts[i].share /= total
	}
	slices.SortStableFunc(parts, func(a, b lift) int { return cmp.Compare(b.share, a.share) })
	return parts
}

// row is the row of a candidate in the table of features; -1: none.
func (r *Ranking) row(at int) int {
	if r.table == nil {
		return -1
	}
	if row, ok := slices.BinarySearch(r.table.At, at); ok {
		return row
	}
	return -1
}

// spreads are the terms of a candidate's sum in one more step to the fixed point.
func (r *Ranking) spreads(at int) []lift {
	x := r.field
	z, _ := spreading{}.Reason(context.Background(), x, r.last, evidence{}) // it never fails
	own := x.start[at] * (1 - x.spread - x.lift)
	var parts []lift
	// The best of a session gets the session's share from itself.
	if best := z.best[x.session[at]]; int(best) == at {
		own += x.start[at] * x.lift * r.last[at]
	} else {
		parts = append(parts, lift{importance.Session, best, x.start[at] * x.lift * z.weight[x.session[at]]})
	}
	parts = append(parts, lift{importance.Own, -1, own})
	for _, e := range x.graph.Edges(at) {
		parts = append(parts, lift{e.Reason, e.From, x.spread * float64(e.Weight) * r.last[e.From]})
	}
	return parts
}
