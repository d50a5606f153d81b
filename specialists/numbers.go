package specialists

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Numbers corrects numbers, dates and units. A value that a memory has otherwise is replaced by the memory's own words.
// What can be reckoned is reckoned: the weekday of a date, the days between two dates, an age from a birthday in the
// memories, and a measure that the draft gives in two units. Nothing is replaced by a value that is not quoted or
// reckoned from quoted ones.
type Numbers struct{}

// Name implements [Specialist].
func (*Numbers) Name() string { return "numbers" }

// Priority implements [Specialist].
func (*Numbers) Priority() int { return 20 }

// Examine implements [Specialist].
func (s *Numbers) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if ok, err := examined(ctx, d); !ok {
		return Finding{}, err
	}
	g := newGrounder(t)
	text := d.Text
	var notes []Note
	for range maxPasses {
		fixes := s.fixes(g, text)
		if len(fixes) == 0 {
			break
		}
		edits := make([]edit, len(fixes))
		for i, f := range fixes {
			edits[i] = f.edit
			notes = append(notes, f.note)
		}
		next := apply(text, edits)
		if next == text {
			break
		}
		text, g.said = next, nil
	}
	return revised(d, text, notes), nil
}

// fix is a correction and its reason.
type fix struct {
	edit
	note Note
}

func (s *Numbers) fixes(g *grounder, text string) []fix {
	var out []fix
	for _, c := range g.ground(text) {
		if c.part == nil {
			continue
		}
		base := c.from - c.part.from
		note := func(kind, why string, quotes []memory.Quote) Note {
			return Note{Specialist: s.Name(), Kind: kind, Claim: c.Text, Why: why, Quotes: quotes}
		}
		replace := func(from, to token, with, kind, why string, quotes []memory.Quote) {
			e := edit{base + from.start, base + to.end, with}
			if text[e.from:e.to] != with {
				out = append(out, fix{e, note(kind, why, quotes)})
			}
		}
		before := len(out)
		if m := c.ruling.match; m != nil && c.Support == Contradicted && c.ruling.earlier == nil {
			s.quoted(g, c, m, replace)
		}
		if len(out) > before {
			continue // the next pass looks at the rest
		}
		s.weekdays(c.part, replace)
		s.spans(c.part, replace)
		s.units(c.part, replace)
		if c.Support != Supported {
			s.ages(g, c.part, replace)
		}
	}
	return out
}

type replacer func(from, to token, with, kind, why string, quotes []memory.Quote)

// quoted replaces the number or the time that the memory of a contradicted claim has otherwise.
func (s *Numbers) quoted(g *grounder, c placed, m *match, replace replacer) {
	p := &g.e.passages[m.passage]
	src := &g.e.sources[p.source]
	if m.number && !m.time {
		for _, n := range c.part.numbers {
			if _, ok := findNumber(p.numbers, n); ok {
				continue
			}
			var right *counted
			for i := range p.numbers {
				q := &p.numbers[i]
				if q.former || !sameKind(n, *q) {
					continue
				}
				if right != nil {
					right = nil // two values to choose from
					break
				}
				right = q
			}
			if right == nil {
				continue
			}
			from, to := c.part.extent(n.at)
			first, last := p.extent(right.at)
			replace(from, to, src.text[first.start:last.end], "number", "a memory has another number", c.Quotes)
		}
	}
	if m.time && !m.number && len(c.part.whens) == 1 && len(p.whens) == 1 && !p.relativeTime() {
		from, to := c.part.timeExtent(0)
		first, last := p.timeExtent(0)
		replace(from, to, src.text[first.start:last.end], "date", "a memory has another time", c.Quotes)
	}
}

// extent is the first and the last token of the quantity at token i, with its currency or unit.
func (p *passage) extent(i int) (from, to token) {
	first, last := i, i
	if i > 0 && (p.toks[i-1].low == "gbp" || p.toks[i-1].low == "usd" || p.toks[i-1].low == "eur") {
		first = i - 1
	}
	for k := i + 1; k < len(p.toks) && k <= i+2 && p.used[k]; k++ {
		low := p.toks[k].low
		if p.toks[k].comma || units[p.toks[k].stem].kind == "" && spans[low].kind == "" && multipliers[low] == 0 && low != "am" && low != "pm" && low != "percent" && low != "eur" && low != "usd" && low != "gbp" {
			break
		}
		last = k
	}
	return p.toks[first], p.toks[last]
}

// timeExtent is the first and the last token of the time with number i.
func (p *passage) timeExtent(i int) (from, to token) {
	first := p.whenAt[i]
	last := first
	for k := first + 1; k < len(p.toks) && p.used[k] && !p.isNumber(k); k++ {
		last = k
	}
	for first > 0 && p.used[first-1] && isoWeekday[p.toks[first-1].low] > 0 {
		first--
	}
	return p.toks[first], p.toks[last]
}

func (p *passage) isNumber(k int) bool {
	for _, n := range p.numbers {
		if n.at == k {
			return true
		}
	}
	return false
}

// relativeTime reports whether the clause names its time by when it was said; such words mean another day in an answer.
func (p *passage) relativeTime() bool {
	for _, t := range p.toks {
		if relatives[t.low] && t.low != "a" && t.low != "an" || t.low == "ago" {
			return true
		}
	}
	return false
}

