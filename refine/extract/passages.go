package extract

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// Passage is a sentence of a memory that may answer a question, with what was measured of it. Nothing of it depends on the
// language: words count by how rare they are among the memories.
type Passage struct {
	Record   int    // its place in the evidence
	Place    int    // its number in the memory
	Text     string // verbatim
	Features [NumFeatures]float64
	Score    float64 // of the model; higher answers better
	Outdated float64 // probability that a later memory takes its place
	By       int     // the memory that does; -1: none

	Second [NumSecond]float64
	tokens tokens
	change float64 // how surely it tells of a change
}

// The features of a passage.
const (
	fOwn      = iota // share of the question, by the rarity of its words, that the sentence holds
	fAround          // that another sentence of its memory holds
	fBefore          // that the turn before holds
	fSoft            // that a word like it stands for, by its letters
	fSmall           // share of the question's small words that the sentence holds
	fRarest          // 1 if the sentence holds the question's rarest word
	fRarestIn        // 1 if the memory does
	fNamed           // share of the question's names that the sentence or its speaker holds
	fNameless        // share of them that its memory does not hold
	fPrecise         // share of the sentence that the question holds
	fRank            // 1/(1+rank) of its memory
	fDepth           // log of its rank
	fLength          // log of its words
	fShort           // 1 if it has fewer than 3 words of its own
	fAsks            // 1 if it is a question
	fTyped           // it holds the kind of thing that is asked for
	fUntyped         // it does not, though a time or a number is asked for
	fWindow          // 1 if it is of the time that the question names
	fOutside         // 1 if it is not
	fFact            // 1 if the memory is a standalone fact
	fLong            // log of the memory's sentences
	fLater           // share of the passages that match as well and are later
	fAfter           // that the turn after holds
	fSession         // that other turns of its session hold
	fAll             // 1 if the memory holds every word of the question
	NumFeatures
)

// tokens are the words of a text.
type tokens struct {
	terms []string // stems; pairs of characters where words are not spaced; distinct
	names map[string]bool
	small map[string]bool // words too common to be terms
	set   map[string]bool
}

// tokenize cuts a text into its words. A word with a capital that does not open the text is a name.
func tokenize(s string) tokens {
	t := tokens{names: map[string]bool{}, small: map[string]bool{}, set: map[string]bool{}}
	for i, field := range strings.Fields(s) {
		terms := text.Terms(field)
		if len(terms) == 0 {
			if w := strings.ToLower(strings.TrimFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })); w != "" {
				t.small[w] = true
			}
			continue
		}
		first, _ := firstLetter(field)
		for _, term := range terms {
			if i > 0 && unicode.IsUpper(first) || hasDigit(term) && len(term) > 1 {
				t.names[term] = true
			}
			if !t.set[term] {
				t.set[term] = true
				t.terms = append(t.terms, term)
			}
		}
	}
	return t
}

func firstLetter(s string) (rune, bool) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return r, true
		}
	}
	return 0, false
}

func hasDigit(s string) bool { return strings.IndexFunc(s, unicode.IsDigit) >= 0 }

// Reading is the memories of one question, cut into passages and counted.
type Reading struct {
	task     *specialists.Task
	question tokens
	kinds    asked
	window   [2]time.Time // that the question names; zero: none
	weights  map[string]float64
	total    float64 // of the weights of the question's terms
	rarest   string
	records  []tokens // all that counts of each memory, its speaker included
	Passages []Passage
	sessions map[string]map[string]bool // the words of each session, by its name
	missing  float64                    // share of the question that no memory holds
}

// Read cuts the evidence of a task into passages and measures them.
func Read(t *specialists.Task) *Reading {
	r := &Reading{task: t, question: tokenize(t.Question), weights: map[string]float64{}, sessions: map[string]map[string]bool{}, records: make([]tokens, len(t.Evidence))}
	r.kinds = asks(t.Question)
	r.window = windowOf(t.Question, t.Now)
	for i := range t.Evidence {
		r.cut(i)
	}
	r.weigh()
	for i := range r.Passages {
		r.measure(&r.Passages[i])
	}
	r.compare()
	return r
}

// speaks reports whether a memory counts as evidence: what a person said or stated. A model's own words and the output of
// tools are nobody's word.
func speaks(m *memory.Record) bool {
	switch m.Role {
	case "assistant":
		return m.Speaker != ""
	case "tool", "system":
		return false
	}
	return true
}

// cut adds the passages of a memory.
func (r *Reading) cut(i int) {
	m := &r.task.Evidence[i]
	all := tokens{set: map[string]bool{}}
	place := 0
	for _, s := range Testimony(m) {
		for _, sentence := range text.Sentences(s) {
			p := Passage{Record: i, Place: place, Text: sentence, tokens: tokenize(sentence), By: -1}
			place++
			for _, term := range p.tokens.terms {
				all.set[term] = true
			}
			if speaks(m) {
				r.Passages = append(r.Passages, p)
			}
		}
	}
	for _, term := range text.Terms(m.Speaker) {
		all.set[term] = true
	}
	r.records[i] = all
	if s := m.Scope.Session; s != "" {
		if r.sessions[s] == nil {
			r.sessions[s] = map[string]bool{}
		}
		maps.Copy(r.sessions[s], all.set)
	}
}

