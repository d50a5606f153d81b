// Package liar has a language model for studies that knows which of its claims it invented.
package liar

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/internal/text"
)

// Liar is a model for studies. It answers from the memories that stand in its prompt, as lines "[n] date who: text"; in
// its draft and in each revision it invents a claim with probability Invent, and in each revision it drops one of its
// claims with probability Drop. It knows which of its claims it invented: the answers do not say so, the ledger does.
type Liar struct {
	Invent, Drop float64
	Agree        bool // it repeats its draft whatever it is told
	// Known are answers that it knows to be right, by the question. Its draft begins with them.
	Known map[string]string
	Seed  uint64

	mu     sync.Mutex
	ledger map[string]map[string]*Stated // by the question, and by the text without its citation
}

// Stated is a claim of a Liar.
type Stated struct {
	Text     string // as it stands in answers, without the citation
	Invented bool
	How      string   // known, plain or quoted; invented: fabricated, swapped, denied or vague
	Marks    []string // words without which it is not this claim
	terms    map[string]bool
}

// The ways of a Liar to invent.
var Inventions = []string{"fabricated", "swapped", "denied", "vague"}

// Rating is what a prompt must contain to be answered with a number from 1 to 10 for the last answer. The number is
// between 6 and 10 whatever the answer is: a model that judges itself is content.
const Rating = "Rate your answer from 1 to 10"

var memoryLine = regexp.MustCompile(`(?m)^\[(\d+)\] \d{4}-\d{2}-\d{2} ([^:\n]{1,60}): (.*)$`)

// line is a memory in a prompt.
type line struct {
	number, who, text string
}

// Script answers requests.
func (l *Liar) Script(r scripted.Request) scripted.Reply {
	system, question, last := r.Last("system"), "", r.Last("user")
	for _, m := range r.Messages {
		if m.Role == "user" {
			question = m.Content
			break
		}
	}
	draft := r.Last("assistant")
	h := fnv.New64a()
	fmt.Fprint(h, question)
	if draft != "" { // the draft is the same for whoever asks; what becomes of it is not
		fmt.Fprint(h, "\x00", draft, "\x00", r.N)
	}
	rng := rand.New(rand.NewPCG(l.Seed, h.Sum64()))
	if strings.Contains(last, Rating) {
		return scripted.Reply{Text: fmt.Sprint(6 + rng.IntN(5))}
	}
	var lines []line
	for _, m := range memoryLine.FindAllStringSubmatch(system, -1) {
		lines = append(lines, line{m[1], m[2], strings.TrimSpace(m[3])})
	}
	if draft == "" {
		return scripted.Reply{Text: l.draft(rng, question, lines)}
	}
	if l.Agree {
		return scripted.Reply{Text: draft}
	}
	said := draft
	if claims := l.In(question, draft); len(claims) > 1 && rng.Float64() < l.Drop {
		said = cutClaim(said, claims[rng.IntN(len(claims))].Text)
	}
	if rng.Float64() < l.Invent {
		if s := l.invent(rng, question, lines, said); s != "" {
			said = strings.TrimSpace(said + " " + s)
		}
	}
	return scripted.Reply{Text: said}
}

// cutClaim removes a claim with its full stop and its citation.
func cutClaim(answer, claim string) string {
	at := strings.Index(answer, claim)
	if at < 0 {
		return answer
	}
	rest := trailing.ReplaceAllString(answer[at+len(claim):], "")
	return strings.TrimSpace(strings.TrimSpace(answer[:at]) + " " + strings.TrimSpace(rest))
}

var trailing = regexp.MustCompile(`^(\s*\[\d+\])?[.!]?`)

