package refine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// Extract answers a question from its evidence without a language model: it quotes the sentences that answer it, each
// with who said it when and with the number of its memory. Where the question asks for a time, a number or a name, the
// answer begins with that, and times that were said relative to their day are given in full. It says so if nothing answers.
func Extract(t *specialists.Task) string {
	q := ask(t)
	all := q.passages(t)
	if len(all) == 0 || all[0].held < leastHeld || all[0].own < leastNamed && len(q.unheard(known(t))) > 0 {
		return q.nothing(t)
	}
	chosen := q.choose(all)
	var lines []string
	lead, from := q.lead(t, chosen)
	if lead != "" {
		lines = append(lines, fmt.Sprintf("%s [%d]", lead, from+1))
	}
	chosen = q.widen(chosen, all)
	for len(chosen) > 0 { // one quotation for each memory, the best first, its sentences in their order
		record := chosen[0].record
		var quoted, rest []passage
		for _, p := range chosen {
			if p.record == record {
				quoted = append(quoted, p)
			} else {
				rest = append(rest, p)
			}
		}
		slices.SortFunc(quoted, func(a, b passage) int { return a.place - b.place })
		lines = append(lines, quotation(&t.Evidence[record], quoted))
		chosen = rest
	}
	return strings.Join(lines, "\n")
}

// passage is a sentence of the evidence, and how well it answers the question.
type passage struct {
	record int // its place in the evidence
	place  int // its number in the memory
	text   string
	fit    float64
	own    float64         // share of the question, by the rarity of its words, that it holds
	held   float64         // the same with its surroundings
	terms  map[string]bool // its own
	dates  []text.Date     // it names
}

const (
	// leastHeld is the share of a question that its best passage must hold to count as an answer.
	leastHeld = .3
	// leastNamed is the share that the passage itself must hold where nothing in the evidence says a name of the question:
	// what is said of the capital letters on a note is no answer about the capital of France.
	leastNamed = .6
	// mostPassages and mostWords bound an answer; leastFit is the share of the best one's fit that another must have.
	mostPassages = 3
	mostWords    = 60
	leastFit     = .75
)

// passages are the sentences of the evidence that may answer, best first.
func (q *question) passages(t *specialists.Task) []passage {
	type unit struct {
		passage
		ask bool // it is a question itself
	}
	var units []unit
	first := make([]int, len(t.Evidence)+1) // the unit that begins a record
	count := map[string]int{}
	for i := range t.Evidence {
		first[i] = len(units)
		r := &t.Evidence[i]
		for _, s := range testimony(r) {
			for _, s := range text.Sentences(s) {
				terms := distinct(s)
				units = append(units, unit{passage{record: i, place: len(units), text: s, terms: terms}, strings.HasSuffix(s, "?")})
				for term := range terms {
					count[term]++
				}
			}
		}
	}
	first[len(t.Evidence)] = len(units)
	q.weigh(count, len(units))

	at := map[string]int{} // session and position → record
	place := func(r *memory.Record, shift int) string {
		return fmt.Sprintf("%s\x00%d", r.Scope.Session, r.Position+shift)
	}
	for i := range t.Evidence {
		if t.Evidence[i].Position >= 0 {
			at[place(&t.Evidence[i], 0)] = i
		}
	}
	var out []passage
	for i := range t.Evidence {
		r := &t.Evidence[i]
		speaker := distinct(r.Speaker)
		record := map[string]bool{}
		for _, u := range units[first[i]:first[i+1]] {
			for term := range u.terms {
				record[term] = true
			}
		}
		before := map[string]bool{} // what the turn before asked
		if j, ok := at[place(r, -1)]; ok && r.Position > 0 {
			for _, u := range units[first[j]:first[j+1]] {
				if u.ask {
					for term := range u.terms {
						before[term] = true
					}
				}
			}
		}
		for k := first[i]; k < first[i+1]; k++ {
			u := &units[k]
			if len(u.terms) == 0 {
				continue
			}
			own, around := 0.0, 0.0
			for term, w := range q.weights {
				switch {
				case u.terms[term], speaker[term]:
					own += w
				case record[term]:
					around += nearby * w
				case before[term]:
					around += answering * w
				}
			}
			u.own, u.held = own, own+around
			u.fit = u.held * (1 + q.suits(r, &u.passage)) / (1 + rankDecay*float64(i))
			if u.ask {
				u.fit *= .3
			}
			if n := len(u.terms); n < 3 {
				u.fit *= float64(n+1) / 4
			}
			out = append(out, u.passage)
		}
	}
	best := func(a, b passage) int { return cmp.Compare(b.fit, a.fit) }
	slices.SortStableFunc(out, best)
	outdated(t, out[:min(len(out), compared)])
	slices.SortStableFunc(out, best)
	return out
}

