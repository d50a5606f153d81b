package extract

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Text renders an answer: a line for each memory with who said it when, verbatim, and what the days it names were. number
// gives a memory the number that it is cited by.
func (a *Answer) Text(evidence []memory.Record, number func(record int) int) string {
	var lines []string
	for _, q := range a.Quotes {
		lines = append(lines, line(&evidence[q.Record], q, number(q.Record)))
	}
	switch {
	case a.Found:
		return strings.Join(lines, "\n")
	case len(lines) == 0:
		return "I do not find it in the memories."
	}
	return "I do not find it in the memories. Nearest:\n" + strings.Join(lines, "\n")
}

// line is a line of an answer: Caroline (8 May 2023): “… yesterday …” [1] (yesterday: 7 May 2023).
func line(r *memory.Record, q Quote, number int) string {
	var b strings.Builder
	if q.Before {
		b.WriteString("before: ")
	}
	fmt.Fprintf(&b, "%s (%s): “%s” [%d]", speaker(r), r.Created.Format("2 January 2006"), strings.Join(strings.Fields(q.Text), " "), number)
	for _, d := range text.Dates(q.Text, r.Created) {
		said := q.Text[d.Start:d.End]
		if full := inWords(d.Links); full != "" && !hasDigit(said) {
			fmt.Fprintf(&b, " (%s: %s)", said, full)
		}
	}
	return b.String()
}

func speaker(r *memory.Record) string {
	switch {
	case r.Speaker != "":
		return r.Speaker
	case r.Role == "user" && r.Kind == memory.KindTurn:
		return "You"
	case r.Role == "assistant":
		return "The assistant"
	}
	return "A memory"
}

// inWords renders what a date means: 7 May 2023, the weekend of 6 May 2023, the week of 1 May 2023, May 2023, 2023.
func inWords(links []string) string {
	prefix, value, _ := strings.Cut(links[0], ":")
	switch prefix + ":" {
	case text.PrefixDay:
		day, err := time.Parse(time.DateOnly, value)
		if err != nil {
			return ""
		}
		if len(links) > 2 {
			return "the weekend of " + day.Format("2 January 2006")
		}
		return day.Format("2 January 2006")
	case text.PrefixMonth:
		if month, err := time.Parse("2006-01", value); err == nil {
			return month.Format("January 2006")
		}
	case text.PrefixYear:
		return value
	case text.PrefixWeek:
		year, week, ok := strings.Cut(value, "-W")
		y, err1 := strconv.Atoi(year)
		w, err2 := strconv.Atoi(week)
		if !ok || err1 != nil || err2 != nil {
			return ""
		}
		fourth := time.Date(y, 1, 4, 0, 0, 0, 0, time.UTC) // is in week 1
		monday := fourth.AddDate(0, 0, 7*(w-1)-(int(fourth.Weekday())+6)%7)
		return "the week of " + monday.Format("2 January 2006")
	}
	return ""
}
