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
	near   []float64 // how well it stands for each term of the question
	tokens tokens
	change float64 // how surely it tells of a change
}

// The features of a passage.
const (
	fOwn      = iota // share of the question, by the rarity of its words, that the sentence holds
	fAround          // that another sentence of its memory holds
	fBefore          // that the turn before holds
	fSoft            // that a word like it stands for, by its letters
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
	fOpens           // weight of the question word that opens the sentence
	fMatched         // fOwn where it holds what is asked for
	fPlain           // fOwn by how much the words tell in any text
	fPlainIn         // the same of its memory
	fGap             // weight of the most telling word of the question that its memory does not hold
	fAll             // 1 if the memory holds every word of the question
	fLike            // share of the question that the sentence holds, or words like its own, see [likeness]
	fLikeIn          // the same of its memory, by how much the words tell in any text
	fHole            // weight of the most telling word of the question that nothing in its memory is like
	fHoleNear        // the same for its memory and the turns beside it
	fKin             // how near a word that the question does not hold is to what is asked for
	fGist            // likeness of the sentence's and the question's mean meaning
	fSpeaks          // 1 if the question names its speaker
	fOther           // 1 if the question names another speaker of the memories, and not its own
	NumFeatures
)

// tokens are the words of a text.
type tokens struct {
	terms  []string           // stems; pairs of characters where words are not spaced; distinct
	set    map[string]float64 // how much each tells in any text, see [text.Weight]
	names  map[string]bool    // those with a capital that does not open the text, and numbers
	opens  string             // the first
	digits bool               // some hold digits
}

func (t *tokens) has(term string) bool { _, ok := t.set[term]; return ok }

// tokenize cuts a text into its words.
func tokenize(s string) tokens {
	t := tokens{names: map[string]bool{}, set: map[string]float64{}}
	for i, field := range strings.Fields(s) {
		terms, weights := text.Weighted(field)
		first, _ := firstLetter(field)
		for k, term := range terms {
			digits := hasDigit(term)
			if i > 0 && unicode.IsUpper(first) && weights[k] > .2 || digits && len(term) > 1 {
				t.names[term] = true
			}
			t.digits = t.digits || digits
			if !t.has(term) {
				t.set[term] = weights[k]
				t.terms = append(t.terms, term)
			}
		}
	}
	if len(t.terms) > 0 {
		t.opens = t.terms[0]
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
	counts   func(*memory.Record) bool // whether a memory's sentences are passages
	question tokens
	kinds    asked
	window   [2]time.Time // that the question names; zero: none
	weights  map[string]float64
	total    float64 // of the weights of the question's terms
	plain    float64 // of what they tell in any text
	rarest   string
	records  []tokens // all that counts of each memory, its speaker included
	Passages []Passage
	sessions map[string]map[string]float64 // the words of each session, by its name
	missing  float64                       // share of the question that no memory holds
	like     *likeness
	spoke    map[string]bool // the speakers that the question names
	near     [][]float64     // how well each memory stands for each term of the question
}

// Read cuts the evidence of a task into passages and measures them.
func Read(t *specialists.Task) *Reading { return read(t, speaks) }

// read is Read of those memories that count.
func read(t *specialists.Task, counts func(*memory.Record) bool) *Reading {
	r := &Reading{task: t, counts: counts, question: tokenize(t.Question), weights: map[string]float64{}, sessions: map[string]map[string]float64{}, records: make([]tokens, len(t.Evidence))}
	r.kinds, r.like = asks(t.Question), newLikeness(&r.question)
	if since, until, ok := text.Window(t.Question, t.Now); ok {
		r.window = [2]time.Time{since, until}
	}
	for i := range t.Evidence {
		r.cut(i)
	}
	r.weigh()
	r.spoke = r.namedSpeakers()
	for i := range r.records {
		r.near = append(r.near, r.like.best(slices.Collect(maps.Keys(r.records[i].set)), nil))
	}
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
	all := tokens{set: map[string]float64{}}
	place := 0
	for _, s := range Testimony(m) {
		sentences := text.Sentences(s)
		if len(s) > longText {
			sentences = r.promising(sentences)
		}
		for _, sentence := range sentences {
			p := Passage{Record: i, Place: place, Text: sentence, tokens: tokenize(sentence), By: -1}
			place++
			maps.Copy(all.set, p.tokens.set)
			if r.counts(m) {
				r.Passages = append(r.Passages, p)
			}
		}
	}
	maps.Copy(all.set, tokenize(m.Speaker).set)
	r.records[i] = all
	if s := m.Scope.Session; s != "" {
		if r.sessions[s] == nil {
			r.sessions[s] = map[string]float64{}
		}
		maps.Copy(r.sessions[s], all.set)
	}
}

// longText is the length from which only those sentences of a memory are read that may answer, in bytes, and mostSentences how
// many of them at most.
const (
	longText      = 16 << 10
	mostSentences = 300
)

// promising are the sentences that hold a telling word of the question.
func (r *Reading) promising(sentences []string) []string {
	var words, kept []string
	for term, weight := range r.question.set {
		if weight > .3 {
			words = append(words, term)
		}
	}
	for _, s := range sentences {
		low := strings.ToLower(s)
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(low, w) }) {
			if kept = append(kept, s); len(kept) == mostSentences {
				break
			}
		}
	}
	return kept
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
	weight := func(term string, background float64) float64 {
		return background * math.Log(1+(n+1)/(float64(count[term])+1))
	}
	for _, term := range r.question.terms {
		w := weight(term, r.question.set[term])
		r.weights[term] = w
		r.total += w
		if count[term] == 0 {
			r.missing += w
		}
		if r.rarest == "" || w > r.weights[r.rarest] {
			r.rarest = term
		}
	}
	r.total = max(r.total, 1e-9)
	for _, weight := range r.question.set {
		r.plain += weight
	}
	r.plain = max(r.plain, 1e-9)
	r.missing /= r.total
	for i := range r.Passages {
		for term, background := range r.Passages[i].tokens.set {
			if _, ok := r.weights[term]; !ok {
				r.weights[term] = weight(term, background)
			}
		}
	}
}

