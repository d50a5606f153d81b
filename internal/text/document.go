package text

import (
	"regexp"
	"strings"
	"time"
)

// Context returns the terms and links that a text is found by besides its own: its speaker's name as terms, and the day
// it was said as terms ("8 june 2023"; may is a stop word) and links. Indexing turns with them raised recall@10 on
// LoCoMo from .793 to .799, and that of BM25 alone from .590 to .644. An empty name and a zero time add nothing.
func Context(speaker string, at time.Time) (terms, links []string) {
	if speaker != "" {
		terms = Terms(speaker)
	}
	if at.IsZero() {
		return terms, nil
	}
	return append(terms, Terms(at.Format("2 January 2006"))...),
		[]string{PrefixDay + at.Format("2006-01-02"), PrefixMonth + at.Format("2006-01")}
}

// Question is what a question looks for in memories.
type Question struct {
	Terms []string // distinct, in order
	// Links are the dates in the question, and the type of text that can answer it: one that tells of a time if it asks
	// when, and always one whose speaker tells of himself. Names and numbers are not among them: they count as terms
	// already, and counting them twice cost recall on both LoCoMo and BEAM.
	Links []string
	Self  bool // whoever asks means himself: "What did I buy?"
}

// asksWhen are the beginnings of questions that a time answers.
var asksWhen = regexp.MustCompile(`(?i)^\W*(when|since when|how long|(what|which) (year|month|day|date|time))\b`)

// ParseQuestion reads a question that is asked at a moment.
func ParseQuestion(s string, at time.Time) Question {
	var q Question
	seen := map[string]bool{}
	for _, t := range Terms(s) {
		if !seen[t] {
			seen[t] = true
			q.Terms = append(q.Terms, t)
		}
	}
	for _, link := range Links(s, at) {
		switch {
		case link == TypeSelf:
			q.Self = true
		case strings.HasPrefix(link, PrefixName), strings.HasPrefix(link, PrefixNumber), link == TypeDate:
		default:
			q.Links = append(q.Links, link)
		}
	}
	if asksWhen.MatchString(s) {
		q.Links = append(q.Links, TypeDate)
	}
	q.Links = append(q.Links, TypeSelf)
	return q
}
