package align

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/internal/text"
)

// Conflict is a line that has another value than a claim in the same place.
type Conflict struct {
	Line       *Line
	Start, End int    // bytes of the value in the claim
	Value      string // of the line, as it stands there
	P          float64
	Before     bool // the sentence before the line tells what it is about
}

// features are what tells a contradiction from a coincidence. All lie in [0, 1] but Anchors, Loose and Left.
type features struct {
	Own      float64 // share of the claim's words that the line and what stands around it have, by their weight
	Line     float64 // the same of the line alone
	Asked    float64 // share of the question's words
	Anchors  float64 // weight of the common words, in units of a word that is in one line alone
	Loose    float64 // weight of the claim's words that are not there, in the same unit
	Left     float64 // words that stand before both values, one after the other; at most 3
	Personal float64 // the claim speaks to whoever asks, or is asked about him: 0, .5, 1
	Stale    float64 // an earlier line on the same thing has the claim's value
	Close    float64 // the values are alike: digits in another order, a day of the same month
	Single   float64 // the line has no other value of the kind
	Name     float64 // the value is a name
}

// Query is what a claim is judged with.
type Query struct {
	Question string   // that the answer is for
	Answer   string   // the whole of which the claim is a part
	Said     []string // what whoever asks has said before in the conversation, and the question
}

// slot is a value of a claim.
type slot struct {
	kind       text.ValueKind
	key, unit  string
	start, end int
	first      int // word
	last       int
}

const nameKind text.ValueKind = "name"

func (l *Line) slots() []slot {
	var out []slot
	for _, v := range l.values {
		s := slot{kind: v.Kind, key: v.Key, unit: v.Unit, start: v.Start, end: v.End}
		s.first = slices.IndexFunc(l.words, func(w text.Word) bool { return w.End > v.Start })
		s.last = s.first
		for s.last+1 < len(l.words) && l.words[s.last+1].Start < v.End {
			s.last++
		}
		if s.first >= 0 {
			out = append(out, s)
		}
	}
	for _, n := range l.names {
		out = append(out, slot{nameKind, n.low, "", l.words[n.first].Start, l.words[n.last].End, n.first, n.last})
	}
	return out
}

// agrees reports whether two values can stand in each other's place.
func (s *slot) agrees(o *slot) bool {
	return s.kind == o.kind && (s.unit == "" || o.unit == "" || s.unit == o.unit)
}

// measures reports whether the values of a claim and of a line measure the same: a unit that only one has must be named by
// the other's sentence, or be one that often goes without saying; then the numbers must be of one size.
func measures(s *slot, l *Line, o *slot, m *Line) bool {
	if s.kind != text.Number || s.unit == o.unit {
		return true
	}
	unit, there := s.unit, m
	if unit == "" {
		unit, there = o.unit, l
	}
	return there.stems[unit] || there.around[unit] || text.Unit(unit) == unit && len(s.key) == len(o.key)
}

// Contradicts finds the line that most surely contradicts a claim. Nil: none may.
func (c *Corpus) Contradicts(claim string, q *Query) *Conflict {
	l := Read(claim)
	if l.Asks || text.Wishes(claim) || text.TellsFuture(claim) {
		return nil // it says what would be, or what will be
	}
	asked := Read(q.Question)
	var best *Conflict
	for _, s := range l.slots() {
		if f := c.against(l, &s, asked, q); f != nil && (best == nil || f.P > best.P) {
			best = f
		}
	}
	return best
}

