package consolidate

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/internal/excerpt"
	"github.com/trm-go/refiner/specialists"
)

// Diff writes the plan for people: what stays of each record, what goes, and what it costs. A summary consists of what was
// said, so that it is shown as what was said: a line that begins with "  - " goes, one that begins with "  = " stays, and one
// that begins with "  + " is new.
//
// source finds the records; without it, or for one that it does not find, only the ID is shown. limit bounds the number of
// changes that are shown; zero shows all.
func (p *Plan) Diff(w io.Writer, limit int, source func(memory.ID) (memory.Record, bool)) error {
	if source == nil {
		source = func(memory.ID) (memory.Record, bool) { return memory.Record{}, false }
	}
	var b bytes.Buffer
	for i := range p.Changes {
		if limit > 0 && i >= limit {
			fmt.Fprintf(&b, "… and %s\n\n", plural(len(p.Changes)-limit, "more change"))
			break
		}
		p.Changes[i].diff(&b, source)
		b.WriteByte('\n')
	}
	for _, c := range p.Conflicts {
		fmt.Fprintf(&b, "conflict, left as it is: %s\n  ? %q (%s)\n  ? %q (%s)\n\n", c.Why, c.Texts[0], c.Earlier, c.Texts[1], c.Later)
	}
	if len(p.Changes) == 0 {
		b.WriteString("nothing to consolidate\n")
	}
	fmt.Fprintf(&b, "records %s → %s, tokens %s → %s", thousands(p.Before.Records), thousands(p.After.Records), thousands(p.Before.Tokens), thousands(p.After.Tokens))
	if p.Before.Tokens > 0 {
		fmt.Fprintf(&b, " (%.0f %%)", 100*float64(p.After.Tokens)/float64(p.Before.Tokens))
	}
	b.WriteByte('\n')
	if c := p.Coverage; c.Asked+c.Dropped > 0 {
		fmt.Fprintf(&b, "names, numbers, dates and negations: %s of %s that must be kept are kept, %s others go; settled in %s\n",
			thousands(c.Kept), thousands(c.Asked), thousands(c.Dropped), plural(p.Steps, "step"))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// diff writes one change.
func (c *Change) diff(b *bytes.Buffer, source func(memory.ID) (memory.Record, bool)) {
	what := string(c.Op)
	if c.Op == Summarise {
		what += " " + string(c.Level) + " " + span(c.Level, c.Write.ValidFrom, c.Write.Created)
	}
	fmt.Fprintf(b, "%s: %s, %d → %d tokens (%s)\n", what, c.Why, c.Before, c.After, c.Write.ID)
	quotes := map[memory.ID][]string{}
	for _, q := range c.Write.Quotes {
		quotes[q.Source] = append(quotes[q.Source], q.Text)
	}
	var texts []string // of all that is replaced
	for _, id := range c.Replaces {
		r, ok := source(id)
		switch {
		case !ok:
			fmt.Fprintf(b, "  - %s\n", id)
			continue
		case c.Op == Expire: // the same text, written again
		default:
			stays := func(s string) bool {
				return slices.ContainsFunc(quotes[id], func(q string) bool { return strings.HasSuffix(s, q) || strings.Contains(q, s) })
			}
			name := excerpt.Speaker(&r)
			if r.Kind == memory.KindSummary {
				name, stays = "", func(s string) bool { return strings.Contains(c.Write.Text, s) }
			}
			sentences(b, r.Text, name, stays)
		}
		texts = append(texts, r.Text)
	}
	if c.Op != Summarise {
		fmt.Fprintf(b, "  + %s%s\n", excerpt.Speaker(&c.Write), strings.Join(strings.Fields(c.Write.Text), " "))
	}
	if !c.Write.ValidUntil.IsZero() {
		fmt.Fprintf(b, "    true until %s\n", c.Write.ValidUntil.UTC().Format(time.DateOnly))
	}
	if len(c.Dropped) > 0 {
		fmt.Fprintf(b, "    goes, being less important: %s\n", strings.Join(readable(c.Dropped, texts, 12), ", "))
	}
}

// sentences writes a text sentence by sentence, and which of them stay. Long runs of what goes are shortened.
func sentences(b *bytes.Buffer, of, name string, stays func(string) bool) {
	const most, width = 3, 160
	gone := 0
	flush := func() {
		if gone > most {
			fmt.Fprintf(b, "  - … and %s\n", plural(gone-most, "more sentence"))
		}
		gone = 0
	}
	for _, s := range text.Sentences(of) {
		if stays(s) {
			flush()
			fmt.Fprintf(b, "  = %s%s\n", name, s)
		} else if gone++; gone <= most {
			if short := []rune(s); len(short) > width {
				s = string(short[:width]) + "…"
			}
			fmt.Fprintf(b, "  - %s%s\n", name, s)
		}
	}
	flush()
}

// span names the time that a summary is of.
func span(l Level, from, to time.Time) string {
	if from.IsZero() {
		from = to
	}
	first, last := from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly)
	switch {
	case first == last:
		return first
	case l == Month && first[:7] == last[:7]:
		return first[:7]
	}
	return first + " to " + last
}

// readable writes facts as people do, in the spelling of the texts: "Graça" for n:graca, "not coriander" for not:coriand.
func readable(facts, texts []string, limit int) []string {
	spelling := map[string]string{} // of a word, by its term
	for _, t := range texts {
		for word := range strings.FieldsFuncSeq(t, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			for _, term := range text.Index(word) {
				spelling[term] = cmp.Or(spelling[term], word)
			}
		}
	}
	var out []string
	for i, f := range facts {
		if i == limit {
			return append(out, fmt.Sprintf("%d more", len(facts)-limit))
		}
		kind, word, _ := strings.Cut(f, ":")
		if terms := text.Index(word); len(terms) == 1 {
			word = cmp.Or(spelling[word], spelling[terms[0]], word)
		}
		if kind+":" == specialists.PrefixNot {
			word = "not " + word
		}
		out = append(out, word)
	}
	return out
}

func thousands(n int) string { return humanize.Comma(int64(n)) }

func plural(n int, noun string) string { return english.Plural(n, noun, "") }
