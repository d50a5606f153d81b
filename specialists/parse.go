package specialists

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

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
		st.pronoun, st.it = true, tokens[0] == "it"
	case "you", "your":
		st.subject = []string{"@you"}
	}

	var (
		seenVerb, seenAux bool
		prev              string
		definite          bool     // the copula is followed by "the" or a possessive
		the               bool     // by "the"
		present           bool     // the auxiliary is am, is or are
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
			st.fresh = true
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
		case "planning", "intend", "intends", "hoping":
			st.plan = true
			continue
		case "plan", "plans":
			if next == "to" || pronounOrAux(from) || next == "on" { // "on the free plan" is none
				st.plan = true
				continue
			}
		case "i", "me", "my", "mine", "myself", "we", "us", "our":
			if base != "my" && base != "our" || owned(tokens, i+1) {
				place(owner(speaker), false)
			}
			continue
		}
		if base == "user" && (i == 0 || i == 1 && tokens[0] == "the") {
			place(owner(speaker), false) // notes about people call them that
			continue
		}
		if titles[base] {
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
					the = definite && slices.Contains(tokens[i+1:min(i+4, len(tokens))], "the")
					present = base == "am" || base == "is" || base == "are"
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
			if (strings.HasSuffix(base, "ed") || irregularPast(base) && !st.perfect) && !present {
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
	if st.verb == "be" && definite && len(before) == 1 && len(after) > 0 && slices.Contains(properNames, before[0]) && (the || describes(after)) {
		before, after, st.role = after, before, the
	} else if st.verb == "be" && len(after) == 1 && len(before) > 0 && tokens[0] == "the" && slices.Contains(properNames, after[0]) && !hasAnyProper(before, properNames) {
		st.role = true
	}
	// "has a new landlord, Mr. Petrov": the landlord is Petrov.
	if st.fresh && (st.verb == "have" || st.verb == "get") && len(properNames) > 0 && describes(after) {
		role := slices.DeleteFunc(slices.Clone(after), func(w string) bool { return !attributes[w] && !kin[w] })
		before, st.verb, st.change = append(before, role...), "be", true
		after = slices.DeleteFunc(after, func(w string) bool { return attributes[w] || kin[w] })
	}
	if st.verb == "name" {
		st.verb, st.naming = "be", true
	}
	if st.verb == "be" {
		n := len(before)
		before = slices.DeleteFunc(before, func(w string) bool { return w == "name" && n > 1 })
		st.naming = st.naming || len(before) < n
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

func hasAnyProper(words, proper []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(proper, w) })
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