// against finds the line that most surely has another value than one of a claim.
func (c *Corpus) against(l *Line, s *slot, asked *Line, q *Query) *Conflict {
	if slices.ContainsFunc(q.Said, func(said string) bool { return holds(said, s) }) {
		return nil // whoever asks has just said it
	}
	var best *Conflict
	for _, m := range c.Lines {
		if m.Asks {
			continue
		}
		f := c.compare(l, s, asked, m)
		if f.Anchors < .4 || f.Own < .25 {
			continue
		}
		other, ok := c.opposite(l, s, m, &f)
		if !ok {
			continue
		}
		value := m.Text[other.start:other.end]
		if holds(q.Answer, other) || holdsSlot(l.slots(), other) {
			continue
		}
		later, earlier := c.supports(l, s, asked, m, f.total())
		if later {
			continue
		}
		f.Close, f.Personal = closeness(s, other), personal(l.Text, q)
		if earlier && l.tellsOfBefore(m) {
			continue
		}
		if earlier {
			f.Stale = 1
			if s.end-s.start >= 3 && s.kind != text.Month && s.kind != text.Weekday {
				f.Personal = max(f.Personal, .8) // so long a value is no coincidence
			}
		}
		p := f.p()
		if best == nil || p > best.P+.05 || p > best.P-.05 && c.Statements[m.Source].At.After(c.Statements[best.Line.Source].At) {
			best = &Conflict{Line: m, Start: s.start, End: s.end, Value: value, P: p, Before: f.Line < .5}
		}
	}
	return best
}

// tellsOfBefore reports whether a claim tells of a time before a line, when an earlier memory held.
func (l *Line) tellsOfBefore(m *Line) bool {
	if slices.ContainsFunc(l.words, func(w text.Word) bool { return beforeWords[w.Low] }) {
		return true
	}
	return text.TellsPast(l.Text) && slices.ContainsFunc(m.words, func(w text.Word) bool { return nowWords[w.Low] })
}

var beforeWords = map[string]bool{"was": true, "were": true, "had": true, "used": true, "until": true, "before": true, "formerly": true, "originally": true,
	"previously": true, "first": true, "once": true, "war": true, "hatte": true, "fruher": true, "bis": true, "antes": true, "era": true, "avant": true, "etait": true}

// compare compares all of a claim but one value with a line.
func (c *Corpus) compare(l *Line, s *slot, asked *Line, m *Line) features {
	var f features
	unit := math.Log((float64(max(len(c.Lines), fewest)) + 1) / 1.5)
	all, own, here := 0.0, 0.0, 0.0
	seen := map[string]bool{}
	for i, w := range l.words {
		if l.unit[i] || i >= s.first && i <= s.last || seen[w.Stem] {
			continue
		}
		seen[w.Stem] = true
		weight := c.weight(w)
		has := m.has(w)
		if w.Unspaced && has == 0 && l.spans(i, m) {
			continue
		}
		all += weight
		own += weight * has
		if has >= .9 {
			here += weight * has
		}
	}
	askedAll, askedOwn, fresh := 0.0, 0.0, 0.0
	for i, w := range asked.words {
		if w.Unspaced && m.has(w) == 0 && asked.spans(i, m) {
			continue
		}
		if asked.unit[i] || seen["?"+w.Stem] {
			continue
		}
		seen["?"+w.Stem] = true
		weight := c.weight(w)
		has := m.has(w)
		askedAll += weight
		askedOwn += weight * has
		if !seen[w.Stem] {
			fresh += weight * has
		}
	}
	f.Asked = share(askedOwn, askedAll)
	f.Own, f.Line, f.Loose = share(own, all), share(here, all), (all-own)/unit
	if all < 1.2*unit { // a short answer says the rest by its question
		f.Own = share(own+askedOwn, all+askedAll)
		f.Loose += .5 * (askedAll - askedOwn) / unit
	}
	f.Anchors = (own + fresh) / unit
	if s.kind == nameKind {
		f.Name = 1
	}
	return f
}

// spans reports whether pair i of characters lies between two words that m has: it is no word itself.
func (l *Line) spans(i int, m *Line) bool {
	return i > 0 && i+1 < len(l.words) && m.has(l.words[i-1]) > 0 && m.has(l.words[i+1]) > 0
}

func share(part, all float64) float64 {
	if all == 0 {
		return 0
	}
	return part / all
}

// total is how far a line speaks of what a claim speaks of.
func (f *features) total() float64 { return f.Own + .5*f.Asked }

