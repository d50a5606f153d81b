package consolidate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
	"github.com/trm-go/refiner/trmcore"
)

// Writer words summaries anew, shorter than their quotes. What it writes is checked as everything is: a sentence that says
// what was not said goes, and what is lost is put back as a quote. [ModelWriter] is one with a language model.
type Writer interface {
	// Name says in each summary who worded it, such as a model's name.
	Name() string
	// Word words what was said. It is asked again with what is wrong with its attempt, a few times.
	Word(ctx context.Context, a Assignment) (string, error)
}

// Assignment is what a [Writer] is to word.
type Assignment struct {
	Said    string   // the quotes, with days and speakers
	Tokens  int      // the answer should be no longer
	Attempt string   // what it wrote before; empty at first
	Lost    []string // names, numbers, dates and negations that the attempt lost, readable
	Made    []string // sentences of the attempt that say what was not said
}

// rewordings of a summary, at most: more seldom mend what three did not.
const rewordings = 3

// wording is the latent of the recursion over one summary's words.
type wording struct {
	lost []string // facts
	made []string // sentences
	fine bool
}

// worder is the net of the recursion over one summary's words: Reason checks the attempt against the quotes, Answer words
// it anew.
type worder struct {
	w      Writer
	said   []quoted
	ground *ground
	tokens int
}

var _ trmcore.Net[[]string, string, wording] = worder{}

func (n worder) Reason(_ context.Context, asked []string, attempt string, _ wording) (wording, error) {
	if attempt == "" {
		return wording{}, nil
	}
	z := wording{made: n.ground.made(attempt)}
	z.lost = n.ground.lost(asked, attempt)
	z.fine = len(z.lost)+len(z.made) == 0
	return z, nil
}

func (n worder) Answer(ctx context.Context, _ []string, attempt string, z wording) (string, error) {
	if z.fine {
		return attempt, nil
	}
	var texts []string
	for _, q := range n.said {
		texts = append(texts, q.text)
	}
	a := Assignment{Said: render(n.said), Tokens: n.tokens, Attempt: attempt, Lost: readable(z.lost, texts, 40), Made: z.made}
	next, err := n.w.Word(ctx, a)
	return strings.Join(strings.Fields(next), " "), err
}

// reword words a summary anew from its quotes, if that makes it shorter. asked are the facts that must survive.
func reword(ctx context.Context, w Writer, c *Change, said []quoted, asked []string) error {
	g := grounds(said)
	extractive := packedTokens(&c.Write)
	loop := trmcore.Loop[[]string, string, wording]{
		Stepper:  trmcore.Deep(worder{w, said, g, extractive * 2 / 3}, 1, 1),
		MaxSteps: rewordings + 1, // the last one only checks, if need be
		Halt:     []trmcore.Rule[string, wording]{trmcore.Halted(func(s trmcore.State[string, wording]) bool { return s.Z.fine })},
	}
	result, err := loop.Run(ctx, asked, trmcore.State[string, wording]{})
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return fmt.Errorf("word a summary of %d turns: %w", len(c.Write.DerivedFrom), err)
	}
	r := c.Write
	r.Text = g.mend(result.Last.Y, asked)
	if r.Text == "" || packedTokens(&r) >= extractive {
		return nil // the quotes themselves say it as briefly
	}
	r.Meta["writer"] = w.Name()
	c.Write, c.After = r, packedTokens(&r)
	return nil
}

// ground is what a summary's words must rest on: its quotes.
type ground struct {
	said   []quoted
	head   string // the days
	at     time.Time
	facts  map[string]bool
	words  map[string]bool
	terms  map[string]bool
	denied map[string]bool // terms that are said only to be denied
	parsed []*specialists.Parsed
}

