package specialists

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// outline is what a text says, read loosely: the concepts it has, whether each is affirmed, its numbers and times, whom it is
// about, and what its words say of change. Where [statement] knows who does what to whom, a outline only knows what is there;
// it is what is left to compare where two texts are not built alike.
type outline struct {
	words   []concept
	numbers []quantity
	which   []quantity // numbers that tell which one is meant: of a chapter, an invoice
	times   []moment
	marks   []mark // values of kinds that exclude each other
	about   []string
	self    []string // of those, who is not only an owner
	cues    cue
	count   int  // words of all sorts
	asks    bool // nothing is stated
	past    bool // all of it is of the past
	other   bool // "he", "she", "they": somebody who is named elsewhere
	except  bool // it leaves something out
	talk    bool // it is a turn of a talk: it asks, exclaims or calls somebody by name
}

// concept is one word or phrase of a outline.
type concept struct {
	*sense
	told    []member // the values of kinds that it tells, alone or with the words around it
	clause  int
	at      int // its place among the words
	not     bool
	ended   bool // it is in a clause that says that it is over
	gained  bool
	verb    bool
	name    bool
	capital bool
	person  bool
	owner   bool // it owns what follows it
	subject bool // it stands before the verb
	past    bool
	weight  float64
}

// mark is a value of a kind that a text says of what it is about.
type mark struct {
	member
	not bool
}

var contractions = strings.NewReplacer("’", "'", "can't", "can not", "Can't", "can not", "won't", "will not", "n't", " not", "'re ", " are ", "'ve ", " have ",
	"'ll ", " will ", "'m ", " am ", "'d ", " would ", "It's ", "it is ", "it's ", "it is ", "that's ", "that is ", "That's ", "that is ",
	"he's ", "he is ", "He's ", "he is ", "There's", "there is", "there's", "there is", "What's", "what is", "what's", "what is",
	"Let's", "let us", "let's", "let us", "Everything's", "everything is", "everything's", "everything is", "Who's", "who is", "fifty-fifty", "half and half")

// addressed is a text that calls somebody by name: "Thanks, Maria!", "you know, John."
var addressed = regexp.MustCompile(`^\p{Lu}\p{L}+,? \p{Lu}\p{L}+[!,.]|, \p{Lu}\p{L}+[!.?]|^(?:Thanks|Wow|Hey|Yeah|Aww?|Congrats|Hi|Hello|Sure|Yep)\b.*!`)

// readOutline reads the outline of what somebody said.
func readOutline(s Said) *outline {
	g := &outline{}
	l := lexical()
	me := owner(s.Speaker)
	var st statement
	clause := 0
	present, stated, past := false, false, false
	sentences := text.Sentences(contractions.Replace(s.Text))
	for i, sentence := range sentences {
		toks := scan(sentence, 0, len(sentence))
		if len(toks) == 0 {
			continue
		}
		if strings.HasSuffix(strings.TrimSpace(sentence), "?") && !(i+1 < len(sentences) && len(strings.Fields(sentences[i+1])) <= 4) {
			g.talk = true
			continue // a question that its asker does not answer
		}
		clause++
		from := len(g.words)
		is, was := g.sentence(l, &st, toks, me, strings.ToLower(s.Speaker), &clause, s.At)
		present, past = present || is, past || was
		stated = stated || len(g.words) > from
	}
	g.asks = !stated
	g.talk = g.talk || strings.Count(s.Text, "!") > 1 || addressed.MatchString(s.Text)
	g.past = past && !present
	g.times = st.times
	g.about = distinct(g.about)
	return g
}

