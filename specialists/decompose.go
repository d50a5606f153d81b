package specialists

import (
	"context"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

const (
	mostQuestions   = 5    // of one finding
	longestQuestion = 2000 // bytes that are read of a question
)

// decompose asks for memories that are missing: it revises nothing, and its finding holds questions to recall by. It asks each of
// several questions by itself, for somebody whom the question names and no memory mentions, and for claims of the draft that the
// memories do not support.
func decompose(_ context.Context, t *Task, d Draft) (Finding, error) {
	var f Finding
	ask := func(q, reason string) {
		q = strings.TrimSpace(q)
		if q == "" || len(q) > 500 || len(f.Recall) >= mostQuestions || strings.EqualFold(q, strings.TrimSpace(t.Question)) ||
			slices.ContainsFunc(f.Recall, func(o string) bool { return strings.EqualFold(o, q) }) {
			return
		}
		f.Recall = append(f.Recall, q)
		f.Notes = append(f.Notes, Note{Kind: "recall", Why: reason + ": " + q})
	}
	question := t.Question[:min(len(t.Question), longestQuestion)]
	said := map[string]bool{}
	for i := range t.Evidence {
		for _, w := range text.Words(t.Evidence[i].Speaker + " " + t.Evidence[i].Text) {
			said[w.Low] = true
		}
	}
	for _, w := range text.Words(question) {
		if w.Capital && !w.Opens && w.Stem != "" && !text.Pronoun(w.Low) && !said[w.Low] {
			name := question[w.Start:w.End]
			if w.Owns {
				name = strings.TrimRight(name, "sS'’")
			}
			ask("Who or what is "+name+"?", "no memory mentions "+name)
		}
	}
	var parts []string
	for _, q := range text.Sentences(question) {
		if text.Asks(q) {
			parts = append(parts, q)
		}
	}
	if len(parts) > 1 {
		for _, q := range parts {
			ask(q, "a part of the question")
		}
	}
	for _, n := range d.Notes {
		if n.Kind == string(Unknown) && n.Claim != "" {
			claim := strings.ToValidUTF8(n.Claim[:min(len(n.Claim), 200)], "")
			ask(strings.TrimRight(claim, ".! "), "the draft says so, and no memory does")
		}
	}
	return f, nil
}
