package consolidate

import (
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// quoted is a passage with the record that it is from.
type quoted struct {
	text string
	from *memory.Record
}

// render writes passages out: a line with the day where it changes, then what each speaker said, verbatim.
func render(passages []quoted) string {
	var b strings.Builder
	day, speaker := "", ""
	for _, p := range passages {
		if d := p.from.Created.UTC().Format(time.DateOnly); d != day {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(d)
			day, speaker = d, ""
		}
		if name := who(p.from); name != speaker || speaker == "" {
			b.WriteByte('\n')
			if speaker = name; name != "" {
				b.WriteString(name)
				b.WriteString(": ")
			}
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// quotes are the unit's passages, in order.
func (m *material) quotes(u unit) []quoted {
	all := make([]quoted, len(u.picks))
	for i, p := range u.picks {
		all[i] = quoted{m.passages[p].text, m.sources[m.passages[p].source].record}
	}
	return all
}