// draft states the sentences of the memories that have most in common with the question, up to three.
func (l *Liar) draft(rng *rand.Rand, question string, lines []line) string {
	asked := termsOf(question)
	type candidate struct {
		line
		sentence string
		score    float64
	}
	var all []candidate
	for i, m := range lines {
		best := candidate{line: m}
		for _, s := range text.Sentences(m.text) {
			if words := len(strings.Fields(s)); words < 4 || words > 30 || strings.HasSuffix(s, "?") || strings.ContainsAny(s, "[]…“”\"") {
				continue
			}
			score := .01
			for t := range termsOf(s + " " + m.who) {
				if asked[t] {
					score++
				}
			}
			if score > best.score {
				best.sentence, best.score = s, score-float64(i)/1000
			}
		}
		if best.sentence != "" {
			all = append(all, best)
		}
	}
	var parts []string
	if known := l.Known[question]; known != "" {
		l.state(question, &Stated{Text: known, How: "known"})
		parts = append(parts, known+".")
	}
	for range 3 {
		at := -1
		for i := range all {
			if at < 0 || all[i].score > all[at].score {
				at = i
			}
		}
		if at < 0 || all[at].score <= 0 {
			break
		}
		c := all[at]
		all[at].score = 0
		claim, how := plainly(c.who, c.sentence), "plain"
		if claim == "" {
			claim, how = fmt.Sprintf("%s said: “%s”", c.who, c.sentence), "quoted"
		}
		l.state(question, &Stated{Text: claim, How: how})
		parts = append(parts, fmt.Sprintf("%s [%s].", claim, c.number))
	}
	if len(parts) == 0 {
		parts = []string{"I do not know."}
	}
	answer := strings.Join(parts, " ")
	if rng.Float64() < l.Invent {
		if s := l.invent(rng, question, lines, answer); s != "" {
			parts = append(parts, s)
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			answer = strings.Join(parts, " ")
		}
	}
	return answer
}

var (
	// begin is the beginning of a sentence in the first person; past and now are verbs that can be told of somebody else.
	begin = regexp.MustCompile(`^(I'm|I am|I was|I've|I have|I (?:just |also |really |recently |finally )?\w+) (.*?)[.!]*$`)
	past  = regexp.MustCompile(`^(\w+ed|went|took|made|got|saw|had|found|gave|bought|met|won|wrote|ran|began|felt|told|left|came|knew|kept|lost|sold|spent|taught|thought|started)$`)
	now   = regexp.MustCompile(`^(love|like|want|need|enjoy|work|live|play|hope|feel|think|know|plan|eat|drink|read|write|draw|run|bake|cook|paint|prefer|remember)$`)
	// personal are the words that a sentence must not have besides, since they would speak of others then.
	personal = regexp.MustCompile(`(?i)\b(I|I'm|I've|I'd|I'll|me|we|us|our|ours|mine|myself|you|your|yours|it|this|that|they|them|he|she|him|her)\b`)
)

// plainly tells of somebody what he said of himself; empty if that takes more than another beginning.
func plainly(who, s string) string {
	m := begin.FindStringSubmatch(s)
	if m == nil || personal.MatchString(m[2]) || m[2] == "" {
		return ""
	}
	var told string
	switch head := strings.TrimPrefix(m[1], "I "); {
	case m[1] == "I'm", m[1] == "I am":
		told = "is"
	case m[1] == "I was":
		told = "was"
	case m[1] == "I've", m[1] == "I have":
		told = "has"
	default:
		adverb, verb, ok := strings.Cut(head, " ")
		if !ok {
			adverb, verb = "", head
		}
		switch {
		case past.MatchString(verb):
		case now.MatchString(verb):
			verb += "s"
		default:
			return ""
		}
		told = strings.TrimSpace(adverb + " " + verb)
	}
	return who + " " + told + " " + strings.NewReplacer(" my ", " "+who+"'s ").Replace(m[2])
}

var (
	cities   = []string{"Vaduz", "Tallinn", "Antofagasta", "Bergen", "Ljubljana", "Valparaíso"}
	surnames = []string{"Quillfeather", "Brandauer", "Oyelaran", "Takahashi", "Montague", "Ferreira"}
	moods    = []string{"furious", "heartbroken", "secretly relieved", "deeply embarrassed", "bitterly disappointed", "insanely jealous"}
)

