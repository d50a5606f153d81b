package specialists

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Redundancy takes out a sentence that says again what one before it said: the same words, in any order and any of their
// forms, with the same numbers, times and polarity, or fewer of them.
type Redundancy struct{}

// Name implements [Specialist].
func (*Redundancy) Name() string { return "redundancy" }

// Priority implements [Specialist].
func (*Redundancy) Priority() int { return 60 }

// widest is how many sentences a sentence is compared with; the same words are found at any distance.
const widest = 64

// gist is what a sentence says.
type gist struct {
	from, to int
	words    []string // stems, sorted
	values   []string // numbers and times, sorted
	negative bool
	question bool
}

// Examine implements [Specialist].
func (s *Redundancy) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok || strings.Contains(d.Text, "```") {
		return Finding{}, err // code may say the same thing twice
	}
	text := d.Text
	var notes []Note
	for range maxPasses {
		next := s.revise(t, text, &notes)
		if next == text {
			break
		}
		text = next
	}
	return revised(d, text, notes), nil
}

// revise goes over a text once.
func (s *Redundancy) revise(t *Task, text string, notes *[]Note) string {
	parts := passages(text, t.Now, false, maxPassages)
	var said []gist
	seen := map[string]bool{}
	var edits []edit
	for i := 0; i < len(parts); {
		n := i + 1
		for n < len(parts) && parts[n].begin == parts[i].begin {
			n++
		}
		g := gistOf(parts[i:n])
		i = n
		if len(g.words) == 0 || len(g.words)+len(g.values) < 2 || g.question {
			continue
		}
		key := fmt.Sprint(g.words, g.values, g.negative)
		again := seen[key] || slices.ContainsFunc(said[max(0, len(said)-widest):], func(o gist) bool { return o.holds(&g) })
		seen[key] = true
		if !again {
			said = append(said, g)
			continue
		}
		edits = append(edits, edit{line(text, g.from), sentenceEnd(text, g.to), ""})
		*notes = append(*notes, Note{Specialist: s.Name(), Kind: "repeated", Claim: text[g.from:g.to], Why: "it was said before"})
	}
	return apply(text, edits)
}

func gistOf(parts []passage) gist {
	g := gist{from: parts[0].begin, to: parts[0].end, question: parts[0].question}
	for i := range parts {
		p := &parts[i]
		for k, t := range p.toks {
			if t.stem != "" && !p.used[k] {
				g.words = append(g.words, t.stem)
			}
		}
		for _, q := range p.numbers {
			g.values = append(g.values, formatQuantity(q.quantity))
		}
		for _, w := range slices.Concat(p.whens, p.former) {
			g.values = append(g.values, fmt.Sprint(w))
		}
		if p.negative {
			g.negative = !g.negative
		}
	}
	g.words, g.values = distinct(g.words), distinct(g.values)
	return g
}

// holds reports whether o says all that g says. A sentence of three words or fewer may be the point of an answer.
func (o *gist) holds(g *gist) bool {
	return len(g.words) >= 3 && o.negative == g.negative && contains(o.words, g.words) && (len(g.values) == 0 || contains(o.values, g.values)) &&
		len(o.words)-len(g.words) <= 4
}