// sentence reads one sentence, and reports whether it tells how things are, and what was.
func (g *outline) sentence(l *lexicon, st *statement, toks []token, me, speaker string, clause *int, at time.Time) (present, was bool) {
	low, lemmas := make([]string, len(toks)), make([]string, len(toks))
	for i, t := range toks {
		low[i], lemmas[i] = t.low, lemma(t.low)
	}
	g.count += len(toks)
	for i := range low { // "the third of May"
		if n := ordinals[low[i]]; n > 0 && i+2 < len(low) && low[i+1] == "of" && fullMonths[low[i+2]] {
			low[i] = strconv.Itoa(int(n)) + "th"
		}
	}
	var (
		verb, not, ended, gained, past bool
		start                          = len(g.words)
		first                          = *clause
	)
	lead := len(toks) > 2 && leadsIn[low[0]] // "since the upgrade our server": of the server
	next := func() {
		lead = false
		*clause++
		verb, not, ended, gained = false, false, false, false
	}
	told, denied := make([][]member, len(toks)), make([]bool, len(toks))
	for i := range toks {
		l.values(lemmas, i, func(m member, n int) {
			for k := i; k < i+n; k++ {
				told[k] = append(told[k], m)
			}
		})
	}
	for i := 0; i < len(toks); {
		t := toks[i]
		lead = lead && (i < 2 || !startsSubject(token{low: t.low}))
		if t.comma && i > 0 {
			next()
		}
		switch t.low {
		case "except":
			g.except = true
		case "but", "because", "although", "while", "who", "which", "since", "so", "when", "after", "before", "until", "though":
			next()
		case "and":
			if i+1 < len(toks) && (startsSubject(toks[i+1]) || verbs[lemmas[i+1]] || auxiliaries[low[i+1]]) {
				next()
			}
		case "i", "we", "us", "me", "myself", "ourselves":
			g.about, g.self = append(g.about, me), append(g.self, me)
		case "my", "our", "mine", "ours":
			if !l.kinAhead(lemmas, i+1) {
				g.about = append(g.about, me)
				if i+1 == len(lemmas) || !l.animal(lemmas[i+1]) {
					g.self = append(g.self, me)
				}
			}
		case "he", "she", "they", "him", "her", "them", "his", "their":
			g.other = true
		}
		for k := i; k < len(toks); k++ {
			denied[k] = not
		}
		if auxiliaries[t.low] {
			verb = true
			switch t.low {
			case "was", "were", "did", "had":
				past, was = true, true
			case "is", "are", "am", "has", "have", "do", "does", "will", "can":
				present = true
				past = false
			}
		}
		if t.low == "may" && t.capital && !t.opens { // the month
			st.times = append(st.times, "m:05")
			i++
			continue
		}
		if n, ok := st.time(low, i, at); ok {
			if st.passing || st.relative {
				g.cues |= cuePassing
			}
			i += n
			continue
		}
		if q, n, ok := amount(low, i); ok {
			if q.unit == "" && n == 1 && t.digit && i > 0 && toks[i-1].stem != "" && !verbs[toks[i-1].stem] { // "invoice 301", "Python 3.12"
				q.unit = "#" + lemmas[i-1]
				if !verb {
					g.which = append(g.which, q)
				}
			}
			if q.unit == "th" && !verb {
				g.which = append(g.which, q) // "the second chapter", "the printer on the first floor"
			}
			g.numbers = append(g.numbers, q)
			i += n
			continue
		}
		sn, n := l.at(lemmas, i)
		for k := i + 1; k < i+n; k++ {
			if low[k] == "us" || low[k] == "me" || low[k] == "my" || low[k] == "our" {
				g.about = append(g.about, me)
			}
		}
		if n == 0 {
			n = 1
			if t.stem != "" {
				sn = &sense{key: t.stem}
			}
		}
		if sn == nil || n == 1 && (t.stem == "" && sn.cues == 0 && len(sn.kinds) == 0) {
			i += n
			continue
		}
		if t.low == "new" && verb {
			i++
			continue // "I like my new job"
		}
		switch {
		case sn.cues&cueNegate != 0:
			not = !not
			for k := start; n > 1 && k < len(g.words); k++ { // "peanuts are off limits"
				if g.words[k].clause == *clause {
					g.words[k].not = not
				}
			}
		case sn.cues&cueEnd != 0:
			if n == 1 && !strings.HasSuffix(t.low, "ed") && !irregularPast(t.low) && !overs[t.low] {
				break // "the bus stops here"
			}
			ended = true
			it := i+n < len(toks) && (low[i+n] == "it" || low[i+n] == "them" || low[i+n-1] == "it") // what the clause before is about
			for k := start; k < len(g.words); k++ {
				if g.words[k].clause == *clause || it {
					g.words[k].ended = true
				}
			}
		case sn.cues&cueGain != 0:
			gained = true
		}
		g.cues |= sn.cues
		if sn.key == "lose" && l.kinAhead(lemmas, i+1) { // "I lost my grandpa"
			sn = l.phrases["die"][len(l.phrases["die"])-1].sense
			g.cues |= cueDeath
		}
		isVerb := n == 1 && pronounOrAux(before(low, i)) && !auxiliaries[t.low] && !adverb(t.low) || !nounContext(before(low, i)) && !t.owns && (verbs[t.stem] || strings.HasSuffix(t.low, "ed") && len(t.low) > 4)
		if isVerb {
			verb = true
			switch {
			case strings.HasSuffix(t.low, "ed") || irregularPast(t.low):
				if before(low, i) != "is" && before(low, i) != "are" {
					past, was = true, true
				}
			case before(low, i) != "to" && !strings.HasSuffix(t.low, "ing"):
				present = true
			}
		}
		if sn.cues&^(cueFinal|cueGain|cueEnd|cueDeath|cueHabit|cueMove|cueCorrect|cueChange|cueMany|cueAwait) != 0 && len(sn.kinds) == 0 || sn.key == "" {
			i += n
			continue
		}
		if n == 1 && auxiliaries[t.low] {
			i++
			continue
		}
		c := concept{sense: sn, told: told[i], clause: *clause, at: i, not: not, ended: ended, gained: gained, subject: !verb && !lead, past: past, capital: t.capital, verb: isVerb, owner: toks[i+n-1].owns}
		c.person = l.person(sn)
		c.name = t.capital && n == 1 && len(sn.kinds) == 0 && (!t.opens || sn.cues == 0 && !sn.light && !verbs[t.stem] && opensName(toks, i)) && !c.person
		switch {
		case t.low == speaker && speaker != "":
			g.about = append(g.about, me)
			i += n
			continue
		case c.owner && n == 1 && i+1 < len(toks) && l.kinAhead(lemmas, i+1): // "Julia's brother" is another
		case c.person || c.name && c.subject:
			g.about, g.self = append(g.about, sn.key), append(g.self, sn.key)
			g.about = append(g.about, sn.above...)
		}
		c.weight = 1
		switch {
		case sn.light:
			c.weight = .3
		case sn.cues&^(cueFinal|cueMany|cueAwait) != 0:
			c.weight = .4
		case c.name:
			c.weight = 1.5
		}
		g.words = append(g.words, c)
		i += n
	}
	for i := range toks {
		l.values(lemmas, i, func(m member, n int) { g.mark(m, denied[i] && !within(lemmas[i:i+n])) })
	}
	// What is denied at the end of a clause is denied in all of it: "I do not eat meat" and "meat is not for me".
	for k := start; k < len(g.words); k++ {
		for j := k + 1; j < len(g.words) && g.words[j].clause == g.words[k].clause; j++ {
			if g.words[j].not && !g.words[k].not && g.words[k].subject {
				g.words[k].not = true
			}
			if g.words[j].ended {
				g.words[k].ended = true
			}
			if g.words[j].gained {
				g.words[k].gained = true
			}
		}
	}
	_ = first
	return present, was
}

