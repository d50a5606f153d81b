package specialists

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// attributions finds the passages of an answer that quote a memory in quotation marks and say whose words they are: “You
// told me on 8 January 2024: “…””. Such a passage is one claim, that this was said; it is supported if the memory has
// these very words, from whom and when the answer says.
func (g *grounder) attributions(text string) []placed {
	var out []placed
	last := 0
	for at := 0; at < len(text) && len(out) < maxPassages; {
		i := strings.Index(text[at:], "“")
		if i < 0 {
			break
		}
		open := at + i
		inner := open + len("“")
		n := strings.Index(text[inner:], "”")
		if n < 0 {
			break
		}
		end := inner + n + len("”")
		at = end
		from := sentenceStart(text, last, open)
		if from < last {
			continue
		}
		said := strings.TrimSpace(text[inner : inner+n])
		c, ok := g.attributed(text[from:open], said)
		if !ok {
			continue
		}
		for end < len(text) && strings.IndexByte(".,;!?", text[end]) >= 0 {
			end++
		}
		c.Text = text[from:end]
		out = append(out, placed{Claim: c, from: from, to: end, begin: from, end: end})
		last, at = end, end
	}
	return out
}

// sentenceStart is where the sentence that leads to a quotation begins.
func sentenceStart(text string, from, to int) int {
	head := text[from:to]
	cut := 0
	for _, sep := range [...]string{"\n", ". ", "! ", "? ", "; ", "] "} {
		if i := strings.LastIndex(head, sep); i >= 0 {
			cut = max(cut, i+len(sep))
		}
	}
	for cut < len(head) && strings.IndexByte(" \t-*•", head[cut]) >= 0 {
		cut++
	}
	return from + cut
}

// telling are the words that lead to a quotation, besides names and dates.
var telling = set(`you told me said mentioned wrote on in until since then the memories memory say says your notes note according
	to assistant user i and but later also as of now it is was that a reads`)

// attributed judges a quotation and what leads to it. It is not ok if the lead says more than who spoke and when.
func (g *grounder) attributed(lead, said string) (Claim, bool) {
	e := g.e
	if len(strings.Fields(said)) < 2 {
		return Claim{}, false
	}
	toks := scan(lead, 0, len(lead))
	used := make([]bool, len(toks))
	times, _ := whens(lead, toks, e.now, false, used)
	var speakers []string
	user, until := false, false
	for i, t := range toks {
		switch {
		case used[i]:
		case t.low == "you" || t.low == "your":
			user = true
		case t.low == "until":
			until = true
		case telling[t.low] || isoWeekday[t.low] > 0:
		case e.speaks(t.low):
			speakers = append(speakers, t.low)
		default:
			return Claim{}, false
		}
	}
	c := Claim{Support: Unknown, Why: "no memory has these words"}
	for i := range e.sources {
		s := &e.sources[i]
		words := s.spoken(said)
		if words == "" {
			continue
		}
		if slices.ContainsFunc(speakers, func(w string) bool { return !slices.Contains(s.speaker, w) && w != s.role }) || user && !s.user {
			c.Support, c.Why = Contradicted, "another said these words"
			continue
		}
		if until {
			if !slices.ContainsFunc(times, func(w when) bool { return !e.endsAt(s, w) }) {
				return Claim{Support: Supported, Why: "the memory was true until then", Quotes: []memory.Quote{{Source: s.id, Text: words}}}, true
			}
			c.Support, c.Why = Unknown, "no memory says that it ended then"
			continue
		}
		if slices.ContainsFunc(times, func(w when) bool { return !dayOf(s.at).entails(w) }) {
			c.Support, c.Why = Contradicted, "these words were said at another time"
			continue
		}
		if !s.valid && len(times) == 0 {
			c.Support, c.Why = Unknown, "the memory that says so is no longer valid"
			continue
		}
		return Claim{Support: Supported, Why: "the very words of a memory", Quotes: []memory.Quote{{Source: s.id, Text: words}}}, true
	}
	return c, true
}

// inserted is a time that a quotation gives in full after one that depends on its day: "yesterday (7 May 2023)".
var inserted = regexp.MustCompile(` \([^()]*\d{4}\)`)

// marks writes quotation marks inside of a quotation as it has to.
var marks = strings.NewReplacer("“", "\"", "”", "\"")

// spoken are the words of s that are quoted, verbatim; empty if they are not its own. A quotation may leave out what
// stands between its parts (" … ") and give times in full; of several parts the longest stands for all.
func (s *source) spoken(said string) string {
	if strings.Contains(s.text, said) {
		return said
	}
	longest := ""
	for part := range strings.SplitSeq(inserted.ReplaceAllString(said, ""), " … ") {
		part = strings.TrimSpace(part)
		if part != "" && !strings.Contains(s.text, part) && strings.Contains(strings.Join(strings.Fields(marks.Replace(s.text)), " "), part) {
			part = s.text // it has lines, or quotation marks inside, which the answer writes otherwise
		}
		if part == "" || !strings.Contains(s.text, part) {
			return ""
		}
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// speaks reports whether a word is the name or the role of somebody who speaks in the evidence.
func (e *evidence) speaks(word string) bool {
	return slices.ContainsFunc(e.sources, func(s source) bool { return slices.Contains(s.speaker, word) || s.role == word })
}

// endsAt reports whether what s says ended at w: by its validity, or since a later memory overrules it.
func (e *evidence) endsAt(s *source, w when) bool {
	if !s.until.IsZero() {
		return dayOf(s.until).entails(w)
	}
	for i := range e.sources {
		o := &e.sources[i]
		if o.at.After(s.at) && dayOf(o.at).entails(w) && e.overrules(o, s) {
			return true
		}
	}
	return false
}

// overrules reports whether a sentence of a later source updates or contradicts one of an earlier.
func (e *evidence) overrules(later, earlier *source) bool {
	for i := earlier.from; i < earlier.to; i++ {
		if i > earlier.from && e.passages[i].begin == e.passages[i-1].begin {
			continue
		}
		for j := later.from; j < later.to; j++ {
			if j > later.from && e.passages[j].begin == e.passages[j-1].begin {
				continue
			}
			if r := e.parse(&e.passages[i]).Relate(e.parse(&e.passages[j])).Relation; r == Updates || r == Contradicts {
				return true
			}
		}
	}
	return false
}

// endOf is when a record stopped being true; zero: it has not.
func endOf(r *memory.Record) time.Time {
	if !r.ValidUntil.IsZero() {
		return r.ValidUntil
	}
	return r.Superseded
}