// weigh gives each word of the question its weight: the fewer passages hold it, the more it tells.
func (r *Reading) weigh() {
	count := map[string]int{}
	for i := range r.Passages {
		for _, term := range r.Passages[i].tokens.terms {
			count[term]++
		}
	}
	n := float64(len(r.Passages))
	for _, term := range r.question.terms {
		w := math.Log(1 + (n+1)/(float64(count[term])+1))
		r.weights[term] = w
		r.total += w
		if count[term] == 0 {
			r.missing += w
		}
		if r.rarest == "" || w > r.weights[r.rarest] {
			r.rarest = term
		}
	}
	if r.total > 0 {
		r.missing /= r.total
	}
	for i := range r.Passages {
		for _, term := range r.Passages[i].tokens.terms {
			if _, ok := r.weights[term]; !ok {
				r.weights[term] = math.Log(1 + (n+1)/(float64(count[term])+1))
			}
		}
	}
}

// measure finds the features of a passage.
func (r *Reading) measure(p *Passage) {
	m := &r.task.Evidence[p.Record]
	f := &p.Features
	speaker := map[string]bool{}
	for _, term := range text.Terms(m.Speaker) {
		speaker[term] = true
	}
	around, before, after, session := r.records[p.Record].set, r.beside(p.Record, -1), r.beside(p.Record, 1), r.sessions[m.Scope.Session]
	all := 1.0
	for _, term := range r.question.terms {
		w := r.weights[term] / r.total
		if !around[term] {
			all = 0
		}
		switch {
		case p.tokens.set[term], speaker[term]:
			f[fOwn] += w
		case around[term]:
			f[fAround] += w
		case before[term]:
			f[fBefore] += w
		case after[term]:
			f[fAfter] += w
		case session[term]:
			f[fSession] += w
		default:
			f[fSoft] += w * likest(term, p.tokens.terms)
		}
	}
	f[fAll] = all
	if r.rarest != "" {
		f[fRarest] = truth(p.tokens.set[r.rarest] || speaker[r.rarest])
		f[fRarestIn] = truth(around[r.rarest])
	}
	if n := float64(len(r.question.small)); n > 0 {
		for w := range r.question.small {
			if p.tokens.small[w] {
				f[fSmall] += 1 / n
			}
		}
	}
	if n := float64(len(r.question.names)); n > 0 {
		for name := range r.question.names {
			if p.tokens.set[name] || speaker[name] {
				f[fNamed] += 1 / n
			} else if !around[name] {
				f[fNameless] += 1 / n
			}
		}
	}
	own, common := 0.0, 0.0
	for _, term := range p.tokens.terms {
		own += r.weights[term]
		if r.question.set[term] {
			common += r.weights[term]
		}
	}
	if own > 0 {
		f[fPrecise] = common / own
	}
	rank := float64(p.Record)
	f[fRank], f[fDepth] = 1/(1+rank), math.Log1p(rank)
	f[fLength] = math.Log1p(float64(len(p.tokens.terms)))
	f[fShort] = truth(len(p.tokens.terms) < 3)
	f[fAsks] = truth(asksSomething(p.Text))
	held := r.holds(p)
	f[fTyped] = r.kinds.time*held.time + r.kinds.number*held.number + r.kinds.name*held.name
	f[fUntyped] = r.kinds.time*(1-held.time) + r.kinds.number*(1-held.number)
	if !r.window[0].IsZero() {
		in := truth(!m.Created.Before(r.window[0]) && m.Created.Before(r.window[1]))
		f[fWindow], f[fOutside] = in, 1-in
	}
	f[fFact] = truth(m.Kind == memory.KindFact || m.Kind == memory.KindPersona)
	f[fLong] = math.Log1p(float64(len(around)))
}

// beside holds the words of the turn before or after a memory, as far as it is among the evidence.
func (r *Reading) beside(i, shift int) map[string]bool {
	m := &r.task.Evidence[i]
	if m.Position < 0 || m.Scope.Session == "" {
		return nil
	}
	for j := range r.task.Evidence {
		o := &r.task.Evidence[j]
		if o.Scope.Session == m.Scope.Session && o.Position == m.Position+shift {
			return r.records[j].set
		}
	}
	return nil
}

// compare finds for each passage how many that match as well are later.
func (r *Reading) compare() {
	order := make([]int, len(r.Passages))
	for i := range order {
		order[i] = i
	}
	match := func(i int) float64 { return r.Passages[i].Features[fOwn] + .5*r.Passages[i].Features[fAround] }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(match(b), match(a)) })
	best := order[:min(len(order), 12)]
	for _, i := range best {
		later, all := 0.0, 0.0
		for _, j := range best {
			if r.Passages[i].Record == r.Passages[j].Record || match(j) < .9*match(i) {
				continue
			}
			all++
			later += truth(r.task.Evidence[r.Passages[j].Record].Created.After(r.task.Evidence[r.Passages[i].Record].Created))
		}
		if all > 0 {
			r.Passages[i].Features[fLater] = later / all
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// likest is how much the most similar of some words is like a word, by their letters, in [0, 1]: the Dice coefficient of
// their trigrams, or the share of the word that another holds whole.
func likest(word string, words []string) float64 {
	if len(word) < 4 {
		return 0
	}
	best := 0.0
	for _, w := range words {
		if len(w) < 4 || w == word {
			continue
		}
		common := 0
		for i := 0; i+3 <= len(word); i++ {
			if strings.Contains(w, word[i:i+3]) {
				common++
			}
		}
		dice := 2 * float64(common) / float64(len(word)-2+len(w)-2)
		if strings.Contains(w, word) || strings.Contains(word, w) {
			dice = max(dice, .6)
		}
		best = max(best, min(1, dice))
	}
	if best < .4 {
		return 0
	}
	return best
}

func asksSomething(s string) bool {
	s = strings.TrimRight(s, " \"”’»)」』")
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "？")
}
