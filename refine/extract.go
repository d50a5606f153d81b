package refine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// Extract answers a question from its evidence without a language model: it quotes the sentences that answer it, with
// the numbers of the memories they are from, and says so if there are none.
func Extract(t *specialists.Task) string {
	best := sentences(t)
	if len(best) == 0 {
		return "I find nothing in the memories that answers this."
	}
	var lines []string
	for _, s := range best[:min(len(best), 2)] {
		r := &t.Evidence[s.record]
		lines = append(lines, fmt.Sprintf("%s: “%s” [%d]", speaker(r), s.text, s.record+1))
	}
	return strings.Join(lines, "\n")
}

// passage is a sentence of the evidence, and how well it fits the question.
type passage struct {
	record int // its place in the evidence
	text   string
	fit    float64
}

func sentences(t *specialists.Task) []passage {
	asked := distinct(t.Question)
	var all []passage
	for i, r := range t.Evidence {
		named := distinct(r.Speaker)
		for _, s := range text.Sentences(r.Text) {
			n := 0
			for term := range distinct(s) {
				if asked[term] {
					n++
				}
			}
			for term := range named {
				if asked[term] {
					n++
				}
			}
			if n > 0 {
				all = append(all, passage{i, s, float64(n) / float64(len(asked)+i)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b passage) int { return cmp.Compare(b.fit, a.fit) })
	return all
}

func speaker(r *memory.Record) string { return cmp.Or(r.Speaker, r.Role, "A memory") }
