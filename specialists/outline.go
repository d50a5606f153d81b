package specialists

import (
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

// outline is what a text says, read loosely: the concepts it has, whether each is affirmed, its numbers and times, whom it is
// about, and what its words say of change. Where [statement] knows who does what to whom, an outline only knows what is there;
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

// concept is one word or phrase of an outline.
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

// free is said of what is left out: "gluten-free".
var free = regexp.MustCompile(`(\pL+)-free\b`)

// addressed and exclaimed are of texts that call somebody by name: "Thanks, Maria.", "you did it, John!"
var (
	addressed = regexp.MustCompile(`^\p{Lu}\p{L}+,? \p{Lu}\p{L}+[!,.]`)
	exclaimed = regexp.MustCompile(`, \p{Lu}\p{L}+!|^(?:Thanks|Wow|Hey|Yeah|Aww?|Congrats|Hi|Hello|Sure|Yep)\b`)
)

// readOutline reads what somebody said.
func readOutline(s Said) *outline {
	o := outliner{outline: &outline{}, lex: lexical(), me: owner(s.Speaker), speaker: strings.ToLower(s.Speaker), said: s.At}
	plain := contractions.Replace(s.Text)
	if strings.Contains(plain, "-free") {
		plain = free.ReplaceAllString(plain, "no $1")
	}
	sentences := text.Sentences(plain)
	for i, sentence := range sentences {
		if strings.HasSuffix(strings.TrimSpace(sentence), "?") && !(i+1 < len(sentences) && len(strings.Fields(sentences[i+1])) <= 4) {
			o.talk = true
			continue // a question that its asker does not answer
		}
		if toks := scan(sentence, 0, len(sentence)); len(toks) > 0 {
			o.sentence(toks)
		}
	}
	o.asks = len(o.words) == 0
	exclaims := strings.Count(s.Text, "!")
	o.talk = o.talk || exclaims > 1 || addressed.MatchString(s.Text) || exclaims > 0 && exclaimed.MatchString(s.Text)
	o.outline.past = o.was && !o.is
	o.times = o.clock.times
	o.about = distinct(o.about)
	return o.outline
}

// keys are the concepts that count, and the kinds that it tells values of for whom it is about.
func (g *outline) keys() []string {
	var keys []string
	for _, w := range g.words {
		if w.weight >= 1 {
			keys = append(keys, w.key)
		}
	}
	for _, m := range g.marks {
		if k := &lexical().kinds[m.kind]; k.personal {
			for _, who := range g.self {
				keys = append(keys, who+" "+k.name)
			}
		}
	}
	return keys
}

// mark notes a value once.
func (g *outline) mark(m member, not bool) {
	if n := (mark{m, not}); !slices.Contains(g.marks, n) {
		g.marks = append(g.marks, n)
	}
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
