package specialists

import (
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Ground cuts a text into its claims, in order and verbatim, and says of each how it stands to the evidence of the task,
// with exact quotes. It reads English, and needs no model.
//
// A claim is supported where one clause of a valid memory, with what was said just before it, has all of the claim's
// names, numbers and times, the same polarity, and nearly all of its words or words that imply them. The words of the
// question count half. It is contradicted where such a clause denies it, has another value in the same place, or where a
// later memory that is valid says otherwise. Whoever the memories call "I" is "you" in the answer; "Lisbon." answers
// "Where does Ruth live?" with a whole statement.
//
// Ground errs towards [Unknown]: what it does not understand is not supported. Of a text it reads the first 64 KiB, of a
// memory too, and of all memories the first MiB.
func Ground(t *Task, text string) []Claim {
	g := newGrounder(t)
	spans := g.ground(text)
	claims := make([]Claim, len(spans))
	for i := range spans {
		claims[i] = spans[i].Claim
		claims[i].Quotes = slices.Clone(claims[i].Quotes) // the caller's own
	}
	return claims
}

// placed is a claim and where it stands.
type placed struct {
	Claim
	from, to   int // bytes of the claim
	begin, end int // bytes of its sentence
	part       *passage
	ruling     ruling
}

// grounder compares claims with the evidence of one task.
type grounder struct {
	e        *evidence
	question asked
	shared   *prepared // nil: nothing is shared
	said     []string  // names that the answer was about so far
}

// asked is what the question says.
type asked struct {
	terms   map[string]bool
	list    []string
	names   []string
	owners  []string // those of the names that only say whose something is
	yesNo   bool
	about   bool // it asks about the user: "Where do I live?"
	passage *passage
}

func newGrounder(t *Task) *grounder {
	g := &grounder{}
	if t.prepared != nil && t.prepared.fits(t) {
		g.shared = t.prepared
		g.e = g.shared.evidence
	} else {
		g.e = gather(t)
	}
	q := &g.question
	q.terms = map[string]bool{}
	question := t.Question
	if len(question) > maxAnswer {
		question = question[:maxAnswer]
	}
	parts := passages(question, t.Now, false, 64)
	for i := range parts {
		p := &parts[i]
		for j, tok := range p.toks {
			if tok.stem != "" && !questionWords[tok.low] {
				if !q.terms[tok.stem] {
					q.list = append(q.list, tok.stem)
				}
				q.terms[tok.stem] = true
			}
			if p.isName(j) && !questionWords[tok.low] {
				q.names = append(q.names, tok.low)
				if tok.owns {
					q.owners = append(q.owners, tok.low)
				}
			}
		}
		q.about = q.about || p.first
		if len(p.toks) > 1 && p.question && (auxiliaries[p.toks[0].low] || strings.HasSuffix(p.toks[0].low, "n't")) {
			q.yesNo, q.passage = true, p
		}
	}
	return g
}

var questionWords = set(`what who whom whose which where when why how much many long often far tell know remember say does
	did kind sort name`)

// ground cuts a text into claims and judges each.
func (g *grounder) ground(text string) []placed {
	if g.shared == nil || len(g.said) > 0 {
		return g.read(text)
	}
	claims, ok := g.shared.remembered(text)
	if !ok {
		claims = g.read(text)
		g.shared.remember(text, claims)
	}
	return claims
}

func (g *grounder) read(text string) []placed {
	var out []placed
	rest := ""
	if len(text) > maxAnswer {
		cut := maxAnswer
		for cut > 0 && text[cut]&0xC0 == 0x80 {
			cut--
		}
		text, rest = text[:cut], text[cut:]
	}
	quoted := g.attributions(text)
	last := 0
	for _, q := range quoted {
		out = g.plain(out, text, last, q.from)
		out = append(out, q)
		last = q.to
	}
	out = g.plain(out, text, last, len(text))
	if rest != "" {
		out = append(out, placed{Claim: Claim{Text: rest, Support: Unknown, Why: "the answer is longer than what is checked"},
			from: len(text), to: len(text) + len(rest), begin: len(text), end: len(text) + len(rest)})
	}
	return out
}

// plain judges the clauses of text[from:to].
func (g *grounder) plain(out []placed, text string, from, to int) []placed {
	parts := passages(text[from:to], g.e.now, false, maxPassages)
	text = text[from:to]
	drawn := grids(text)
	for i := range parts {
		p := &parts[i]
		var c Claim
		var v ruling
		if slices.ContainsFunc(drawn, func(d drawnGrid) bool { return p.from < d.to && d.from < p.to }) {
			c = Claim{Text: text[p.from:p.to], Support: Neutral, Why: "a puzzle is checked by its rules"}
		} else {
			c, v = g.judge(text, p)
		}
		if i > 0 && p.sentence == parts[i-1].sentence && out[len(out)-1].Support == Neutral && c.Support == Unknown &&
			len(p.names)+len(p.numbers)+len(p.whens) == 0 && (parts[i-1].verb >= 0 || c.Why == "") {
			c.Support, c.Why = Neutral, out[len(out)-1].Why
		}
		out = append(out, placed{Claim: c, from: from + p.from, to: from + p.to, begin: from + p.begin, end: from + p.end, part: p, ruling: v})
		if len(p.names) > 0 && p.verb >= 0 {
			g.said = p.names
		}
	}
	if n := len(parts); n >= maxPassages && parts[n-1].end < len(text) {
		end := parts[n-1].end
		out = append(out, placed{Claim: Claim{Text: text[end:], Support: Unknown, Why: "the answer is longer than what is checked"},
			from: from + end, to: from + len(text), begin: from + end, end: from + len(text)})
	}
	return out
}

// term is a word of a claim.
type term struct {
	stem  string
	like  []string // stems of evidence that say it
	w     float64
	given bool // the question has it
	verb  bool // it is the verb of the claim
	must  bool // a number or code that was not understood: it has to be there as it is
	name  string
	word  string // as the claim has it, in lower case
	// Where it stands: before the verb, or right after it and before any preposition.
	subject, object bool
}

// claim is a passage of an answer, made ready for comparison.
type claim struct {
	*passage
	terms      []term
	names      []string // who and what must be there
	owners     []string // those of the names that only say whose something is
	soft       []string // of whom one must be there: the antecedents of a pronoun
	softOwners []string
	user       bool // the user must be there
	fragment   bool // it has no verb: the question completes it
	negative   bool
	past       bool
}

// judge says how one clause of an answer stands to the evidence.
func (g *grounder) judge(text string, p *passage) (Claim, ruling) {
	out := Claim{Text: text[p.from:p.to]}
	if r, ok := g.verbatim(p); ok {
		out.Support, out.Why, out.Quotes = r.support, r.why, r.quotes
		return out, r
	}
	p.dropLead()
	if why := neutral(p); why != "" {
		if !g.answersYesNo(p) {
			out.Support, out.Why = Neutral, why
			return out, ruling{}
		}
	}
	c := g.claim(p)
	if len(c.terms) == 0 && len(c.names) == 0 && len(p.numbers) == 0 && len(p.whens) == 0 {
		out.Support, out.Why = Neutral, "nothing is stated that could be checked"
		return out, ruling{}
	}
	v := g.compare(text, &c)
	out.Support, out.Why, out.Quotes = v.support, v.why, v.quotes
	return out, v
}

// answersYesNo reports whether the clause is a bare yes or no to a question that asks for one.
func (g *grounder) answersYesNo(p *passage) bool {
	return g.question.yesNo && !p.question && len(p.toks) > 0 && (p.toks[0].low == "yes" || p.toks[0].low == "no") && len(p.toks) <= 4
}

// claim makes a clause ready for comparison.
func (g *grounder) claim(p *passage) claim {
	c := claim{passage: p, negative: p.negative, past: p.past && !p.present}
	seen := map[string]bool{}
	add := func(s string, given, verb bool) {
		if s == "" || seen[s] {
			return
		}
		seen[s] = true
		c.terms = append(c.terms, term{stem: s, like: g.e.like(s), w: g.e.weight(s), given: given, verb: verb})
	}
	name := func(low string) {
		if g.e.users[low] {
			c.user = true
		} else if !slices.Contains(c.names, low) {
			c.names = append(c.names, low)
		}
	}
	bare := len(p.toks) > 0 && (p.toks[0].low == "yes" || p.toks[0].low == "no") && g.answersYesNo(p)
	if bare {
		q := g.question.passage
		c.negative = q.negative
		if p.toks[0].low == "no" || p.negative {
			c.negative = !q.negative
		}
		c.numbers, c.whens = q.numbers, q.whens
		for i, t := range q.toks {
			if !q.used[i] && i > 0 {
				add(t.stem, false, i == q.main)
			}
		}
		for _, n := range g.question.names {
			name(n)
		}
		c.user = c.user || g.question.about
		return c
	}
	for i, t := range p.toks {
		if t.stem == "" || p.used[i] || g.e.users[t.low] || enders[t.stem] && p.negative && i+1 < len(p.toks) && strings.HasSuffix(p.toks[i+1].low, "ing") || circumstantial[t.low] {
			continue
		}
		add(t.stem, g.question.terms[t.stem], i == p.main)
		last := &c.terms[len(c.terms)-1]
		last.word = t.low
		if p.verb >= 0 && i > p.verb {
			last.object = !adjunct(p.toks[p.verb+1 : i+1])
		} else {
			last.subject = true
		}
		if t.digit || hasDigit(t.low) {
			c.terms[len(c.terms)-1].must = true
		}
	}
	for i, t := range p.toks {
		if p.isName(i) || g.e.named[t.low] && t.stem != "" && t.capital {
			name(t.low)
			if t.owns {
				c.owners = append(c.owners, t.low)
			}
		}
	}
	// Whom it is about, where the clause itself does not say.
	for _, t := range p.subject {
		switch {
		case t.low == "you" || strings.HasPrefix(t.low, "you'"):
			c.user = true
		case p.inherits && t.capital && t.stem != "" && !fullMonths[t.low] && isoWeekday[t.low] == 0 && !common[t.low] && !kin[t.stem]:
			name(t.low)
		case p.inherits && t.stem != "":
			add(t.stem, true, false)
		}
	}
	pronoun := p.anaphor && len(p.toks) > 0 && third[strings.SplitN(p.toks[0].low, "'", 2)[0]]
	switch {
	case p.verb < 0:
		c.fragment = true
		for _, s := range g.question.list {
			add(s, true, false)
		}
		for _, n := range g.question.names {
			name(n)
		}
		c.owners = append(c.owners, g.question.owners...)
		c.user = c.user || g.question.about
	case pronoun && len(c.names) == 0 || pronoun && len(p.subject) <= 1:
		c.soft, c.softOwners = g.said, nil
		if len(c.soft) == 0 {
			c.soft, c.softOwners = g.question.names, g.question.owners
		}
		if p.toks[0].low == "it" || strings.HasPrefix(p.toks[0].low, "it'") || strings.HasPrefix(p.toks[0].low, "that") {
			for _, s := range g.question.list {
				if !seen[s] {
					add(s, true, false)
					c.terms[len(c.terms)-1].subject = true
				}
			}
		}
	}
	for _, n := range c.names {
		for k := range c.terms {
			if c.terms[k].stem == stems.of(n) {
				c.terms[k].name = n
			}
		}
	}
	return c
}

// adjunct reports whether a preposition stands among the tokens.
func adjunct(toks []token) bool {
	return slices.ContainsFunc(toks, func(t token) bool { return prepositions[t.low] && t.low != "of" })
}

// circumstantial words say nothing that evidence could lack.
var circumstantial = set(`away around approximately roughly exactly located situated together called named specifically namely
	total altogether`)

var third = set(`he she it they his her their its that this`)

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

// ruling is what the comparison with all evidence comes to.
type ruling struct {
	support Support
	why     string
	quotes  []memory.Quote
	match   *match // the passage that decided; nil: none did
	earlier *match // the passage that a later one overrules
}
