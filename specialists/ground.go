package specialists

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/align"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// maxText is how much of an answer, or of a memory, is read, in bytes. A longer draft is no answer to read: it is not revised, and
// cut before it leaves.
const maxText = 64 << 10

// Support says how a claim stands to the evidence.
type Support string

// The ways a claim can stand to the evidence.
const (
	Supported    Support = "supported"    // a memory says it, and none says otherwise
	Contradicted Support = "contradicted" // a memory that is valid denies it, or has another value
	Unknown      Support = "unknown"      // it states something, and no memory speaks of it
	Neutral      Support = "neutral"      // it states nothing that could be checked: a greeting, a question, "I do not know"
)

// Claim is one statement of an answer and how it stands to the evidence.
type Claim struct {
	Text    string         `json:"text"` // verbatim
	Support Support        `json:"support"`
	Quotes  []memory.Quote `json:"quotes,omitempty"` // the passages that support or contradict it
	Why     string         `json:"why"`
	Sure    float64        `json:"-"` // in [0, 1]
	Cites   []int          `json:"-"` // numbers of memories, in the sentence and right behind it: [2] is the second
}

// judge says how a claim stands to the evidence of a task. It compares words and values, in any language, and knows no grammar (see
// internal/align). A claim is supported if one sentence of what a person said, with what stands around it, has all of its names,
// numbers and times, denies as it does, and has most of its words; contradicted if such a sentence has another value in the same
// place. A quotation is supported if a memory says it word for word, whoever said it. All else is unknown.
func judge(t *Task, claim string) Claim {
	c := Claim{Text: claim}
	e := t.evidence()
	plain := withoutMarks(claim)
	if parts := quotations(plain); len(parts) > 0 {
		return e.quoted(c, parts)
	}
	l := align.Read(plain)
	switch {
	case l.Asks:
		c.Support, c.Why = Neutral, "it asks"
		return c
	case l.Empty(), refuses.MatchString(claim):
		c.Support, c.Why = Neutral, "nothing is stated that could be checked"
		return c
	}
	if f := e.corpus.Contradicts(plain, &align.Query{Question: t.Question, Answer: plain, Said: spoken(t)}); f != nil && f.P >= align.Sure {
		c.Support, c.Sure, c.Why = Contradicted, f.P, "a memory has “"+f.Value+"” there"
		c.Quotes = []memory.Quote{e.quote(f.Line, f.Before)}
		return c
	}
	if q, ok := e.verbatim(plain); ok {
		c.Support, c.Sure, c.Why, c.Quotes = Supported, 1, "a memory says so, word for word", []memory.Quote{q}
		return c
	}
	s := e.corpus.Says(plain, t.Question)
	if s == nil {
		c.Support, c.Why = Unknown, "no memory says so"
		return c
	}
	c.Support, c.Sure, c.Why = Supported, s.P, "a memory says so"
	c.Quotes = []memory.Quote{e.quote(s.Line, false)}
	return c
}

// refuses are the ways in which an answer says that it does not know.
var refuses = regexp.MustCompile(`(?i)^\W*(sorry\b|i (do not|don.t) (know|find)|i find nothing|i have no (memory|information)|(the|no) memor(y|ies) (do not|does not|don.t|says?|mentions?)\b)`)

// Ground cuts a text into its claims, in order and verbatim, and judges each. A claim is a sentence, or a line with a
// quotation. Of a text it reads the first 64 KiB.
func Ground(t *Task, s string) []Claim {
	placed := ground(t, s)
	claims := make([]Claim, len(placed))
	for i := range placed {
		claims[i] = placed[i].Claim
		claims[i].Quotes = slices.Clone(claims[i].Quotes) // the caller's own
	}
	return claims
}

// placed is a claim and where it stands.
type placed struct {
	Claim
	from, to int
}

func ground(t *Task, s string) []placed {
	e := t.evidence()
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, ok := e.claims[s]; ok {
		return known
	}
	var out []placed
	for _, span := range claimsOf(s) {
		c := placed{judge(t, s[span[0]:span[1]]), span[0], span[1]}
		for _, m := range mark.FindAllString(s[c.from:sentenceEnd(s, c.to)], -1) {
			n, _ := strconv.Atoi(strings.Trim(m, "[]"))
			c.Cites = append(c.Cites, n)
		}
		out = append(out, c)
	}
	if len(e.claims) >= mostTexts {
		clear(e.claims)
	}
	e.claims[s] = out
	return out
}

// claimsOf are the sentences of a text, and its lines with quotations, without the references behind them. What a puzzle is
// drawn with, and code, is none.
func claimsOf(s string) [][2]int {
	var out [][2]int
	drawn := grids(s[:min(len(s), maxText)])
	at, code := 0, false
	for line := range strings.Lines(s[:min(len(s), maxText)]) {
		begin := at
		at += len(line)
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
			continue
		}
		if code || slices.ContainsFunc(drawn, func(d drawnGrid) bool { return begin < d.to && d.from < at }) {
			continue
		}
		sentences := text.Sentences(line)
		if len(quotations(line)) > 0 {
			sentences = []string{strings.TrimSpace(line)}
		}
		end := 0
		for _, sentence := range sentences {
			i := strings.Index(line[end:], sentence)
			if i < 0 {
				continue
			}
			end += i + len(sentence)
			sentence = strings.TrimLeft(sentence, "-*•># \t")
			from := begin + end - len(sentence)
			if n := sentenceEnd(sentence, 0); n > 0 { // references to the sentence before
				sentence = strings.TrimLeft(sentence[n:], " ")
				from = begin + end - len(sentence)
			}
			if strings.IndexFunc(sentence, unicode.IsLetter) >= 0 || from > begin && strings.IndexFunc(sentence, unicode.IsDigit) >= 0 { // no mark of a list
				out = append(out, [2]int{from, from + len(sentence)})
			}
		}
	}
	return out
}