// weekdays corrects the weekday of a full date by the calendar.
func (s *Numbers) weekdays(p *passage, replace replacer) {
	for i, w := range p.whens {
		if !w.full() || w.weekday == 0 || w.weekday == weekdayOf(w.date()) || w.date().Day() != w.day {
			continue
		}
		for k := max(0, p.whenAt[i]-2); k < len(p.toks) && k <= p.whenAt[i]; k++ {
			if isoWeekday[p.toks[k].low] == w.weekday {
				right := w.date().Weekday().String()
				replace(p.toks[k], p.toks[k], right, "weekday", fmt.Sprintf("%s was a %s", w.date().Format("2 January 2006"), right), nil)
			}
		}
	}
}

// spans corrects the days or nights between two dates of the same clause.
func (s *Numbers) spans(p *passage, replace replacer) {
	if len(p.whens) != 2 || !p.whens[0].full() || !p.whens[1].full() {
		return
	}
	days := p.whens[1].date().Sub(p.whens[0].date()).Hours() / 24
	if days <= 0 || days > 3660 {
		return
	}
	ranged := false
	for _, t := range p.toks[p.whenAt[0]:p.whenAt[1]] {
		ranged = ranged || t.low == "to" || t.low == "until"
	}
	for _, n := range p.numbers {
		unit := ""
		if n.at+1 < len(p.toks) {
			unit = p.toks[n.at+1].low
		}
		right := days
		switch unit {
		case "days":
			if n.value == days+1 { // the first and the last day counted
				continue
			}
		case "nights":
		case "weeks":
			if math.Mod(days, 7) != 0 {
				continue
			}
			right = days / 7
			if n.value == days {
				continue
			}
		default:
			continue
		}
		if given, ok := numberOf(p.toks[n.at].low); ranged && ok && given != right {
			replace(p.toks[n.at], p.toks[n.at], strconv.Itoa(int(right)), "duration", fmt.Sprintf("there are %d days between the two dates", int(days)), nil)
		}
	}
}

func numberOf(low string) (float64, bool) {
	if v, ok := numerals[low]; ok {
		return v, true
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(low, ",", ""), 64)
	return v, err == nil
}

// units corrects the second of two measures in different units that a draft gives for the same: "5 miles (12 km)".
func (s *Numbers) units(p *passage, replace replacer) {
	for i := 1; i < len(p.numbers); i++ {
		a, b := p.numbers[i-1], p.numbers[i]
		_, end := p.extent(a.at)
		if a.unit == "" || a.unit != b.unit || a.unit == "clock" || a.value == 0 || !p.toks[b.at].comma || end.end+4 < p.toks[b.at].start {
			continue
		}
		ua, ub := p.unit(a.at), p.unit(b.at)
		if ua == ub || ub.scale == 0 || ua.scale == 0 || math.Abs(a.value-b.value) <= .03*math.Abs(a.value) {
			continue
		}
		right := a.value / ub.scale
		digits := 0
		if right < 10 {
			digits = 1
		}
		with := strconv.FormatFloat(right, 'f', digits, 64)
		if _, ok := numberOf(p.toks[b.at].low); !ok {
			continue // "12km" is one word
		}
		replace(p.toks[b.at], p.toks[b.at], with, "unit", "the two measures are not the same", nil)
	}
}

type unitScale struct {
	kind  string
	scale float64
}

func (p *passage) unit(i int) unitScale {
	if i+1 < len(p.toks) {
		u := units[p.toks[i+1].stem]
		return unitScale{u.kind, u.scale}
	}
	return unitScale{}
}

// ages corrects "X is N years old" by the birthday of X in the memories.
func (s *Numbers) ages(g *grounder, p *passage, replace replacer) {
	if g.e.now.IsZero() {
		return
	}
	for _, n := range p.numbers {
		if n.unit != "months" || !strings.HasPrefix(p.low(n.at+1), "year") || p.low(n.at+2) != "old" {
			continue
		}
		given, ok := numberOf(p.low(n.at))
		if !ok {
			continue
		}
		age, i := g.age(p)
		if i < 0 || float64(age) == given {
			continue
		}
		replace(p.toks[n.at], p.toks[n.at], strconv.Itoa(age), "age", "reckoned from the birthday in a memory", []memory.Quote{g.e.sentence(i)})
	}
}

func (p *passage) low(i int) string {
	if i < len(p.toks) {
		return p.toks[i].low
	}
	return ""
}

// age is how old the one whom a clause names is, and the passage that tells the birthday; -1: none does.
func (g *grounder) age(p *passage) (years, at int) {
	names := p.names
	if len(names) != 1 {
		return 0, -1
	}
	at = -1
	for i := range g.e.passages {
		q := &g.e.passages[i]
		if !g.e.mentions(q, names[0], false) || !g.e.sources[q.source].valid || q.negative || q.question || q.possible || len(q.whens) != 1 || !q.whens[0].full() {
			continue
		}
		bornThen, turned := false, 0.0
		for k, t := range q.toks {
			bornThen = bornThen || t.low == "born"
			if t.low == "turned" && k+1 < len(q.toks) {
				turned, _ = numberOf(q.toks[k+1].low)
			}
		}
		day := q.whens[0].date()
		switch {
		case turned > 0:
			day = day.AddDate(-int(turned), 0, 0)
		case !bornThen:
			continue
		}
		if at >= 0 {
			return 0, -1 // two birthdays
		}
		years, at = yearsBetween(day, g.e.now), i
	}
	if years < 0 || years > 130 {
		return 0, -1
	}
	return years, at
}

// yearsBetween counts the whole years from one day to another.
func yearsBetween(from, to time.Time) int {
	years := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		years--
	}
	return years
}
