package refine

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// PackOptions say how to pack. Nil, or the zero value, is the usual way.
type PackOptions struct {
	// Tokens counts the tokens of a text. Nil means an estimate that needs no vocabulary; with a model's own tokeniser
	// the budget is exact.
	Tokens func(string) int
	// Line renders a memory whose text may have been shortened. Nil means date, speaker and text; a summary, which names
	// its days and speakers itself, is rendered as it is, on one line.
	Line func(r *memory.Record, text string) string
	// Open reports whether a turn that a summary stands for may be shown as it was said, and not only as the summary quotes
	// it. Nil: every turn may.
	Open func(*memory.Record) bool
}

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
	// Of is the summary that stands for the memory; empty for one that was recalled itself.
	Of memory.ID `json:"of,omitempty"`
}

// Text is what goes into the prompt: a line for each memory, the oldest first.
func (p Packed) Text() string {
	lines := make([]string, len(p.Items))
	for i, item := range p.Items {
		lines[i] = item.Text
	}
	return strings.Join(lines, "\n")
}

// Pack puts memories into a budget of tokens, the heaviest first, each in full if there is room, else the sentences that
// answer the question, else the beginning. What repeats another memory is left out, and so is what weighs too little to be
// shown at all ([importance.Dropped]).
//
// A summary is packed by the turns that it was found by: each as the summary quotes it if that holds its names, numbers,
// dates and negations, else as it was said, for then the summary would not do. What budget is left opens quotes into their
// turns, the heaviest first. The same input always gives the same output.
func Pack(recalled []Recalled, question string, budget int, o *PackOptions) Packed {
	p := packer{question: map[string]float64{}, budget: budget, cut: map[memory.ID][]fragment{}}
	if o != nil {
		p.PackOptions = *o
	}
	if p.PackOptions.Tokens == nil {
		p.PackOptions.Tokens = text.Tokens
	}
	if p.Line == nil {
		p.Line = Line
	}
	if p.Open == nil {
		p.Open = func(*memory.Record) bool { return true }
	}
	terms, weights := text.Weighted(question)
	for i, t := range terms {
		p.question[t] = weights[i]
	}
	entries := entriesOf(recalled)
	for _, e := range entries {
		p.take(e)
	}
	for _, e := range entries {
		p.raise(e)
	}
	// A tokeniser may count a text higher than its parts: the lightest goes until it fits.
	var packed Packed
	for len(p.chosen) > 0 {
		packed.Items = render(p.chosen)
		if packed.Tokens = p.PackOptions.Tokens(packed.Text()); packed.Tokens <= budget {
			break
		}
		p.chosen = p.chosen[:len(p.chosen)-1]
	}
	if len(p.chosen) == 0 {
		packed.Items, packed.Tokens = nil, 0
	}
	shown := map[memory.ID]bool{}
	for _, c := range p.chosen {
		shown[c.r.ID], shown[c.of] = true, true
	}
	for _, e := range entries {
		if id := e.m.ID; !shown[id] {
			shown[id] = true
			packed.Dropped = append(packed.Dropped, id)
		}
	}
	return packed
}

// Line is the usual rendering of a memory: 2023-05-08 Caroline: text, on one line. One that holds no more says so: 2023-05-08
// (until 2023-06-01) Caroline: text. A summary names its days and speakers itself.
func Line(r *memory.Record, s string) string {
	if r.Kind == memory.KindSummary && r.Origin == memory.Reconstructed && r.Meta["level"] != "" {
		return strings.Join(strings.Fields(s), " ")
	}
	who := cmp.Or(r.Speaker, r.Role)
	if who != "" {
		who += ": "
	}
	if !r.ValidUntil.IsZero() {
		who = "(until " + r.ValidUntil.Format(time.DateOnly) + ") " + who
	}
	return fmt.Sprintf("%s %s%s", r.Created.Format("2006-01-02"), who, strings.Join(strings.Fields(s), " "))
}

