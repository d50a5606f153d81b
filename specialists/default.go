package specialists

import (
	"cmp"
	"slices"
)

// Default are the specialists that work without a language model, in order of their priority: puzzle, decompose,
// contradiction, grounding, redundancy, citation, privacy.
func Default() []Specialist {
	return Sort([]Specialist{&Puzzle{}, &Decompose{}, &Contradiction{}, &Grounding{}, &Redundancy{}, &Citation{}, &Privacy{}})
}

// WithModel are the default specialists and those that need a language model.
func WithModel(m Model) []Specialist {
	all := slices.DeleteFunc(Default(), func(s Specialist) bool { return s.Name() == "decompose" })
	return Sort(append(all, &Decompose{Model: m}, &Critic{Model: m}))
}

// Sort orders specialists by their priority, those of the same priority as they were, and returns them.
func Sort(all []Specialist) []Specialist {
	slices.SortStableFunc(all, func(a, b Specialist) int { return cmp.Compare(a.Priority(), b.Priority()) })
	return all
}
