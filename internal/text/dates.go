package text

import "time"

// Date is a date as it stands in a text.
type Date struct {
	Start, End int      // its bytes in the text
	Links      []string // what it means: a day with its month, a weekend's days, a week, a month or a year
}

// Dates returns the dates of s in order, read as [Links] reads them: written out, or relative to at.
func Dates(s string, at time.Time) []Date {
	l := newLinker(s, at)
	var dates []Date
	for i := 0; i < len(l.words); {
		clear(l.seen) // a date that is named twice is two dates
		before := len(l.links)
		n := l.date(s, i)
		if n > 0 && len(l.links) > before {
			last := l.words[min(i+n, len(l.words))-1]
			dates = append(dates, Date{Start: l.words[i].start, End: last.start + len(last.text), Links: l.links[before:len(l.links):len(l.links)]})
		}
		i += max(n, 1)
	}
	return dates
}
