package refine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// PackOptions say how to pack. Nil, or the zero value, is the usual way.
type PackOptions struct {
	// Tokens counts the tokens of a text. Nil means an estimate that needs no vocabulary; with a model's own tokeniser
	// the budget is exact.
	Tokens func(string) int
	// Alike is the share of common terms from which a memory counts as the repetition of one already packed, and is left
	// out, in (0, 1]. Zero means [DefaultAlike].
	Alike float64
	// Line renders a memory whose text may have been shortened. Nil means date, speaker and text; a summary, which names
	// its days and speakers itself, is rendered as it is, on one line.
	Line func(r *memory.Record, text string) string
	// Sources are what summaries stand for, by the ID of the summary: [Recollection.Sources]. What is left of the budget
	// opens the heaviest summaries into those of their turns that say most about the question. Nil opens none.
	Sources map[memory.ID][]memory.Record
}

// DefaultAlike is the default of PackOptions.Alike.
const DefaultAlike = .9

// summaryTokens is the greatest length of a summary.
const summaryTokens = 24

// Packed is what fits into a prompt.
type Packed struct {
	Items   []Item      `json:"items"`   // in the order of time
	Tokens  int         `json:"tokens"`  // of Text, never above the budget
	Dropped []memory.ID `json:"dropped"` // best first
}

// Item is a memory in a prompt.
type Item struct {
	ID     memory.ID        `json:"id"`
	Level  importance.Level `json:"level"`
	Weight float64          `json:"weight"`
	Text   string           `json:"text"` // as rendered
	// Of is the summary that the memory was opened from; empty for one that was recalled itself.
	Of memory.ID `json:"of,omitempty"`
}

// Text is what goes into the prompt: a line for each memory, the oldest first.
func (p *Packed) Text() string {
	lines := make([]string, len(p.Items))
	for i, item := range p.Items {
		lines[i] = item.Text
	}
	return strings.Join(lines, "\n")
}

// Pack puts memories into a budget of tokens, the heaviest first, each at its level: in full, the sentences that answer
// the question, the beginning, or not at all. What does not fit is tried at lower levels; what repeats another memory is
// left out; what budget is left then raises levels again, the heaviest first. The same input always gives the same
// output.
func Pack(recalled []Recalled, question string, budget int, o *PackOptions) Packed {
	p := packer{question: map[string]bool{}, asked: question, budget: budget}
	if o != nil {
		p.PackOptions = *o
	}
	if p.PackOptions.Tokens == nil {
		p.PackOptions.Tokens = text.Tokens
	}
	if p.Alike <= 0 {
		p.Alike = DefaultAlike
	}
	if p.Line == nil {
		p.Line = Line
	}
	for _, t := range text.Terms(question) {
		p.question[t] = true
	}
	order := make([]int, len(recalled))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(recalled[b].Weight, recalled[a].Weight) })

	var packed Packed
	var chosen []choice
	for _, i := range order {
		c := choice{r: &recalled[i], terms: distinct(recalled[i].Text)}
		if p.repeats(c, chosen) || !p.fit(&c, p.used(chosen)) {
			packed.Dropped = append(packed.Dropped, recalled[i].ID)
			continue
		}
		chosen = append(chosen, c)
	}
	for i := range chosen {
		p.raise(chosen, i)
	}
	if len(p.Sources) > 0 {
		chosen = p.open(chosen)
	}
	// A tokeniser may count a text higher than its parts: the lightest goes until it fits.
	for len(chosen) > 0 {
		packed.Items = render(chosen)
		if packed.Tokens = p.PackOptions.Tokens(packed.Text()); packed.Tokens <= budget {
			break
		}
		last := len(chosen) - 1
		if chosen[last].of == "" {
			packed.Dropped = append(packed.Dropped, chosen[last].r.ID)
		}
		chosen = chosen[:last]
	}
	if len(chosen) == 0 {
		packed.Items, packed.Tokens = nil, 0
	}
	return packed
}

// Line is the usual rendering of a memory: 2023-05-08 Caroline: text, on one line. A summary says itself of which days it is.
func Line(r *memory.Record, s string) string {
	if r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed && r.Meta["level"] != "" {
		return strings.Join(strings.Fields(s), " ")
	}
	who := cmp.Or(r.Speaker, r.Role)
	if who != "" {
		who += ": "
	}
	return fmt.Sprintf("%s %s%s", r.Created.Format("2006-01-02"), who, strings.Join(strings.Fields(s), " "))
}

