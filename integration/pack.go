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

// Pack puts what was recalled into a budget of tokens. What leave reports is left out; line is as in [refine.PackOptions],
// and both may be nil.
func Pack(found *refine.Recollection, question string, budget int, line func(*memory.Record, string) string, leave func(*memory.Record) bool) *Notes {
	list := found.Memories
	if leave != nil {
		list = nil
		for _, m := range found.Memories {
			if m, ok := without(m, leave); ok {
				list = append(list, m)
			}
		}
	}
	n := &Notes{Packed: refine.Pack(list, question, budget, &refine.PackOptions{Line: line})}
	n.Memories = slices.DeleteFunc(slices.Clone(list), func(m refine.Recalled) bool { return slices.Contains(n.Packed.Dropped, m.ID) })
	n.Memories = append(n.Memories, n.Packed.Opened(list)...)
	return n
}

// without is a memory without the turns that are left out, and whether anything speaks for it then.
func without(m refine.Recalled, leave func(*memory.Record) bool) (refine.Recalled, bool) {
	if leave(&m.Record) {
		return m, false
	}
	found := len(m.Turns)
	m.Turns = slices.DeleteFunc(slices.Clone(m.Turns), func(t refine.Recalled) bool { return leave(&t.Record) })
	return m, found == 0 || len(m.Turns) > 0
}

// numbered puts the memories into a budget, each with the number that an answer cites it by.
func numbered(t *specialists.Task, memories []refine.Recalled, budget int) refine.Packed {
	numbers := map[memory.ID]int{}
	for i, e := range t.Evidence {
		numbers[e.ID] = i + 1
	}
	return refine.Pack(memories, t.Question, budget, &refine.PackOptions{
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
