package extract

import (
	"fmt"
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
	said := spoken(r)
	fmt.Fprintf(&b, "%s (%s): “%s” [%d]", speaker(r), said.Format("2 January 2006"), strings.Join(strings.Fields(q.Text), " "), number)
	if told := text.Explain(q.Text, said); told != "" {
		fmt.Fprintf(&b, " (%s)", told)
	}
	return b.String()
}

// spoken is when a memory was said, by the clock of whoever said it: the store keeps times in UTC, and an import keeps the
// zone that a file names beside them. Just after midnight "yesterday" is another day there.
func spoken(r *memory.Record) time.Time {
	zone, err := time.Parse("-07:00", r.Meta["zone"])
	if err != nil {
		return r.Created
	}
	return r.Created.In(zone.Location())
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
