package refine

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/extract"
	"github.com/trm-go/refiner/specialists"
)

// judge scores an answer by the evidence alone. It asks no language model, and nothing that writes answers has a part in
// it, so a reviser cannot argue for a better score.
//
//	score = P · (.55·T + .30·C + .10·K + .05·B)
//
// T is truth, 1/(1 + u + 2c + i) with u claims that no memory speaks of, c that a memory contradicts, and i names, numbers
// and dates in the other claims that neither the question nor a memory holds. True claims do not make up for a false one,
// so padding gains nothing. C is coverage, the share of the question's terms, of those that the evidence could cover,
// that supported claims hold. K is the share of supported claims that cite a memory that supports them, B the share of
// sentences that repeat no other. P is 0 for an answer that gives away a secret, else 1. Where a puzzle is asked for, its
// rules judge: an answer that solves it scores 1, and any other at most .5.
//
// A score of .8 can only be reached where u = c = i = 0.
type judge struct {
	task     *specialists.Task
	speakers map[memory.ID]string
	known    sources         // what the question, the conversation and the evidence hold
	asked    map[string]bool // terms of the question that the evidence could cover
	puzzle   bool            // the question is one
	cache    map[string]judgement
}

// judgement is the judge's opinion of a text.
type judgement struct {
	score                           float64
	claims                          []specialists.Claim
	supported, unknown, contradicts int
	invented                        []string
	uncovered                       []string // terms of the question
	coverage, cited, brevity        float64
	leaks, solved                   bool
	accepted                        bool
}

// The weights of the judge.
const (
	weighTruth    = .55
	weighCoverage = .30
	weighCited    = .10
	weighBrevity  = .05
)

// sources are facts and words that may be repeated.
type sources struct {
	facts, words map[string]bool
}

func newJudge(t *specialists.Task) *judge {
	j := &judge{task: t, known: sources{map[string]bool{}, map[string]bool{}}, speakers: map[memory.ID]string{}, asked: map[string]bool{}, cache: map[string]judgement{}}
	j.puzzle, _ = specialists.Puzzle(t, "")
	j.known.add(t.Question, t.Now)
	for _, m := range t.Messages {
		if m.Role == "user" || m.Role == "system" { // what an assistant said before is no source
			j.known.add(m.Name+" "+m.Content, t.Now)
		}
	}
	could := map[string]bool{}
	for _, e := range t.Evidence {
		j.speakers[e.ID] = e.Speaker
		for _, w := range wordsOf(e.Speaker) {
			j.known.facts[text.PrefixName+w] = true
		}
		for _, s := range append(slices.Clip(extract.Testimony(&e)), e.Speaker, e.Created.Format("2 January 2006"), e.Created.Format("Monday")) {
			j.known.add(s, e.Created)
			for _, term := range text.Terms(s) {
				could[term] = true
			}
		}
	}
	for _, term := range text.Terms(t.Question) {
		if could[term] {
			j.asked[term] = true
		}
	}
	return j
}

func (s *sources) add(txt string, at time.Time) {
	for _, f := range specialists.Facts(txt, at) {
		s.facts[f] = true
		if kind, date, _ := strings.Cut(f, ":"); (kind+":" == text.PrefixDay || kind+":" == text.PrefixMonth) && len(date) >= 4 {
			s.facts[text.PrefixYear+date[:4]] = true
		}
	}
	for _, w := range wordsOf(txt) {
		s.words[w] = true
	}
}

// facts are the names, numbers and dates of an answer. Dates that depend on when the answer is read, and the numbers of
// citations, are none.
func facts(s string) []string {
	var out []string
	for _, f := range specialists.Facts(citation.ReplaceAllString(s, ""), time.Time{}) {
		if !strings.HasPrefix(f, specialists.PrefixNot) {
			out = append(out, f)
		}
	}
	return out
}

// invents are the facts of a text that no source has.
func (j *judge) invents(s string) []string {
	var made []string
	for _, f := range specialists.Invented(facts(s), j.known.facts, j.known.words) {
		if n, ok := strings.CutPrefix(f, text.PrefixNumber); ok && j.known.words[n] {
			continue
		}
		made = append(made, f)
	}
	return made
}

// brings are the names, numbers and dates that a revision has and neither the draft nor a source, in words.
func (j *judge) brings(before, after string) []string {
	had := map[string]bool{}
	for _, f := range facts(before) {
		had[f] = true
	}
	var made []string
	for _, f := range j.invents(after) {
		if !had[f] {
			_, value, _ := strings.Cut(f, ":")
			made = append(made, value)
		}
	}
	return made
}

// drops is a supported claim of the draft that the revision does not hold any more; empty if there is none.
func (j *judge) drops(before *judgement, after string) string {
	have := map[string]bool{}
	for _, f := range facts(after) {
		have[f] = true
	}
	terms := distinct(after)
	for _, c := range before.claims {
		if c.Support != specialists.Supported {
			continue
		}
		claim := distinct(citation.ReplaceAllString(c.Text, ""))
		kept := 0
		for t := range claim {
			if terms[t] {
				kept++
			}
		}
		lost := specialists.Missing(facts(c.Text), have)
		lost = slices.DeleteFunc(lost, func(f string) bool {
			name, ok := strings.CutPrefix(f, text.PrefixName)
			return ok && strings.Contains(strings.ToLower(after), name)
		})
		if len(lost) > 0 || float64(kept) < keepTerms*float64(len(claim)) {
			return c.Text
		}
	}
	return ""
}

