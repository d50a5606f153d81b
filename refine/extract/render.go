package extract

import (
	"fmt"
	"strings"

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
	if told := text.Explain(q.Text, r.Created); told != "" {
		fmt.Fprintf(&b, " (%s)", told)
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
