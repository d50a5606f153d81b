package align

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// Support is a line that says what a claim says.
type Support struct {
	Line *Line
	P    float64 // share of the claim's words, by their weight, that the line and what stands around it have
}

// leastSupport is the share of a claim's words that a line must have.
const leastSupport = .7

// Says finds the line that says most of a claim, with all its values and names, and denies as much. question is what the
// claim answers: words that it has count half. Nil: no line does.
func (c *Corpus) Says(claim, question string) *Support {
	l, asked := Read(claim), Read(question)
	if l.Empty() {
		return nil
	}
	var best *Support
	for _, m := range c.Lines {
		if m.Asks {
			continue
		}
		p := c.coverage(l, asked, m)
		if p >= leastSupport && (best == nil || p > best.P) && l.agrees(m) && c.hasValues(l, m) {
			best = &Support{m, p}
		}
	}
	return best
}

// Empty reports whether a line has neither words that tell something nor values.
func (l *Line) Empty() bool {
	return len(l.values) == 0 && !slices.ContainsFunc(l.words, func(w text.Word) bool { return w.Stem != "" && !text.Pronoun(w.Low) && !text.Grammar(w.Low) })
}

// coverage is the share of a claim's words that a line has.
func (c *Corpus) coverage(l, asked, m *Line) float64 {
	all, own := 0.0, 0.0
	for i, w := range l.words {
		weight := c.weight(w)
		if l.unit[i] || weight == 0 {
			continue
		}
		has := m.has(w)
		if has == 0 && w.Unspaced && l.spans(i, m) {
			continue
		}
		if has == 0 && asked.stems[w.Stem] {
			weight /= 2
		}
		all += weight
		own += weight * has
	}
	if all == 0 {
		return 1 // nothing but values
	}
	return own / all
}

// agrees reports whether a claim and a line speak of the same, by the same, and deny the same: the first word and the names are
// there, in their order and not only as whose something is; "you" is "I" there; and neither denies or wishes alone.
func (l *Line) agrees(m *Line) bool {
	denies := text.Denials(l.Text) > 0
	if denies != m.denies(l) || text.Wishes(m.Text) && !text.Wishes(l.Text) {
		return false
	}
	_, second := l.subjects()
	if first, _ := m.subjects(); second && !first {
		return false
	}
	last := -1
	for i, w := range l.words {
		name := w.Capital && w.Stem != "" && !l.unit[i]
		if i > 0 && !l.isName(i) || !name {
			continue
		}
		at := slices.IndexFunc(m.words, func(o text.Word) bool { return o.Stem == w.Stem })
		switch {
		case at < 0 && m.has(w) == 0:
			return false
		case at >= 0 && m.words[at].Owns && !w.Owns && !slices.ContainsFunc(m.words, func(o text.Word) bool { return o.Stem == w.Stem && !o.Owns }):
			return false
		case at >= 0 && at < last:
			return false
		}
		last = max(last, at)
	}
	return true
}

func (l *Line) isName(i int) bool {
	return slices.ContainsFunc(l.names, func(n name) bool { return n.first <= i && i <= n.last })
}

// subjects reports whether the line has a pronoun of the first and of the second person that does something.
func (l *Line) subjects() (first, second bool) {
	for _, w := range l.words {
		a, b := text.Subject(w.Low)
		first, second = first || a, second || b
	}
	return first, second
}

// denies reports whether a line denies something that a claim says: one of its words stands within three words behind a denial.
func (m *Line) denies(l *Line) bool {
	for i, w := range m.words {
		if !text.Denies(w.Low, strings.TrimRight(m.Text[w.Start:w.End], "\"”")) {
			continue
		}
		for _, o := range m.words[i+1 : min(len(m.words), i+4)] {
			if o.Stem != "" && l.stems[o.Stem] {
				return true
			}
		}
	}
	return len(m.words) > 0 && m.words[0].Unspaced && text.Denials(m.Text) > 0
}