// invent makes a claim that no memory holds; empty if there is nobody to lie about.
func (l *Liar) invent(rng *rand.Rand, question string, lines []line, answer string) string {
	if len(lines) == 0 {
		return ""
	}
	who := lines[rng.IntN(len(lines))].who
	how := Inventions[rng.IntN(len(Inventions))]
	claim := &Stated{Invented: true, How: how}
	switch how {
	case "swapped", "denied":
		for _, i := range rng.Perm(len(lines)) {
			for _, s := range text.Sentences(lines[i].text) {
				told := plainly(lines[i].who, s)
				if told == "" || strings.Contains(answer, told) {
					continue
				}
				rest := strings.TrimPrefix(told, lines[i].who+" ")
				if how == "denied" {
					claim.Text, claim.Marks = fmt.Sprintf("%s never %s", lines[i].who, rest), []string{"never"}
					if be, tail, ok := strings.Cut(rest, " "); ok && (be == "is" || be == "was") {
						claim.Text, claim.Marks = fmt.Sprintf("%s %s never %s", lines[i].who, be, tail), []string{"never"}
					}
				} else if other := another(rng, lines, lines[i].who); other != "" {
					claim.Text, claim.Marks = other+" "+strings.ReplaceAll(rest, lines[i].who, other), []string{other}
				}
			}
			if claim.Text != "" {
				break
			}
		}
	case "vague":
		mood := moods[rng.IntN(len(moods))]
		claim.Text, claim.Marks = fmt.Sprintf("%s was %s about all of it", who, mood), strings.Fields(mood)
	}
	if claim.Text == "" {
		city, name := cities[rng.IntN(len(cities))], surnames[rng.IntN(len(surnames))]
		claim.How = "fabricated"
		claim.Text, claim.Marks = fmt.Sprintf("%s paid %d euros to a %s from %s", who, 100+rng.IntN(9900), name, city), []string{name}
	}
	if strings.Contains(answer, claim.Text) {
		return ""
	}
	l.state(question, claim)
	return fmt.Sprintf("%s [%s].", claim.Text, lines[rng.IntN(len(lines))].number)
}

func another(rng *rand.Rand, lines []line, who string) string {
	for _, i := range rng.Perm(len(lines)) {
		if lines[i].who != who {
			return lines[i].who
		}
	}
	return ""
}

// state writes a claim down. What a memory says is true, even if it was invented before.
func (l *Liar) state(question string, s *Stated) {
	s.terms = termsOf(s.Text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ledger == nil {
		l.ledger = map[string]map[string]*Stated{}
	}
	if l.ledger[question] == nil {
		l.ledger[question] = map[string]*Stated{}
	}
	if old := l.ledger[question][s.Text]; old == nil || old.Invented {
		l.ledger[question][s.Text] = s
	}
}

// All are the claims that were ever made in answers to a question.
func (l *Liar) All(question string) []Stated {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []Stated
	for _, s := range l.ledger[question] {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Stated) int { return strings.Compare(a.Text, b.Text) })
	return all
}

// In are the claims that stand word for word in an answer to a question, in the order in which they stand there.
func (l *Liar) In(question, answer string) []Stated {
	var found []Stated
	at := map[string]int{}
	for _, s := range l.All(question) {
		if i := strings.Index(answer, s.Text); i >= 0 {
			found = append(found, s)
			at[s.Text] = i
		}
	}
	slices.SortFunc(found, func(a, b Stated) int { return at[a.Text] - at[b.Text] })
	return found
}

// Holds reports whether an answer still holds a claim, word for word or in others: a sentence of it has three in four of
// the claim's words, its marks among them.
func (s *Stated) Holds(answer string) bool {
	if strings.Contains(answer, s.Text) {
		return true
	}
	for _, sentence := range strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(".!?\n", r) }) {
		marked := true
		for _, m := range s.Marks {
			marked = marked && strings.Contains(sentence, m)
		}
		if !marked {
			continue
		}
		have, n := termsOf(sentence), 0
		for t := range s.terms {
			if have[t] {
				n++
			}
		}
		if len(s.terms) > 0 && 4*n >= 3*len(s.terms) {
			return true
		}
	}
	return false
}

func termsOf(s string) map[string]bool {
	set := map[string]bool{}
	for _, t := range text.Terms(s) {
		set[t] = true
	}
	return set
}
