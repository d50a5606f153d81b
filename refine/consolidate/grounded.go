package consolidate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/internal/excerpt"
)

// Grounded checks that a derived record says nothing of its own: every quote is an exact passage of its source, its
// confidence is that of the least of them at most, and its text consists of its quotes, the days on which they were said
// and the names of who said them.
func Grounded(r *memory.Record, source func(memory.ID) (memory.Record, bool)) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: record %s %s", ErrUngrounded, r.ID, fmt.Sprintf(format, args...))
	}
	if r.Origin != memory.Reconstructed || len(r.Quotes) == 0 {
		return bad("is not marked as reconstructed from quotes")
	}
	said := make([]excerpt.Passage, 0, len(r.Quotes))
	from := map[memory.ID]*memory.Record{} // one for each source
	for _, q := range r.Quotes {
		s, ok := source(q.Source)
		switch {
		case !ok:
			return bad("quotes %s, which is not there", q.Source)
		case strings.TrimSpace(q.Text) == "" || !strings.Contains(s.Text, q.Text):
			return bad("quotes what %s does not say: %q", q.Source, q.Text)
		}
		if from[q.Source] == nil {
			from[q.Source] = &s
		}
		said = append(said, excerpt.Passage{Text: q.Text, From: from[q.Source]})
	}
	for _, id := range r.DerivedFrom {
		if s, ok := source(id); !ok {
			return bad("is derived from %s, which is not there", id)
		} else if r.Confidence > s.Confidence {
			return bad("is more confident than its source %s", id)
		}
	}
	if r.Text == excerpt.Render(said) || slices.ContainsFunc(r.Quotes, func(q memory.Quote) bool { return q.Text == r.Text }) {
		return nil
	}
	return bad("says more or less than its quotes")
}
