package specialists

import (
	"context"
)

// Contradiction puts the value of a memory in the place of one that it plainly contradicts, and leaves all else of the draft
// as it is (see [Disputes]).
type Contradiction struct{}

// Name implements [Specialist].
func (*Contradiction) Name() string { return "contradiction" }

// Priority implements [Specialist].
func (*Contradiction) Priority() int { return 30 }

// Examine implements [Specialist].
func (s *Contradiction) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok {
		return Finding{}, err
	}
	var notes []Note
	var edits []edit
	for _, c := range Disputes(t, d.Text) {
		notes = append(notes, Note{Specialist: s.Name(), Kind: "contradicted", Claim: c.Text, Why: c.Why, Quotes: c.Quotes})
		edits = append(edits, edit{c.Start, c.End, c.Value})
	}
	return revised(d, apply(d.Text, edits), notes), nil
}
