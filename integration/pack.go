package integration

import (
	"fmt"
	"slices"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Notes are memories that were packed for a prompt.
type Notes struct {
	// Memories are those in the prompt: what was recalled, best first, and then the turns that its summaries were opened into.
	Memories []refine.Recalled
	Packed   refine.Packed
}

// IDs are those of the memories.
func (n *Notes) IDs() []memory.ID { return idsOf(n.Memories) }

func (n *Notes) has(id memory.ID) bool {
	return slices.ContainsFunc(n.Memories, func(m refine.Recalled) bool { return m.ID == id })
}

// Pack puts what was recalled into a budget of tokens, behind what is pinned. What leave reports is left out; line is as in
// [refine.PackOptions], and both may be nil.
func Pack(found *refine.Recollection, question string, budget int, line func(*memory.Record, string) string, leave func(*memory.Record) bool) *Notes {
	kept := refine.Recollection{PinnedTokens: found.PinnedTokens}
	for to, list := range map[*[]refine.Recalled][]refine.Recalled{&kept.Memories: found.Memories, &kept.Pinned: found.Pinned} {
		for _, m := range list {
			if m, ok := without(m, leave); ok {
				*to = append(*to, m)
			}
		}
	}
	n := &Notes{Packed: kept.Pack(question, budget, &refine.PackOptions{Line: line})}
	for _, m := range kept.Pinned {
		if !n.has(m.ID) && slices.ContainsFunc(n.Packed.Items, func(i refine.Item) bool { return i.ID == m.ID }) {
			n.Memories = append(n.Memories, m)
		}
	}
	for _, m := range kept.Memories {
		if !n.has(m.ID) && !slices.Contains(n.Packed.Dropped, m.ID) {
			n.Memories = append(n.Memories, m)
		}
	}
	n.Memories = append(n.Memories, n.Packed.Opened(kept.Memories)...)
	return n
}

// without is a memory without the turns that are left out, and whether anything speaks for it then.
func without(m refine.Recalled, leave func(*memory.Record) bool) (refine.Recalled, bool) {
	if leave == nil {
		return m, true
	}
	if leave(&m.Record) {
		return m, false
	}
	found := len(m.Turns)
	m.Turns = slices.DeleteFunc(slices.Clone(m.Turns), func(t refine.Recalled) bool { return leave(&t.Record) })
	return m, found == 0 || len(m.Turns) > 0
}

// numbered puts the memories into a budget, each with the number that an answer cites it by. Of the pinned ones those count
// that are evidence of the task.
func numbered(t *specialists.Task, found *refine.Recollection, budget int) refine.Packed {
	numbers := map[memory.ID]int{}
	for i, e := range t.Evidence {
		numbers[e.ID] = i + 1
	}
	return found.Pack(t.Question, budget, &refine.PackOptions{
		Line: func(r *memory.Record, text string) string {
			return fmt.Sprintf("[%d] %s", numbers[r.ID], refine.Line(r, text))
		}})
}

func idsOf(memories []refine.Recalled) []memory.ID {
	ids := make([]memory.ID, len(memories))
	for i, m := range memories {
		ids[i] = m.ID
	}
	return ids
}
