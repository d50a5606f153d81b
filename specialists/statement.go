package specialists

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
)

// statement is one clause, cut into who or what it is about, what it says of it, and the values it gives.
type statement struct {
	raw      string   // folded words, for identity
	subject  []string // stems, sorted
	verb     string   // stem; "be" for a copula
	object   []string // stems, sorted, without numbers and times
	proper   []string // the words of object and subject that are names
	numbers  []quantity
	times    []moment
	negative bool
	past     bool
	question bool
	possible bool // a wish, a condition, a possibility: nothing is stated
	plan     bool
	passing  bool // says "today"
	relative bool // names its day by when it was said
	change   bool // says that something gave way: now, no longer, since
	correct  bool // says that something was wrong
	perfect  bool // has done
	yet      bool // says "not yet"
	passive  bool
	naming   bool     // it says what its subject is called
	pronoun  bool     // it begins with he, she, it or they
	it       bool     // it begins with it
	fresh    bool     // it says "new" of its object
	role     bool     // it says who is "the" something, which may pass to another
	instead  []string // what the object takes the place of
	except   []string // what the statement does not hold for
	bag      []string // see words
}

// quantity is a number in the first unit of its kind. Of a time of day the unit is "clock", and the value minutes.
type quantity struct {
	value float64
	unit  string
}

// moment is a point in time as far as it is named: "d:05-03", "y:2022", "m:06", "w:monday", "o:christmas".
type moment string

// phrases are rewritten before a text is cut into words.
var phrases = strings.NewReplacer(
	"’", "'", "can't stand", "hates", "cannot stand", "hates", "passed away", "died", "gave up", "stopped", "give up", "stop",
	"can't", "can not", "won't", "will not", "n't", " not", "no longer", "not anymore ", "any more", "anymore",
	"any longer", "anymore", "i'm", "i am", "it's", "it is", "'re ", " are ", "'ve ", " have ", "'ll ", " will ",
	"these days", "nowadays_", "broke up", "split", "broken up", "split", "call off", "cancel", "called off", "cancelled",
	"found a job", "works", "found a new job", "works", "got a job", "works", "got a new job", "works", "wi-fi", "wifi", "left-handed", "lefthanded", "right-handed", "righthanded", "team lead", "lead", "is called", "is named", "are called", "are named",
	"passed the", "passed the", "€", " eur ", "$", " usd ", "£", " gbp ", "%", " percent ", "as of", "since",
	"mrs. ", "mrs ", "mr. ", "mr ", "ms. ", "ms ", "dr. ", "dr ", "st. ", "st ", "comes to ", "is ", "amounts to ", "is ", "adds up to ", "is ",
	"got off ", "stopped taking ", "came off ", "stopped taking ", "dropped out of", "stopped", "moved out of", "left", "move out of", "leave", " is working as a", " is a", " works as a", " is a", " work as a", " am a",
	"have got ", "have ", "has got ", "has ",
	" had got ", " had ", "no one", "nobody", "the day before", "day-before", "look forward", "hope", "looking forward", "hope",
)

var (
	clauseEnd   = regexp.MustCompile(`[.!?;\n]+(?:\s+|$)|,\s+(?:but|so|and)\s+|,\s+(?:i|we|my|the|it|he|she|they|not)\s+|:\s+|\s+(?:but|because|and)\s+(?:i|we|my|he|she|they|the)\s+`)
	wordOrNum   = regexp.MustCompile(`[\p{L}\p{N}_]+@[\p{L}\p{N}._-]*[\p{L}\p{N}]|\d+(?:[:.,]\d+)*(?:-\d+)+|\d+(?:[.,:]\d+)*[\p{L}]*|[\p{L}][\p{L}\p{N}_']*|\?`)
	corrections = regexp.MustCompile(`(?i)\b(?:i (?:was|am) (?:wrong|mistaken)|i mis\w+ (?:it|that)|correction|my mistake|sorry|no)\b[,:] |\b(?:it )?turn(?:s|ed) out(?: that)? |\bi mis\w+ (?:it|that)\b[,:]? `)
	took        = regexp.MustCompile(`\b(?:my |the )?(?:doctors?|they|gp|physician) took me off `)
	leadIn      = regexp.MustCompile(`^ (?:after|since|following|with) (?:the|my|our|his|her|their|a) [\p{L}]+,? (the|my|our|his|her|their) `)
	clock       = regexp.MustCompile(`^(\d{1,2}):(\d\d)$`)
	numeric     = regexp.MustCompile(`^(\d[\d,]*(?:\.\d+)?)([a-z]*)$`)
)