// opensName reports whether the capital that opens a sentence is that of a name: what follows is what a subject precedes.
func opensName(toks []token, i int) bool {
	if i+1 == len(toks) {
		return false
	}
	n := toks[i+1]
	return toks[i].owns || n.comma || n.capital || n.low == "and" || auxiliaries[n.low] || verbs[n.stem] || strings.HasSuffix(n.low, "ed")
}

// leadsIn are words after which a sentence first tells when or why.
var leadsIn = set(`since after before following with in at on from during until thanks`)

// overs are single words that say that something is over as they stand.
var overs = set(`quit anymore bankrupt redundant burnt shut bust`)

// mark notes a value once.
func (g *outline) mark(m member, not bool) {
	if n := (mark{m, not}); !slices.Contains(g.marks, n) {
		g.marks = append(g.marks, n)
	}
}

// within reports whether a phrase holds the word that denies it: "no sugar" is not denied.
func within(lemmas []string) bool {
	return slices.ContainsFunc(lemmas, func(w string) bool { return w == "not" || w == "no" || w == "never" || w == "without" })
}

// kinAhead reports whether "my" at i-1 is whose relative somebody is.
func (l *lexicon) kinAhead(lemmas []string, i int) bool {
	for k := i; k < len(lemmas) && k < i+3; k++ {
		if sn, n := l.at(lemmas, k); n > 0 && l.person(sn) {
			return true
		}
	}
	return false
}

