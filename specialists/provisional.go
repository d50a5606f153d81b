package specialists

import (
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Default are the specialists that work without a model.
func Default() []Specialist { return []Specialist{} }

// Ground cuts a text into its claims and says how each stands to the evidence.
func Ground(t *Task, s string) []Claim {
	var claims []Claim
	for _, sentence := range text.Sentences(s) {
		c := Claim{Text: sentence, Support: Unknown, Why: "no memory speaks of it"}
		terms := text.Terms(stripCitations(sentence))
		if len(terms) == 0 || strings.HasSuffix(sentence, "?") || strings.Contains(sentence, "I find nothing") {
			c.Support = Neutral
			claims = append(claims, c)
			continue
		}
		facts := Facts(stripCitations(sentence), time.Time{})
		for _, e := range t.Evidence {
			have, words := map[string]bool{}, map[string]bool{}
			for _, f := range Facts(e.Speaker+" said: "+e.Text, e.Created) {
				have[f] = true
			}
			for _, f := range text.Links(e.Created.Format("2 January 2006"), e.Created) {
				have[f] = true
			}
			for _, w := range text.Terms(e.Speaker + " " + e.Text + " " + e.Created.Format("2 January 2006")) {
				words[w] = true
			}
			for _, w := range strings.Fields(strings.ToLower(e.Speaker + " " + e.Text)) {
				words[strings.Trim(w, ".,!?'")] = true
			}
			n := 0
			for _, w := range terms {
				if words[w] {
					n++
				}
			}
			if float64(n) >= .7*float64(len(terms)) && len(Invented(facts, have, words)) == 0 {
				c.Support, c.Why = Supported, "a memory says it"
				c.Quotes = append(c.Quotes, memory.Quote{Source: e.ID, Text: e.Text})
				break
			}
		}
		claims = append(claims, c)
	}
	return claims
}

func stripCitations(s string) string {
	for {
		i := strings.IndexByte(s, '[')
		if i < 0 {
			return s
		}
		j := strings.IndexByte(s[i:], ']')
		if j < 0 {
			return s
		}
		s = s[:i] + s[i+j+1:]
	}
}
