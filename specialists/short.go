package specialists

import (
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// The bounds of a short answer: its words, the share of the question that its memory must hold by the weight of the
// words, and how near that memory must come to the one that holds most of it.
const (
	shortWords = 12
	shortTopic = .4
	shortNear  = .85
)

// short finds the memory that a short answer is from: "Barcelona." does not say what the question asks of it, so that no
// clause can be compared. It is supported by a memory that has all of its words and is about the question as no other is.
func (g *grounder) short(p *passage, c *claim) (ruling, bool) {
	if !c.fragment || c.negative || len(c.whens) > 0 || len(p.toks) > shortWords {
		return ruling{}, false
	}
	words := make([]string, len(p.toks))
	for i, t := range p.toks {
		words[i] = t.low
	}
	want := text.Terms(strings.Join(words, " "))
	if len(want) == 0 {
		return ruling{}, false
	}
	asked := map[string]float64{}
	all := 0.0
	for _, t := range text.Terms(g.question.text) {
		if w := g.e.weight(t); asked[t] == 0 {
			asked[t] = w
			all += w
		}
	}
	best, found := 0.0, -1
	topics := make([]float64, len(g.e.sources))
	for i := range g.e.sources {
		s := &g.e.sources[i]
		held := termsOf(s.text + " " + s.name)
		if s.before >= 0 {
			for t := range termsOf(g.e.sources[s.before].text) {
				held[t] = true
			}
		}
		for t, w := range asked {
			if held[t] {
				topics[i] += w / all
			}
		}
		best = max(best, topics[i])
	}
	for i := range g.e.sources {
		s := &g.e.sources[i]
		if !s.valid || topics[i] < shortTopic || topics[i] < shortNear*best || found >= 0 && topics[i] <= topics[found] {
			continue
		}
		held, missing := termsOf(s.text), false
		for _, t := range want {
			missing = missing || !held[t]
		}
		if !missing {
			found = i
		}
	}
	if found < 0 {
		return ruling{}, false
	}
	s := &g.e.sources[found]
	quote, most := s.text, 0
	for _, sentence := range text.Sentences(s.text) {
		held, n := termsOf(sentence), 0
		for _, t := range want {
			if held[t] {
				n++
			}
		}
		if n > most {
			quote, most = sentence, n
		}
	}
	return ruling{support: Supported, why: "a memory about the question has these words", quotes: []memory.Quote{{Source: s.id, Text: quote}}}, true
}

func termsOf(s string) map[string]bool {
	set := map[string]bool{}
	for _, t := range text.Terms(s) {
		set[t] = true
	}
	return set
}
