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
	Terms   []string       `json:"terms"`   // of the question, that it holds
	Related []string       `json:"related"` // terms it holds that are related to the question's: camp, where an activity is asked for
	Links   []string       `json:"links"`   // of the question, that it holds: dates, and the type of text that can answer it
	Seed    float64        `json:"seed"`    // what it says for itself, in [0, 1]
	Fit     float64        `json:"fit"`     // factor for how well it fits the question beyond its words
	// Steps are its weights before the first step and after each.
	Steps []float64 `json:"steps"`
	// Lifts are where its weight comes from, the greatest first; their shares sum to 1.
	Lifts []Lift `json:"lifts"`
}

// Reasons for a memory's weight besides those of an edge.
const (
	Own     importance.Reason = "own"     // what it says for itself
	Session importance.Reason = "session" // another memory of its session answers well
)

// Lift is a part of a memory's weight.
type Lift struct {
	Reason importance.Reason `json:"reason"`
	From   *memory.Record    `json:"from,omitempty"` // whose weight it is; nil for its own, and if it is gone
	Link   string            `json:"link,omitempty"` // the shared name, date or number
	Share  float64           `json:"share"`          // in (0, 1]
}

// Explain tells why each of the memories was recalled, in their order.
func (r *Recollection) Explain(ctx context.Context) ([]Explanation, error) {
	k := r.Ranking
	c := k.candidates
	out := make([]Explanation, len(r.Memories))
	for i, at := range r.at {
		m := &c.List[at]
		out[i] = Explanation{Recalled: r.Memories[i], Seed: k.Seed[at], Fit: k.Fit[at],
			Terms: words(c, c.Query, m.Terms), Related: words(c, c.Related, m.Terms), Links: words(c, c.Links, m.Links)}
		if turns := r.Memories[i].Turns; len(turns) > 0 {
			out[i].Through = &turns[0].Record
		}
	}
	for w, err := range k.Steps(ctx) {
		if err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
		for i, at := range r.at {
			out[i].Steps = append(out[i].Steps, w[at])
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
			if l.reason == importance.Shared {
				told.Link = c.Word(l.link)
			}
			out[i].Lifts = append(out[i].Lifts, told)
		}
	}
	return out, nil
}

// words are those of the question's terms that a sorted list holds.
func words(c *memory.Candidates, asked, held []memory.Term) []string {
	found := []string{}
	for _, t := range asked {
		if _, ok := slices.BinarySearch(held, t); ok {
			found = append(found, c.Word(t))
		}
	}
	return found
}

type lift struct {
	reason importance.Reason
	from   int32 // the candidate; -1: the memory itself
	link   memory.Term
	share  float64
}

// lifts are the parts of a candidate's weight: the terms of its sum in one more step of the recursion.
func (r *Ranking) lifts(at int) []lift {
	if r.field == nil {
		return []lift{{reason: Own, from: -1, share: 1}}
	}
	x := r.field
	z, _ := weights{}.Reason(context.Background(), x, r.last, evidence{}) // it fails for nobody
	own := x.seed[at] * (1 - x.spread - x.lift)
	var parts []lift
	total := 0.0
	add := func(l lift) {
		if l.share > 0 {
			total += l.share
			parts = append(parts, l)
		}
	}
	// The best of its own session is lifted by nobody but itself.
	if best := z.best[x.session[at]]; int(best) == at {
		own += x.seed[at] * x.lift * r.last[at]
	} else {
		add(lift{reason: Session, from: best, share: x.seed[at] * x.lift * z.weight[x.session[at]]})
	}
	add(lift{reason: Own, from: -1, share: own})
	for _, e := range x.graph.Edges(at) {
		add(lift{reason: e.Reason, from: e.From, link: e.Link, share: x.spread * float64(e.Weight) * r.last[e.From]})
	}
	for i := range parts {
		parts[i].share /= total
	}
	slices.SortStableFunc(parts, func(a, b lift) int { return cmp.Compare(b.share, a.share) })
	return parts
}