var (
	quotation = regexp.MustCompile(`“([^“”]+)”`)
	explained = regexp.MustCompile(` \([^()]*\b\d{4}\)`)
	unquoted  = strings.NewReplacer("\"", "", "“", "", "”", "")
)

// quotations are the passages between “marks”, parted where something is left out.
func quotations(s string) []string {
	var out []string
	for _, m := range quotation.FindAllStringSubmatch(s, -1) {
		for _, part := range strings.Split(m[1], "…") {
			if part = strings.Join(strings.Fields(part), " "); len(part) > 3 {
				out = append(out, part)
			}
		}
	}
	return out
}

// evidence is what a task's claims are held against.
type evidence struct {
	records  []memory.Record // as they were read
	question string
	now      time.Time
	corpus   *align.Corpus
	ids      []memory.ID       // of the corpus's statements
	said     map[string]string // each memory's words, for quotations

	mu     sync.Mutex
	claims map[string][]placed // by text
}

// mostTexts is how many texts' claims are remembered.
const mostTexts = 32

// Prepare reads the evidence of a task once for everybody who examines its answers. It is not safe for concurrent use with
// them. A task that changes afterwards is read anew by each of them, as one that was never prepared.
func (t *Task) Prepare() { t.prepared = t.evidence() }

func (t *Task) evidence() *evidence {
	if e := t.prepared; e != nil && e.question == t.Question && e.now.Equal(t.Now) && slices.EqualFunc(e.records, t.Evidence, func(a, b memory.Record) bool {
		return a.ID == b.ID && a.Text == b.Text && a.Origin == b.Origin && a.Created.Equal(b.Created) && a.ValidUntil.Equal(b.ValidUntil) && a.SupersededBy == b.SupersededBy && a.Scope == b.Scope
	}) {
		return e
	}
	e := &evidence{records: slices.Clone(t.Evidence), question: t.Question, now: t.Now, said: map[string]string{}, claims: map[string][]placed{}}
	var statements []align.Statement
	for i := range t.Evidence {
		r := &t.Evidence[i]
		if t.Scope != (memory.Scope{}) && !t.Scope.Contains(r.Scope) || !validAt(r, t.Now) {
			continue
		}
		add := func(id memory.ID, s string) {
			statements = append(statements, align.Statement{Text: s, Speaker: r.Speaker, At: r.Created})
			e.ids = append(e.ids, id)
		}
		e.said[string(r.ID)] = strings.Join(strings.Fields(r.Text), " ")
		switch {
		case r.Origin == memory.Reconstructed:
			for _, q := range r.Quotes {
				e.said[string(q.Source)] += "\n" + strings.Join(strings.Fields(q.Text), " ")
				add(q.Source, q.Text)
			}
		case testifies(r):
			add(r.ID, r.Text)
		}
	}
	e.corpus = align.NewCorpus(statements)
	return e
}

// quoted judges a claim that quotes.
func (e *evidence) quoted(c Claim, parts []string) Claim {
	for _, part := range parts {
		plain := unquoted.Replace(part)
		bare := explained.ReplaceAllString(plain, "")
		found := false
		for _, r := range e.records {
			said := unquoted.Replace(e.said[string(r.ID)])
			if said != "" && (strings.Contains(said, plain) || strings.Contains(said, bare)) {
				c.Quotes, found = append(c.Quotes, memory.Quote{Source: r.ID, Text: part}), true
				break
			}
		}
		if !found {
			c.Support, c.Why, c.Quotes = Unknown, "no memory has these words", nil
			return c
		}
	}
	c.Support, c.Sure, c.Why = Supported, 1, "a memory says so, word for word"
	return c
}

// verbatim finds the memory of a person that has a claim word for word.
func (e *evidence) verbatim(claim string) (memory.Quote, bool) {
	claim = strings.TrimRight(strings.TrimSpace(claim), ".!")
	if len(strings.Fields(claim)) < 3 {
		return memory.Quote{}, false
	}
	for i, s := range e.corpus.Statements {
		if at := strings.Index(s.Text, claim); at >= 0 && (at == 0 || !unicode.IsLetter(rune(s.Text[at-1]))) {
			return memory.Quote{Source: e.ids[i], Text: claim}, true
		}
	}
	return memory.Quote{}, false
}

// quote is the passage of a line, with the line before it where that tells what it is about.
func (e *evidence) quote(l *align.Line, before bool) memory.Quote {
	return memory.Quote{Source: e.ids[l.Source], Text: e.corpus.Passage(l, before)}
}

// validAt reports whether a memory holds at a moment.
func validAt(r *memory.Record, now time.Time) bool {
	if !r.Superseded.IsZero() || r.SupersededBy != "" {
		return false
	}
	return now.IsZero() || (r.ValidUntil.IsZero() || r.ValidUntil.After(now)) && (r.ValidFrom.IsZero() || !r.ValidFrom.After(now))
}
