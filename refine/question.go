package refine

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
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

// question is what a question asks for, and of whom.
type question struct {
	text    string
	kind    kind
	terms   []string
	weights map[string]float64 // of the terms, by how rare they are in the evidence; the sum is 1
	now     time.Time
}

func ask(t *specialists.Task) *question {
	q := &question{text: t.Question, kind: asksWhat, now: t.Now}
	if q.now.IsZero() {
		q.now = time.Now()
	}
	for _, k := range kinds {
		if k.begins.MatchString(t.Question) {
			q.kind = k.kind
			break
		}
	}
	seen := map[string]bool{}
	for _, term := range text.Terms(t.Question) {
		if !seen[term] && !questionTerms[term] {
			seen[term] = true
			q.terms = append(q.terms, term)
		}
	}
	return q
}

// questionTerms are what a question is made with, and say nothing of what it is about.
var questionTerms = distinct("many much long old often kind type sort name called day date year month week time did does happen happened tell give")

// weigh gives each term of the question its weight: the fewer of the n sentences hold it, the more it tells.
func (q *question) weigh(count map[string]int, n int) {
	q.weights = map[string]float64{}
	sum := 0.0
	for _, t := range q.terms {
		w := math.Log(1 + float64(n+1)/float64(count[t]+1))
		q.weights[t] = w
		sum += w
	}
	for t := range q.weights {
		q.weights[t] /= sum
	}
}

// suits is what a passage gains by holding the kind of thing that is asked for. It finds the passage's dates.
func (q *question) suits(r *memory.Record, p *passage) float64 {
	p.dates = certain(text.Dates(p.text, r.Created), p.text, r.Created)
	switch q.kind {
	case asksTime:
		if len(p.dates) > 0 {
			return .5
		}
	case asksSpan:
		if spans.MatchString(p.text) {
			return .5
		}
	case asksNumber:
		if numbers.MatchString(p.text) {
			return .4
		}
	case asksPerson:
		if len(q.names(p.text)) > 0 {
			return .2
		}
	case asksPlace:
		if places.MatchString(p.text) {
			return .2
		}
	}
	return 0
}

// certain are the dates whose year is certain. A month without one is the nearest, and half a year away that may be either.
func certain(dates []text.Date, s string, at time.Time) []text.Date {
	return slices.DeleteFunc(dates, func(d text.Date) bool {
		value, ok := strings.CutPrefix(d.Links[0], text.PrefixMonth)
		month, err := time.Parse("2006-01", value)
		if !ok || err != nil || strings.ContainsAny(s[d.Start:d.End], "0123456789") {
			return false
		}
		away := (month.Year()-at.Year())*12 + int(month.Month()-at.Month())
		return abs(away) > 4
	})
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
	places  = regexp.MustCompile(`\b(in|at|to|from|near|on|around)( the| my| our)? [A-Z]\p{L}+`)
)

// names are the names in a text that the question does not have.
func (q *question) names(s string) []string {
	var names []string
	for _, link := range text.Links(s, time.Time{}) {
		if name, ok := strings.CutPrefix(link, text.PrefixName); ok && !strings.Contains(strings.ToLower(q.text), name) {
			names = append(names, name)
		}
	}
	return names
}

// leastOwn is the share of the question that a passage itself must hold for what it says of a time to be the answer.
const leastOwn = .6

// lead is the short answer, and the memory that it is from: a time, a span, a number. Empty: there is none that is sure.
func (q *question) lead(t *specialists.Task, chosen []passage) (string, int) {
	for _, p := range chosen {
		if p.own < leastOwn || p.fit < .8*chosen[0].fit {
			continue
		}
		switch q.kind {
		case asksTime:
			for _, d := range p.dates {
				if full := inWords(d.Links); full != "" {
					return upper(preposition(d.Links)+full) + ".", p.record
				}
			}
		case asksSpan:
			if m := spans.FindString(p.text); m != "" {
				return upper(m) + ".", p.record
			}
		}
	}
	return "", 0
}

func upper(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

func preposition(links []string) string {
	if strings.HasPrefix(links[0], text.PrefixDay) && len(links) < 3 {
		return "on "
	}
	return "in "
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

// unheard are the names of the question that nothing in the evidence says, in lower case.
func (q *question) unheard(known map[string]bool) []string {
	var names []string
	for _, link := range text.Links(q.text, time.Time{}) {
		name, ok := strings.CutPrefix(link, text.PrefixName)
		if !ok {
			continue
		}
		if terms := text.Terms(name); len(terms) > 0 && !slices.ContainsFunc(terms, func(t string) bool { return known[t] }) {
			names = append(names, name)
		}
	}
	return names
}

// known are the terms of the evidence and of those who speak in it.
func known(t *specialists.Task) map[string]bool {
	known := map[string]bool{}
	for i := range t.Evidence {
		for _, s := range append(testimony(&t.Evidence[i]), t.Evidence[i].Speaker) {
			for _, term := range text.Terms(s) {
				known[term] = true
			}
		}
	}
	return known
}

// nothing says that the memories do not answer, and which words of the question none of them has.
func (q *question) nothing(t *specialists.Task) string {
	known := known(t)
	var missing []string
	for _, w := range strings.FieldsFunc(q.text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-' }) {
		if terms := text.Terms(w); len(terms) == 1 && !known[terms[0]] && !questionTerms[terms[0]] {
			missing = append(missing, strings.TrimSuffix(w, "'s"))
		}
	}
	if len(missing) == 0 || len(missing) > 4 {
		return "I find nothing about this in the memories."
	}
	return fmt.Sprintf("I find nothing about “%s” in the memories.", strings.Join(missing, " "))
}
