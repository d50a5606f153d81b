package refine

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// quotes reports whether a summary consists of its quotes, so that it can be shown in part.
func quotes(r *memory.Record) bool {
	return len(r.Quotes) > 0 && !slices.ContainsFunc(r.Quotes, func(q memory.Quote) bool { return !strings.Contains(r.Text, q.Text) })
}

// excerpt is what a summary quotes of some of its turns: the day where it changes, then what each said, with an ellipsis
// where something was left out.
func excerpt(m *Recalled, of map[memory.ID]bool) string {
	var b strings.Builder
	day, speaker, before := "", "", memory.Quote{}
	for _, q := range m.Quotes {
		if !of[q.Source] {
			continue
		}
		i := slices.IndexFunc(m.Turns, func(t Recalled) bool { return t.ID == q.Source })
		if i < 0 {
			continue
		}
		t := &m.Turns[i]
		d, who := t.Created.UTC().Format(time.DateOnly), cmp.Or(t.Speaker, t.Role)
		switch {
		case d != day:
			if day != "" {
				b.WriteString("\n")
			}
			b.WriteString(d + "\n" + named(who))
		case who != speaker:
			b.WriteString("\n" + named(who))
		default:
			b.WriteString(between(&t.Record, before, q))
		}
		b.WriteString(q.Text)
		day, speaker, before = d, who, q
	}
	return b.String()
}

func named(who string) string {
	if who == "" {
		return ""
	}
	return who + ": "
}

// first is the record by which a choice is ordered: the first turn that an excerpt quotes, else its own.
func (c *choice) first() *memory.Record {
	for _, q := range c.r.Quotes {
		if c.quoted[q.Source] {
			if i := slices.IndexFunc(c.r.Turns, func(t Recalled) bool { return t.ID == q.Source }); i >= 0 {
				return &c.r.Turns[i].Record
			}
		}
	}
	return &c.r.Record
}

// between is what stands between two quotes of one speaker: an ellipsis, unless the turn says one right after the other.
func between(turn *memory.Record, before, q memory.Quote) string {
	if before.Source == q.Source {
		if _, rest, ok := strings.Cut(turn.Text, before.Text); ok && strings.HasPrefix(strings.TrimSpace(rest), q.Text) {
			return " "
		}
	}
	return " … "
}

// brief is what a summary quotes of a turn. It is empty if the summary does not consist of its quotes.
func brief(summary, turn *memory.Record) string {
	if !quotes(summary) {
		return ""
	}
	var b strings.Builder
	var before memory.Quote
	for _, q := range summary.Quotes {
		if q.Source != turn.ID {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(between(turn, before, q))
		}
		b.WriteString(q.Text)
		before = q
	}
	return b.String()
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
	if e.turn.Brief == "" {
		return false
	}
	i := p.find(e.m.ID)
	if i < 0 {
		i = len(p.chosen)
		p.chosen = append(p.chosen, choice{r: e.m, level: importance.Chunk, quoted: map[memory.ID]bool{}})
	}
	c := &p.chosen[i]
	c.quoted[e.turn.ID] = true
	before := *c
	if p.renderExcerpt(c); p.used()-1 <= p.budget {
		return true
	}
	if *c = before; c.text == "" {
		p.chosen = p.chosen[:i]
	} else {
		delete(c.quoted, e.turn.ID)
	}
	return false
}

func (p *packer) renderExcerpt(c *choice) {
	c.text = p.Line(&c.r.Record, excerpt(c.r, c.quoted))
	c.cost = p.PackOptions.Tokens(c.text)
}

// open shows a turn whose quotes are shown as it was said, in their stead, and reports whether there is room for it.
func (p *packer) open(e entry) bool {
	i := p.find(e.m.ID)
	if i < 0 || !p.chosen[i].quoted[e.turn.ID] || !p.Open(&e.turn.Record) {
		return false
	}
	full := choice{r: e.turn, of: e.m.ID}
	p.render(&full, importance.Full, p.budget)
	before := p.chosen[i]
	delete(before.quoted, e.turn.ID)
	if len(before.quoted) == 0 {
		p.chosen[i] = full
	} else {
		p.renderExcerpt(&p.chosen[i])
		p.chosen = append(p.chosen, full)
	}
	if p.used() <= p.budget {
		return true
	}
	before.quoted[e.turn.ID] = true
	if len(before.quoted) > 1 {
		p.chosen = p.chosen[:len(p.chosen)-1]
	}
	p.chosen[i] = before
	return false
}
