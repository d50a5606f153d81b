package refine

import (
	"maps"
	"slices"
	"strings"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/internal/excerpt"
	"github.com/trm-go/refiner/specialists"
)

// quotes reports whether a summary consists of its quotes, so that it can be shown in part.
func quotes(r *memory.Record) bool {
	return len(r.Quotes) > 0 && !slices.ContainsFunc(r.Quotes, func(q memory.Quote) bool { return !strings.Contains(r.Text, q.Text) })
}

// passages are what a summary quotes of records, where from finds them.
func passages(summary *memory.Record, from func(memory.ID) *memory.Record) []excerpt.Passage {
	var all []excerpt.Passage
	for _, q := range summary.Quotes {
		if r := from(q.Source); r != nil {
			all = append(all, excerpt.Passage{Text: q.Text, From: r})
		}
	}
	return all
}

// turn finds one of the turns that a choice quotes.
func (c *choice) turn(id memory.ID) *memory.Record {
	if i := slices.IndexFunc(c.r.Turns, func(t Recalled) bool { return t.ID == id }); i >= 0 && c.quoted[id] {
		return &c.r.Turns[i].Record
	}
	return nil
}

// first is the record by which a choice is ordered: the first turn that an excerpt quotes, else its own.
func (c *choice) first() *memory.Record {
	for _, q := range c.r.Quotes {
		if r := c.turn(q.Source); r != nil {
			return r
		}
	}
	return &c.r.Record
}

// brief is what a summary quotes of a turn. It is empty if the summary does not consist of its quotes.
func brief(summary, turn *memory.Record) string {
	if !quotes(summary) {
		return ""
	}
	return excerpt.Join(passages(summary, func(id memory.ID) *memory.Record {
		if id != turn.ID {
			return nil
		}
		return turn
	}))
}

// suffices reports whether what the summary quotes of a turn does for it: it holds all of the turn's names, numbers, dates
// and negations, all of the question's words that the turn holds, and half of its words. Without the last two more turns fit
// (recall@10 on LoCoMo is .766 instead of .726 within 250 tokens), and less of each is told (.574 instead of .683 if half of
// a turn's words by rarity must be there).
func (p *packer) suffices(turn *Recalled) bool {
	if 4*len(turn.Brief) < len(turn.Text) { // it cannot hold half of the words
		return false
	}
	have, all := distinct(turn.Brief), distinct(turn.Text)
	if 2*len(have) < len(all) {
		return false
	}
	for t := range all {
		if p.question[t] > 0 && !have[t] {
			return false
		}
	}
	facts := map[string]bool{}
	for _, f := range specialists.Facts(turn.Brief, turn.Created) {
		facts[f] = true
	}
	return len(specialists.Missing(specialists.Facts(turn.Text, turn.Created), facts)) == 0
}

// quote shows what the summary quotes of the turn, beside what else of it is shown, and reports whether there is such and
// room for it.
func (p *packer) quote(e entry) bool {
	return e.turn.Brief != "" && p.try(func() {
		i := p.find(e.m.ID)
		if i < 0 {
			i = len(p.chosen)
			p.chosen = append(p.chosen, choice{r: e.m, level: importance.Chunk})
		}
		quoted := map[memory.ID]bool{e.turn.ID: true}
		maps.Copy(quoted, p.chosen[i].quoted)
		p.excerpt(i, quoted)
	})
}

// excerpt lets a summary in the prompt show its quotes of some turns.
func (p *packer) excerpt(i int, quoted map[memory.ID]bool) {
	c := &p.chosen[i]
	c.quoted = quoted
	c.text = p.Line(&c.r.Record, excerpt.Render(passages(&c.r.Record, c.turn)))
	c.cost = p.PackOptions.Tokens(c.text)
}

// open shows a turn whose quotes are shown as it was said, in their stead, and reports whether there is room for it.
func (p *packer) open(e entry) bool {
	i := p.find(e.m.ID)
	if i < 0 || !p.chosen[i].quoted[e.turn.ID] || !p.Open(&e.turn.Record) {
		return false
	}
	return p.try(func() {
		full := choice{r: e.turn, of: e.m.ID}
		p.render(&full, importance.Full, p.budget)
		rest := maps.Clone(p.chosen[i].quoted)
		if delete(rest, e.turn.ID); len(rest) == 0 {
			p.chosen[i] = full
			return
		}
		p.excerpt(i, rest)
		p.chosen = append(p.chosen, full)
	})
}