// opposite is the value of a line that stands where the claim has its own; false if there is none, or if the line says what
// the claim says.
func (c *Corpus) opposite(l *Line, s *slot, m *Line, f *features) (*slot, bool) {
	type place struct {
		slot
		left, near float64
	}
	var places []place
	for _, o := range m.slots() {
		if !s.agrees(&o) || !measures(s, l, &o, m) || far(s, &o) {
			continue
		}
		s := s
		if s.kind == nameKind {
			a, b := *s, o
			trim(&a, l, &b, m)
			s, o = &a, b
		}
		p := place{slot: o, left: float64(left(l, s.first, m, o.first)), near: c.near(l, s, m, &o)}
		if s.kind == text.Month && p.left < 2 {
			continue // it mostly tells when something else is true
		}
		if s.kind == nameKind {
			// A name is another value only in the same place, and if neither sentence has it elsewhere.
			if p.left < 1 || o.key != s.key && (holdsWords(l, o.key) || p.left < 2 && right(l, s.last, m, o.last) == 0) {
				continue
			}
		}
		places = append(places, p)
	}
	if len(places) == 0 {
		return nil, false
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(b.left+b.near, a.left+a.near) })
	best := places[0]
	if sameKey(&best.slot, s) {
		return nil, false
	}
	others := 0
	for _, p := range places[1:] {
		if !sameKey(&p.slot, &best.slot) {
			others++
			if sameKey(&p.slot, s) && p.left+p.near > best.left+best.near-.25 {
				return nil, false
			}
		}
	}
	if others == 0 {
		f.Single = 1
	}
	f.Left = math.Min(best.left, 3)
	return &best.slot, true
}

// trim takes from two names what they begin or end with alike: "Dr. Kranz" and "Dr. Wendt" differ in one word.
func trim(a *slot, x *Line, b *slot, y *Line) {
	if a.key == b.key {
		return
	}
	for a.first < a.last && b.first < b.last && x.words[a.first].Low == y.words[b.first].Low {
		a.first, b.first = a.first+1, b.first+1
	}
	for a.first < a.last && b.first < b.last && x.words[a.last].Low == y.words[b.last].Low {
		a.last, b.last = a.last-1, b.last-1
	}
	for _, t := range []struct {
		s *slot
		l *Line
	}{{a, x}, {b, y}} {
		var parts []string
		for _, w := range t.l.words[t.s.first : t.s.last+1] {
			parts = append(parts, w.Low)
		}
		t.s.key, t.s.start, t.s.end = strings.Join(parts, " "), t.l.words[t.s.first].Start, t.l.words[t.s.last].End
	}
}

// near is how near the common words of a claim and a line stand to a value of the line: at most 1.
func (c *Corpus) near(l *Line, s *slot, m *Line, o *slot) float64 {
	sum, all := 0.0, 0.0
	for i, w := range l.words {
		weight := c.weight(w)
		if weight == 0 || i >= s.first && i <= s.last || l.unit[i] {
			continue
		}
		all += weight
		best := math.Inf(1)
		for j, v := range m.words {
			if (j < o.first || j > o.last) && v.Stem != "" && same(w, v) {
				d := float64(o.first - j)
				if j > o.last {
					d = float64(j-o.last) * 1.5
				}
				best = math.Min(best, d)
			}
		}
		if !math.IsInf(best, 1) {
			sum += weight / (1 + .15*best)
		}
	}
	return share(sum, all)
}

// left counts how many words before word i of x and word j of y are the same, one after the other.
func left(x *Line, i int, y *Line, j int) int {
	n := 0
	for i, j = i-1, j-1; i >= 0 && j >= 0 && n < 4 && same(x.words[i], y.words[j]); i, j = i-1, j-1 {
		n++
	}
	return n
}

