package specialists

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed senses.txt
var sensesText string

// sense is what the lexicon knows of a word or a phrase.
type sense struct {
	key    string // the concept: words of one concept are the same word
	kinds  []member
	fields []int16  // topics it belongs to: "charge" and "costs" are both about prices
	above  []string // the concepts it is a sort of
	cues   cue
	light  bool // it tells little of what a text is about
	only   bool // a phrase that is known for its kinds alone: its words are read one by one
}

// member is a value of a kind.
type member struct {
	kind  int16
	value int16
}

// kind is a set of words of which one excludes the other where they are said of the same.
type kind struct {
	name     string
	open     bool  // dishes, animals, rooms: that one is so does not deny that another is
	fixed    bool  // its values do not change in the course of things
	personal bool  // its values are about somebody, and need no thing they are said of
	turns    bool  // its values follow on each other, and none goes back
	values   int16 // how many it has
	poles    bool  // what is not one of its two values is the other
	compares bool  // its values set two against each other: taller, older
	onward   bool  // they are of a place or a thing, and another one at each turn
}

// cue is what a word says of the clause it stands in.
type cue uint16

const (
	cueChange  cue = 1 << iota // something gave way to another: now, these days, switched
	cueEnd                     // what it is said of is over, gone or done with
	cueDeath                   // the one it is said of is dead
	cueCorrect                 // what was said before was wrong
	cuePassing                 // of one day, not of how things are
	cueWish                    // nothing is stated: might, hope, would like
	cueGain                    // one has since what one had not: got, learned, found
	cueNegate                  // not, never, none
	cueMove                    // a time or place is another: postponed, rescheduled
	cueHabit                   // usually, every day
	cueFinal                   // said of an event that happens once: founded, built, first
	cueLimit                   // only
	cueAll                     // every, all, anyone
	cueMany                    // it may be said of several at a time: like, have, visit
	cueAwait                   // it is to come: yet
	cueNever                   // at no time
)

var cueNames = map[string]cue{
	"change": cueChange, "end": cueEnd, "death": cueDeath, "correct": cueCorrect, "passing": cuePassing, "wish": cueWish,
	"gain": cueGain, "negate": cueNegate, "move": cueMove, "habit": cueHabit, "final": cueFinal, "limit": cueLimit,
	"all": cueAll, "many": cueMany, "await": cueAwait, "never": cueNever,
}

// lexicon is senses.txt, read.
type lexicon struct {
	phrases map[string][]phrase // by first word, the longest first
	kinds   []kind
	kin     int16 // the kind of relatives and others whom one has
}

// phrase is a word or several with their sense. "*" stands for up to three words.
type phrase struct {
	words []string
	sense *sense
}

// person reports whether a word is of somebody's relative, friend or neighbour.
func (l *lexicon) person(s *sense) bool {
	return slices.ContainsFunc(s.kinds, func(m member) bool { return m.kind == l.kin })
}

// animal reports whether a word is an animal, whose states are not its owner's.
func (l *lexicon) animal(word string) bool {
	for _, p := range l.phrases[word] {
		if len(p.words) == 1 && slices.ContainsFunc(p.sense.kinds, func(m member) bool { return l.kinds[m.kind].name == "animal" }) {
			return true
		}
	}
	return false
}

// lexical is read when the first text is.
var lexical = sync.OnceValue(func() *lexicon { return readLexicon(sensesText) })

