package specialists

import (
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/align"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// Dispute is a claim that a memory plainly contradicts: it has another value in the same place.
type Dispute struct {
	Claim             // with the contradicting passage as its only quote
	Start, End int    // bytes of the disputed value in the answer
	Value      string // of the memory, as it stands there
	Said       time.Time
}

// Disputes returns the claims of an answer that an observed memory of a person contradicts, in order. It compares sentences
// by their words and values in any language, and knows no grammar: a claim is disputed if nearly all that it says is what
// a memory says, but for one number, time, date or name, and no later memory has the claim's value. What a model or a tool
// said, a question, and code are never evidence or disputed; nor is what whoever asks has just said otherwise.
func Disputes(t *Task, answer string) []Dispute {
	if isCode(answer) {
		return nil
	}
	e := t.evidence()
	if len(e.corpus.Lines) == 0 {
		return nil
	}
	q := &align.Query{Question: t.Question, Answer: answer, Said: spoken(t)}
	var out []Dispute
	at := 0
	for _, sentence := range text.Sentences(answer[:min(len(answer), maxText)]) {
		i := strings.Index(answer[at:], sentence)
		if i < 0 {
			continue
		}
		begin := at + i
		at = begin + len(sentence)
		c := e.corpus.Contradicts(sentence, q)
		if c == nil || c.P < align.Sure {
			continue
		}
		out = append(out, Dispute{
			Claim: Claim{Text: sentence, Support: Contradicted, Sure: c.P, Why: "a memory has “" + c.Value + "” there",
				Quotes: []memory.Quote{e.quote(c.Line, c.Before)}},
			Start: begin + c.Start, End: begin + c.End, Value: c.Value, Said: e.corpus.Statements[c.Line.Source].At,
		})
	}
	return out
}

// testifies reports whether a memory is what a person said: a model's own words and a tool's output are nobody's word.
func testifies(r *memory.Record) bool {
	return r.Origin != memory.Reconstructed && r.Role != "assistant" && r.Role != "tool" && r.Role != "system"
}

// spoken is what the conversation states by itself, which is newer than any memory: messages of all but the model, and the
// question as far as it states something or holds a text to work on.
func spoken(t *Task) []string {
	var said []string
	for _, m := range append(slices.Clip(t.Messages), Message{Role: "user", Content: t.Question}) {
		if m.Role == "assistant" {
			continue
		}
		if m.Role != "user" || strings.ContainsAny(m.Content, "\"“”„«»「」`\n") || strings.Contains(m.Content, ": ") || strings.Contains(m.Content, " '") {
			said = append(said, m.Content)
			continue
		}
		for _, s := range text.Sentences(m.Content) {
			if !text.Asks(s) {
				said = append(said, s)
			}
		}
	}
	return said
}

// isCode reports whether an answer is made for a machine, so that nothing may be added to it.
func isCode(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || strings.ContainsRune("{[<`", rune(s[0])) || strings.Contains(s, "```")
}