// outdated halves the fit of the passages that a later one takes the place of.
func outdated(t *specialists.Task, list []passage) {
	parsed := make([]*specialists.Parsed, len(list))
	for i, p := range list {
		r := &t.Evidence[p.record]
		parsed[i] = specialists.Parse(specialists.Said{Text: p.text, Speaker: r.Speaker, At: r.Created})
	}
	old := make([]bool, len(list))
	for i := range list {
		for j := range list {
			if t.Evidence[list[i].record].Created.Before(t.Evidence[list[j].record].Created) {
				v := parsed[i].Relate(parsed[j])
				old[i] = old[i] || v.Relation == specialists.Updates || v.Relation == specialists.Contradicts
			}
		}
	}
	for i := range list {
		if old[i] {
			list[i].fit /= 2
		}
	}
}

// compared is the number of best passages among which later ones take the place of earlier ones.
const compared = 8

// widen adds to each chosen passage the sentences around it, the whole of a short memory, up to so many words for each.
func (q *question) widen(chosen, all []passage) []passage {
	for _, c := range slices.Clone(chosen) {
		room := mostAround
		for _, p := range chosen {
			if p.record == c.record {
				room -= len(strings.Fields(p.text))
			}
		}
		var near []passage
		for _, p := range all {
			if p.record == c.record && !slices.ContainsFunc(chosen, func(d passage) bool { return d.place == p.place }) {
				near = append(near, p)
			}
		}
		slices.SortStableFunc(near, func(a, b passage) int { return abs(a.place-c.place) - abs(b.place-c.place) })
		for _, p := range near {
			if room -= len(strings.Fields(p.text)); room < 0 {
				break
			}
			chosen = append(chosen, p)
		}
	}
	return chosen
}

// mostAround is the number of words up to which a memory is quoted with what stands around the answer.
const mostAround = 45

func abs(n int) int { return max(n, -n) }

// The share of a question's word that counts where the word is not in a sentence, but in another of the same memory, or
// in a question of the turn before; and how much the rank of its memory counts against a sentence.
const (
	nearby    = .5
	answering = .9
	rankDecay = .05
)

// choose takes the best passages that say something of their own.
func (q *question) choose(all []passage) []passage {
	chosen := []passage{all[0]}
	words := len(strings.Fields(all[0].text))
	for _, p := range all[1:] {
		if len(chosen) == mostPassages || p.fit < leastFit*all[0].fit {
			break
		}
		n := len(strings.Fields(p.text))
		if words+n > mostWords || slices.ContainsFunc(chosen, func(c passage) bool { return alike(c.terms, p.terms) >= .6 }) {
			continue
		}
		words += n
		chosen = append(chosen, p)
	}
	return chosen
}

func alike(a, b map[string]bool) float64 {
	common := 0
	for t := range a {
		if b[t] {
			common++
		}
	}
	return float64(common) / float64(max(1, min(len(a), len(b))))
}

// quotation is a line of an answer: Caroline (8 May 2023): “…” [1].
func quotation(r *memory.Record, quoted []passage) string {
	var b strings.Builder
	for i, p := range quoted {
		if i > 0 && p.place > quoted[i-1].place+1 {
			b.WriteString(" …")
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(dated(p.text, p.dates))
	}
	return fmt.Sprintf("%s (%s): “%s” [%d]", speaker(r), r.Created.Format("2 January 2006"), b.String(), quoted[0].record+1)
}

// dated gives the times of a text that depend on its day in full.
func dated(s string, dates []text.Date) string {
	for i := len(dates) - 1; i >= 0; i-- {
		d := dates[i]
		full := inWords(d.Links)
		said := s[d.Start:d.End]
		if full == "" || strings.ContainsAny(said, "0123456789") {
			continue
		}
		s = s[:d.End] + " (" + full + ")" + s[d.End:]
	}
	return strings.NewReplacer("“", "\"", "”", "\"").Replace(s)
}

func speaker(r *memory.Record) string {
	switch {
	case r.Speaker != "":
		return r.Speaker
	case r.Role == "user":
		return "You"
	case r.Role == "assistant":
		return "The assistant"
	}
	return "A memory"
}
