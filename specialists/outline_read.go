package specialists

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// outliner reads one sentence after the other into an outline.
type outliner struct {
	*outline
	lex     *lexicon
	me      string    // the speaker, as the owner of what is "mine"
	speaker string    // his name, folded
	said    time.Time // when
	clock   statement // takes the times
	number  int       // of the clause
	is, was bool      // something is told of how things are, and of what was

	// of the sentence
	toks        []token
	low, lemmas []string
	told        [][]member
	denied      []bool
	start       int // its first concept

	// of the clause
	verb, not, ended, gained, past bool
	lead                           bool // it only tells when or why: "since the upgrade our server"
}

// leadsIn are words after which a sentence first tells when or why.
var leadsIn = set(`since after before following with in at on from during until thanks`)

// overs are single words that say that something is over as they stand.
var overs = set(`quit anymore bankrupt redundant burnt shut bust`)

// joints are words that begin another clause.
var joints = set(`but because although while who which since so when after before until though`)

// conceptual are cues that do not keep a word from being a concept.
const conceptual = cueFinal | cueGain | cueEnd | cueDeath | cueHabit | cueMove | cueCorrect | cueChange | cueMany | cueAwait

// sentence reads one sentence.
func (o *outliner) sentence(toks []token) {
	o.toks, o.start = toks, len(o.words)
	o.low, o.lemmas = make([]string, len(toks)), make([]string, len(toks))
	o.told, o.denied = make([][]member, len(toks)), make([]bool, len(toks))
	for i, t := range toks {
		o.low[i], o.lemmas[i] = t.low, lemma(t.low)
	}
	for i, w := range o.low { // "the third of May"
		if n := ordinals[w]; n > 0 && i+2 < len(o.low) && o.low[i+1] == "of" && fullMonths[o.low[i+2]] {
			o.low[i] = strconv.Itoa(int(n)) + "th"
		}
	}
	for i := range toks {
		o.lex.values(o.lemmas, i, func(m member, n int) {
			for k := i; k < i+n; k++ {
				o.told[k] = append(o.told[k], m)
			}
		})
	}
	o.count += len(toks)
	o.clause()
	o.past = false
	o.lead = len(toks) > 2 && leadsIn[o.low[0]]
	for i := 0; i < len(toks); {
		i += o.word(i)
	}
	for i := range toks {
		o.lex.values(o.lemmas, i, func(m member, n int) { o.mark(m, o.denied[i] && !within(o.lemmas[i:i+n])) })
	}
	o.spread()
}

// clause begins another clause.
func (o *outliner) clause() {
	o.number++
	o.verb, o.not, o.ended, o.gained, o.lead = false, false, false, false, false
}

// word reads what begins at word i, and returns how many words it takes.
func (o *outliner) word(i int) int {
	t := o.toks[i]
	o.lead = o.lead && (i < 2 || !pronouns[t.low] && !determiners[t.low])
	if t.comma && i > 0 {
		o.clause()
	}
	o.function(i)
	for k := i; k < len(o.toks); k++ {
		o.denied[k] = o.not
	}
	if t.low == "may" && t.capital && !t.opens { // the month
		o.clock.times = append(o.clock.times, "m:05")
		return 1
	}
	if n, ok := o.clock.time(o.low, i, o.said); ok {
		if o.clock.passing || o.clock.relative {
			o.cues |= cuePassing
		}
		return n
	}
	if q, n, ok := amount(o.low, i); ok {
		if q.unit == "" && n == 1 && t.digit && !strings.Contains(t.low, ",") && i > 0 && o.toks[i-1].stem != "" && !verbs[o.toks[i-1].stem] {
			q.unit = "#" + o.lemmas[i-1] // "invoice 301", "Python 3.12"
		}
		if !o.verb && (q.unit == "th" || strings.HasPrefix(q.unit, "#")) {
			o.which = append(o.which, q)
		}
		o.numbers = append(o.numbers, q)
		return n
	}
	s, n := o.lex.at(o.lemmas, i)
	for k := i + 1; k < i+n; k++ {
		if w := o.low[k]; w == "us" || w == "me" || w == "my" || w == "our" {
			o.about = append(o.about, o.me)
		}
	}
	if n == 0 {
		n = 1
		if t.stem != "" {
			s = &sense{key: t.stem}
		}
	}
	if s == nil || n == 1 && t.stem == "" && s.cues == 0 && len(s.kinds) == 0 || t.low == "new" && o.verb { // "I like my new job"
		return n
	}
	o.heed(s, i, n)
	if s.key == "lose" && o.lex.kinAhead(o.lemmas, i+1) { // "I lost my grandpa"
		s, _ = o.lex.at([]string{"die"}, 0)
		o.cues |= cueDeath
	}
	isVerb := o.isVerb(i, n)
	if s.cues&^conceptual != 0 && len(s.kinds) == 0 || n == 1 && auxiliaries[t.low] {
		return n
	}
	o.concept(s, i, n, isVerb)
	return n
}

