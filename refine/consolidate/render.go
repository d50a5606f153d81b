package consolidate

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// quoted is a passage with the record that it is from.
type quoted struct {
	text string
	from *memory.Record
}

// render writes passages out: a line with the day where it changes, then what each speaker said, verbatim, with an
// ellipsis where something was left out between two passages of one line.
func render(passages []quoted) string {
	var b strings.Builder
	day, speaker := "", ""
	var before *memory.Record
	end := 0 // of the passage before, in its record
	for _, p := range passages {
		if d := p.from.Created.UTC().Format(time.DateOnly); d != day {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(d)
			day, speaker = d, ""
		}
		if name := said(p.from); name != speaker || speaker == "" {
			speaker = name
			b.WriteString("\n" + name)
		} else if p.from == before && follows(p.from.Text[end:], p.text) {
			b.WriteByte(' ')
		} else {
			b.WriteString(" … ")
		}
		b.WriteString(p.text)
		if p.from != before {
			before, end = p.from, 0
		}
		if i := strings.Index(p.from.Text[end:], p.text); i >= 0 {
			end += i + len(p.text)
		}
	}
	return b.String()
}

// follows reports whether nothing but what is no word stands before the passage in what follows.
func follows(rest, passage string) bool {
	between, _, ok := strings.Cut(rest, passage)
	return ok && strings.IndexFunc(between, func(r rune) bool { return !notWord(r) }) < 0
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// said is the heading of what a record says.
func said(r *memory.Record) string {
	if name := cmp.Or(r.Speaker, r.Role); name != "" {
		return name + ": "
	}
	return ""
}

// packedTokens is what a record takes of a prompt: a summary names its days and speakers itself, anything else is packed
// with them.
func packedTokens(r *memory.Record) int {
	if r.Kind == memory.KindSummary && level(r) != "" {
		return text.Tokens(r.Text)
	}
	return text.Tokens(render([]quoted{{r.Text, r}}))
}

// quotes are the unit's passages, in order.
func (m *material) quotes(u unit) []quoted {
	all := make([]quoted, len(u.picks))
	for i, p := range u.picks {
		all[i] = quoted{m.passages[p].text, m.sources[m.passages[p].source].record}
	}
	return all
}