// keepTerms is the share of a claim's terms by which it is still there.
const keepTerms = .6

// of judges a text.
func (j *judge) of(s string) judgement {
	if known, ok := j.cache[s]; ok {
		return known
	}
	v := judgement{claims: specialists.Ground(j.task, s), cited: 1}
	covered, cited := map[string]bool{}, 0
	for i := range v.claims {
		c := &v.claims[i]
		switch c.Support {
		case specialists.Supported:
			v.supported++
			for _, term := range text.Terms(c.Text) {
				covered[term] = true
			}
			// "Lisbon." says what the memory says of Lisbon, and who said it.
			for _, q := range c.Quotes {
				for _, term := range text.Terms(j.speakers[q.Source] + " " + q.Text) {
					covered[term] = true
				}
			}
			if j.cites(c) {
				cited++
			}
			v.invented = append(v.invented, j.invents(c.Text)...)
		case specialists.Contradicted:
			v.contradicts++
		case specialists.Unknown:
			v.unknown++
		}
	}
	truth := 1 / (1 + float64(v.unknown+2*v.contradicts+len(v.invented)))
	v.coverage = 1
	if len(j.asked) > 0 {
		for term := range j.asked {
			if !covered[term] {
				v.uncovered = append(v.uncovered, term)
			}
		}
		slices.Sort(v.uncovered)
		v.coverage = 1 - float64(len(v.uncovered))/float64(len(j.asked))
	}
	if v.supported > 0 {
		v.cited = float64(cited) / float64(v.supported)
	}
	v.brevity = brevity(s)
	v.leaks = specialists.Leaks(j.task, s)
	v.score = weighTruth*truth + weighCoverage*v.coverage + weighCited*v.cited + weighBrevity*v.brevity
	_, v.solved = specialists.Puzzle(j.task, s)
	switch {
	case v.leaks:
		v.score = 0
	case v.solved:
		v.score = 1
	case j.puzzle:
		v.score /= 2
	}
	j.cache[s] = v
	return v
}

// citation is the number of a memory in an answer.
var citation = regexp.MustCompile(`\[(\d{1,4})\]`)

// cites reports whether a claim cites one of the memories that support it.
func (j *judge) cites(c *specialists.Claim) bool {
	return slices.ContainsFunc(c.Cites, func(n int) bool {
		return n >= 1 && n <= len(j.task.Evidence) && slices.ContainsFunc(c.Quotes, func(q memory.Quote) bool { return q.Source == j.task.Evidence[n-1].ID })
	})
}

// wordsOf are the words of a text in lower case.
func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r > 127) })
}

// brevity is the share of sentences that are no repetition of an earlier one.
func brevity(s string) float64 {
	sentences := text.Sentences(citation.ReplaceAllString(s, ""))
	if len(sentences) == 0 {
		return 1
	}
	seen, repeated := map[string]bool{}, 0
	for _, sentence := range sentences {
		terms := text.Terms(sentence)
		slices.Sort(terms)
		key := strings.Join(slices.Compact(terms), " ")
		if key != "" && seen[key] {
			repeated++
		}
		seen[key] = true
	}
	return 1 - float64(repeated)/float64(len(sentences))
}

// better says in words why a judgement is better than another.
func (v *judgement) better(old *judgement) string {
	if v.solved && !old.solved {
		return "it solves the puzzle"
	}
	var parts []string
	if old.leaks && !v.leaks {
		parts = append(parts, "it gives away no secret")
	}
	for _, c := range []struct {
		fewer     int
		one, many string
	}{
		{old.contradicts - v.contradicts, "claim that a memory contradicts", "claims that memories contradict"},
		{old.unknown - v.unknown, "claim that no memory supports", "claims that no memory supports"},
		{len(old.invented) - len(v.invented), "invented name, number or date", "invented names, numbers and dates"},
	} {
		if c.fewer == 1 {
			parts = append(parts, "one "+c.one+" fewer")
		} else if c.fewer > 1 {
			parts = append(parts, fmt.Sprintf("%d %s fewer", c.fewer, c.many))
		}
	}
	for _, c := range []struct {
		more bool
		what string
	}{
		{v.coverage > old.coverage, "it covers more of the question"}, {v.cited > old.cited, "more of it is cited"},
		{v.brevity > old.brevity, "it repeats itself less"},
	} {
		if c.more {
			parts = append(parts, c.what)
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "it is better on the whole")
}

// citations are the memories that a text cites, in the order of their numbers' first appearance.
func citations(t *specialists.Task, s string) []Citation {
	list := []Citation{}
	seen := map[int]bool{}
	for _, m := range citation.FindAllStringSubmatch(s, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > len(t.Evidence) || seen[n] {
			continue
		}
		seen[n] = true
		list = append(list, Citation{Number: n, Memory: t.Evidence[n-1]})
	}
	return list
}
