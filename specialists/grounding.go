package specialists

import (
	"context"
	"strings"
)

// Unfounded says what [Grounding] does with a claim that no memory supports.
type Unfounded string

// What to do with an unsupported claim.
const (
	Remove Unfounded = "remove" // it leaves the draft; the default
	Hedge  Unfounded = "hedge"  // it stays, and says that no memory says so; a contradicted claim leaves all the same
	Keep   Unfounded = "keep"   // it stays as it is, and is noted
)

// Grounding notes how each claim of the draft stands to the memories, and takes out what they do not support. A draft of
// which nothing is left says what is not known, and what the memories do say of it. Where there are no memories at all
// there is nothing to hold a draft against, and it stays.
type Grounding struct {
	Unfounded Unfounded // the zero value is Remove
}

// Name implements [Specialist].
func (*Grounding) Name() string { return "grounding" }

// Priority implements [Specialist].
func (*Grounding) Priority() int { return 40 }

// Examine implements [Specialist].
func (s *Grounding) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok {
		return Finding{}, err
	}
	g := newGrounder(t)
	claims := g.ground(d.Text)
	var notes []Note
	for _, c := range claims {
		if c.Support == Unknown || c.Support == Contradicted {
			notes = append(notes, Note{Specialist: s.Name(), Kind: string(c.Support), Claim: c.Text, Why: c.Why, Quotes: c.Quotes})
		}
	}
	if len(notes) == 0 || s.Unfounded == Keep || len(g.e.sources) == 0 {
		return Finding{Notes: notes}, nil
	}
	// What a sentence says may lose its footing with the one before it: "She is a nurse" with "Ruth lives in Porto".
	text := d.Text
	for range maxPasses {
		next := s.revise(g, text, claims)
		if next == text {
			break
		}
		text, g.said = next, nil
		claims = g.ground(text)
	}
	return revised(d, text, notes), nil
}

// mostHedges is how many sentences of one answer are hedged; the others are taken out.
const mostHedges = 16

// maxPasses bounds how often one examination goes over a draft.
const maxPasses = 4

// revise takes out of a text what its claims have no support for.
func (s *Grounding) revise(g *grounder, text string, claims []placed) string {
	var edits []edit
	kept, lost, hedged := false, false, 0
	for _, sentence := range sentencesOf(claims) {
		bad, unknown, supported := 0, 0, 0
		for _, c := range sentence {
			switch {
			case c.Support == Contradicted, c.Support == Unknown && s.Unfounded != Hedge:
				bad++
			case c.Support == Unknown:
				unknown++
			case c.Support == Supported:
				supported++
			}
		}
		kept, lost = kept || supported+unknown > 0, lost || bad > 0
		first, last := sentence[0], sentence[len(sentence)-1]
		switch {
		case bad > 0 && supported+unknown == 0:
			edits = append(edits, edit{line(text, first.begin), sentenceEnd(text, last.end), ""})
		case bad > 0:
			edits = append(edits, edit{first.begin, last.end, s.clauses(text, sentence)})
		case unknown > 0 && hedged == mostHedges:
			edits = append(edits, edit{line(text, first.begin), sentenceEnd(text, last.end), ""})
		case unknown > 0:
			hedged++
			edits = append(edits, edit{first.begin, last.end, hedge(text[first.begin:last.end])})
		}
	}
	if lost && !kept {
		return g.unknown()
	}
	return apply(text, edits)
}

// sentenceEnd takes the references that follow a sentence along with it.
func sentenceEnd(text string, end int) int {
	for {
		rest := strings.TrimLeft(text[end:], " ")
		n := reference(rest)
		if n == 0 || !strings.HasPrefix(rest, "[") {
			return end
		}
		end = len(text) - len(rest) + n
	}
}

func hedge(s string) string {
	body := strings.TrimRight(s, ".!… ")
	return "Perhaps " + lower(body) + ", though no memory says so."
}

// lower takes the capital from a word that only the beginning of a sentence gave it.
func lower(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if l := strings.ToLower(first); fillers[l] || auxiliaries[l] || l == "you" || l == "your" || determiners[l] {
		if l == "i" {
			return s
		}
		return l + s[len(first):]
	}
	return s
}

// clauses writes a sentence again with the clauses that may stay, each with the subject it had.
func (s *Grounding) clauses(text string, sentence []placed) string {
	var parts []string
	gone := false // the clause before was taken out
	for i, c := range sentence {
		out := c.Support == Contradicted || c.Support == Unknown && s.Unfounded != Hedge
		if !out {
			part := strings.TrimRight(strings.TrimSpace(text[c.from:c.to]), ",;:.! ")
			if gone && c.part != nil && c.part.inherits && c.part.verb == 0 && len(c.part.subject) > 0 {
				base := c.from - c.part.from // tokens are placed in their segment of the text
				from, to := base+c.part.subject[0].start, base+c.part.subject[len(c.part.subject)-1].end
				part = text[from:to] + " " + part
			}
			if i > 0 && !gone {
				part = text[sentence[i-1].to:c.from] + part // with the conjunction that stood there
			} else if len(parts) > 0 {
				part = ", and " + part
			}
			parts = append(parts, part)
		}
		gone = out
	}
	end := strings.TrimRight(text[sentence[0].begin:sentence[len(sentence)-1].end], " ")
	mark := "."
	if strings.HasSuffix(end, "!") {
		mark = "!"
	}
	return upper(strings.TrimSpace(strings.Join(parts, ""))) + mark
}

// unknown says that an answer is not known, and what the memories say that comes nearest to the question.
func (g *grounder) unknown() string {
	const none = "I do not know: no memory says so."
	if len(g.question.list) == 0 {
		return none
	}
	names := g.question.names
	c := claim{passage: &passage{verb: -1, main: -1}, names: names, user: g.question.about}
	for _, s := range g.question.list {
		c.terms = append(c.terms, term{stem: s, like: g.e.like(s), w: g.e.weight(s)})
	}
	for _, m := range g.matches(&c) {
		p := &g.e.passages[m.passage]
		if !g.e.sources[p.source].valid || p.question || !m.who && len(names) > 0 || m.own < .5 {
			continue
		}
		if q := g.attribute(m.passage); q != "" {
			return "I do not know for sure. " + q
		}
	}
	return none
}