// hasValues reports whether a line has all values and names of a claim; what it has none of its kind of may stand next to it. A
// day may be told from when the line was said.
func (c *Corpus) hasValues(l, m *Line) bool {
	for _, n := range l.names {
		for _, w := range l.words[n.first : n.last+1] {
			if m.has(w) == 0 {
				return false
			}
		}
	}
	if len(l.values) == 0 {
		return true
	}
	at := c.Statements[m.Source].At
	have := m.times(at)
	if len(text.Dates(m.Text, at)) == 0 {
		addDay(have, at)
	}
	var beside map[string]bool
	for _, v := range l.values {
		key := string(v.Kind) + v.Key
		if have[key] {
			continue
		}
		if slices.ContainsFunc(m.values, func(o text.Value) bool { return o.Kind == v.Kind }) {
			return false
		}
		if beside == nil {
			beside = map[string]bool{}
			for _, o := range c.Lines {
				if o.Source == m.Source && o != m && o.place >= m.place-2 && o.place <= m.place+2 {
					for k := range o.times(at) {
						beside[k] = true
					}
				}
			}
		}
		if !beside[key] {
			return false
		}
	}
	return true
}

// times are the values of a line, and the days, months and years that it tells of.
func (l *Line) times(at time.Time) map[string]bool {
	have := map[string]bool{}
	for _, v := range l.values {
		have[string(v.Kind)+v.Key] = true
	}
	for _, d := range text.Dates(l.Text, at) {
		for day := d.From; day.Before(d.To) && day.Before(d.From.AddDate(0, 0, 8)); day = day.AddDate(0, 0, 1) {
			addDay(have, day)
		}
		have[string(text.Number)+strconv.Itoa(d.From.Year())] = true
	}
	return have
}

func addDay(have map[string]bool, day time.Time) {
	if day.IsZero() {
		return
	}
	have[string(text.Day)+day.Format("01-02")] = true
	have[string(text.Weekday)+strconv.Itoa(int(day.Weekday()))] = true
	have[string(text.Month)+strconv.Itoa(int(day.Month()))] = true
	have[string(text.Number)+strconv.Itoa(day.Year())] = true
}

// Relation says how a later statement stands to an earlier one, as far as their words are the same.
type Relation int

// The relations.
const (
	Apart   Relation = iota // no more can be said
	Same                    // the same words and values
	Changed                 // the same words, and one other value in the same place
	Denied                  // the same words, and one of them denies
)

// Relate compares two sentences that one speaker said. Value is the changed one of the later; name tells whether it is a name.
func Relate(earlier, later *Line) (r Relation, value string, name bool) {
	if earlier.Asks || later.Asks || earlier.Empty() || later.Empty() {
		return Apart, "", false
	}
	a, b := earlier.content(), later.content()
	x, y := earlier.slots(), later.slots()
	left := slices.DeleteFunc(slices.Clone(x), func(s slot) bool { return holdsSlot(y, &s) }) // what only one has
	right := slices.DeleteFunc(y, func(s slot) bool { return holdsSlot(x, &s) })
	denied := text.Denials(earlier.Text)%2 != text.Denials(later.Text)%2
	switch {
	case len(left)+len(right) == 0 && slices.Equal(a, b):
		if denied {
			return Denied, "", false
		}
		return Same, "", false
	case len(left) == 1 && len(right) == 1 && left[0].agrees(&right[0]) && !denied:
		p, q := left[0], right[0]
		if p.kind == nameKind {
			a, b = earlier.content(strings.Fields(p.key)...), later.content(strings.Fields(q.key)...)
		}
		if len(a) > 0 && slices.Equal(a, b) {
			return Changed, later.Text[q.start:q.end], p.kind == nameKind
		}
	}
	return Apart, "", false
}

// content are the stems of a line but for those of its values, sorted; without tells more words to leave out.
func (l *Line) content(without ...string) []string {
	var out []string
	for i, w := range l.words {
		if !l.unit[i] && w.Stem != "" && !text.Pronoun(w.Low) && !slices.Contains(without, w.Low) && !nowWords[w.Low] {
			out = append(out, w.Stem)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nowWords say that what was is no longer, and nothing of what it is.
var nowWords = map[string]bool{"now": true, "currently": true, "anymore": true, "longer": true, "today": true, "jetzt": true, "nun": true, "ahora": true, "maintenant": true}

// Stems are the words of a line by which another can be found that may be about the same.
func (l *Line) Stems() []string { return l.content() }
