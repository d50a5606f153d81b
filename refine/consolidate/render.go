package consolidate

import (
	"strings"
	"time"
)

// render writes a unit out: a line with the day where it changes, then what each speaker said, verbatim.
func (m *material) render(u unit) string {
	var b strings.Builder
	day, speaker, source := "", "", int32(-1)
	for _, p := range u.picks {
		said := &m.passages[p]
		r := m.sources[said.source].record
		if d := r.Created.UTC().Format(time.DateOnly); d != day {
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(d)
			day, speaker = d, ""
		}
		who := r.Speaker
		if who == "" {
			who = r.Role
		}
		switch {
		case who != speaker || source < 0 || speaker == "":
			b.WriteByte('\n')
			if who != "" {
				b.WriteString(who)
				b.WriteString(": ")
			}
		default:
			b.WriteByte(' ')
		}
		b.WriteString(said.text)
		speaker, source = who, said.source
	}
	return b.String()
}
