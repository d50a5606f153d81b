package specialists

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/trm-go/refiner/memory"
)

// maxEvidence is how much of all memories is read, in bytes.
const maxEvidence = 1 << 20

// maskPrivate masks secrets and personal data that neither whoever asks nor the memories of the task's scope have brought up: keys
// and tokens, passwords, card numbers (by Luhn's check), IBANs (by their check digits), private keys, email and street addresses,
// phone numbers. It takes out sentences that only a memory of another scope supports, should one have come among the evidence, and
// cuts a draft that is too long to be examined. It comes last in the chain, so that nothing leaves that it has not seen.
func maskPrivate(_ context.Context, t *Task, d Draft) (Finding, error) {
	text := d.Text
	var notes []Note
	if len(text) > maxText {
		text = cutLong(text)
		notes = append(notes, Note{Kind: "cut", Why: fmt.Sprintf("the draft has %d bytes, more than the %d that are examined", len(d.Text), maxText)})
	}
	said, foreign := known(t)
	var edits []edit
	for _, c := range secrets(text) {
		if !said.has(text[c.from:c.to]) {
			edits = append(edits, edit{c.from, c.to, "[" + c.kind + " removed]"})
			notes = append(notes, Note{Kind: c.kind, Why: "neither the question nor a memory of this scope has it"})
		}
	}
	text = apply(text, edits)
	if len(foreign) > 0 {
		edits = nil
		theirs := ground(&Task{Question: t.Question, Now: t.Now, Evidence: foreign}, text)
		for i, c := range ground(t, text) {
			if theirs[i].Support == Supported && c.Support != Supported {
				edits = append(edits, removal(text, c.from, c.to))
				notes = append(notes, Note{Kind: "scope", Why: "it repeats a memory of another scope"})
			}
		}
		if text = apply(text, edits); text == "" {
			text = notKnown
		}
	}
	return Finding{Notes: notes, Text: text}, nil
}

// Leaks reports whether an answer holds what has to be masked before it leaves.
func Leaks(t *Task, answer string) bool {
	f, _ := maskPrivate(context.Background(), t, Draft{Text: answer})
	return f.Text != answer
}

// cutLong cuts a text to the bytes that are examined, not within a word: half a secret would not be recognised.
func cutLong(text string) string {
	cut := maxText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	if i := strings.LastIndexAny(text[:cut], " \n"); i > cut-4096 {
		cut = i
	} else {
		cut -= 4096
	}
	return strings.TrimRight(strings.ToValidUTF8(text[:cut], ""), " \n")
}

// vocabulary is what may be said again, as plain texts.
type vocabulary struct {
	plain []string
	words map[string]bool // single words, for secrets that are short enough to occur by accident
}

func (v *vocabulary) add(s string) {
	s = s[:min(len(s), maxText)]
	v.plain = append(v.plain, plainOf(s))
	for w := range strings.FieldsSeq(s) {
		v.words[plainOf(w)] = true
	}
}

// has reports whether a secret was said, in whatever notation.
func (v *vocabulary) has(s string) bool {
	p := plainOf(s)
	if len(p) < 8 {
		return p == "" || v.words[p]
	}
	for _, t := range v.plain {
		if strings.Contains(t, p) {
			return true
		}
	}
	return false
}

// plainOf is a text in lower case without the marks and spaces that notations differ in.
func plainOf(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= utf8.RuneSelf:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// known gathers what may leave, and the memories of other scopes, which may not.
func known(t *Task) (said *vocabulary, foreign []memory.Record) {
	said = &vocabulary{words: map[string]bool{}}
	said.add(t.Question)
	for _, m := range t.Messages {
		if m.Role == "user" || m.Role == "system" {
			said.add(m.Content)
		}
	}
	total := 0
	for _, r := range t.Evidence {
		if t.Scope != (memory.Scope{}) && !t.Scope.Contains(r.Scope) {
			foreign = append(foreign, r)
			continue
		}
		if total += len(r.Text); total <= maxEvidence {
			said.add(r.Text)
			for _, q := range r.Quotes {
				said.add(q.Text)
			}
		}
	}
	return said, foreign
}
