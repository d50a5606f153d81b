package consolidate

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// material is the question of the recursion: the turns of one scope, cut into passages. It never changes.
type material struct {
	policy   Policy
	sources  []source
	passages []passage
	loose    []int32   // sources that no summary stands for yet
	standing []unit    // the summaries there are
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
	weight      float64 // its importance; of what an assistant said, an eighth of it
	asks        bool    // every fact of it must survive
	question    bool    // it ends with a question, which the next turn answers
	day         int32   // days since 1970
}

// passage is a sentence of a turn, verbatim.
type passage struct {
	text   string
	source int32
	tokens int32
	weight float64 // of its turn, less for a question, more for what somebody says of themselves
	facts  []int32
	terms  []int32
	// needs is the passage without which this one cannot be understood: the question that it answers, or the sentence that
	// says who "he" is. -1: none.
	needs    int32
	question bool
}

// assistantWeight is what the importance of an assistant's turn counts for: memory is of what people told it, and its own
// long answers would drown them.
const assistantWeight = .125

// budget is how many tokens the summary of the sources may have before what is lost is put back: the policy's share, and
// less of sources that are of less weight than what must be kept.
func (m *material) budget(sources []int32) int {
	total := 0.0
	for _, s := range sources {
		total += float64(m.sources[s].tokens) * min(1, m.sources[s].weight/m.policy.Keep)
	}
	return int(min(1, m.policy.Share*detail[m.policy.Level]) * total)
}

// dictionary numbers words, and counts in how many turns each is.
type dictionary struct {
	words []string
	known map[string]int32
	turns []float64
}

// numbers are those of words, distinct and sorted.
func (d *dictionary) numbers(words []string) []int32 {
	out := make([]int32, 0, len(words))
	for _, w := range words {
		n, ok := d.known[w]
		if !ok {
			n, w = int32(len(d.words)), strings.Clone(w)
			d.known[w], d.words, d.turns = n, append(d.words, w), append(d.turns, 0)
		}
		out = append(out, n)
	}
	return distinct(out)
}

// ofTurn are the distinct numbers of a turn, which is counted.
func (d *dictionary) ofTurn(numbers []int32) []int32 {
	numbers = distinct(numbers)
	for _, n := range numbers {
		d.turns[n]++
	}
	return numbers
}

// prepare cuts records, which are in order of session and position, into passages.
func prepare(records []*memory.Record, p Policy) *material {
	m := &material{policy: p, sources: make([]source, 0, len(records))}
	terms, facts := dictionary{known: map[string]int32{}}, dictionary{known: map[string]int32{}}
	names := knownNames(records)
	for i, r := range records {
		s := source{record: r, first: int32(len(m.passages)), day: int32(math.Floor(float64(r.Created.Unix()) / 86400)), weight: r.Importance}
		if r.Role == "assistant" && r.Speaker == "" {
			s.weight *= assistantWeight
		}
		s.asks = s.weight >= p.Keep
		// A question of the turn before, in the same conversation.
		asked := i > 0 && m.sources[i-1].question && m.sources[i-1].record.Scope == r.Scope && m.sources[i-1].day == s.day
		for _, sentence := range text.Sentences(r.Text) {
			p := passage{
				text: sentence, source: int32(i), tokens: int32(text.Tokens(sentence)), weight: passageWeight(sentence, s.weight),
				facts: facts.numbers(factsOf(sentence, r.Created, names)), terms: terms.numbers(text.Terms(sentence)),
				needs: -1, question: strings.HasSuffix(sentence, "?"),
			}
			switch here := int32(len(m.passages)); {
			case here > s.first && (pointsBack(sentence) || len(strings.Fields(sentence)) <= 3 && !p.question), here == s.first && asked && answers(sentence):
				p.needs = here - 1
			}
			m.passages = append(m.passages, p)
			s.facts, s.terms, s.tokens = append(s.facts, p.facts...), append(s.terms, p.terms...), s.tokens+p.tokens
		}
		s.last = int32(len(m.passages))
		s.facts, s.terms = facts.ofTurn(s.facts), terms.ofTurn(s.terms)
		s.question = strings.HasSuffix(strings.TrimRight(r.Text, " \n)\"'"), "?")
		m.sources = append(m.sources, s)
	}
	m.facts, m.rarity, m.factRare = facts.words, rarity(terms.turns, len(records)), rarity(facts.turns, len(records))
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

// knownNames are the words that are written as a name somewhere within a sentence.
func knownNames(records []*memory.Record) map[string]bool {
	names := map[string]bool{}
	for _, r := range records {
		for _, link := range text.Links(r.Text, time.Time{}) {
			if name, ok := strings.CutPrefix(link, text.PrefixName); ok && !names[name] {
				names[strings.Clone(name)] = true
			}
		}
	}
	return names
}

// factsOf are a passage's facts. A name that opens it, where every word has a capital, is one if it is a name elsewhere.
func factsOf(passage string, at time.Time, names map[string]bool) []string {
	facts := specialists.Facts(passage, at)
	end := strings.IndexFunc(passage, func(r rune) bool { return !unicode.IsLetter(r) })
	if end < 0 {
		end = len(passage)
	}
	first, _ := utf8.DecodeRuneInString(passage)
	if word := strings.ToLower(passage[:end]); unicode.IsUpper(first) && names[word] {
		if link := text.PrefixName + word; !slices.Contains(facts, link) {
			facts = append(facts, link)
		}
	}
	return facts
}

// passageWeight is how much of its turn's weight a passage has.
func passageWeight(passage string, turn float64) float64 {
	w := .1 + turn
	if strings.HasSuffix(passage, "?") {
		return w * .25 // it states nothing
	}
	if text.FirstPerson(passage) {
		return w * 1.5
	}
	return w
}

// pointsBack reports whether a sentence begins with somebody or something that the one before it names.
func pointsBack(sentence string) bool {
	word, _, _ := strings.Cut(sentence, " ")
	word = strings.ToLower(strings.ReplaceAll(word, "’", "'"))
	word, _, _ = strings.Cut(word, "'")
	switch strings.Trim(word, ",.;:!?\"()") {
	case "he", "she", "they", "his", "her", "their", "him", "them", "hers", "theirs":
		return true
	}
	return false
}

// answers reports whether a sentence, which follows a question, is no statement without it: a few words, or one whose
// beginning was cut off, or that begins in the middle of a thought.
func answers(sentence string) bool {
	first, _ := utf8.DecodeRuneInString(sentence)
	return unicode.IsLower(first) || len(strings.Fields(sentence)) <= 5 || pointsBack(sentence)
}

// adopt makes a unit of a summary that is in the store: of its turns, and of the passages that it quotes. It is not ok if
// a quote is no passage of its turn, as it is for a summary that was made by something else.
func (m *material) adopt(r *memory.Record, number map[memory.ID]int32) (unit, bool) {
	u := unit{replaces: []memory.ID{r.ID}, level: max(0, slices.Index(levels, level(r)))}
	for _, id := range r.DerivedFrom {
		u.sources = append(u.sources, number[id])
	}
	u.sources = distinct(u.sources)
	for _, q := range r.Quotes {
		n, ok := number[q.Source]
		if !ok {
			return unit{}, false
		}
		s, found := &m.sources[n], false
		for p := s.first; p < s.last && !found; p++ {
			if found = strings.HasSuffix(m.passages[p].text, q.Text); found {
				u.picks, u.tokens = append(u.picks, p), u.tokens+int(m.passages[p].tokens)
			}
		}
		if !found {
			return unit{}, false
		}
	}
	u.picks = distinct(u.picks)
	return u, len(u.picks) > 0
}
