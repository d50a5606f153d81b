package consolidate

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// material is the question of the recursion: the turns of one scope, cut into passages. It never changes.
type material struct {
	policy   Policy
	sources  []source
	passages []passage
	facts    []string  // by number
	rarity   []float64 // of a term, by number: log(1 + turns / turns with it)
	factRare []float64 // of a fact, by number
}

// source is one turn.
type source struct {
	record      *memory.Record
	first, last int32   // its passages are [first, last)
	facts       []int32 // distinct, sorted
	terms       []int32 // distinct, sorted
	tokens      int32
	asks        bool // every fact of it must survive
	question    bool // it ends with a question, which the next turn answers
	session     int32
	day         int32 // days since 1970
}

// passage is a sentence of a turn, verbatim.
type passage struct {
	text   string
	source int32
	tokens int32
	facts  []int32
	terms  []int32
}

// prepare cuts records, which are in order of session and position, into passages.
func prepare(records []memory.Record, p Policy) *material {
	m := &material{policy: p, sources: make([]source, 0, len(records))}
	terms, facts := map[string]int32{}, map[string]int32{}
	var termTurns, factTurns []float64
	number := func(dictionary map[string]int32, counts *[]float64, words []string) []int32 {
		out := make([]int32, 0, len(words))
		for _, w := range words {
			n, ok := dictionary[w]
			if !ok {
				n = int32(len(dictionary))
				dictionary[strings.Clone(w)] = n
				*counts = append(*counts, 0)
			}
			out = append(out, n)
		}
		slices.Sort(out)
		return slices.Clip(slices.Compact(out))
	}
	sessions := map[memory.Scope]int32{}
	for i := range records {
		r := &records[i]
		session, ok := sessions[r.Scope]
		if !ok {
			session = int32(len(sessions))
			sessions[r.Scope] = session
		}
		s := source{
			record: r, first: int32(len(m.passages)), session: session, asks: r.Importance >= p.Keep,
			day: int32(math.Floor(float64(r.Created.Unix()) / 86400)),
		}
		for _, sentence := range text.Sentences(r.Text) {
			sentence = trimOpener(sentence)
			m.passages = append(m.passages, passage{
				text: sentence, source: int32(i), tokens: int32(text.Tokens(sentence)),
				facts: number(facts, &factTurns, specialists.Facts(sentence, r.Created)),
				terms: number(terms, &termTurns, text.Terms(sentence)),
			})
		}
		s.last = int32(len(m.passages))
		for _, p := range m.passages[s.first:s.last] {
			s.facts, s.terms, s.tokens = append(s.facts, p.facts...), append(s.terms, p.terms...), s.tokens+p.tokens
		}
		s.facts, s.terms = distinct(s.facts), distinct(s.terms)
		s.question = strings.HasSuffix(strings.TrimRight(r.Text, " \n)\"'"), "?")
		for _, f := range s.facts {
			factTurns[f]++
		}
		for _, t := range s.terms {
			termTurns[t]++
		}
		m.sources = append(m.sources, s)
	}
	m.facts = make([]string, len(facts))
	for f, n := range facts {
		m.facts[n] = f
	}
	m.rarity, m.factRare = rarity(termTurns, len(records)), rarity(factTurns, len(records))
	return m
}

func rarity(turns []float64, total int) []float64 {
	for i, n := range turns {
		turns[i] = math.Log1p(float64(total) / math.Max(n, 1))
	}
	return turns
}

func distinct(n []int32) []int32 {
	slices.Sort(n)
	return slices.Clip(slices.Compact(n))
}

// openers are words that open a turn and tell nothing.
var openers = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields("wow yeah yes yep yup oh hey hi hello thanks well so anyway haha ah aw aww great cool sure okay ok totally absolutely definitely awesome nice right and but") {
		m[w] = true
	}
	return m
}()

// trimOpener cuts "Wow, " off a sentence, so that what is left is still an exact passage. It never cuts a "no".
func trimOpener(s string) string {
	for {
		word, rest, ok := strings.Cut(s, ", ")
		if !ok || !openers[strings.ToLower(word)] || len(rest) < 12 {
			return s
		}
		s = rest
	}
}

// span is the time from the first to the last of the sources.
func (m *material) span(sources []int32) (from, to time.Time) {
	for _, s := range sources {
		at := m.sources[s].record.Created
		if from.IsZero() || at.Before(from) {
			from = at
		}
		if at.After(to) {
			to = at
		}
	}
	return from, to
}
