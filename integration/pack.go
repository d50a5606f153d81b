package integration

import (
	"context"
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

// Pack puts what was recalled into a budget of tokens, and opens summaries into their turns with what is left of it. What
// leave reports is left out; line is as in [refine.PackOptions], and both may be nil.
func Pack(ctx context.Context, found *refine.Recollection, question string, budget int, line func(*memory.Record, string) string, leave func(*memory.Record) bool) (*Notes, error) {
	sources, err := found.Sources(ctx)
	if err != nil {
		return nil, err
	}
	if leave == nil {
		leave = func(*memory.Record) bool { return false }
	}
	for id, turns := range sources {
		sources[id] = slices.DeleteFunc(turns, func(r memory.Record) bool { return leave(&r) })
	}
	list := slices.DeleteFunc(slices.Clone(found.Memories), func(m refine.Recalled) bool { return leave(&m.Record) })
	n := &Notes{Packed: refine.Pack(list, question, budget, &refine.PackOptions{Line: line, Sources: sources})}
	n.Memories = slices.DeleteFunc(list, func(m refine.Recalled) bool { return slices.Contains(n.Packed.Dropped, m.ID) })
	n.Memories = append(n.Memories, n.Packed.Opened(sources)...)
	return n, nil
}

// unfolded are the turns that summaries were opened into for a question, which stand behind what was recalled.
type unfolded struct {
	sources map[memory.ID][]memory.Record // by their summary
	turns   map[memory.ID]bool
}

// open returns the turns that the summaries among what was recalled open into within a budget, without those that are known
// already, and keeps them in mind.
func (u *unfolded) open(ctx context.Context, found *refine.Recollection, question string, budget int, known []refine.Recalled) ([]refine.Recalled, error) {
	sources, err := found.Sources(ctx)
	if err != nil || len(sources) == 0 {
		return nil, err
	}
	packed := refine.Pack(found.Memories, question, budget, &refine.PackOptions{Sources: sources,
		Line: func(r *memory.Record, text string) string { return numberedLine(10, r, text) }}) // most numbers have two digits
	if u.turns == nil {
		u.sources, u.turns = map[memory.ID][]memory.Record{}, map[memory.ID]bool{}
	}
	var turns []refine.Recalled
	within := map[memory.ID]bool{}
	for _, t := range packed.Opened(sources) {
		within[t.ID] = true
		if !slices.ContainsFunc(known, func(m refine.Recalled) bool { return m.ID == t.ID }) {
			u.turns[t.ID] = true
			turns = append(turns, t)
		}
	}
	for id, list := range sources {
		u.sources[id] = slices.DeleteFunc(list, func(r memory.Record) bool { return !within[r.ID] })
	}
	return turns, nil
}

// pack puts the memories into a budget, each with the number that an answer cites it by.
func (u *unfolded) pack(t *specialists.Task, memories []refine.Recalled, budget int) refine.Packed {
	numbers := map[memory.ID]int{}
	for i, e := range t.Evidence {
		numbers[e.ID] = i + 1
	}
	recalled := slices.DeleteFunc(slices.Clone(memories), func(m refine.Recalled) bool { return u.turns[m.ID] })
	return refine.Pack(recalled, t.Question, budget, &refine.PackOptions{Sources: u.sources,
		Line: func(r *memory.Record, text string) string { return numberedLine(numbers[r.ID], r, text) }})
}

func numberedLine(n int, r *memory.Record, text string) string {
	return fmt.Sprintf("[%d] %s", n, refine.Line(r, text))
}

func idsOf(memories []refine.Recalled) []memory.ID {
	ids := make([]memory.ID, len(memories))
	for i, m := range memories {
		ids[i] = m.ID
	}
	return ids
}
