package specialists

import (
	"context"
)

// Grounding takes out of a draft what the memories do not support. A draft of which nothing is left says that it is not known.
// Where there are no memories at all there is nothing to hold a draft against, and it stays.
type Grounding struct{}

// Name implements [Specialist].
func (*Grounding) Name() string { return "grounding" }

// Priority implements [Specialist].
func (*Grounding) Priority() int { return 40 }

// notKnown is what is left of an answer that nothing supports.
const notKnown = "I do not know: no memory says so."

// Examine implements [Specialist].
func (s *Grounding) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok || len(t.Evidence) == 0 {
		return Finding{}, err
	}
	var notes []Note
	var edits []edit
	kept := false
	for _, c := range ground(t, d.Text) {
		if c.Support == Supported || c.Support == Neutral && refuses.MatchString(c.Text) {
			kept = true
		}
		if c.Support != Unknown && c.Support != Contradicted {
			continue
		}
		notes = append(notes, Note{Specialist: s.Name(), Kind: string(c.Support), Claim: c.Text, Why: c.Why, Quotes: c.Quotes})
		edits = append(edits, edit{line(d.Text, c.from), sentenceEnd(d.Text, c.to), ""})
	}
	if len(edits) > 0 && !kept {
		return revised(d, notKnown, notes), nil
	}
	return revised(d, apply(d.Text, edits), notes), nil
}
