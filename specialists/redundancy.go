package specialists

import (
	"context"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/align"
)

// Redundancy takes out a sentence that says again what one before it said: the same words in any order and any of their
// forms, with the same numbers and times.
type Redundancy struct{}

// Name implements [Specialist].
func (*Redundancy) Name() string { return "redundancy" }

// Priority implements [Specialist].
func (*Redundancy) Priority() int { return 60 }

// widest is how many sentences a sentence is compared with.
const widest = 64

// Examine implements [Specialist].
func (s *Redundancy) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok || strings.Contains(d.Text, "```") {
		return Finding{}, err // code may say the same thing twice
	}
	var said []*align.Line
	var edits []edit
	var notes []Note
	for _, span := range claimsOf(d.Text) {
		claim := d.Text[span[0]:span[1]]
		l := align.Read(mark.ReplaceAllStringFunc(claim, blank))
		if l.Asks || l.Empty() || len(strings.Fields(claim)) < 2 {
			continue
		}
		again := slices.ContainsFunc(said[max(0, len(said)-widest):], func(o *align.Line) bool {
			r, _, _ := align.Relate(o, l)
			return r == align.Same
		})
		if !again {
			said = append(said, l)
			continue
		}
		edits = append(edits, edit{line(d.Text, span[0]), sentenceEnd(d.Text, span[1]), ""})
		notes = append(notes, Note{Specialist: s.Name(), Kind: "repeated", Claim: claim, Why: "it was said before"})
	}
	return revised(d, apply(d.Text, edits), notes), nil
}
