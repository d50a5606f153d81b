package text

import (
	"regexp"
	"strings"
	"time"
)

// Context returns the terms and links that a text is found by besides its own: its speaker's name as terms, and the day
// it was said as terms ("8 june 2023"; may is a stop word) and links. Indexing turns with them raises recall@10 on
// LoCoMo from .796 to .821, and that of BM25 alone from .602 to .656. An empty name and a zero time add nothing.
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
	// A rule for answers bears on every question.
	Links []string
	Self  bool // whoever asks means himself: "What did I buy?"
}

// asksWhen are the beginnings of questions that a time answers.
var asksWhen = regexp.MustCompile(`(?i)^\W*(when|since when|how long|(what|which) (year|month|day|date|time))\b`)

// asksWhere are questions that a place answers.
var asksWhere = regexp.MustCompile(`(?i)\b(where|(what|which) (city|cities|country|countries|places?|states?|locations?|towns?))\b`)

// frame are the stems of words by which a question speaks of itself and of the conversation, not of what was said in it.
var frame = func() map[string]bool {
	stems := map[string]bool{}
	for _, t := range Terms(`kind type sort many much tell describe explain mention list order brought conversations
		throughout across different aspects summarize summary items`) {
		stems[t] = true
	}
	return stems
}()

// ParseQuestion reads a question that is asked at a moment. Words of its frame ("what kind of", "list the order in which
// I mentioned") are no terms, unless it has no others.
func ParseQuestion(s string, at time.Time) Question {
	var q Question
	seen := map[string]bool{}
	var framing []string
	for _, t := range Terms(s) {
		if seen[t] {
			continue
		}
		seen[t] = true
		if frame[t] {
			framing = append(framing, t)
		} else {
			q.Terms = append(q.Terms, t)
		}
	}
	if len(q.Terms) == 0 {
		q.Terms = framing
	}
	for _, link := range Links(s, at) {
		switch {
		case link == TypeSelf:
			q.Self = true
		case strings.HasPrefix(link, PrefixName), strings.HasPrefix(link, PrefixNumber), strings.HasPrefix(link, PrefixType):
		default:
			q.Links = append(q.Links, link)
		}
	}
	if asksWhen.MatchString(s) {
		q.Links = append(q.Links, TypeDate)
	}
	if asksWhere.MatchString(s) {
		q.Links = append(q.Links, TypePlace)
	}
	q.Links = append(q.Links, TypeSelf, TypeRule)
	return q
}
