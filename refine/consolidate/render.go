package consolidate

import (
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
