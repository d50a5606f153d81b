package consolidate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/internal/excerpt"
)

// packedTokens is what a record takes of a prompt: a summary names its days and speakers itself, anything else is packed
// with them.
func packedTokens(r *memory.Record) int {
	if r.Kind == memory.KindSummary && level(r) != "" {
		return text.Tokens(r.Text)
	}
	return text.Tokens(excerpt.Render([]excerpt.Passage{{Text: r.Text, From: r}}))
}

// quotes are the unit's passages, in order.
func (m *material) quotes(u unit) []excerpt.Passage {
	all := make([]excerpt.Passage, len(u.picks))
	for i, p := range u.picks {
		all[i] = excerpt.Passage{Text: m.passages[p].text, From: m.sources[m.passages[p].source].record}
	}
	return all
}

// grounded checks that a derived record says nothing of its own: every quote is an exact passage of its source, its
// confidence is that of the least of them at most, and its text consists of its quotes, the days on which they were said
// and the names of who said them.
func grounded(r *memory.Record, source func(memory.ID) (memory.Record, bool)) error {
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