// function heeds what a function word says of the clause and of whom it is about.
func (o *outliner) function(i int) {
	low := o.low[i]
	switch {
	case low == "except":
		o.except = true
	case joints[o.toks[i].low], low == "and" && i+1 < len(o.toks) && (startsSubject(o.toks[i+1]) || verbs[o.lemmas[i+1]] || auxiliaries[o.low[i+1]]):
		o.clause()
	}
	switch low {
	case "i", "we", "us", "me", "myself", "ourselves":
		o.about, o.self = append(o.about, o.me), append(o.self, o.me)
	case "my", "our", "mine", "ours":
		if !o.lex.kinAhead(o.lemmas, i+1) {
			o.about = append(o.about, o.me)
			if i+1 == len(o.lemmas) || !o.lex.animal(o.lemmas[i+1]) {
				o.self = append(o.self, o.me)
			}
		}
	case "he", "she", "they", "him", "her", "them", "his", "their":
		o.other = true
	case "was", "were", "did", "had":
		o.past, o.was = true, true
	case "is", "are", "am", "has", "have", "do", "does", "will", "can":
		o.past, o.is = false, true
	}
	o.verb = o.verb || auxiliaries[low]
}

// heed takes in what a word or phrase says of its clause.
func (o *outliner) heed(s *sense, i, n int) {
	o.cues |= s.cues
	low := o.low[i]
	switch {
	case s.cues&cueNegate != 0:
		o.not = !o.not
		for k := o.start; n > 1 && k < len(o.words); k++ { // "peanuts are off limits"
			if o.words[k].clause == o.number {
				o.words[k].not = o.not
			}
		}
	case s.cues&cueEnd != 0:
		if n == 1 && !strings.HasSuffix(low, "ed") && !irregularPast(low) && !overs[low] {
			break // "the bus stops here"
		}
		o.ended = true
		it := i+n < len(o.low) && (o.low[i+n] == "it" || o.low[i+n] == "them") || o.low[i+n-1] == "it" // what the clause before is about
		for k := o.start; k < len(o.words); k++ {
			if o.words[k].clause == o.number || it {
				o.words[k].ended = true
			}
		}
	case s.cues&cueGain != 0:
		o.gained = true
	}
}

// isVerb reports whether the n words at i are a verb, and heeds its tense.
func (o *outliner) isVerb(i, n int) bool {
	t, prev := o.toks[i], before(o.low, i)
	ed := strings.HasSuffix(t.low, "ed")
	if !(n == 1 && pronounOrAux(prev) && !auxiliaries[t.low] && !adverb(t.low) || !nounContext(prev) && !t.owns && (verbs[t.stem] || ed && len(t.low) > 4)) {
		return false
	}
	o.verb = true
	switch {
	case ed || irregularPast(t.low):
		if prev != "is" && prev != "are" {
			o.past, o.was = true, true
		}
	case prev != "to" && !strings.HasSuffix(t.low, "ing"):
		o.is = true
	}
	return true
}

// concept adds the n words at i to the outline.
func (o *outliner) concept(s *sense, i, n int, isVerb bool) {
	t := o.toks[i]
	if t.low == o.speaker && o.speaker != "" {
		o.about = append(o.about, o.me)
		return
	}
	c := concept{
		sense: s, told: o.told[i], clause: o.number, at: i, not: o.not, ended: o.ended, gained: o.gained, past: o.past,
		verb: isVerb, capital: t.capital, owner: o.toks[i+n-1].owns, subject: !o.verb && !o.lead, person: o.lex.person(s), weight: 1,
	}
	c.name = t.capital && n == 1 && len(s.kinds) == 0 && !c.person &&
		(!t.opens || s.cues == 0 && !s.light && !verbs[t.stem] && opensName(o.toks, i))
	switch {
	case c.owner && n == 1 && o.lex.kinAhead(o.lemmas, i+1): // "Julia's brother" is another
	case c.person || c.name && c.subject:
		o.about, o.self = append(append(o.about, s.key), s.above...), append(o.self, s.key)
	}
	switch {
	case s.light:
		c.weight = .3
	case s.cues&^(cueFinal|cueMany|cueAwait) != 0:
		c.weight = .4
	case c.name:
		c.weight = 1.5
	}
	o.words = append(o.words, c)
}

// spread carries what the end of a clause says to its beginning: meat is denied in "meat is not for me", and the choir has
// ended in "the choir broke up".
func (o *outliner) spread() {
	for k := o.start; k < len(o.words); k++ {
		w := &o.words[k]
		for j := k + 1; j < len(o.words) && o.words[j].clause == w.clause; j++ {
			w.not = w.not || o.words[j].not && w.subject
			w.ended = w.ended || o.words[j].ended
			w.gained = w.gained || o.words[j].gained
		}
	}
}

// opensName reports whether the capital that opens a sentence is that of a name: what follows is what a subject precedes.
func opensName(toks []token, i int) bool {
	if i+1 == len(toks) {
		return false
	}
	n := toks[i+1]
	return toks[i].owns || n.comma || n.capital || n.low == "and" || auxiliaries[n.low] || verbs[n.stem] || strings.HasSuffix(n.low, "ed")
}

// within reports whether a phrase holds the word that denies it: "no sugar" is not denied.
func within(lemmas []string) bool {
	return slices.ContainsFunc(lemmas, func(w string) bool { return w == "not" || w == "no" || w == "never" || w == "without" })
}

func before(low []string, i int) string {
	if i == 0 {
		return ""
	}
	return low[i-1]
}
