package specialists

import (
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/align"
	"github.com/trm-go/refiner/internal/text"
)

// Relation says how the later of two statements stands to the earlier one.
type Relation string

// The relations.
const (
	Same        Relation = "same"        // it says the same
	Updates     Relation = "updates"     // since then the earlier one no longer holds
	Contradicts Relation = "contradicts" // they cannot both be true, and nothing says which one is
	Apart       Relation = "apart"       // both can be true, or nothing is certain
)

// Verdict is a relation and why.
type Verdict struct {
	Relation Relation
	Why      string
}

// Said is a statement: who said what, when.
type Said struct {
	Text, Speaker string
	At            time.Time
}

// Parsed is a statement that was read, to be related to others.
type Parsed struct {
	said  Said
	lines []*align.Line
}

// Parse reads a statement.
func Parse(s Said) *Parsed {
	p := &Parsed{said: s}
	for _, sentence := range text.Sentences(s.Text) {
		p.lines = append(p.lines, align.Read(sentence))
	}
	return p
}

// Relate says how a later statement stands to p, where that is certain: they are single sentences of one speaker, of the same
// words in any order. With the same values they are the same. With another number, time or date in the place of one they
// are an update; with another name, or where one denies what the other says, they contradict each other, for "My sister
// is called Eva" may speak of another sister. All else is apart.
func (p *Parsed) Relate(later *Parsed) Verdict {
	if len(p.lines) != 1 || len(later.lines) != 1 || !strings.EqualFold(p.said.Speaker, later.said.Speaker) {
		if len(p.lines) > 0 && strings.EqualFold(strings.TrimSpace(p.said.Text), strings.TrimSpace(later.said.Text)) && strings.EqualFold(p.said.Speaker, later.said.Speaker) {
			return Verdict{Same, "the same words"}
		}
		return Verdict{Apart, "nothing is certain"}
	}
	switch r, value, name := align.Relate(p.lines[0], later.lines[0]); {
	case r == align.Same:
		return Verdict{Same, "the same words"}
	case r == align.Changed && !name && !p.event() && !later.event() && later.said.At.After(p.said.At):
		return Verdict{Updates, "it is “" + value + "” now"}
	case r == align.Changed && name && !p.event() && !later.event():
		return Verdict{Contradicts, "“" + value + "” in the same place"}
	case r == align.Denied:
		return Verdict{Contradicts, "one denies what the other says"}
	}
	return Verdict{Apart, "nothing is certain"}
}

// event reports whether a statement tells of what happened, which may happen again with other values.
func (p *Parsed) event() bool { return text.TellsPast(p.said.Text) }

// Lasting reports whether a statement tells of what is so with its speaker, rather than of what happened, of a day, or of a wish.
func (p *Parsed) Lasting() bool {
	return len(p.lines) == 1 && !p.lines[0].Asks && text.FirstPerson(p.said.Text) && len(p.lines[0].Stems()) >= 2 && !p.event() && !text.Wishes(p.said.Text) && len(text.Dates(p.said.Text, p.said.At)) == 0
}

// Keys are words by which another statement can be found that may say the same, or something else of the same.
func (p *Parsed) Keys() []string {
	var keys []string
	for _, l := range p.lines {
		keys = append(keys, l.Stems()...)
	}
	return keys
}