func grounds(said []quoted) *ground {
	g := &ground{said: said, facts: map[string]bool{}, words: map[string]bool{}, terms: map[string]bool{}, denied: map[string]bool{}}
	affirmed := map[string]bool{}
	first, last := "", ""
	for _, q := range said {
		day := q.from.Created.UTC().Format(time.DateOnly)
		first, last = min(cmp.Or(first, day), day), max(last, day)
		if q.from.Created.After(g.at) {
			g.at = q.from.Created
		}
		for _, f := range append(specialists.Facts(q.text, q.from.Created), specialists.Facts("On "+day, q.from.Created)...) {
			g.facts[f] = true
			if date, ok := strings.CutPrefix(f, text.PrefixDay); ok {
				g.facts[text.PrefixMonth+date[:7]], g.facts[text.PrefixYear+date[:4]] = true, true
			}
		}
		no := map[string]bool{}
		for _, f := range specialists.Facts(q.text, q.from.Created) {
			if term, ok := strings.CutPrefix(f, specialists.PrefixNot); ok {
				no[term], g.denied[term] = true, true
			}
		}
		for _, t := range text.Terms(q.text) {
			affirmed[t] = affirmed[t] || !no[t]
		}
		for _, s := range []string{q.text, who(q.from)} {
			for w := range strings.FieldsFuncSeq(strings.ToLower(s), notWord) {
				g.words[w] = true
			}
			for _, t := range text.Terms(s) {
				g.terms[t] = true
			}
		}
		g.parsed = append(g.parsed, specialists.Parse(specialists.Said{Text: q.text, Speaker: who(q.from), At: q.from.Created}))
	}
	maps.DeleteFunc(g.denied, func(term string, _ bool) bool { return affirmed[term] })
	if g.head = first; last != first {
		g.head = first + " to " + last
	}
	return g
}

// enough is the share of a sentence's words that what was said must have: a paraphrase has words of its own, and one that
// has mostly its own is an invention.
const enough = .5

// supports reports whether a sentence says nothing but what was said: no name, number, date or negation of its own, most of
// its words, and nothing that a quote denies or contradicts.
func (g *ground) supports(sentence string) bool {
	for _, q := range g.said {
		if strings.Contains(q.text, sentence) {
			return true
		}
	}
	facts := specialists.Facts(sentence, g.at)
	if len(specialists.Invented(facts, g.facts, g.words)) > 0 {
		return false
	}
	terms, had := text.Terms(sentence), 0
	for _, t := range terms {
		if g.denied[t] && !slices.Contains(facts, specialists.PrefixNot+t) {
			return false
		}
		if g.terms[t] {
			had++
		}
	}
	if float64(had) < enough*float64(len(terms)) {
		return false
	}
	for i, q := range g.said {
		p := specialists.Parse(specialists.Said{Text: sentence, Speaker: who(q.from), At: g.at})
		if g.parsed[i].Relate(p).Relation == specialists.Contradicts {
			return false
		}
	}
	return true
}

// made are the sentences that say what was not said.
func (g *ground) made(s string) []string {
	var made []string
	for _, sentence := range text.Sentences(s) {
		if !g.supports(sentence) {
			made = append(made, sentence)
		}
	}
	return made
}

// lost are those of the facts that s does not hold.
func (g *ground) lost(asked []string, s string) []string {
	have := map[string]bool{}
	for _, f := range specialists.Facts(g.head+". "+s, g.at) {
		have[f] = true
	}
	for w := range strings.FieldsFuncSeq(strings.ToLower(s), notWord) {
		have[text.PrefixName+w] = true // a name may open a sentence
	}
	return specialists.Missing(asked, have)
}

// mend is the summary of what a writer wrote last: without the sentences that say what was not said, and with the quotes
// that hold what is lost. It is empty if nothing of the wording is left.
func (g *ground) mend(s string, asked []string) string {
	var kept []string
	for _, sentence := range text.Sentences(s) {
		if g.supports(sentence) {
			kept = append(kept, sentence)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	worded := strings.Join(kept, " ")
	lost := g.lost(asked, worded)
	var back []quoted
	for _, q := range g.said {
		if len(lost) == 0 {
			break
		}
		have := map[string]bool{}
		for _, f := range specialists.Facts(q.text, q.from.Created) {
			have[f] = true
		}
		for w := range strings.FieldsFuncSeq(strings.ToLower(q.text), notWord) {
			have[text.PrefixName+w] = true
		}
		if rest := specialists.Missing(lost, have); len(rest) < len(lost) {
			back, lost = append(back, q), rest
		}
	}
	out := g.head + "\n" + worded
	for _, q := range back {
		out += "\n" + named(q.from) + q.text
	}
	return out
}

// rests reports whether a worded summary says nothing but what its quotes say.
func (g *ground) rests(r *memory.Record) bool {
	head, body, ok := strings.Cut(r.Text, "\n")
	if !ok || head != g.head {
		return false
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if !slices.ContainsFunc(g.said, func(q quoted) bool { return line == named(q.from)+q.text }) && len(g.made(line)) > 0 {
			return false
		}
	}
	return true
}

func notWord(r rune) bool { return !isWord(r) }