// packer is the work of one Pack.
type packer struct {
	PackOptions
	question map[string]float64 // its terms, and how much each tells
	budget   int
	said     copies                   // what was chosen says
	cut      map[memory.ID][]fragment // of texts that were too long
	chosen   []choice                 // the heaviest first
}

// entry is a memory that may go into the prompt: one that was recalled, or a turn that a recalled summary was found by.
type entry struct {
	m    *Recalled
	turn *Recalled // nil: m itself
}

func (e entry) weight() float64 {
	if e.turn != nil {
		return e.turn.Weight
	}
	return e.m.Weight
}

// entriesOf are the entries of what was recalled, the heaviest first. A summary that does not consist of its quotes, for a
// model has worded it, is an entry before its turns.
func entriesOf(recalled []Recalled) []entry {
	var entries []entry
	for i := range recalled {
		m := &recalled[i]
		if len(m.Turns) == 0 || !quotes(&m.Record) {
			entries = append(entries, entry{m: m})
		}
		for j := range m.Turns {
			entries = append(entries, entry{m, &m.Turns[j]})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.weight(), a.weight()) })
	return entries
}

// choice is a memory in the prompt.
type choice struct {
	r      *Recalled
	level  importance.Level
	text   string
	cost   int
	of     memory.ID          // the summary that stands for it
	quoted map[memory.ID]bool // of an excerpt of a summary: the turns whose quotes it shows
}

// used are the tokens of what was chosen, with a token for the end of each line but the last.
func (p *packer) used() int {
	n := max(0, len(p.chosen)-1)
	for _, c := range p.chosen {
		n += c.cost
	}
	return n
}

// try makes a change to what was chosen, and takes it back if there is no room for it. A change replaces choices and what they
// hold.
func (p *packer) try(change func()) bool {
	before := slices.Clone(p.chosen)
	if change(); p.used() <= p.budget {
		return true
	}
	p.chosen = before
	return false
}

// find is the place of a memory among what was chosen, -1 if it was not.
func (p *packer) find(id memory.ID) int {
	return slices.IndexFunc(p.chosen, func(c choice) bool { return c.r.ID == id })
}

// take chooses an entry if there is room for it.
func (p *packer) take(e entry) {
	switch {
	case e.turn == nil && e.m.Brief != "" && p.suffices(e.m):
		p.add(e.m, e.m.Of, importance.Chunk, importance.Summary)
	case e.turn == nil:
		p.add(e.m, e.m.Of, importance.Full, importance.Chunk, importance.Summary)
	case e.turn.Level == importance.Dropped:
	case p.suffices(e.turn) && p.quote(e):
	case !p.Open(&e.turn.Record):
		p.quote(e)
	case p.add(e.turn, e.m.ID, importance.Full), p.quote(e):
	default:
		p.add(e.turn, e.m.ID, importance.Chunk, importance.Summary)
	}
}

// add chooses a memory at the first of the levels that there is room for, and reports whether there is. One that repeats another
// needs none.
func (p *packer) add(r *Recalled, of memory.ID, levels ...importance.Level) bool {
	if r.Level == importance.Dropped {
		return false
	}
	w := wordingOf(r.Text)
	if p.said.has(w) {
		return true
	}
	for _, l := range levels {
		if p.try(func() {
			c := choice{r: r, of: of}
			p.render(&c, l, p.budget-p.used()-1)
			p.chosen = append(p.chosen, c)
		}) {
			p.said.seen = append(p.said.seen, w)
			return true
		}
	}
	return false
}

// raise shows more of an entry if there is room for it.
func (p *packer) raise(e entry) {
	id := e.m.ID
	if e.turn != nil {
		if id = e.turn.ID; p.open(e) {
			return
		}
	}
	i := p.find(id)
	if i < 0 || p.chosen[i].quoted != nil {
		return
	}
	for _, l := range []importance.Level{importance.Full, importance.Chunk} {
		if l == p.chosen[i].level || p.try(func() { p.render(&p.chosen[i], l, p.budget-p.used()+p.chosen[i].cost) }) {
			return
		}
	}
}

