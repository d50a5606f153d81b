package specialists

import (
	"context"
	"slices"
	"strings"
)

// maxDraft is the longest draft that a specialist revises, in bytes. What is longer is no answer to read, and is cut by
// [Privacy] before it leaves.
const maxDraft = maxAnswer

// edit replaces text[from:to].
type edit struct {
	from, to int
	with     string
}

// apply makes the edits, which must not overlap, and closes the gaps that they leave.
func apply(text string, edits []edit) string {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	last := 0
	for _, e := range edits {
		if e.from < last {
			continue
		}
		head := text[last:e.from]
		b.WriteString(head)
		if e.with == "" {
			// One space or line end between what stood before and what follows.
			rest := text[e.to:]
			if n := len(rest) - len(strings.TrimLeft(rest, " ")); n > 0 && (b.Len() == 0 || strings.HasSuffix(b.String(), " ") || strings.HasSuffix(b.String(), "\n")) {
				e.to += n
			} else if strings.HasPrefix(rest, "\n") && (b.Len() == 0 || strings.HasSuffix(b.String(), "\n")) {
				e.to++
			}
		}
		b.WriteString(e.with)
		last = e.to
	}
	b.WriteString(text[last:])
	return strings.TrimRight(b.String(), " \n")
}

// line is where the list mark or the line of text[at] begins, if nothing but the mark stands before it; else at.
func line(text string, at int) int {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	if strings.Trim(text[start:at], " \t-*•>#0123456789.)") == "" {
		return start
	}
	return at
}

// sentenceEnd takes the references that follow a sentence along with it.
func sentenceEnd(s string, end int) int {
	for {
		rest := strings.TrimLeft(s[end:], " ")
		m := mark.FindStringIndex(rest)
		if m == nil || m[0] != 0 {
			return end
		}
		end = len(s) - len(rest) + m[1]
	}
}

// examined reports whether a draft can be examined, and the reason if ctx has ended.
func examined(ctx context.Context, d Draft) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return strings.TrimSpace(d.Text) != "" && len(d.Text) <= maxDraft, nil
}

// revised is the finding that replaces the draft if it changed.
func revised(d Draft, text string, notes []Note) Finding {
	f := Finding{Notes: notes}
	if text != d.Text {
		f.Text = text
	}
	return f
}
