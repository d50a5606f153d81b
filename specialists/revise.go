package specialists

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/internal/align"
	"github.com/trm-go/refiner/memory"
)

// correct puts the value of a memory in the place of one that it plainly contradicts, and leaves all else as it is.
func correct(_ context.Context, t *Task, d Draft) (Finding, error) {
	var notes []Note
	var edits []edit
	for _, c := range Disputes(t, d.Text) {
		notes = append(notes, Note{Kind: "contradicted", Claim: c.Text, Why: c.Why, Quotes: c.Quotes})
		edits = append(edits, edit{c.Start, c.End, c.Value})
	}
	return Finding{Notes: notes, Text: apply(d.Text, edits)}, nil
}

// notKnown is what is left of an answer that nothing supports.
const notKnown = "I do not know: no memory says so."

// keepSupported takes out of a draft what the memories do not support. Where there are no memories at all there is nothing to
// hold a draft against, and it stays.
func keepSupported(_ context.Context, t *Task, d Draft) (Finding, error) {
	if len(t.Evidence) == 0 {
		return Finding{}, nil
	}
	var notes []Note
	var edits []edit
	kept := false
	for _, c := range ground(t, d.Text) {
		kept = kept || c.Support == Supported || c.Support == Neutral && refuses.MatchString(c.Text)
		if c.Support == Unknown || c.Support == Contradicted {
			notes = append(notes, Note{Kind: string(c.Support), Claim: c.Text, Why: c.Why, Quotes: c.Quotes})
			edits = append(edits, removal(d.Text, c.from, c.to))
		}
	}
	if len(edits) > 0 && !kept {
		return Finding{Notes: notes, Text: notKnown}, nil
	}
	return Finding{Notes: notes, Text: apply(d.Text, edits)}, nil
}

// compared is how many sentences before it a sentence is compared with.
const compared = 64

// dropRepeated takes out a sentence that says again what one before it said: the same words in any order and any of their
// forms, with the same numbers and times.
func dropRepeated(_ context.Context, _ *Task, d Draft) (Finding, error) {
	if strings.Contains(d.Text, "```") {
		return Finding{}, nil // code may say the same thing twice
	}
	var said []*align.Line
	var edits []edit
	var notes []Note
	for _, span := range claimsOf(d.Text) {
		claim := d.Text[span[0]:span[1]]
		l := align.Read(withoutMarks(claim))
		if l.Asks || l.Empty() || len(strings.Fields(claim)) < 2 {
			continue
		}
		again := slices.ContainsFunc(said[max(0, len(said)-compared):], func(o *align.Line) bool {
			r, _, _ := align.Relate(o, l)
			return r == align.Same
		})
		if !again {
			said = append(said, l)
			continue
		}
		edits = append(edits, removal(d.Text, span[0], span[1]))
		notes = append(notes, Note{Kind: "repeated", Claim: claim, Why: "it was said before"})
	}
	return Finding{Notes: notes, Text: apply(d.Text, edits)}, nil
}