// readLexicon reads the lines of senses.txt, which says itself how they are written.
func readLexicon(s string) *lexicon {
	l := &lexicon{phrases: map[string][]phrase{}}
	all := map[string]*sense{}
	order := []string{}
	var likes, sorts [][2]*sense
	whole := map[*sense]bool{} // what is a concept as it stands
	get := func(words string) *sense {
		lemmas := strings.Split(words, "_")
		for i, w := range lemmas {
			lemmas[i] = lemma(w)
		}
		id := strings.Join(lemmas, " ")
		if all[id] == nil {
			all[id] = &sense{key: id}
			order = append(order, id)
		}
		return all[id]
	}
	fields := int16(0)
	for line := range strings.Lines(strings.ReplaceAll(s, "\n  ", " ")) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		head, body, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		names := strings.Fields(head)
		switch names[0] {
		case "alike":
			words := strings.Fields(body)
			first := get(words[0])
			for _, w := range words[1:] {
				whole[first], whole[get(w)] = true, true
				if get(w) != first {
					likes = append(likes, [2]*sense{first, get(w)})
				}
			}
		case "field":
			for _, w := range strings.Fields(body) {
				g := get(w)
				g.fields = append(g.fields, fields)
				whole[g] = true
			}
			fields++
		case "sort":
			for _, w := range strings.Fields(body) {
				sorts = append(sorts, [2]*sense{get(names[1]), get(w)})
			}
		case "light":
			for _, w := range strings.Fields(body) {
				get(w).light = true
				whole[get(w)] = true
			}
		case "cue":
			for _, w := range strings.Fields(body) {
				whole[get(w)] = true
				for _, n := range names[1:] {
					get(w).cues |= cueNames[n]
				}
			}
		case "kind":
			// A kind may go on in another line.
			n, has := int16(len(l.kinds)), func(mode string) bool { return slices.Contains(names[2:], mode) }
			if at := slices.IndexFunc(l.kinds, func(k kind) bool { return k.name == names[1] }); at >= 0 {
				n = int16(at)
			} else {
				l.kinds = append(l.kinds, kind{
					name: names[1], open: has("open"), fixed: has("fixed"), personal: has("personal"), turns: has("turns") || has("onward"),
					onward: has("onward"), poles: has("poles"), compares: has("compares"),
				})
			}
			k := &l.kinds[n]
			if k.name == "kin" {
				l.kin = n
			}
			values := strings.Fields(body)
			if strings.Contains(body, "|") {
				values = strings.Split(body, "|")
			}
			for _, words := range values {
				v := k.values
				k.values++
				for _, w := range strings.Fields(words) {
					g := get(w)
					g.kinds = append(g.kinds, member{n, v})
					if k.open || !strings.Contains(w, "_") {
						whole[g] = true
					}
				}
			}
		}
	}
	for _, p := range likes {
		p[1].key = p[0].key
		p[1].kinds, p[1].fields = append(p[1].kinds, p[0].kinds...), append(p[1].fields, p[0].fields...)
		p[1].cues |= p[0].cues
	}
	for _, p := range sorts {
		p[1].above = append(p[1].above, p[0].key)
	}
	// A phrase that is known for its cue alone is else its first word that tells something: "moved to" is to move.
	for _, id := range order {
		words := strings.Split(id, " ")
		if g := all[id]; len(words) > 1 && g.cues != 0 && g.key == id && len(g.kinds) == 0 && !g.light {
			for _, w := range words {
				if s := stems.of(w); s != "" && w != "*" {
					if g.key = w; all[w] != nil {
						g.key = all[w].key
					}
					break
				}
			}
		}
	}
	for _, id := range order {
		words := strings.Split(id, " ")
		if len(words) == 2 && particles[words[1]] { // "turned it down"
			l.phrases[words[0]] = append(l.phrases[words[0]], phrase{[]string{words[0], "*", words[1]}, all[id]})
		}
		all[id].only = len(words) > 1 && !whole[all[id]]
		l.phrases[words[0]] = append(l.phrases[words[0]], phrase{words, all[id]})
	}
	for _, list := range l.phrases {
		slices.SortStableFunc(list, func(a, b phrase) int { return len(b.words) - len(a.words) })
	}
	return l
}

// lemma is the stem of a word, and a word that tells nothing as it is written.
func lemma(low string) string {
	if base, ok := plainForms[low]; ok {
		return base
	}
	if s := stems.of(low); s != "" {
		return s
	}
	return low
}

// at finds the longest phrase at word i of lemmas, and how many words it takes; 0: none is known.
func (l *lexicon) at(lemmas []string, i int) (*sense, int) {
	for _, p := range l.phrases[lemmas[i]] {
		if p.sense.only {
			continue
		}
		if n := p.length(lemmas[i:]); n > 0 {
			if slices.Contains(p.words, "*") {
				n = 1 // what stands between is read as well
			}
			return p.sense, n
		}
	}
	return nil, 0
}

// values calls yield with each value of a kind that a phrase at word i tells, and how many words tell it.
func (l *lexicon) values(lemmas []string, i int, yield func(m member, n int)) {
	for _, p := range l.phrases[lemmas[i]] {
		if len(p.sense.kinds) == 0 {
			continue
		}
		if n := p.length(lemmas[i:]); n > 0 {
			for _, m := range p.sense.kinds {
				if !l.kinds[m.kind].open {
					yield(m, n)
				}
			}
		}
	}
}

// length is how many words of lemmas the phrase takes; 0: it is not there.
func (p phrase) length(lemmas []string) int {
	n := 0
	for k := 0; k < len(p.words); k++ {
		if p.words[k] == "*" {
			if k++; k == len(p.words) {
				return 0
			}
			skip := 0
			for n+skip < len(lemmas) && lemmas[n+skip] != p.words[k] && lemmas[n+skip] != "," && skip <= 3 {
				skip++
			}
			if skip == 0 || skip > 3 {
				return 0
			}
			n += skip
		}
		if n >= len(lemmas) || lemmas[n] != p.words[k] && !(p.words[k] == "my" && possessives[lemmas[n]]) {
			return 0
		}
		n++
	}
	return n
}

// particles may stand behind the object of their verb.
var particles = set(`up down off out away back over`)

// possessives stand where a phrase of the lexicon has "my".
var possessives = set(`my his her our their your its the`)

// plainForms are the words that carry tense, led to one form, and the wildcard.
var plainForms = pairs(`* * am be is be are be was be were be been be being be has have had have having have does do did do
	doing do done done an a cannot not`)
