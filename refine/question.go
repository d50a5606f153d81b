package refine

import (
	"regexp"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/specialists"
)

// kind is what sort of thing answers a question.
type kind string

// The kinds of questions.
const (
	asksTime   kind = "time"
	asksSpan   kind = "span" // how long, how old
	asksNumber kind = "number"
	asksPerson kind = "person"
	asksPlace  kind = "place"
	asksWhat   kind = "what"
)

var kinds = []struct {
	kind
	begins *regexp.Regexp
}{
	{asksSpan, regexp.MustCompile(`(?i)\b(how (long|old)|for how (long|many (years|months|weeks|days|hours)))\b`)},
	{asksTime, regexp.MustCompile(`(?i)^\W*((since|until|by|from)\s+)?when\b|\b(what|which)\s+(exact\s+)?(date|day|year|month|week|weekday|time)\b`)},
	{asksNumber, regexp.MustCompile(`(?i)\b(how (many|much|often|far|tall|big|large|fast|heavy)|what (number|price|percentage|amount|distance))\b`)},
	{asksPerson, regexp.MustCompile(`(?i)^\W*((with|to|for|from|by|after)\s+)?(who|whom|whose)\b`)},
	{asksPlace, regexp.MustCompile(`(?i)^\W*((from|to)\s+)?where\b|\b(what|which) (city|country|town|state|place)\b`)},
}

// question is what a question asks for.
type question struct {
	kind kind
	now  time.Time
}

func ask(t *specialists.Task) *question {
	q := &question{kind: asksWhat, now: t.Now}
	if q.now.IsZero() {
		q.now = time.Now()
	}
	for _, k := range kinds {
		if k.begins.MatchString(t.Question) {
			q.kind = k.kind
			break
		}
	}
	return q
}

// seeks names the kind of thing that answers the question, if a text can be seen to hold it.
func (q *question) seeks() string {
	switch q.kind {
	case asksTime:
		return "a time"
	case asksSpan:
		return "a span of time"
	case asksNumber:
		return "a number"
	}
	return ""
}

// holds reports whether a text has what the question seeks.
func (q *question) holds(s string) bool {
	switch q.kind {
	case asksTime:
		return len(text.Dates(s, q.now)) > 0 || clocks.MatchString(s)
	case asksSpan:
		return spans.MatchString(s) || numbers.MatchString(s)
	case asksNumber:
		return numbers.MatchString(s)
	}
	return true
}

var (
	clocks  = regexp.MustCompile(`(?i)\b\d{1,2}(:\d\d| ?[ap]m)\b|\b(mon|tues|wednes|thurs|fri|satur|sun)days?\b`)
	spans   = regexp.MustCompile(`(?i)\b(\d+|a|an|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|few|couple( of)?|several|half) (hour|day|week|month|year|decade|minute)s?\b|\bsince (\w+ )?\d{4}\b`)
	numbers = regexp.MustCompile(`(?i)[€£$]?\d+([.,:]\d+)*\b|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice|once|dozen|hundred|thousand|couple)\b`)
)