// cite gives each supported sentence the number of the memory that supports it, as in "Ruth lives in Lisbon [2]." Number n is
// the nth memory of the task's evidence, counted from 1. A citation that is right stays, one that is wrong is taken out or
// replaced, and a sentence that states nothing cites nothing.
func cite(_ context.Context, t *Task, d Draft) (Finding, error) {
	if len(t.Evidence) == 0 {
		return Finding{}, nil
	}
	var notes []Note
	var edits []edit
	for _, c := range ground(t, d.Text) {
		sentence := d.Text[c.from:sentenceEnd(d.Text, c.to)]
		marks := mark.FindAllStringIndex(sentence, -1)
		want := 0
		if c.Support == Supported {
			want = numberOf(t, c.Quotes)
		}
		if want == 0 && len(marks) == 0 || len(marks) > 0 && c.Support == Supported && citesRight(t, c.Claim) {
			continue
		}
		note := Note{Kind: "cited", Claim: c.Text, Why: "the memory that says so is named", Quotes: c.Quotes}
		switch {
		case len(marks) > 0 && want > 0:
			note.Kind, note.Why = "miscited", "the memory that was cited does not say so"
		case len(marks) > 0:
			note.Kind, note.Why = "uncited", "no memory says so, and a citation claimed that one does"
		}
		notes = append(notes, note)
		if want > 0 {
			before := strings.TrimRight(mark.ReplaceAllString(c.Text, ""), " .,;:!?。！？")
			if len(marks) > 0 {
				before = strings.TrimRight(sentence[:marks[0][0]], " .,;:!?")
			}
			edits = append(edits, edit{c.from + len(before), c.from + len(before), " [" + strconv.Itoa(want) + "]"})
		}
		for _, m := range marks {
			edits = append(edits, edit{c.from + len(strings.TrimRight(sentence[:m[0]], " ")), c.from + m[1], ""})
		}
	}
	return Finding{Notes: notes, Text: apply(d.Text, edits)}, nil
}

// numberOf is the number of the memory which the quotes are from; 0: it is not in the evidence.
func numberOf(t *Task, quotes []memory.Quote) int {
	for _, q := range quotes {
		i := slices.IndexFunc(t.Evidence, func(r memory.Record) bool {
			return r.ID == q.Source || slices.ContainsFunc(r.Quotes, func(o memory.Quote) bool { return o.Source == q.Source })
		})
		if i >= 0 {
			return i + 1
		}
	}
	return 0
}

// citesRight reports whether each memory that a claim cites supports it by itself.
func citesRight(t *Task, c Claim) bool {
	for _, n := range c.Cites {
		if n < 1 || n > len(t.Evidence) {
			return false
		}
		if slices.ContainsFunc(c.Quotes, func(q memory.Quote) bool { return q.Source == t.Evidence[n-1].ID }) {
			continue
		}
		alone := *t
		alone.Evidence, alone.prepared = t.Evidence[n-1:n], nil
		if judge(&alone, c.Text).Support != Supported {
			return false
		}
	}
	return true
}

// edit replaces text[from:to].
type edit struct {
	from, to int
	with     string
}

// removal takes a claim out with its references and, if it is all of a list's item, the item.
func removal(text string, from, to int) edit {
	start := strings.LastIndexByte(text[:from], '\n') + 1
	if strings.Trim(text[start:from], " \t-*•>#0123456789.)") == "" {
		from = start
	}
	return edit{from, sentenceEnd(text, to), ""}
}

// apply makes the edits, which must not overlap, and closes the gaps that they leave.
func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	last := 0
	for _, e := range edits {
		if e.from < last {
			continue
		}
		b.WriteString(text[last:e.from])
		if e.with == "" {
			// One space or line end between what stood before and what follows.
			rest, lineStart := text[e.to:], b.Len() == 0 || strings.HasSuffix(b.String(), "\n")
			if trimmed := strings.TrimLeft(rest, " "); trimmed != rest && (lineStart || strings.HasSuffix(b.String(), " ")) {
				e.to += len(rest) - len(trimmed)
			} else if strings.HasPrefix(rest, "\n") && lineStart {
				e.to++
			}
		}
		b.WriteString(e.with)
		last = e.to
	}
	b.WriteString(text[last:])
	return strings.TrimRight(b.String(), " \n")
}

var (
	// mark is a reference to a memory: [2].
	mark = regexp.MustCompile(`\[\d{1,4}\]`)
	// following are the references behind a sentence.
	following = regexp.MustCompile(`^(?: *\[\d{1,4}\])*`)
)

// sentenceEnd takes the references that follow a sentence along with it.
func sentenceEnd(s string, end int) int { return end + len(following.FindString(s[end:])) }

// withoutMarks blanks the references out, so that every other byte keeps its place.
func withoutMarks(s string) string {
	return mark.ReplaceAllStringFunc(s, func(m string) string { return strings.Repeat(" ", len(m)) })
}
