package specialists

import (
	"math"
	"regexp"
	"slices"
	"strconv"
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
	"no one", "nobody", "the day before", "day-before", "look forward", "hope", "looking forward", "hope",
)

var (
	clauseEnd   = regexp.MustCompile(`[.!?;\n]+(?:\s+|$)|,\s+(?:but|so|and)\s+|,\s+(?:i|we|my|the|it|he|she|they|not)\s+|:\s+|\s+(?:but|because|and)\s+(?:i|we|my|he|she|they|the)\s+`)
	wordOrNum   = regexp.MustCompile(`[\p{L}\p{N}_]+@[\p{L}\p{N}._-]*[\p{L}\p{N}]|\d+(?:[:.,]\d+)*(?:-\d+)+|\d+(?:[.,:]\d+)*[\p{L}]*|[\p{L}][\p{L}\p{N}_']*|\?`)
	corrections = regexp.MustCompile(`(?i)\b(?:i (?:was|am) (?:wrong|mistaken)|i mis\w+ (?:it|that)|correction|my mistake|sorry|no)\b[,:] `)
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
			if len(st.subject) == 0 && (sentence.follows || st.pronoun) {
				st.subject = before.subject
			}
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
	low = phrases.Replace(low)
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
	for i < len(f)-1 && (f[i] == "now" || f[i] == "then" || f[i] == "also") {
		i++
	}
	if !verbs[stem(f[i])] && !auxiliaries[f[i]] {
		return s, "", false
	}
	return head, tail, true
}

func owner(speaker string) string { return "@" + strings.ToLower(strings.TrimSpace(speaker)) }