// packer holds what does not change while packing.
type packer struct {
	PackOptions
	question map[string]bool
	asked    string
	budget   int
}

// choice is a memory that goes into the prompt.
type choice struct {
	r     *Recalled
	terms map[string]bool
	level importance.Level
	text  string
	cost  int
	of    memory.ID // the summary that it was opened from
}

// used are the tokens of what was chosen, with a token for the end of each line.
func (p *packer) used(chosen []choice) int {
	n := 0
	for _, c := range chosen {
		n += c.cost + 1
	}
	return n
}

// below are the levels from one downwards.
func below(l importance.Level) []importance.Level {
	all := []importance.Level{importance.Full, importance.Chunk, importance.Summary}
	if i := slices.Index(all, l); i >= 0 {
		return all[i:]
	}
	return nil
}

// fit renders a choice at the highest of its levels that the budget has room for.
func (p *packer) fit(c *choice, used int) bool {
	for _, l := range below(c.r.Level) {
		if p.render(c, l); used+c.cost <= p.budget {
			return true
		}
	}
	return false
}

// raise renders choice i at the highest level that the rest of the budget has room for.
func (p *packer) raise(chosen []choice, i int) {
	now := chosen[i]
	for _, l := range below(importance.Full) {
		if l == now.level {
			return
		}
		p.render(&chosen[i], l)
		if p.used(chosen) <= p.budget {
			return
		}
		chosen[i] = now
	}
}

func (p *packer) render(c *choice, l importance.Level) {
	s := c.r.Text
	switch l {
	case importance.Chunk:
		s = p.chunk(s)
	case importance.Summary:
		s = p.cut(s, summaryTokens)
	}
	c.level, c.text = l, p.Line(&c.r.Record, s)
	c.cost = p.PackOptions.Tokens(c.text)
}

// chunk keeps the sentences that hold most of the question's terms, up to half of the text, in their order.
func (p *packer) chunk(s string) string {
	sentences := text.Sentences(s)
	if len(sentences) < 2 {
		return s
	}
	order := make([]int, len(sentences))
	hits := make([]int, len(sentences))
	for i, sentence := range sentences {
		order[i] = i
		for t := range distinct(sentence) {
			if p.question[t] {
				hits[i]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(hits[b], hits[a]) })
	room := p.PackOptions.Tokens(s) / 2
	keep := make([]bool, len(sentences))
	for n, i := range order {
		room -= p.PackOptions.Tokens(sentences[i])
		if n > 0 && room < 0 {
			break
		}
		keep[i] = true
	}
	var b strings.Builder
	gap := false
	for i, sentence := range sentences {
		if !keep[i] {
			gap = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if gap {
			b.WriteString("… ")
		}
		b.WriteString(sentence)
		gap = false
	}
	if gap {
		b.WriteString(" …")
	}
	return b.String()
}

// cut keeps the first words of a text, up to so many tokens.
func (p *packer) cut(s string, most int) string {
	words := strings.Fields(s)
	if p.PackOptions.Tokens(strings.Join(words, " ")) <= most {
		return strings.Join(words, " ")
	}
	n := 0
	for n < len(words) && n < most && p.PackOptions.Tokens(strings.Join(words[:n+1], " ")) < most {
		n++
	}
	return strings.TrimSpace(strings.Join(words[:n], " ") + " …")
}

// repeats reports whether a memory says what one of the chosen says already.
func (p *packer) repeats(c choice, chosen []choice) bool {
	for _, d := range chosen {
		common := 0
		for t := range c.terms {
			if d.terms[t] {
				common++
			}
		}
		all := len(c.terms) + len(d.terms) - common
		if all > 0 && float64(common) >= p.Alike*float64(all) {
			return true
		}
	}
	return false
}

func distinct(s string) map[string]bool {
	set := map[string]bool{}
	for _, t := range text.Terms(s) {
		set[t] = true
	}
	return set
}

// render lists the choices in the order of time.
func render(chosen []choice) []Item {
	sorted := slices.Clone(chosen)
	slices.SortStableFunc(sorted, func(a, b choice) int {
		return cmp.Or(a.r.Created.Compare(b.r.Created), cmp.Compare(a.r.Scope.Session, b.r.Scope.Session),
			cmp.Compare(a.r.Position, b.r.Position), cmp.Compare(a.r.ID, b.r.ID))
	})
	items := make([]Item, len(sorted))
	for i, c := range sorted {
		items[i] = Item{ID: c.r.ID, Level: c.level, Weight: c.r.Weight, Text: c.text, Of: c.of}
	}
	return items
}
