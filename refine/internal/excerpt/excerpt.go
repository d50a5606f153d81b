// Package excerpt writes out what is quoted of records: summaries are stored and shown in this form.
package excerpt

import (
	"cmp"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/memory"
)

// Passage is an exact passage of a record.
type Passage struct {
	Text string
	From *memory.Record // the same pointer for all passages of a record
}

// Render writes passages out: a line with the day where it changes, then what each speaker said, verbatim, with an
// ellipsis where something was left out between two passages of one line.
func Render(passages []Passage) string {
	var b strings.Builder
	day, speaker := "", ""
	var j joint
	for _, p := range passages {
		if d := p.From.Created.UTC().Format(time.DateOnly); d != day {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(d)
			day, speaker = d, ""
		}
		between := j.next(p)
		if name := Speaker(p.From); name != speaker || speaker == "" {
			speaker = name
			between = "\n" + name
		}
		b.WriteString(between + p.Text)
	}
	return b.String()
}

// Join writes passages of one record out as Render does, without the day and the speaker.
func Join(passages []Passage) string {
	var b strings.Builder
	var j joint
	for i, p := range passages {
		if between := j.next(p); i > 0 {
			b.WriteString(between)
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// Speaker is the heading of what a record says: "name: ", or empty.
func Speaker(r *memory.Record) string {
	if name := cmp.Or(r.Speaker, r.Role); name != "" {
		return name + ": "
	}
	return ""
}

// joint is where the passage before ended: in which record, and at which byte of it.
type joint struct {
	record *memory.Record
	end    int
}

// next passes on to a passage, and is what stands between the one before and it.
func (j *joint) next(p Passage) string {
	between := " … "
	if p.From != j.record {
		*j = joint{record: p.From}
	} else if follows(p.From.Text[j.end:], p.Text) {
		between = " "
	}
	if i := strings.Index(p.From.Text[j.end:], p.Text); i >= 0 {
		j.end += i + len(p.Text)
	}
	return between
}

// follows reports whether nothing but what is no word stands before the passage in what follows.
func follows(rest, passage string) bool {
	between, _, ok := strings.Cut(rest, passage)
	return ok && strings.IndexFunc(between, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0
}
