package specialists

import (
	"strings"
	"time"
)

// conjunctions may lead from one clause into the next.
var conjunctions = set(`and but so because while whereas although though yet which who where since if unless when`)

func appendClauses(all []passage, s string, toks []token, begin, end, sentence int, at time.Time, nearest bool) []passage {
	question := strings.HasSuffix(strings.TrimRight(s[begin:end], "\"')”’ "), "?")
	first := len(all)
	start, lead := 0, 0
	add := func(to int) {
		if lead >= to {
			return
		}
		p := passage{from: toks[lead].start, to: toks[to-1].end, begin: begin, end: end, sentence: sentence, toks: toks[lead:to], question: question}
		if to == len(toks) {
			p.to = end
		}
		var before *passage
		if len(all) > first {
			before = &all[len(all)-1]
		}
		p.read(s, at, nearest, before)
		for _, t := range toks[start:lead] {
			p.possible = p.possible || t.low == "if" || t.low == "unless"
		}
		all = append(all, p)
	}
	for i := 1; i < len(toks); i++ {
		n := boundary(toks, start, i)
		if n < 0 {
			continue
		}
		add(i)
		start, lead = i, i+n
		i += n
	}
	add(len(toks))
	return all
}

// boundary reports whether a clause begins at token i, and with how many tokens that only lead into it; -1: none does.
func boundary(toks []token, start, i int) int {
	t := toks[i]
	conj := conjunctions[t.low]
	if !conj && !t.comma && !excluding(toks, i) {
		return -1
	}
	n := 0
	if conj {
		n = 1
	}
	j := i + n
	for j < len(toks) && (toks[j].low == "then" || toks[j].low == "now" || toks[j].low == "also" || toks[j].low == "that") {
		j++
	}
	if j >= len(toks) {
		return -1
	}
	// ", not the 21st"
	if t.comma && !conj && t.low == "not" {
		return 0
	}
	// "instead of the 21st"
	if excluding(toks, i) {
		return 0
	}
	if verbIn(toks, start, i) < 0 {
		if i == start+1 && (toks[start].low == "yes" || toks[start].low == "no") && t.comma {
			return n
		}
		return -1
	}
	if t.low == "which" || t.low == "who" || t.low == "where" {
		if !t.comma {
			return -1
		}
		return n
	}
	limit := min(len(toks), j+8)
	for k := j + 1; k < limit; k++ {
		if toks[k].comma || conjunctions[toks[k].low] {
			limit = k
		}
	}
	v := verbIn(toks, j, limit)
	switch {
	case v == j && !opensWithVerb(toks[j:]):
		return -1
	case v == j: // "and works at Google"
		return n
	case v > j && startsSubject(toks[j]):
		return n
	case conj && v < 0 && (toks[j].low == "no" || toks[j].low == "not" || toks[j].low == "without"): // "so no goose for me"
		return n
	case conj && v < 0 && toks[j].capital && j+1 < len(toks) && prepositions[toks[j+1].low]: // "and Eli in Porto"
		return n
	case conj && (t.low == "because" || t.low == "but" || t.low == "if" || t.low == "although" || t.low == "while") && v >= 0:
		return n
	case t.comma && v > j:
		return n
	}
	return -1
}

// excluding reports whether what follows token i is said not to be.
func excluding(toks []token, i int) bool {
	next := ""
	if i+1 < len(toks) {
		next = toks[i+1].low
	}
	return toks[i].low == "instead" && next == "of" || toks[i].low == "rather" && next == "than" || toks[i].low == "except"
}

var prepositions = set(`in at to on for from with by of near`)

var pronouns = set(`i we you he she it they this that these those there nobody everybody everyone somebody nothing`)

var determiners = set(`a an the my your his her its our their this that these those some no every each all`)

func startsSubject(t token) bool {
	return pronouns[t.low] || determiners[t.low] || t.capital || contractedPronoun(t.low)
}

func startsObject(t token) bool {
	return determiners[t.low] || pronouns[t.low] || prepositions[t.low] || t.capital || t.digit || t.low == "me" || t.low == "him" || t.low == "them" || t.low == "us"
}

func contractedPronoun(low string) bool {
	head, _, ok := strings.Cut(low, "'")
	return ok && pronouns[head]
}

// verbIn returns the position of the first verb in toks[from:to], or -1.
func verbIn(toks []token, from, to int) int {
	for i := from; i < to; i++ {
		t := toks[i]
		low := t.low
		if contractedPronoun(low) || auxiliaries[low] || strings.HasSuffix(low, "n't") || low == "cannot" {
			return i
		}
		if t.stem == "" || t.digit || t.capital && !t.opens {
			continue
		}
		prev := ""
		if i > from {
			prev = toks[i-1].low
		}
		switch {
		case nounContext(prev) || i > from && toks[i-1].owns || prepositions[prev] && prev != "to" && !strings.HasSuffix(low, "ing"):
		case i == from && !opensWithVerb(toks[i:to]):
		case verbs[t.stem], strings.HasSuffix(low, "ed") && len(low) > 4:
			return i
		case i > from && strings.HasSuffix(low, "s") && len(low) > 3 && !t.comma && (toks[i-1].capital && !determiners[prev] && !toks[i-1].owns || pronouns[prev]):
			return i // "Hugo handles"
		}
	}
	return -1
}

// opensWithVerb reports whether the first token of a clause is its verb.
func opensWithVerb(toks []token) bool {
	t := toks[0]
	if auxiliaries[t.low] || contractedPronoun(t.low) || strings.HasSuffix(t.low, "n't") {
		return true
	}
	if !verbs[t.stem] && !strings.HasSuffix(t.low, "ed") {
		return false
	}
	if strings.HasSuffix(t.low, "ed") || irregularPast(t.low) {
		return true
	}
	if len(toks) == 1 {
		return false
	}
	next := toks[1]
	return startsObject(next) || strings.HasSuffix(t.low, "s") && !t.capital && !next.comma && !auxiliaries[next.low] && !verbs[next.stem]
}
