package refine

import (
	"slices"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// Pin adds records that stand in every prompt, most important first, and how many tokens they may take there.
func (r *Recollection) Pin(records []memory.Record, tokens int) {
	r.PinnedTokens = tokens
	for _, record := range records {
		r.Pinned = append(r.Pinned, Recalled{Record: record, Weight: 1, Level: importance.Full})
	}
}

// Pack packs what was recalled as [Pack] does, after what is pinned, which has a budget of its own. What is
// pinned and does not fit there competes with the rest if it was recalled.
func (r *Recollection) Pack(question string, budget int, o *PackOptions) Packed {
	if len(r.Pinned) == 0 {
		return Pack(r.Memories, question, budget, o)
	}
	first := Pack(r.Pinned, question, r.PinnedTokens, o)
	rest := Pack(slices.DeleteFunc(slices.Clone(r.Memories), func(m Recalled) bool {
		return slices.ContainsFunc(first.Items, func(i Item) bool { return i.ID == m.ID })
	}), question, budget, o)
	return Packed{Items: append(first.Items, rest.Items...), Tokens: first.Tokens + rest.Tokens, Dropped: rest.Dropped}
}