// right is left behind the values; an end of both sentences counts as one.
func right(x *Line, i int, y *Line, j int) int {
	n := 0
	for i, j = i+1, j+1; n < 4; i, j = i+1, j+1 {
		if i >= len(x.words) && j >= len(y.words) {
			return n + 1
		}
		if i >= len(x.words) || j >= len(y.words) || !same(x.words[i], y.words[j]) {
			break
		}
		n++
	}
	return n
}

// supports reports whether a line that speaks of the same as m has the claim's value: one that is later, or earlier.
func (c *Corpus) supports(l *Line, s *slot, asked, m *Line, total float64) (later, earlier bool) {
	at := c.Statements[m.Source].At
	mine := c.compare(l, s, asked, m).Line
	for _, o := range c.Lines {
		if o == m || o.Asks || !slices.ContainsFunc(o.slots(), func(x slot) bool { return s.agrees(&x) && sameKey(&x, s) }) && !(s.kind == nameKind && holdsWords(o, s.key)) {
			continue
		}
		f := c.compare(l, s, asked, o)
		if f.Anchors < .3 {
			continue
		}
		if o.Source == m.Source && f.Line < mine {
			earlier = true // in one breath, of something like it
			continue
		}
		if c.Statements[o.Source].At.Before(at) {
			earlier = earlier || f.total() >= .5*total
		} else if f.total() >= .4*total {
			later = true
		}
	}
	return later, earlier
}

// sameKey reports whether two values of a kind are one.
func sameKey(a, b *slot) bool {
	if a.kind != b.kind {
		return false
	}
	if a.kind == nameKind {
		return a.key == b.key || strings.HasSuffix(a.key, " "+b.key) || strings.HasSuffix(b.key, " "+a.key) || strings.HasPrefix(a.key, b.key) || strings.HasPrefix(b.key, a.key)
	}
	return a.key == b.key
}

// holds reports whether a text has a value.
func holds(s string, v *slot) bool {
	l := Read(s)
	if v.kind == nameKind {
		return holdsWords(l, v.key)
	}
	return holdsSlot(l.slots(), v)
}

// holdsSlot reports whether a value is among others.
func holdsSlot(list []slot, v *slot) bool {
	return slices.ContainsFunc(list, func(x slot) bool { return x.kind == v.kind && x.key == v.key })
}

// holdsWords reports whether a line has one of the words of a name.
func holdsWords(l *Line, name string) bool {
	parts := strings.Fields(name)
	return slices.ContainsFunc(l.words, func(w text.Word) bool { return slices.Contains(parts, w.Low) })
}

// far reports whether two numbers are of such different size that they hardly measure the same.
func far(a, b *slot) bool {
	x, err1 := strconv.ParseFloat(a.key, 64)
	y, err2 := strconv.ParseFloat(b.key, 64)
	return a.kind == text.Number && err1 == nil && err2 == nil && (x > 4*y || y > 4*x)
}

// closeness says how alike two values are that differ.
func closeness(a, b *slot) float64 {
	switch a.kind {
	case text.Day:
		if a.key[:2] == b.key[:2] {
			return 1
		}
	case text.Number:
		x, y := []byte(a.key), []byte(b.key)
		slices.Sort(x)
		slices.Sort(y)
		switch {
		case len(x) != len(y):
			return 0
		case len(x) >= 2 && string(x) == string(y):
			return 1
		}
	}
	return .5
}

// personal says how far a claim is about whoever asks.
func personal(claim string, q *Query) float64 {
	p := 0.0
	if text.SecondPerson(claim) {
		p += .6
	}
	if text.FirstPerson(q.Question) {
		p += .4
	}
	return p
}

// Sure is the probability from which a contradiction is acted on.
const Sure = .25

// p is the probability of a contradiction, by a logistic regression over the features.
func (f *features) p() float64 {
	x := -8 + 2.2*f.Own + 1.2*math.Min(f.Anchors, 3) - 1.5*f.Loose + .5*f.Left + 2.5*f.Personal + 2.2*f.Stale + 2.8*f.Close + 1.1*f.Single - .2*f.Name
	return 1 / (1 + math.Exp(-x))
}