func stem(w string) string {
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

// parse reads one clause. It is not ok if nothing is stated.
func parse(clauseText string, names map[string]bool, speaker string, at time.Time) (statement, bool) {
	st := statement{}
	body := clauseText
	for _, cue := range []struct {
		word string
		to   *[]string
	}{{" instead of ", &st.instead}, {" except ", &st.except}, {" rather than ", &st.instead}} {
		if head, tail, ok := strings.Cut(body, cue.word); ok {
			body = head
			tail, nowadays := strings.CutSuffix(strings.TrimSpace(tail), "nowadays_")
			if nowadays {
				st.change = true
			}
			for _, w := range wordOrNum.FindAllString(tail, -1) {
				if !fillers[w] && !auxiliaries[w] {
					*cue.to = append(*cue.to, stem(w))
				}
			}
			if cue.to == &st.instead {
				st.change = true
			}
		}
	}
	tokens := wordOrNum.FindAllString(body, -1)
	if len(tokens) == 0 {
		return st, false
	}
	st.raw = strings.Join(tokens, " ")
	me := strings.ToLower(speaker)
	switch tokens[0] {
	case "it", "he", "she", "they", "this", "that", "there", "these", "those":
		st.pronoun = true
	case "you", "your":
		st.subject = []string{"@you"}
	}

	var (
		seenVerb, seenAux bool
		prev              string
		definite          bool     // the copula is followed by "the" or a possessive
		before            []string // content before the verb
		after             []string
		properNames       []string
	)
	place := func(w string, named bool) {
		if named {
			properNames = append(properNames, w)
		}
		if seenVerb {
			after = append(after, w)
		} else {
			before = append(before, w)
		}
	}
	for i := 0; i < len(tokens); i++ {
		w := tokens[i]
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		from := prev
		prev = w
		if w == "?" {
			st.question = true
			continue
		}
		if n, ok := st.time(tokens, i, at); ok {
			i += n - 1
			prev = tokens[i]
			continue
		}
		if q, n, ok := number(tokens, i); ok {
			if !seenVerb && !seenAux {
				before = append(before, strconv.FormatFloat(q.value, 'g', -1, 64))
			} else {
				st.numbers = append(st.numbers, q)
			}
			i += n - 1
			prev = tokens[i]
			continue
		}
		base := strings.TrimSuffix(strings.TrimSuffix(w, "'s"), "'")
		if base == "eur" || base == "usd" || base == "gbp" { // a sign before its number, which takes it in
			continue
		}
		switch base {
		case "not", "never", "no", "nobody", "cannot", "neither", "without":
			if !(base == "no" && i == 0 && len(tokens) > 1) { // "No, the server …" answers somebody
				st.negative = !st.negative
			}
			if base == "nobody" {
				place("everybodi", false)
			}
			continue
		case "everybody", "everyone":
			place("everybodi", false)
			continue
		case "anymore", "now", "nowadays_", "since", "henceforth":
			st.change = true
			continue
		case "new":
			st.change = st.change || !seenVerb // "my new manager is", but not "I like my new job"
			continue
		case "today", "tonight":
			st.passing = true
			continue
		case "still":
			continue
		case "yet":
			st.yet = true
			continue
		case "actually", "correction", "wrong", "mistaken", "misread", "mistake", "meant", "incorrect":
			st.correct = true
			continue
		case "planning", "plan", "plans", "intend", "intends", "hoping":
			st.plan = true
			continue
		case "i", "me", "my", "mine", "myself", "we", "us", "our":
			if base != "my" && base != "our" || owned(tokens, i+1) {
				place(owner(speaker), false)
			}
			continue
		}
		if base == "on" && st.rawFrom(tokens, i) {
			st.change = true
			continue
		}
		if possible[base] && (base != "may" || seenAux || !seenVerb) {
			st.possible = true
			continue
		}
		if base == "used" && next == "to" {
			st.negative, st.change = !st.negative, true
			i++
			continue
		}
		if auxiliaries[base] {
			switch base {
			case "was", "were", "did", "had":
				st.past = true
			case "has", "have", "been":
				st.perfect = true
			}
			if base == "been" && next == "to" {
				after = append(after, "go")
			}
			if !seenVerb {
				seenAux = true
				switch base {
				case "have", "has", "had":
					if st.verb == "" {
						st.verb = "have"
					}
				case "am", "is", "are", "was", "were", "be", "been":
					st.verb = "be"
					definite = isDefinite(tokens[i+1:])
				}
			}
			if seenAux && !seenVerb && !isVerbAhead(tokens, i+1) {
				seenVerb = true
			}
			continue
		}
		if base == "by" && seenVerb && st.passive {
			continue
		}
		if base == "last" || base == "next" { // "last June"; a film lasts
			continue
		}
		root := stem(base)
		named := names[base]
		if named && base == me {
			place(owner(speaker), false)
			continue
		}
		// The verb is the first word of the clause that can be one, unless an article or a preposition makes it a noun.
		if !seenVerb && !named && !nounContext(from) && (from != "to" || seenAux) && (verbs[root] || pronounOrAux(from) || strings.HasSuffix(base, "ed") && len(before) > 0) && (len(before) > 0 || i == 0 || seenAux || from != "") {
			switch {
			case root == "get" && strings.HasSuffix(next, "ed") && verbs[stem(next)]: // got married
				seenAux = true
				continue
			case enders[root] && strings.HasSuffix(next, "ing"):
				st.negative, st.change, seenAux = !st.negative, true, true
				continue
			case root == "start" && strings.HasSuffix(next, "ing"):
				st.change, seenAux = true, true
				continue
			}
			if st.verb == "be" && (strings.HasSuffix(base, "ed") || irregularPast(base)) {
				st.passive = true
			}
			if strings.HasSuffix(base, "ed") || irregularPast(base) && !st.perfect {
				st.past = true
			}
			if st.verb == "be" && states[root] {
				after = append(after, root)
				seenVerb = true
				continue
			}
			if root == "go" && next == "to" && st.verb == "be" && i+2 < len(tokens) && verbs[stem(tokens[i+2])] {
				st.plan = true
				continue
			}
			st.verb, seenVerb = root, true
			continue
		}
		if base == "to" || base == "of" {
			continue
		}
		// "a dog named Rex": the statement is the name.
		if root == "name" && st.verb == "have" && len(after) > 0 && names[next] {
			before, after, st.verb = append(before, after...), nil, "be"
			continue
		}
		if fillers[base] && !named {
			continue
		}
		if base == "before" || base == "after" {
			root = stem(base)
			if base == "before" {
				root = "befor"
			}
		}
		if rest, ok := strings.CutPrefix(root, "un"); ok && len(rest) >= 4 && completing[stem(rest)] {
			root = stem(rest)
			st.negative = !st.negative
			st.yet = true
		}
		place(root, named)
	}
	if st.verb == "" && len(before) > 0 && !seenVerb {
		after, before = before, nil
	}
	// An inverted copula: "Ingrid is Nora's mother", "Lucia is the lead". The description is the subject.
	if st.verb == "be" && definite && len(before) == 1 && len(after) > 0 && slices.Contains(properNames, before[0]) && describes(after) {
		before, after = after, before
	}
	if st.verb == "name" {
		st.verb, st.naming = "be", true
	}
	if st.verb == "be" {
		before = slices.DeleteFunc(before, func(w string) bool { return w == "name" && len(before) > 1 })
	}
	st.subject, st.object, st.proper = distinct(append(st.subject, before...)), distinct(after), distinct(properNames)
	return st, true
}

// states are adjectives and participles that say in which state a thing is.
var states = func() map[string]bool {
	m := map[string]bool{}
	for _, f := range families {
		for w := range f {
			m[w] = true
		}
	}
	return m
}()

func distinct(words []string) []string {
	w := slices.Clone(words)
	slices.Sort(w)
	return slices.Compact(w)
}

// owned reports whether the thing that follows "my" is not a person: then the speaker is whom the statement is about.
func owned(tokens []string, i int) bool {
	for ; i < len(tokens); i++ {
		w := strings.TrimSuffix(tokens[i], "'s")
		if auxiliaries[w] || verbs[stem(w)] {
			return true
		}
		if kin[stem(w)] {
			return false
		}
	}
	return true
}

// describes reports whether the words name a role or an attribute that has a holder.
func describes(words []string) bool {
	for _, w := range words {
		if attributes[w] || kin[w] || lasting[w] {
			return true
		}
	}
	return false
}

// isDefinite reports whether the words after a copula are a definite description: "the lead", "Nora's mother".
func isDefinite(tokens []string) bool {
	for _, w := range tokens {
		switch w {
		case "not", "anymore", "now", "still", "also", "actually":
			continue
		}
		return w == "the" || w == "my" || w == "our" || strings.HasSuffix(w, "'s")
	}
	return false
}

func nounContext(prev string) bool {
	switch prev {
	case "a", "an", "the", "my", "your", "his", "her", "its", "our", "their", "of", "for", "in", "at", "no", "this", "that", "new", "old", "current", "best":
		return true
	}
	return strings.HasSuffix(prev, "'s")
}

func pronounOrAux(prev string) bool {
	switch prev {
	case "i", "we", "he", "she", "they", "you", "it", "not", "never":
		return true
	}
	return false
}

// isVerbAhead reports whether the auxiliary before i leads to a full verb rather than being the copula itself.
func isVerbAhead(tokens []string, i int) bool {
	for ; i < len(tokens); i++ {
		w := tokens[i]
		switch {
		case w == "not" || w == "never" || w == "no", w == "just" || w == "still" || w == "really" || w == "now" || w == "also" || w == "always" || w == "already" || w == "anymore":
			continue
		case auxiliaries[w], possible[w]:
			return true
		case w == "used" && i+1 < len(tokens) && tokens[i+1] == "to":
			return true
		}
		r := stem(w)
		return verbs[r] && !nounContext(tokens[i-1]) && (strings.HasSuffix(w, "ing") || strings.HasSuffix(w, "ed") || irregular[w] != "" || !isCopula(tokens, i))
	}
	return false
}

func isCopula(tokens []string, i int) bool {
	for j := i - 1; j >= 0; j-- {
		switch tokens[j] {
		case "is", "am", "are", "was", "were", "have", "has", "had":
			return true
		case "do", "does", "did", "will", "can":
			return false
		}
	}
	return false
}

func irregularPast(w string) bool {
	s, ok := irregular[w]
	return ok && s != w && w != "goes" && w != "begin" && w != "lives" && w != "living" && w != "kids" && w != "kid"
}

// rawFrom reports whether "on" at i ends "from April on".
func (st *statement) rawFrom(tokens []string, i int) bool {
	return i >= 2 && tokens[i-2] == "from"
}

// time reads a moment at token i and returns how many tokens it takes.
func (st *statement) time(tokens []string, i int, at time.Time) (int, bool) {
	w := strings.TrimSuffix(tokens[i], "'s")
	is := func(j int, words ...string) bool {
		return j >= 0 && j < len(tokens) && slices.Contains(words, tokens[j])
	}
	add := func(m string) { st.times = append(st.times, moment(m)) }
	day := func(month int, d int) { add("d:" + pad(month) + "-" + pad(d)) }
	whole := func(t time.Time) {
		day(int(t.Month()), t.Day())
		add("y:" + strconv.Itoa(t.Year()))
	}
	if m := months[prefix3(w)]; m > 0 && fullMonths[w] && (w != "may" && w != "march" || is(i-1, "in", "on", "of", "last", "next", "since", "by", "is", "until") || i+1 < len(tokens) && isDay(tokens[i+1]) > 0 || year(tokens, i+1) != "") {
		n := 1
		if i+1 < len(tokens) && isDay(tokens[i+1]) > 0 && year(tokens, i+1) == "" {
			day(m, isDay(tokens[i+1]))
			n = 2
		} else {
			add("m:" + pad(m))
		}
		if y := year(tokens, i+n); y != "" {
			add("y:" + y)
			n++
		}
		return n, true
	}
	if d := isDay(w); d > 0 {
		j := i + 1
		if is(j, "of") {
			j++
		}
		if j < len(tokens) && fullMonths[tokens[j]] && months[prefix3(tokens[j])] > 0 {
			day(months[prefix3(tokens[j])], d)
			n := j + 1 - i
			if y := year(tokens, i+n); y != "" {
				add("y:" + y)
				n++
			}
			return n, true
		}
	}
	if y := year(tokens, i); y != "" && (is(i-1, "in", "since", "of", "until", "by", "last", "during", "from")) {
		add("y:" + y)
		return 1, true
	}
	if t, err := time.Parse(time.DateOnly, w); err == nil {
		whole(t)
		return 1, true
	}
	if weekdays[w] || strings.HasSuffix(w, "s") && weekdays[strings.TrimSuffix(w, "s")] {
		add("w:" + strings.TrimSuffix(w, "s"))
		return 1, true
	}
	if occasions[w] && !is(i-1, "the", "a", "my") || occasions[w] && is(i-1, "the") && is(i-2, "in") {
		add("o:" + w)
		if is(i-1, "last", "next") {
			add("o:" + tokens[i-1])
		}
		return 1, true
	}
	if !at.IsZero() {
		switch w {
		case "yesterday":
			st.relative = true
			whole(at.AddDate(0, 0, -1))
			return 1, true
		case "tomorrow":
			st.relative = true
			whole(at.AddDate(0, 0, 1))
			return 1, true
		case "today", "tonight":
			whole(at)
			st.passing = true
			return 1, true
		}
	}
	return 0, false
}

func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func prefix3(w string) string {
	if len(w) < 3 {
		return ""
	}
	return w[:3]
}

func isDay(w string) int {
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		w = strings.TrimSuffix(w, suffix)
	}
	if d, err := strconv.Atoi(w); err == nil && d >= 1 && d <= 31 {
		return d
	}
	return 0
}