// render words a choice at a level, within so many tokens if it can.
func (p *packer) render(c *choice, l importance.Level, room int) {
	s := c.r.Text
	switch l {
	case importance.Chunk:
		if s = c.r.Brief; s == "" {
			head := p.PackOptions.Tokens(p.Line(&c.r.Record, ""))
			s = p.shorten(&c.r.Record, min(p.PackOptions.Tokens(c.r.Text)/2, room-head-1))
		}
	case importance.Summary:
		s = p.shorten(&c.r.Record, summaryTokens)
	}
	r := c.r.Record
	r.ValidUntil = c.r.Until()
	c.level, c.text = l, p.Line(&r, s)
	if c.cost = p.PackOptions.Tokens(c.text); strings.Trim(s, "… ") == "" {
		c.cost = p.budget + 1 // there is room for no word of it
	}
}

// fragment is a sentence of a text that is too long to be shown in full.
type fragment struct {
	text string
	hits float64 // how much of the question it holds, by what its words tell in this text
}

// fragments cuts a text into sentences, and holds them against the question.
func (p *packer) fragments(r *memory.Record) []fragment {
	if known, ok := p.cut[r.ID]; ok {
		return known
	}
	var list []fragment
	holds, count := [][]string{}, map[string]int{}
	for _, s := range text.Sentences(r.Text) {
		var hits []string
		seen := map[string]bool{}
		for _, t := range text.Index(s) {
			if p.question[t] > 0 && !seen[t] {
				seen[t] = true
				hits = append(hits, t)
				count[t]++
			}
		}
		list, holds = append(list, fragment{text: s}), append(holds, hits)
	}
	for i := range list {
		for _, t := range holds[i] {
			list[i].hits += p.question[t] * math.Log(1+float64(len(list)+1)/float64(count[t]))
		}
	}
	p.cut[r.ID] = list
	return list
}

// shorten keeps the sentences that hold most of the question, up to so many tokens, in their order. Of a sentence that is
// longer by itself it keeps the words around what the question holds.
func (p *packer) shorten(r *memory.Record, room int) string {
	list := p.fragments(r)
	if len(list) == 0 {
		return ""
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].hits, list[a].hits) })
	keep := make([]bool, len(list))
	for n, i := range order {
		cost := p.PackOptions.Tokens(list[i].text) + 2
		if n == 0 && cost > room {
			return p.window(list[i].text, room)
		}
		if room -= cost; room < 0 {
			break
		}
		keep[i] = true
	}
	var b strings.Builder
	gap := false
	for i := range list {
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
		b.WriteString(list[i].text)
		gap = false
	}
	if gap {
		b.WriteString(" …")
	}
	return b.String()
}

// window keeps the words of a sentence around those that the question holds, up to so many tokens.
func (p *packer) window(s string, room int) string {
	words := strings.Fields(s)
	value, tokens := make([]float64, len(words)+1), make([]int, len(words)+1) // of the words before
	for i, w := range words {
		value[i+1], tokens[i+1] = value[i], tokens[i]+p.PackOptions.Tokens(w)
		for _, t := range text.Index(w) {
			value[i+1] += p.question[t]
		}
	}
	from, to, best := 0, 0, -1.0
	for i, j := 0, 0; i < len(words); i++ {
		for j = max(i, j); j < len(words) && tokens[j+1]-tokens[i] <= room-4; j++ {
		}
		if v := value[j] - value[i]; v > best {
			from, to, best = i, j, v
		}
	}
	short := strings.Join(words[from:to], " ")
	if from > 0 {
		short = "… " + short
	}
	if to < len(words) {
		short += " …"
	}
	return strings.TrimSpace(short)
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
		x, y := a.first(), b.first()
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.Scope.Session, y.Scope.Session),
			cmp.Compare(x.Position, y.Position), cmp.Compare(x.ID, y.ID))
	})
	items := make([]Item, len(sorted))
	for i, c := range sorted {
		items[i] = Item{ID: c.r.ID, Level: c.level, Weight: c.r.Weight, Text: c.text, Of: c.of}
	}
	return items
}
