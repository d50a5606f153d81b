package specialists

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/memory"
)

// Privacy masks secrets and personal data that neither whoever asks nor the memories of the task's scope have brought
// up: keys and tokens, passwords, card numbers (by Luhn's check), IBANs (by their check digits), private keys, email
// and street addresses, phone numbers. It takes out sentences that repeat a memory of another scope, should one have
// come among the evidence, and cuts a draft that is too long to be examined. It comes last in a chain, so that nothing
// leaves that it has not seen.
type Privacy struct{}

// Name implements [Specialist].
func (*Privacy) Name() string { return "privacy" }

// Priority implements [Specialist].
func (*Privacy) Priority() int { return 100 }

// Examine implements [Specialist].
func (s *Privacy) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if err := ctx.Err(); err != nil {
		return Finding{}, err
	}
	text := d.Text
	var notes []Note
	if len(text) > maxDraft {
		cut := maxDraft
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		// Not within a word: half a secret would not be recognised.
		if i := strings.LastIndexAny(text[:cut], " \n"); i > cut-4096 {
			cut = i
		} else {
			cut = max(0, cut-4096)
		}
		text = strings.TrimRight(text[:cut], " \n")
		notes = append(notes, Note{Specialist: s.Name(), Kind: "cut", Why: fmt.Sprintf("the draft has %d bytes, more than the %d that are examined", len(d.Text), maxDraft)})
	}
	own, foreign := s.known(t)
	var edits []edit
	for _, c := range secrets(text) {
		if own.has(text[c.from:c.to]) {
			continue
		}
		edits = append(edits, edit{c.from, c.to, "[" + c.kind + " removed]"})
		notes = append(notes, Note{Specialist: s.Name(), Kind: c.kind, Why: "neither the question nor a memory of this scope has it"})
	}
	text = citeEdits(text, edits)
	if len(foreign) > 0 {
		text, notes = s.keepOut(t, text, own, foreign, notes)
	}
	return revised(d, text, notes), nil
}

// vocabulary is what may be said again: texts without the marks and spaces that notations differ in.
type vocabulary struct {
	plain  []string        // in lower case, with nothing but letters and digits
	words  map[string]bool // single words, for secrets that are short enough to occur by accident
	shares map[string]bool // runs of words
}

func (v *vocabulary) add(s string) {
	if len(s) > maxMemory {
		s = s[:maxMemory]
	}
	v.plain = append(v.plain, plainOf(s))
	for _, r := range runs(s) {
		v.shares[r] = true
	}
	for _, w := range strings.Fields(s) {
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

// runLength is how many words in a row make a passage recognisable.
const runLength = 5

// runs are the runs of words of a text. A text of fewer words is one run.
func runs(s string) []string {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !isWordRune(r) })
	if len(words) == 0 {
		return nil
	}
	if len(words) <= runLength {
		return []string{strings.Join(words, " ")}
	}
	out := make([]string, 0, len(words))
	for i := 0; i+runLength <= len(words); i++ {
		out = append(out, strings.Join(words[i:i+runLength], " "))
	}
	return out
}

// known gathers what may leave, and the memories of other scopes, which may not.
func (s *Privacy) known(t *Task) (own *vocabulary, foreign []*memory.Record) {
	own = &vocabulary{words: map[string]bool{}, shares: map[string]bool{}}
	own.add(t.Question)
	for _, m := range t.Messages {
		if m.Role == "user" || m.Role == "system" {
			own.add(m.Content)
		}
	}
	total := 0
	for i := range t.Evidence {
		r := &t.Evidence[i]
		if t.Scope != (memory.Scope{}) && !t.Scope.Contains(r.Scope) {
			foreign = append(foreign, r)
			continue
		}
		if total += len(r.Text); total <= maxEvidence {
			own.add(r.Text)
			for _, q := range r.Quotes {
				own.add(q.Text)
			}
		}
	}
	return own, foreign
}

// keepOut takes out sentences that repeat a memory of another scope.
func (s *Privacy) keepOut(t *Task, text string, own *vocabulary, foreign []*memory.Record, notes []Note) (string, []Note) {
	other := map[string]bool{}
	var short []string
	theirs := &Task{Question: t.Question, Now: t.Now}
	for _, r := range foreign {
		theirs.Evidence = append(theirs.Evidence, *r)
		if all := runs(r.Text[:min(len(r.Text), maxMemory)]); len(all) == 1 && !own.shares[all[0]] {
			short = append(short, all[0])
		}
		for _, run := range runs(r.Text[:min(len(r.Text), maxMemory)]) {
			if !own.shares[run] {
				other[run] = true
			}
		}
	}
	// In its words, or in others that only such a memory supports.
	leaks := func(p placed, theirs []placed, i int, ours []placed) bool {
		sentence := text[p.from:p.to]
		for _, run := range runs(sentence) {
			if other[run] {
				return true
			}
		}
		words := " " + strings.Join(strings.FieldsFunc(strings.ToLower(sentence), func(r rune) bool { return !isWordRune(r) }), " ") + " "
		for _, run := range short {
			if strings.Contains(words, " "+run+" ") {
				return true
			}
		}
		return i < len(theirs) && theirs[i].Support == Supported && ours[i].Support != Supported
	}
	var edits []edit
	ours, owners := ground(t, text), ground(theirs, text)
	for i, p := range ours {
		if !leaks(p, owners, i, ours) {
			continue
		}
		edits = append(edits, edit{line(text, p.from), sentenceEnd(text, p.to), ""})
		notes = append(notes, Note{Specialist: s.Name(), Kind: "scope", Why: "it repeats a memory of another scope"})
	}
	if text = apply(text, edits); text == "" {
		text = notKnown
	}
	return text, notes
}

// maxMemory bounds what is read of one memory, in bytes, and maxEvidence what is read of all.
const (
	maxMemory   = 64 << 10
	maxEvidence = 1 << 20
)

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