// statements cuts s into its statements. speaker is who "I" is, at when it was said.
func statements(s, speaker string, at time.Time) []statement {
	var all []statement
	correct := corrections.MatchString(s)
	s = corrections.ReplaceAllString(s, " ")
	for _, sentence := range splitClauses(s) {
		st, ok := parse(sentence.text, sentence.names, speaker, at)
		if !ok {
			continue
		}
		st.question = st.question || sentence.question
		correct = correct || st.correct || sentence.denies
		if sentence.denies {
			continue // ", not 16 GB": what it denies is what the correction replaces
		}
		if len(st.object) == 0 && len(st.numbers) == 0 && len(st.times) == 0 && (st.verb == "" || st.verb == "be") {
			continue
		}
		if len(all) > 0 && sentence.within {
			before := &all[len(all)-1]
			st.possible = st.possible || before.possible // "if I get the job, I will move"
			about := unowned(st.subject)
			switch {
			case len(st.subject) == 0 && st.it && person(before) && len(unowned(before.object)) > 0:
				st.subject = distinct(slices.Concat(before.subject, before.object)) // "we repainted the couch, it is green now"
			case len(st.subject) == 0 && (sentence.follows || st.pronoun):
				st.subject = before.subject
			case ownerOf(&st) == "" && len(st.subject) > 0 && len(about) == 0 && len(before.object) > 0:
				// "I got a new passport, the number is": of what was named before
				st.subject = distinct(slices.Concat(before.subject, before.object, st.subject))
				st.change = st.change || before.fresh
			}
			st.change = st.change || changers[before.verb] && sentence.follows
		}
		switch {
		case len(st.subject) > 0:
		case st.pronoun:
			st.subject = []string{"?"} // somebody named elsewhere
		case st.verb != "" && speaker != "":
			st.subject = []string{owner(speaker)}
		}
		all = append(all, st)
	}
	for i := range all {
		all[i].words() // once, here: a parsed text is then safe for concurrent use
		all[i].correct = all[i].correct || correct
	}
	return all
}

type clause struct {
	text     string
	names    map[string]bool // folded words that are written as names
	question bool
	follows  bool // it goes on with the subject of the clause before
	within   bool // it is in the same sentence as the clause before
	denies   bool
}

func splitClauses(s string) []clause {
	names := map[string]bool{}
	for _, link := range text.Links(s, time.Time{}) {
		if n, ok := strings.CutPrefix(link, text.PrefixName); ok {
			names[n] = true
		}
	}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		// A word that opens the text in a capital may be a name: it counts as one unless it is a common word.
		if r := []rune(w); len(r) > 1 && unicode.IsUpper(r[0]) {
			low := strings.ToLower(w)
			if !fillers[low] && !auxiliaries[low] && !kin[stem(low)] && !verbs[stem(low)] && !fullMonths[low] && !weekdays[low] {
				names[low] = true
			}
		}
	}
	low := " " + strings.ToLower(s)
	low = took.ReplaceAllString(phrases.Replace(low), "i stopped taking ")
	low = leadIn.ReplaceAllString(low, " now $1 ") // "after the discount, the total is"
	var out []clause
	within := false
	add := func(part string, sep string) {
		c := clause{names: names, question: strings.Contains(sep, "?"), within: within}
		within = !strings.ContainsAny(sep, ".!?\n")
		c.denies = strings.HasPrefix(strings.TrimSpace(part), "not ") && len(out) > 0
		head, tail, ok := cutAndVerb(part)
		c.text = head
		out = append(out, c)
		if ok {
			out = append(out, clause{names: names, text: tail, question: c.question, follows: true, within: true})
		}
	}
	last, lead := 0, ""
	for _, m := range clauseEnd.FindAllStringIndex(low, -1) {
		sep := low[m[0]:m[1]]
		add(lead+low[last:m[0]], sep)
		lead = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimLeft(sep, ", .!?;:\n"), "but "), "so "), "and "), " ")
		lead = strings.TrimPrefix(lead, "because ")
		last = m[1]
	}
	add(lead+low[last:], "")
	return out
}

// cutAndVerb cuts "sold the Toyota and drive a Tesla" before the second verb.
func cutAndVerb(s string) (head, tail string, ok bool) {
	head, tail, ok = strings.Cut(s, " and ")
	if !ok {
		return s, "", false
	}
	f := strings.Fields(tail)
	if len(f) < 2 || len(strings.Fields(head)) < 2 {
		return s, "", false
	}
	i := 0
	for i < len(f)-1 {
		switch f[i] {
		case "now", "then", "also", "anymore", "not", "never", "still":
			i++
			continue
		}
		break
	}
	if !verbs[stem(f[i])] && !auxiliaries[f[i]] {
		return s, "", false
	}
	return head, tail, true
}

func owner(speaker string) string { return "@" + strings.ToLower(strings.TrimSpace(speaker)) }

// root leads a folded word to its stem: of an irregular form, and of synonyms to one of them.
func root(w string) string {
	if s, ok := irregular[w]; ok {
		w = s
	}
	t := w
	if terms := text.Terms(w); len(terms) == 1 {
		t = terms[0]
	}
	if s, ok := irregular[t]; ok {
		t = s
	}
	if s, ok := synonyms[t]; ok {
		t = s
	}
	return t
}
