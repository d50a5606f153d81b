package specialists

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Citation gives each supported sentence the numbers of the memories that support it, as in "Ruth lives in Lisbon [2]."
// Number n is the nth memory of the task's evidence, counted from 1. A citation that is right stays, one that is wrong
// is taken out or replaced, and a sentence that states nothing cites nothing. A draft that cites by the identifiers of
// memories keeps to them.
type Citation struct{}

// Name implements [Specialist].
func (*Citation) Name() string { return "citation" }

// Priority implements [Specialist].
func (*Citation) Priority() int { return 80 }

// Examine implements [Specialist].
func (s *Citation) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok {
		return Finding{}, err
	}
	g := newGrounder(t)
	if len(g.e.sources) == 0 {
		return Finding{}, nil
	}
	number := map[memory.ID]int{}
	for i := len(t.Evidence) - 1; i >= 0; i-- {
		number[t.Evidence[i].ID] = i + 1
	}
	// A quote may name a memory that is only the source of one in the evidence.
	for i := range g.e.sources {
		if src := &g.e.sources[i]; number[src.id] == 0 {
			number[src.id] = src.record + 1
		}
	}
	byID := citesByID(d.Text, t)
	text := d.Text
	var notes []Note
	for range maxPasses {
		next := s.revise(g, t, text, number, byID, &notes)
		if next == text {
			break
		}
		text, g.said = next, nil
	}
	return revised(d, text, notes), nil
}

// revise goes over a text once. number is that of each memory.
func (s *Citation) revise(g *grounder, t *Task, text string, number map[memory.ID]int, byID bool, notes *[]Note) string {
	var edits []edit
	claims := g.ground(text)
	for _, unit := range citable(claims) {
		first, last := unit[0], unit[len(unit)-1]
		var want []int
		var quotes []memory.Quote
		supported := false
		for _, c := range unit {
			if c.Support != Supported {
				continue
			}
			supported = true
			for _, q := range c.Quotes[:min(1, len(c.Quotes))] {
				if n := number[q.Source]; n > 0 && !slices.Contains(want, n) {
					want = append(want, n)
					quotes = append(quotes, q)
				}
			}
		}
		end := sentenceEnd(text, last.to)
		have, spans := references(text[first.from:end], t)
		if !supported {
			want = nil
		}
		if slices.Equal(have, want) {
			continue
		}
		if len(have) > 0 && supported && g.allSupport(unit, have, t) {
			continue // other memories say it as well
		}
		for _, span := range spans {
			from := first.from + span[0]
			to := first.from + span[1]
			for from > 0 && text[from-1] == ' ' {
				from--
			}
			with := ""
			if to < len(text) && isWordRune(rune(text[to])) {
				with = " " // "Leo [1]and Mia" are three words
			}
			edits = append(edits, edit{from, to, with})
		}
		kind, why := "cited", "the memory that says so is named"
		switch {
		case len(have) > 0 && len(want) > 0:
			kind, why = "miscited", "the memory that was cited does not say so"
		case len(have) > 0:
			kind, why = "uncited", "no memory says so, and a citation claimed that one does"
		}
		*notes = append(*notes, Note{Specialist: s.Name(), Kind: kind, Claim: first.Text, Why: why, Quotes: quotes})
		if len(want) > 0 {
			mark := markAt(text, last.to, spans, first.from)
			edits = append(edits, edit{mark, mark, " " + cite(want, t, byID)})
		}
	}
	return citeEdits(text, edits)
}

// citable groups claims into what shares a citation: a sentence, or its clauses where they rest on different memories.
func citable(claims []placed) [][]placed {
	var out [][]placed
	for _, sentence := range sentencesOf(claims) {
		same := true
		var source memory.ID
		for _, c := range sentence {
			if c.Support != Supported || len(c.Quotes) == 0 {
				continue
			}
			if source != "" && source != c.Quotes[0].Source {
				same = false
			}
			source = c.Quotes[0].Source
		}
		if same {
			out = append(out, sentence)
			continue
		}
		for _, c := range sentence {
			out = append(out, []placed{c})
		}
	}
	return out
}

// allSupport reports whether each memory that a unit cites supports one of its claims by itself.
func (g *grounder) allSupport(unit []placed, cited []int, t *Task) bool {
	for _, n := range cited {
		if n < 1 || n > len(t.Evidence) {
			return false
		}
		ok := false
		for _, c := range unit {
			if c.Support != Supported {
				continue
			}
			if slices.ContainsFunc(c.Quotes, func(q memory.Quote) bool { return q.Source == t.Evidence[n-1].ID }) {
				ok = true
				continue
			}
			if c.part == nil {
				continue
			}
			cl := g.claim(c.part)
			for _, m := range g.matches(&cl) {
				ok = ok || m.supports() && g.e.sources[g.e.passages[m.passage].source].record == n-1
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// references are the memories that a text cites, by their number (-1 for one that is not there), and where.
func references(s string, t *Task) (numbers []int, spans [][2]int) {
	for i := 0; i < len(s); i++ {
		if s[i] != '[' {
			continue
		}
		n := reference(s[i:])
		if n == 0 {
			continue
		}
		found := false
		for _, f := range strings.FieldsFunc(s[i+1:i+n-1], func(r rune) bool { return r == ',' || r == ' ' }) {
			k := slices.IndexFunc(t.Evidence, func(r memory.Record) bool { return string(r.ID) == f }) + 1
			if k == 0 {
				v, err := strconv.Atoi(f)
				if err != nil && !isULID(f) {
					continue
				}
				k = -1
				if err == nil && v >= 1 && v <= len(t.Evidence) {
					k = v
				}
			}
			found = true
			if !slices.Contains(numbers, k) {
				numbers = append(numbers, k)
			}
		}
		if found {
			spans = append(spans, [2]int{i, i + n})
		}
		i += n - 1
	}
	return numbers, spans
}

func isULID(s string) bool { return len(s) == 26 && strings.ToUpper(s) == s }

func citesByID(s string, t *Task) bool {
	for i := range t.Evidence {
		if id := string(t.Evidence[i].ID); len(id) > 4 && strings.Contains(s, "["+id+"]") {
			return true
		}
	}
	return false
}

func cite(numbers []int, t *Task, byID bool) string {
	var b strings.Builder
	for _, n := range numbers {
		if byID {
			fmt.Fprintf(&b, "[%s]", t.Evidence[n-1].ID)
		} else {
			fmt.Fprintf(&b, "[%d]", n)
		}
	}
	return b.String()
}

// markAt is where a citation goes: before the mark that ends the claim, and before the references that leave.
func markAt(text string, end int, spans [][2]int, base int) int {
	at := end
	for moved := true; moved && at > base; {
		moved = false
		for at > base && strings.IndexByte(".,;:!? ", text[at-1]) >= 0 {
			at--
			moved = true
		}
		for _, s := range spans {
			if base+s[1] == at {
				at, moved = base+s[0], true
			}
		}
	}
	return at
}

// citeEdits is apply without closing gaps: a citation leaves with the space before it.
func citeEdits(text string, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	last := 0
	for _, e := range edits {
		if e.from < last {
			e.from = min(last, len(text))
		}
		b.WriteString(text[last:e.from])
		b.WriteString(e.with)
		last = max(e.to, last)
	}
	b.WriteString(text[last:])
	return b.String()
}