func before(low []string, i int) string {
	if i == 0 {
		return ""
	}
	return low[i-1]
}

// amount reads a number at word i with its unit, spoken ones as well: "four and a half hours", "a minute and a half".
func amount(low []string, i int) (quantity, int, bool) {
	q, n, ok := number(low, i)
	if parts := strings.Split(low[i], ":"); len(parts) == 3 {
		q, n, ok = quantity{float64(atoi(parts[0])*3600 + atoi(parts[1])*60 + atoi(parts[2])), "s"}, 1, true
	}
	if !ok {
		if (low[i] == "a" || low[i] == "an") && i+2 < len(low) && (low[i+1] == "full" || low[i+1] == "whole") {
			if days, known := stretches[stem(low[i+2])]; known {
				return quantity{days, "days"}, 3, true
			}
		}
		if (low[i] == "a" || low[i] == "an") && i+1 < len(low) && low[i+1] != "second" {
			if u, known := units[stem(low[i+1])]; known && u.kind == "s" {
				q, n, ok = quantity{u.scale, u.kind}, 2, true
			} else if u, known := stretches[stem(low[i+1])]; known && (i+2 == len(low) || low[i+2] != "ago") && (i == 0 || low[i-1] == "for" || low[i-1] == "lasted" || low[i-1] == "spent") {
				q, n, ok = quantity{u, "days"}, 2, true
			}
		}
		if !ok {
			return q, 0, false
		}
	}
	if low[i] == "one" && q.unit == "" {
		return q, 0, false // "one of them"
	}
	if q.value >= 20 && q.value < 100 && q.unit == "" && i+1 < len(low) && numerals[low[i]] > 0 && numerals[low[i+1]] > 0 && numerals[low[i+1]] < 10 {
		q.value, n = q.value+numerals[low[i+1]], 2 // "twenty-five"
		if i+2 < len(low) {
			if u, ok := units[stem(low[i+2])]; ok {
				q, n = quantity{q.value * u.scale, u.kind}, 3
			}
		}
	}
	half := func(k int) bool { return k+2 < len(low) && low[k] == "and" && low[k+1] == "a" && low[k+2] == "half" }
	switch {
	case half(i + n): // "a minute and a half"
		scale := 1.0
		if n > 1 {
			scale = units[stem(low[i+n-1])].scale
		}
		q.value += scale / 2
		n += 3
		if q.unit == "" && i+n < len(low) {
			if u, ok := units[stem(low[i+n])]; ok {
				q, n = quantity{q.value * u.scale, u.kind}, n+1
			}
		}
	case q.unit == "" && i+n < len(low):
		counted := lemma(low[i+n])
		if days, ok := stretches[counted]; ok && i+n+1 < len(low) && low[i+n+1] == "old" {
			n += 2 // an age, in years unless it says otherwise
			if days < 365 {
				q.unit = counted
			}
		} else if ok {
			q, n = quantity{q.value * days, "days"}, n+1
		} else if stems.of(low[i+n]) != "" && (!verbs[counted] || strings.HasSuffix(low[i+n], "s")) {
			q.unit = counted // "three cats"
		}
	}
	return q, n, true
}

// stretches are the days that stretches of time last.
var stretches = map[string]float64{"day": 1, "night": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}

// aboutSame reports whether two outlines can be about the same: each names somebody whom the other names too, or nobody.
func aboutSame(a, b *outline) bool {
	return len(a.about) == 0 || len(b.about) == 0 || overlap(a.about, b.about) || a.names(b.about) || b.names(a.about)
}

// copula reports whether g has no verb but "be".
func (g *outline) copula() bool {
	return !slices.ContainsFunc(g.words, func(c concept) bool { return c.verb })
}

// names reports whether g has one of the words.
func (g *outline) names(words []string) bool {
	return slices.ContainsFunc(g.words, func(c concept) bool { return !c.owner && slices.Contains(words, c.key) })
}
