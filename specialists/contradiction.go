package specialists

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Contradiction finds what of the draft a memory denies, and what of the memories themselves a later one has overtaken.
// The later valid memory wins, and the draft says so in the memories' own words: “Until 1 February 2025: “I work at
// Siemens.” Since then: “I work at Bosch.”” Two valid memories that contradict each other without a word of a change are
// noted for whoever can ask.
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
	g := newGrounder(t)
	text := d.Text
	var notes []Note
	for range maxPasses {
		next := s.revise(g, text, &notes)
		if next == text {
			break
		}
		text, g.said = next, nil
	}
	notes = append(notes, s.between(g)...)
	return revised(d, text, notes), nil
}

// revise goes over a text once.
func (s *Contradiction) revise(g *grounder, text string, notes *[]Note) string {
	var edits []edit
	said := map[string]bool{}
	for _, sentence := range sentencesOf(g.ground(text)) {
		supported := slices.ContainsFunc(sentence, func(c placed) bool { return c.Support == Supported })
		var truths []string
		known := false // what is true of it stands in the text
		for _, c := range sentence {
			r := c.ruling
			if c.Support != Contradicted || r.match == nil {
				continue
			}
			note := Note{Specialist: s.Name(), Kind: "contradicted", Claim: c.Text, Why: c.Why, Quotes: c.Quotes}
			truth := g.attribute(r.match.passage)
			if r.earlier != nil && g.e.passages[r.earlier.passage].source != g.e.passages[r.match.passage].source {
				note.Kind = "overtaken"
				if both := g.untilSince(r.earlier.passage, r.match.passage); both != "" {
					truth = both
				}
			}
			*notes = append(*notes, note)
			switch {
			case truth == "":
			case said[truth] || strings.Contains(text, truth):
				known = true
			default:
				said[truth] = true
				truths = append(truths, truth)
			}
		}
		first, last := sentence[0], sentence[len(sentence)-1]
		switch {
		case len(truths) == 0 && (!known || supported):
		case supported:
			// The rest of the sentence stays; what is wrong in it is left to Grounding.
			edits = append(edits, edit{last.end, last.end, " " + strings.Join(truths, " ")})
		default:
			edits = append(edits, edit{first.begin, sentenceEnd(text, last.end), strings.Join(truths, " ")})
		}
	}
	return apply(text, edits)
}

// between notes valid memories that contradict each other, at most eight pairs. Only memories that answer the question
// can be at stake, and of those only what a later one of them says.
func (s *Contradiction) between(g *grounder) []Note {
	const most, widest = 8, 40
	e := g.e
	var notes []Note
	sources := e.sources[:min(len(e.sources), widest)]
	for i := range sources {
		for j := range sources {
			a, b := &sources[i], &sources[j]
			if len(notes) == most || !a.valid || !b.valid || !a.at.Before(b.at) || !e.share(a, b) {
				continue
			}
			for k := a.from; k < a.to; k++ {
				if k > a.from && e.passages[k].begin == e.passages[k-1].begin || !g.touches(&e.passages[k]) {
					continue
				}
				for l := b.from; l < b.to; l++ {
					if l > b.from && e.passages[l].begin == e.passages[l-1].begin {
						continue
					}
					v := e.parse(&e.passages[k]).Relate(e.parse(&e.passages[l]))
					if v.Relation != Contradicts || len(notes) == most {
						continue
					}
					notes = append(notes, Note{Specialist: s.Name(), Kind: "memories", Why: "two memories contradict each other: " + v.Why,
						Quotes: []memory.Quote{e.sentence(k), e.sentence(l)}})
				}
			}
		}
	}
	return notes
}

// touches reports whether a passage has a word of the question.
func (g *grounder) touches(p *known) bool {
	return slices.ContainsFunc(p.toks, func(t token) bool { return t.stem != "" && g.question.terms[t.stem] })
}

// share reports whether two sources have two words in common: with fewer nothing relates them.
func (e *evidence) share(a, b *source) bool {
	words := map[string]bool{}
	for i := a.from; i < a.to; i++ {
		for _, t := range e.passages[i].toks {
			if t.stem != "" {
				words[t.stem] = true
			}
		}
	}
	n := 0
	for i := b.from; i < b.to; i++ {
		for _, t := range e.passages[i].toks {
			if t.stem != "" && words[t.stem] {
				delete(words, t.stem)
				n++
			}
		}
	}
	return n >= 1
}

// sentence is the sentence of a passage as a quote.
func (e *evidence) sentence(i int) memory.Quote {
	p := &e.passages[i]
	s := &e.sources[p.source]
	return memory.Quote{Source: s.id, Text: strings.TrimSpace(s.text[p.begin:p.end])}
}

// attribute quotes the sentence of a passage, and says who said it and when: “You said on 8 January 2024: “…””. Empty if
// the sentence cannot stand in quotation marks.
func (g *grounder) attribute(i int) string {
	q := g.e.sentence(i)
	s := &g.e.sources[g.e.passages[i].source]
	if !quotable(q.Text) {
		return ""
	}
	when := " on " + s.at.Format("2 January 2006")
	if s.at.IsZero() {
		when = ""
	}
	switch {
	case s.user && s.role == "user" && (len(s.speaker) == 0 || slices.ContainsFunc(s.speaker, func(w string) bool { return g.e.users[w] })):
		return fmt.Sprintf("You said%s: “%s”", when, q.Text)
	case len(s.speaker) > 0 && s.name != "":
		return fmt.Sprintf("%s said%s: “%s”", s.name, when, q.Text)
	}
	return fmt.Sprintf("A memory says: “%s”", q.Text)
}

// quotable reports whether a sentence can stand in quotation marks: short enough to read, and without marks of its own.
func quotable(s string) bool {
	return len(s) <= 600 && len(strings.Fields(s)) >= 2 && !strings.ContainsAny(s, "“”\n")
}

// untilSince says that one passage held until another took its place.
func (g *grounder) untilSince(old, now int) string {
	a, b := g.e.sentence(old), g.e.sentence(now)
	s, o := &g.e.sources[g.e.passages[old].source], &g.e.sources[g.e.passages[now].source]
	end := s.until
	if end.IsZero() {
		end = o.at
	}
	if end.IsZero() || !quotable(a.Text) || !quotable(b.Text) {
		return ""
	}
	text := fmt.Sprintf("Until %s: “%s” Since then: “%s”", end.Format("2 January 2006"), a.Text, b.Text)
	for _, c := range g.ground(text) {
		if c.Support != Supported && c.Support != Neutral {
			return ""
		}
	}
	return text
}