func year(tokens []string, i int) string {
	if i < len(tokens) && len(tokens[i]) == 4 {
		if y, err := strconv.Atoi(tokens[i]); err == nil && y >= 1900 && y < 2100 {
			return tokens[i]
		}
	}
	return ""
}

// number reads a quantity at token i, its unit included.
func number(tokens []string, i int) (quantity, int, bool) {
	w := tokens[i]
	unitAt := func(j int) (string, float64, bool) {
		if j < 0 || j >= len(tokens) {
			return "", 0, false
		}
		u, ok := units[stem(tokens[j])]
		return u.kind, u.scale, ok
	}
	if m := clock.FindStringSubmatch(w); m != nil {
		h, _ := strconv.Atoi(m[1])
		min, _ := strconv.Atoi(m[2])
		n := 1
		if i+1 < len(tokens) && (tokens[i+1] == "pm" || tokens[i+1] == "am") {
			if tokens[i+1] == "pm" && h < 12 {
				h += 12
			}
			n = 2
		}
		return quantity{float64(h*60 + min), "clock"}, n, true
	}
	value, ok := numerals[w]
	suffix := ""
	if !ok {
		m := numeric.FindStringSubmatch(w)
		if m == nil {
			return quantity{}, 0, false
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
		if err != nil {
			return quantity{}, 0, false
		}
		value, suffix = v, m[2]
	}
	n := 1
	if suffix == "am" || suffix == "pm" || suffix == "" && i+1 < len(tokens) && (tokens[i+1] == "am" || tokens[i+1] == "pm") {
		if suffix == "" {
			suffix = tokens[i+1]
			n = 2
		}
		if suffix == "pm" && value < 12 {
			value += 12
		}
		return quantity{value * 60, "clock"}, n, true
	}
	if suffix != "" {
		if m, ok := multipliers[suffix]; ok && suffix != "m" {
			value *= m
		} else if u, ok := units[suffix]; ok {
			return quantity{round(value * u.scale), u.kind}, 1, true
		}
	}
	if i+n < len(tokens) {
		if m, ok := multipliers[tokens[i+n]]; ok && tokens[i+n] != "m" && tokens[i+n] != "k" {
			value *= m
			n++
		}
	}
	if kind, scale, ok := unitAt(i - 1); ok && (kind == "eur" || kind == "usd" || kind == "gbp") {
		return quantity{round(value * scale), kind}, n, true
	}
	if kind, scale, ok := unitAt(i + n); ok {
		return quantity{round(value * scale), kind}, n + 1, true
	}
	return quantity{value, ""}, n, true
}

func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func formatQuantity(q quantity) string {
	return strconv.FormatFloat(q.value, 'g', -1, 64) + q.unit
}