// measure finds the features of a passage.
func (r *Reading) measure(p *Passage) {
	m := &r.task.Evidence[p.Record]
	f := &p.Features
	speaker := tokenize(m.Speaker).set
	has := func(set map[string]float64, term string) bool { _, ok := set[term]; return ok }
	around, before, after, session := r.records[p.Record].set, r.beside(p.Record, -1), r.beside(p.Record, 1), r.sessions[m.Scope.Session]
	all := 1.0
	for _, term := range r.question.terms {
		w := r.weights[term] / r.total
		background := r.question.set[term] / r.plain
		if p.tokens.has(term) || has(speaker, term) {
			f[fPlain] += background
		}
		if has(around, term) {
			f[fPlainIn] += background
		} else {
			all = 0
			f[fGap] = max(f[fGap], r.question.set[term]*(1-likest(term, p.tokens.terms)))
		}
		switch {
		case p.tokens.has(term), has(speaker, term):
			f[fOwn] += w
		case has(around, term):
			f[fAround] += w
		case has(before, term):
			f[fBefore] += w
		case has(after, term):
			f[fAfter] += w
		case has(session, term):
			f[fSession] += w
		default:
			f[fSoft] += w * likest(term, p.tokens.terms)
		}
	}
	f[fAll] = all
	if r.rarest != "" {
		f[fRarest] = truth(p.tokens.has(r.rarest) || has(speaker, r.rarest))
		f[fRarestIn] = truth(has(around, r.rarest))
	}
	if n := float64(len(r.question.names)); n > 0 {
		for name := range r.question.names {
			if p.tokens.has(name) || has(speaker, name) {
				f[fNamed] += 1 / n
			} else if !has(around, name) {
				f[fNameless] += 1 / n
			}
		}
	}
	r.measureLikeness(p, speaker)
	own, common := 0.0, 0.0
	for _, term := range p.tokens.terms {
		own += r.weights[term]
		if r.question.has(term) {
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
	f[fMatched] = f[fTyped] * f[fOwn]
	if r.question.has(p.tokens.opens) {
		f[fOpens] = r.weights[p.tokens.opens] / r.total
	}
	f[fFact] = truth(m.Kind == memory.KindFact || m.Kind == memory.KindPersona)
	f[fLong] = math.Log1p(float64(len(around)))
}

// namedSpeakers are the speakers of the memories of whose names the question holds a word.
func (r *Reading) namedSpeakers() map[string]bool {
	named := map[string]bool{}
	for i := range r.task.Evidence {
		if speaker := r.task.Evidence[i].Speaker; !named[speaker] {
			for term := range tokenize(speaker).set {
				if r.question.has(term) {
					named[speaker] = true
				}
			}
		}
	}
	return named
}

// measureLikeness finds the features that count words which are like those of the question.
func (r *Reading) measureLikeness(p *Passage, speaker map[string]float64) {
	f := &p.Features
	p.near = r.like.best(p.tokens.terms, r.like.best(slices.Collect(maps.Keys(speaker)), nil))
	in := r.near[p.Record]
	before, after := r.besideNear(p.Record, -1), r.besideNear(p.Record, 1)
	for i := range r.like.terms {
		q := &r.like.terms[i]
		f[fLike] += r.weights[q.term] / r.total * p.near[i]
		f[fLikeIn] += q.tells / r.plain * in[i]
		f[fHole] = max(f[fHole], q.tells*(1-in[i]))
		near := in[i]
		for _, beside := range [][]float64{before, after} {
			if beside != nil {
				near = max(near, beside[i])
			}
		}
		f[fHoleNear] = max(f[fHoleNear], q.tells*(1-near))
	}
	if r.spoke[r.task.Evidence[p.Record].Speaker] {
		f[fSpeaks] = 1
	} else {
		f[fOther] = truth(len(r.spoke) > 0)
	}
	f[fKin] = r.like.kinship(p.tokens.terms)
	a, la := r.like.gist(&r.question, r.weights)
	b, lb := r.like.gist(&p.tokens, r.weights)
	if la > 0 && lb > 0 {
		for i := range a {
			f[fGist] += a[i] * b[i] / la / lb
		}
	}
}

// beside holds the words of the turn before or after a memory, as far as it is among the evidence.
func (r *Reading) beside(i, shift int) map[string]float64 {
	if j := r.neighbour(i, shift); j >= 0 {
		return r.records[j].set
	}
	return nil
}

func (r *Reading) besideNear(i, shift int) []float64 {
	if j := r.neighbour(i, shift); j >= 0 {
		return r.near[j]
	}
	return nil
}

// neighbour is the place of the turn before or after a memory; -1 if it is not among the evidence.
func (r *Reading) neighbour(i, shift int) int {
	m := &r.task.Evidence[i]
	if m.Position < 0 || m.Scope.Session == "" {
		return -1
	}
	for j := range r.task.Evidence {
		o := &r.task.Evidence[j]
		if o.Scope.Session == m.Scope.Session && o.Position == m.Position+shift {
			return j
		}
	}
	return -1
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

// likeLetters is how much a word is written like another, in [0, 1]: the Dice coefficient of their trigrams, or more if one
// holds the other whole.
func likeLetters(word, w string) float64 {
	if len(word) < 4 || len(w) < 4 {
		return 0
	}
	common := 0
	for i := 0; i+3 <= len(word); i++ {
		if strings.Contains(w, word[i:i+3]) {
			common++
		}
	}
	like := min(1, 2*float64(common)/float64(len(word)-2+len(w)-2))
	if strings.Contains(w, word) || strings.Contains(word, w) {
		like = max(like, .6)
	}
	if like < .4 {
		return 0
	}
	return like
}

// likest is how much the most similar of some words is written like a word.
func likest(word string, words []string) float64 {
	best := 0.0
	for _, w := range words {
		if w != word {
			best = max(best, likeLetters(word, w))
		}
	}
	return best
}

func asksSomething(s string) bool {
	s = strings.TrimRight(s, " \"”’»)」』")
	return strings.HasSuffix(s, "?") || strings.HasSuffix(s, "？")
}
