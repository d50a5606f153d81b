package specialists

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Citation gives each supported sentence the number of the memory that supports it, as in "Ruth lives in Lisbon [2]." Number n
// is the nth memory of the task's evidence, counted from 1. A citation that is right stays, one that is wrong is taken out or
// replaced, and a sentence that states nothing cites nothing.
type Citation struct{}

// Name implements [Specialist].
func (*Citation) Name() string { return "citation" }

// Priority implements [Specialist].
func (*Citation) Priority() int { return 80 }

// Examine implements [Specialist].
func (s *Citation) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok || len(t.Evidence) == 0 {
		return Finding{}, err
	}
	var notes []Note
	var edits []edit
	for _, c := range ground(t, d.Text) {
		end := sentenceEnd(d.Text, c.to)
		var have []int
		spans := mark.FindAllStringIndex(d.Text[c.from:end], -1)
		for _, m := range spans {
			n, _ := strconv.Atoi(d.Text[c.from+m[0]+1 : c.from+m[1]-1])
			have = append(have, n)
		}
		want := 0
		if c.Support == Supported {
			want = s.number(t, c.Quotes)
		}
		if want == 0 && len(have) == 0 || len(have) > 0 && c.Support == Supported && s.all(t, have, c.Claim) {
			continue
		}
		for _, m := range spans {
			from := c.from + m[0]
			for from > 0 && d.Text[from-1] == ' ' {
				from--
			}
			edits = append(edits, edit{from, c.from + m[1], ""})
		}
		kind, why := "cited", "the memory that says so is named"
		switch {
		case len(have) > 0 && want > 0:
			kind, why = "miscited", "the memory that was cited does not say so"
		case len(have) > 0:
			kind, why = "uncited", "no memory says so, and a citation claimed that one does"
		}
		notes = append(notes, Note{Specialist: s.Name(), Kind: kind, Claim: c.Text, Why: why, Quotes: c.Quotes})
		if want > 0 {
			at := c.from + len(strings.TrimRight(mark.ReplaceAllString(d.Text[c.from:c.to], ""), " .,;:!?。！？"))
			if len(spans) > 0 {
				at = c.from + spans[0][0]
				for at > c.from && strings.IndexByte(" .,;:!?", d.Text[at-1]) >= 0 {
					at--
				}
			}
			edits = append(edits, edit{at, at, " [" + strconv.Itoa(want) + "]"})
		}
	}
	return revised(d, citeEdits(d.Text, edits), notes), nil
}

// number is that of the memory which the quotes are from; 0: it is not in the evidence.
func (s *Citation) number(t *Task, quotes []memory.Quote) int {
	for _, q := range quotes {
		for i := range t.Evidence {
			r := &t.Evidence[i]
			if r.ID == q.Source || slices.ContainsFunc(r.Quotes, func(o memory.Quote) bool { return o.Source == q.Source }) {
				return i + 1
			}
		}
	}
	return 0
}

// all reports whether each of the cited memories supports a claim by itself.
func (s *Citation) all(t *Task, cited []int, c Claim) bool {
	for _, n := range cited {
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

// citeEdits is apply without closing gaps: a citation leaves with the space before it.
func citeEdits(s string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	last := 0
	for _, e := range edits {
		e.from = max(e.from, last)
		b.WriteString(s[last:e.from])
		b.WriteString(e.with)
		last = max(e.to, last)
	}
	b.WriteString(s[last:])
	return b.String()
}
