package specialists

import (
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// passage is a clause of a text with what it says: the unit in which a claim is compared with evidence.
type passage struct {
	from, to   int // its bytes in the text, without the conjunction that leads to it
	begin, end int // the bytes of its sentence
	sentence   int // number of its sentence in the text
	toks       []token
	subject    []token // the tokens before its verb; those of the clause before if it has none of its own
	verb       int     // position of its verb in toks, auxiliaries included; -1: it has none
	main       int     // position of the verb that says what happens; -1: it has none
	pronoun    bool    // it speaks of somebody or something by a pronoun of the third person
	names      []string
	numbers    []counted
	whens      []when
	former     []when // times that gave way to others: "moved from 3 March to 10 March"
	whenAt     []int  // their tokens
	used       []bool // tokens that a number or a time has taken
	negative   bool
	question   bool
	possible   bool // a wish, a plan that may fail, a condition, a hedge
	anaphor    bool // who or what it is about was named before it
	inherits   bool // its subject is that of the clause before
	first      bool // it says I, my, we
	self       bool // it says I, we, me, us: more than whose something is
	second     bool // it says you, your
	past       bool
	present    bool // it has a verb in the present
	passive    bool
}

// counted is a quantity with the noun that it counts.
type counted struct {
	quantity
	noun   string
	at     int  // its token
	former bool // it is what gave way to another: "down from 91 kg"
}

// passages cuts s into its clauses, at most limit of them. at is when it was said; nearest gives dates without a year
// the one nearest to at.
func passages(s string, at time.Time, nearest bool, limit int) []passage {
	var all []passage
	offset := 0
	for n, sentence := range text.Sentences(s) {
		i := strings.Index(s[offset:], sentence)
		if i < 0 {
			break
		}
		begin := offset + i
		end := begin + len(sentence)
		offset = end
		toks := scan(s, begin+marker(sentence), end)
		if len(toks) == 0 || len(toks) == 1 && toks[0].digit && len(sentence) <= 4 && strings.HasSuffix(sentence, ".") {
			continue // the number of a list item
		}
		all = appendClauses(all, s, toks, begin, end, n, at, nearest)
		if len(all) >= limit {
			break
		}
	}
	return all
}

// marker is the length of the mark that a list item begins with.
func marker(s string) int {
	t := strings.TrimLeft(s, "-*•#> \t")
	n := len(s) - len(t)
	if i := strings.IndexAny(t, ".)"); i > 0 && i <= 2 && atoi(t[:i]) > 0 && i+1 < len(t) && t[i+1] == ' ' {
		n += i + 1
	}
	return n
}

// attitudes are verbs whose object is wanted or thought rather than so.
var attitudes = set(`want hope plan wish consid might could would should maybe perhaps possibl probabl intend dream hypothet
	suppos wonder doubt guess`)

// leanings are attitudes only where another verb follows: "offered to pay", but "offered a chair".
var leanings = set(`think tri attempt suggest recommend propos prefer look aim offer`)

var pastForms = set(`was were did had been`)

var presentForms = set(`am is are do does has have now today currently still`)

// read fills in what the clause says.
func (p *passage) read(s string, at time.Time, nearest bool, before *passage) {
	toks := p.toks
	p.used = make([]bool, len(toks))
	p.whens, p.whenAt = whens(s, toks, at, nearest, p.used)
	lows := make([]string, len(toks))
	for i := range toks {
		lows[i] = toks[i].low
	}
	for i := 0; i < len(toks); i++ {
		if p.used[i] {
			continue
		}
		if v, n := halfPast(lows, i); n > 0 {
			p.count(quantity{v, "clock12"}, i, n)
			i += n - 1
			continue
		}
		if !toks[i].digit && numerals[lows[i]] == 0 {
			continue
		}
		q, n, ok := number(lows, i)
		if !ok || lows[i] == "one" && q.unit == "" {
			continue
		}
		if i+n < len(lows) && q.unit == "" {
			if u, ok := spans[lows[i+n]]; ok {
				q = quantity{q.value * u.scale, u.kind}
				n++
			}
		}
		p.count(q, i, n)
		i += n - 1
	}
	p.giveWay(lows)
	negations := 0
	for i, t := range toks {
		low := t.low
		switch {
		case low == "i" || low == "my" || low == "me" || low == "we" || low == "our" || low == "us" || low == "mine" || low == "ours" || strings.HasPrefix(low, "i'") || strings.HasPrefix(low, "we'"):
			p.first = true
			p.self = p.self || low != "my" && low != "our" && low != "mine" && low != "ours"
		case low == "you" || low == "your" || low == "yours" || strings.HasPrefix(low, "you'"):
			p.second = true
		}
		if deniers[low] && !(low == "no" && i == 0 && len(toks) > 1) || strings.HasSuffix(low, "n't") || negators[low] || i == 0 && excluding(toks, 0) {
			negations++
		}
		if enders[t.stem] && i+1 < len(lows) && strings.HasSuffix(lows[i+1], "ing") {
			negations++ // "stopped eating meat"
		}
		if (low == "almost" || low == "nearly") && i+1 < len(lows) && (strings.HasSuffix(lows[i+1], "ed") || irregularPast(lows[i+1])) {
			p.possible = true
		}
		if low == "longer" && i > 0 && lows[i-1] == "no" || low == "anymore" {
			p.present = true
			if low == "anymore" && i > 0 && negations == 0 {
				negations++
			}
		}
		if leanings[t.stem] && i+1 < len(lows) && (lows[i+1] == "to" && i+2 < len(lows) && verbs[toks[i+2].stem] && !toks[i+2].capital || lows[i+1] == "about" || lows[i+1] == "of" || strings.HasSuffix(lows[i+1], "ing")) {
			p.possible = true
		}
		if attitudes[t.stem] || attitudes[low] || possible[low] && low != "may" || low == "may" && !t.capital {
			p.possible = true
		}
		if strings.HasSuffix(low, "'d") && i+1 < len(lows) && !irregularPast(lows[i+1]) && !strings.HasSuffix(lows[i+1], "ed") {
			p.possible = true // "I'd love to"
		}
		p.pronoun = p.pronoun || thirds[low] || demonstratives[low] && (i+1 == len(toks) || toks[i+1].stem == "" || toks[i+1].comma || verbs[toks[i+1].stem])
		p.past = p.past || pastForms[low] || t.stem != "" && (strings.HasSuffix(low, "ed") && verbs[t.stem] || irregularPast(low) && verbs[t.stem])
		p.present = p.present || presentForms[low] || strings.HasSuffix(low, "'s") && contractedPronoun(low) || strings.HasSuffix(low, "'re") || strings.HasSuffix(low, "'m")
		if p.isName(i) {
			p.names = append(p.names, low)
		}
		p.passive = p.passive || low == "by" && i > 1 && (strings.HasSuffix(lows[i-1], "ed") || irregularPast(lows[i-1]))
	}
	p.negative = negations%2 == 1
	p.verb = verbIn(toks, 0, len(toks))
	p.main = p.mainVerb()
	if p.verb > 0 {
		p.subject = toks[:p.verb]
	} else if p.verb == 0 && contractedPronoun(lows[0]) {
		p.subject = toks[:1]
	}
	if p.verb >= 0 && !p.past && !p.present {
		p.present = strings.HasSuffix(lows[p.verb], "s")
	}
	head := ""
	if len(toks) > 0 {
		head, _, _ = strings.Cut(lows[0], "'")
	}
	switch head {
	case "he", "she", "it", "they", "his", "her", "their", "its", "this", "that", "there", "these", "those":
		p.anaphor = true
	}
	if len(p.subject) == 0 {
		p.anaphor = true
		if before != nil && p.verb >= 0 {
			p.inherits = true
			p.subject = before.subject
			p.first, p.second, p.self = p.first || before.first, p.second || before.second, p.self || before.self
		} else if before != nil {
			p.inherits = before.verb >= 0
		}
	}
	if before != nil && before.possible && lows[0] != "but" && !p.question {
		p.possible = p.possible || before.conditional()
	}
}

// giveWay sets apart the values that gave way to others.
func (p *passage) giveWay(lows []string) {
	changed := false
	for i, t := range p.toks {
		changed = changed || changers[t.stem] || (lows[i] == "down" || lows[i] == "up") && i+1 < len(lows) && lows[i+1] == "from"
	}
	if !changed {
		return
	}
	from := func(i int) bool {
		for k := i - 1; k >= 0 && k >= i-3; k-- {
			if lows[k] == "from" {
				return true
			}
			if lows[k] == "to" {
				return false
			}
		}
		return false
	}
	for i := range p.numbers {
		p.numbers[i].former = from(p.numbers[i].at)
	}
	kept, at := p.whens[:0:0], p.whenAt[:0:0]
	for i, w := range p.whens {
		if from(p.whenAt[i]) {
			p.former = append(p.former, w)
		} else {
			kept, at = append(kept, w), append(at, p.whenAt[i])
		}
	}
	p.whens, p.whenAt = kept, at
}

// Pronouns of the third person; the demonstratives stand for somebody or something unless a noun follows.
var (
	thirds         = set(`he she it they him them hers there`)
	demonstratives = set(`her his this that these those`)
)

// mainVerb is the position of the verb after its auxiliaries; that of the verb if there are none; -1 for a mere copula.
func (p *passage) mainVerb() int {
	if p.verb < 0 {
		return -1
	}
	for i := p.verb; i < len(p.toks); i++ {
		t := p.toks[i]
		switch {
		case t.stem == "" && !t.digit && (auxiliaries[t.low] || contractedPronoun(t.low) || strings.HasSuffix(t.low, "n't") || deniers[t.low] || fillers[t.low] && !determiners[t.low] && !prepositions[t.low]):
		case t.stem != "" && !t.capital && (i == p.verb || verbs[t.stem] || strings.HasSuffix(t.low, "ed") || strings.HasSuffix(t.low, "ing")):
			return i
		case adverb(t.low):
		default:
			return -1
		}
	}
	return -1
}

// conditional reports whether what follows the clause depends on it.
func (p *passage) conditional() bool {
	for _, t := range p.toks {
		if t.low == "if" || t.low == "unless" || t.low == "whether" {
			return true
		}
	}
	return false
}

// negators deny in the languages that share the letters of English.
var negators = set(`nicht kein keine keinen nie pas jamais não nao nunca geen niet`)

// spans are the units of time in which people count, and that the lexicon has no seconds for.
var spans = map[string]struct {
	kind  string
	scale float64
}{
	"day": {"days", 1}, "days": {"days", 1}, "week": {"days", 7}, "weeks": {"days", 7}, "fortnight": {"days", 14},
	"month": {"months", 1}, "months": {"months", 1}, "year": {"months", 12}, "years": {"months", 12},
}

// halfPast reads "half past seven" and "quarter to nine" at i, in minutes of a clock of twelve hours.
func halfPast(lows []string, i int) (float64, int) {
	if i+2 >= len(lows) || lows[i+1] != "past" && lows[i+1] != "to" {
		return 0, 0
	}
	minutes := map[string]float64{"half": 30, "quarter": 15}[lows[i]]
	hour := numerals[lows[i+2]]
	if hour == 0 {
		hour = float64(atoi(lows[i+2]))
	}
	if minutes == 0 || hour < 1 || hour > 12 {
		return 0, 0
	}
	if lows[i+1] == "to" {
		return hour*60 - minutes, 3
	}
	return hour*60 + minutes, 3
}

// count adds a quantity of n tokens at i, with the noun after it, or else the one before.
func (p *passage) count(q quantity, i, n int) {
	for k := i; k < i+n && k < len(p.used); k++ {
		p.used[k] = true
	}
	if i > 0 && (p.toks[i-1].low == "gbp" || p.toks[i-1].low == "usd" || p.toks[i-1].low == "eur") {
		p.used[i-1] = true
	}
	c := counted{quantity: q, at: i}
	for k := i + n; k < len(p.toks) && k < i+n+3; k++ {
		t := p.toks[k]
		if t.comma || t.digit || conjunctions[t.low] || p.used[k] {
			break
		}
		if t.stem != "" {
			c.noun = t.stem
			break
		}
	}
	p.numbers = append(p.numbers, c)
}

// isName reports whether token i is written as a name. What opens a sentence in a capital may be one.
func (p *passage) isName(i int) bool {
	t := p.toks[i]
	if !t.capital || t.stem == "" || len(t.low) < 2 || fullMonths[t.low] || isoWeekday[t.low] > 0 || p.used[i] {
		return false
	}
	if !t.opens {
		return !kin[t.stem]
	}
	return !common[t.low] && !verbs[t.stem] && !kin[t.stem] && !adverb(t.low)
}

func adverb(low string) bool { return strings.HasSuffix(low, "ly") && len(low) > 4 }

// common words may open a sentence, and are no names.
var common = set(`yes no well okay ok sure both neither according based unfortunately overall actually currently previously
	originally initially since after before until during first second third last next one two three four five six seven
	eight nine ten many most much several few hello hi hey thanks thank congratulations good great nice lovely happy
	please remember let lets people everyone everybody nobody nothing something someone dinner lunch breakfast party
	birthday work home school morning evening afternoon tonight today yesterday tomorrow flights tickets price cost
	answer question memory memories record records information details unknown not never always sometimes often usually
	also however instead because although while when where what who which how why again maybe perhaps probably`)

// has reports whether the clause has the stem among its tokens.
func (p *passage) has(stem string) bool {
	return slices.ContainsFunc(p.toks, func(t token) bool { return t.stem == stem })
}
