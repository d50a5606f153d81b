package text

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// read reads the date that begins at word i, and says how many words it takes; 0: none begins there. Words that look like a
// date and are none take words without having links.
func (r *dateReader) read(i int) (Date, int) {
	if d, n := r.written(i); n > 0 {
		return d, n
	}
	if r.at.IsZero() {
		return Date{}, 0
	}
	for _, read := range [...]func(int) (Date, int){r.weekday, r.phrase, r.ago, r.ahead, r.characters} {
		if d, n := read(i); n > 0 {
			return d, n
		}
	}
	return Date{}, 0
}

var (
	slashed  = regexp.MustCompile(`^(\d{1,4})/(\d{1,2})/(\d{2,4})(?:$|[^\d/])`)
	dotted   = regexp.MustCompile(`^(\d{1,2})\.(\d{1,2})\.(\d{4})?(?:$|\D)`)
	isoMonth = regexp.MustCompile(`^((?:19|20)\d\d)-(0[1-9]|1[0-2])(?:$|[^\d-])`)
	han      = regexp.MustCompile(`^(?:((?:19|20)\d\d)年)?(\d{1,2})月(?:(\d{1,2})[日号號])?`)
)

// written reads a date that is written out.
func (r *dateReader) written(i int) (Date, int) {
	w, low := r.words[i], r.lower[i]
	if !w.number {
		return r.monthFirst(i)
	}
	rest := r.s[w.start:]
	if t, ok := isoDate(rest); ok {
		return r.onDay(t.Year(), t.Month(), t.Day(), i, min(3, len(r.words)-i))
	}
	if d, n := r.digits(i, rest); n > 0 {
		return d, n
	}
	if d := dayOfMonth(strings.TrimSuffix(low, "er")); d > 0 {
		j := i + 1
		if r.is(j, "of", "de") {
			j++
		}
		if r.is(j, "last", "this", "next") && r.is(j+1, "month") && !r.at.IsZero() {
			m := r.shift("month", map[string]int{"last": -1, "next": 1}[r.lower[j]]).From
			return r.onDay(m.Year(), m.Month(), d, i, j+2-i)
		}
		if m := r.month(j, true); m > 0 {
			n := j + 1 - i
			if r.is(j+1, "de") && r.year(j+2) > 0 {
				return r.onDay(r.year(j+2), m, d, i, n+2)
			}
			if y := r.year(j + 1); y > 0 {
				return r.onDay(y, m, d, i, n+1)
			}
			return r.onDay(0, m, d, i, n)
		}
	}
	if y := r.year(i); y > 0 {
		d := r.yearOf(y)
		d.Relative, d.Sure = false, r.is(i-1, "in", "since", "of", "from", "until", "by", "during", "before", "after", "early", "late", "mid", "seit", "desde", "depuis", "en")
		return d, 1
	}
	return Date{}, 0
}

// digits reads a date of digits alone; "03/05/2024" is left alone, for it can mean two days.
func (r *dateReader) digits(i int, rest string) (Date, int) {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	taken := func(length int) int { // words that begin within so many bytes
		n := 1
		for i+n < len(r.words) && r.words[i+n].start < r.words[i].start+length {
			n++
		}
		return n
	}
	if m := slashed.FindStringSubmatch(rest); m != nil {
		a, b, c, n := number(m[1]), number(m[2]), number(m[3]), taken(len(m[1])+len(m[2])+len(m[3])+2)
		switch {
		case len(m[1]) == 4:
			return r.onDay(a, time.Month(b), c, i, n)
		case len(m[3]) != 4 || a != b && a <= 12 && b <= 12:
			return Date{}, n
		case a > 12:
			return r.onDay(c, time.Month(b), a, i, n)
		}
		return r.onDay(c, time.Month(a), b, i, n)
	}
	if m := dotted.FindStringSubmatch(rest); m != nil && number(m[1]) <= 31 && number(m[2]) <= 12 {
		return r.onDay(number(m[3]), time.Month(number(m[2])), number(m[1]), i, 1)
	}
	if m := isoMonth.FindStringSubmatch(rest); m != nil {
		d := r.monthOf(number(m[1]), time.Month(number(m[2])))
		d.Relative = false
		return d, 2
	}
	if m := han.FindStringSubmatch(rest); m != nil && number(m[2]) <= 12 && (m[3] != "" || m[1] != "") {
		d := r.monthOf(number(m[1]), time.Month(number(m[2])))
		if m[3] != "" {
			d, _ = r.onDay(number(m[1]), time.Month(number(m[2])), number(m[3]), i, 1)
		}
		d.Start, d.End = r.words[i].start, r.words[i].start+len(m[0])
		return d, taken(len(m[0]))
	}
	return Date{}, 0
}

// monthFirst reads "May 7 2023", "May 2023" and "May".
func (r *dateReader) monthFirst(i int) (Date, int) {
	m := r.month(i, r.is(i-1, "in", "on", "last", "next", "this", "since", "until", "by", "of", "early", "late", "mid"))
	if m == 0 {
		return Date{}, 0
	}
	j := i + 1
	if r.is(j, "the") {
		j++
	}
	if d := dayOfMonth(r.low(j)); d > 0 && r.words[j].number && !strings.HasPrefix(r.s[r.words[j].end:], ":") {
		if y := r.year(j + 1); y > 0 {
			return r.onDay(y, m, d, i, j+2-i)
		}
		return r.onDay(0, m, d, i, j+1-i)
	}
	if j = i + 1; r.is(j, "of", "de") {
		j++
	}
	if y := r.year(j); y > 0 {
		d := r.monthOf(y, m)
		d.Relative = false
		return d, j + 1 - i
	}
	if r.at.IsZero() {
		return Date{}, 1
	}
	year, sure := r.nearest(m, 0, i)
	d := r.monthOf(year, m)
	d.Sure = sure
	return d, 1
}

// onDay is a day of a month of a year; 0: the year that the text means.
func (r *dateReader) onDay(year int, month time.Month, day, i, n int) (Date, int) {
	if year == 0 && r.at.IsZero() || year > 0 && year < 1000 || month < 1 || month > 12 {
		return Date{}, n
	}
	sure := true
	relative := year == 0
	if relative {
		year, sure = r.nearest(month, day, i)
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, r.location())
	if t.Day() != day { // 31 June is none
		return Date{}, n
	}
	d := spanDays(t, 1)
	d.Relative, d.Sure = relative, sure
	return d, n
}

// nearest is the year of a month or day that is named without one at word i, and whether that is sure: what its preposition
// or the tense of its sentence says, else the nearest.
func (r *dateReader) nearest(month time.Month, day, i int) (int, bool) {
	year, away := r.at.Year(), int(month-r.at.Month())
	before, after := year, year // the latest that has begun, the first that is not over
	if away > 0 || away == 0 && day > r.at.Day() {
		before--
	}
	if away < 0 || away == 0 && day > 0 && day < r.at.Day() {
		after++
	}
	past, future := r.tense(i)
	switch p := r.low(i - 1 - r.article(i)); {
	case sinceWords[p]:
		return before, true
	case untilWords[p] && !past:
		return after, true
	case day == 0 && (p == "last" || p == "next" || p == "this"):
		return namedYear(p, year, away)
	}
	near := year
	switch {
	case away > 6:
		near--
	case away < -6:
		near++
	}
	away += 12 * (near - year)
	switch {
	case past && !future && away > 0:
		return before, false
	case future && !past && near < after:
		return after, true
	}
	return near, max(away, -away) <= 4 || future && away > 0 || past && !future && away < 0
}

// namedYear is the year of last, this or next month, where the month of that name in this year is so many months away. Last
// October, said in November, may be this year's or the one before.
func namedYear(p string, year, away int) (int, bool) {
	switch {
	case p == "last" && away >= 0:
		year--
	case p == "next" && away <= 0:
		year++
	}
	side := map[string]int{"last": -1, "next": 1}[p]
	return year, side == 0 || (side*away+12)%12 > 2 || away == 0
}

var (
	sinceWords  = setOf("since seit desde depuis")
	untilWords  = setOf("until till by bis hasta")
	futureWords = setOf("will going shall gonna plan planning wird werden werde")
	pastWords   = setOf("was were did had been ago hatte war")
	// pastForms are the past forms of verbs that do not end in "ed".
	pastForms = setOf(`arose ate became began bent bit blew bought broke brought built came caught chose dealt drank drew drove fed fell felt
		fled flew forgave forgot fought found froze gave got grew had heard held hid kept knew laid led learnt left lent lost made meant met
		paid ran rang rode rose said sang sat saw sent shook shot showed slept sold spent spoke stole stood stuck swam swore taught thought
		threw told took tore understood went woke won wore wrote been begun bitten blown broken chosen done drawn driven drunk eaten fallen
		flown forgotten frozen given gone gotten grown hidden known ridden risen seen shown spoken stolen sung sunk sworn taken thrown woken
		worn written`)
)

// article is 1 if an article stands before word i.
func (r *dateReader) article(i int) int {
	if r.is(i-1, "the", "le", "el", "dem", "der") {
		return 1
	}
	return 0
}

// tense reports whether the sentence of word i tells of the past, and of the future, as far as its words show.
func (r *dateReader) tense(i int) (past, future bool) {
	first, last := i, i
	const reach = 30
	for first > max(0, i-reach) && !r.words[first].opens {
		first--
	}
	for last+1 < min(len(r.words), i+reach) && !r.words[last+1].opens {
		last++
	}
	target := r.is(i-1, "for", "to") // what was done before it says nothing of it: "moved it to 7 December"
	for j := first; j <= last; j++ {
		low, written := r.lower[j], r.words[j].text
		future = future || futureWords[low] || strings.HasSuffix(written, "'ll") || strings.HasSuffix(written, "’ll")
		past = past || pastWords[low] || !target && j < i && i-j <= 4 && pastForm(low)
	}
	return past, future
}

// pastForm reports whether a word looks like a verb of the past: "started", "went".
func pastForm(low string) bool {
	return len(low) > 4 && strings.HasSuffix(low, "ed") || pastForms[low]
}

// TellsFuture reports whether a text has a word that tells of the future.
func TellsFuture(s string) bool {
	return hasWord(s, func(w word, low string) bool {
		return futureWords[low] && low[0] != 'w' || low == "will" || low == "next" || strings.HasSuffix(w.text, "'ll") || strings.HasSuffix(w.text, "’ll")
	})
}

// TellsPast reports whether a text has a word that tells of the past.
func TellsPast(s string) bool {
	return hasWord(s, func(_ word, low string) bool { return pastWords[low] || pastForm(low) })
}

// weekSides are the words in front of a week, or a weekday, that tell which one.
var weekSides = map[string]int{"last": -1, "previous": -1, "this": 0, "next": 1, "coming": 1}

// weekday reads a weekday of a named week: "Tuesday next week", "last Friday".
func (r *dateReader) weekday(i int) (Date, int) {
	inWeek := func(side int, day time.Weekday) Date {
		return spanDays(r.week(side).From.AddDate(0, 0, (int(day)+6)%7), 1)
	}
	if day, ok := weekdays[r.lower[i]]; ok {
		j := i + 1
		if r.is(j, "of") {
			j++
		}
		if side, ok := weekSides[r.low(j)]; ok && r.is(j+1, "week") {
			return inWeek(side, day), j + 2 - i
		}
		return Date{}, 0
	}
	side, ok := weekSides[r.lower[i]]
	if !ok {
		return Date{}, 0
	}
	if day, named := weekdays[r.low(i+3)]; named && r.is(i+1, "week") && r.is(i+2, "on") && !r.words[i+2].opens {
		return inWeek(side, day), 4
	}
	day, named := weekdays[r.low(i+1)]
	if !named || side == 0 {
		return Date{}, 0
	}
	delta := int(day - r.at.Weekday())
	if side*delta <= 0 {
		delta += 7 * side
	}
	d := r.days(delta, 1)
	// In the same week, "next Friday" may be the coming one or the one after.
	monday := r.week(0).From
	d.Sure = d.From.Before(monday) || !d.From.Before(monday.AddDate(0, 0, 7))
	return d, 2
}

// phrase reads the phrases of the table, the longest first.
func (r *dateReader) phrase(i int) (Date, int) {
	for n := min(4, len(r.lower)-i); n > 0; n-- {
		p, ok := phrases[strings.Join(r.lower[i:i+n], " ")]
		if !ok || slices.ContainsFunc(r.words[i+1:i+n], func(w word) bool { return w.opens }) {
			continue
		}
		if p.unit == "day" && n == 1 && r.is(i+1, "week", "fortnight") {
			return Date{}, n // a week from tomorrow
		}
		d := r.shift(p.unit, p.n)
		rolling := (p.unit == "week" || p.unit == "month" || p.unit == "year") && p.n == -1 && r.is(i-1, "the") && strings.HasPrefix(r.lower[i], "las")
		d.Sure = !rolling && r.lower[i] != "past"
		return d, n
	}
	return Date{}, 0
}

// amount reads a number of units of time from word i, and how many words it takes.
func (r *dateReader) amount(i int) (n int, unit string, took int) {
	switch {
	case r.is(i, "a") && r.is(i+1, "couple"):
		n, took = 2, 2
		if r.is(i+2, "of") {
			took = 3
		}
	case r.is(i, "half") && r.is(i+1, "a", "an") && r.is(i+2, "year"):
		return 6, "month", 3
	default:
		var err error
		if n, took = countWords[r.low(i)], 1; n == 0 {
			if n, err = strconv.Atoi(r.low(i)); err != nil || n < 0 || n > 1000 {
				return 0, "", 0
			}
		}
	}
	if r.is(i+took, "fortnight", "fortnights") {
		return 2 * n, "week", took + 1
	}
	switch unit = unitNames[r.low(i+took)]; unit {
	case "day", "week", "month", "year":
		return n, unit, took + 1
	}
	return 0, "", 0
}

// ago reads "two weeks ago", "vor drei Tagen", "hace dos días", "il y a un mois".
func (r *dateReader) ago(i int) (Date, int) {
	from, behind := i, 1
	switch {
	case r.is(i, "vor", "hace"):
		from, behind = i+1, 0
	case r.is(i, "il") && r.is(i+1, "y") && r.is(i+2, "a"):
		from, behind = i+3, 0
	}
	n, unit, took := r.amount(from)
	if took == 0 || behind == 1 && !r.is(from+took, "ago", "back") {
		return Date{}, 0
	}
	d := r.shift(unit, -n)
	_, weekday := weekdays[r.low(from+took+behind)]
	d.Sure = !weekday && !r.is(i-1, "over", "about", "around", "almost", "nearly", "than", "least", "or", "roughly", "approximately")
	return d, from + took + behind - i
}

// ahead reads "in three days", where no word tells of the past, and "two weeks from now".
func (r *dateReader) ahead(i int) (Date, int) {
	if r.is(i, "in") {
		if n, unit, took := r.amount(i + 1); took > 0 && !r.is(i+1+took, "ago", "time", "or", "of", "before", "after", "later") {
			if past, _ := r.tense(i); past {
				return Date{}, took + 1
			}
			return r.shift(unit, n), took + 1
		}
		return Date{}, 0
	}
	if n, unit, took := r.amount(i); took > 0 && r.is(i+took, "from") && r.is(i+took+1, "now", "today") {
		return r.shift(unit, n), took + 2
	}
	return Date{}, 0
}

// characters reads a relative date of a script without spaces.
func (r *dateReader) characters(i int) (Date, int) {
	w := r.words[i]
	if !w.unspaced {
		return Date{}, 0
	}
	for _, p := range characterPhrases {
		if at := strings.Index(w.text, p.said); at >= 0 {
			d := r.shift(p.unit, p.n)
			d.Start, d.End = w.start+at, w.start+at+len(p.said)
			return d, 1
		}
	}
	return Date{}, 0
}

// month is the month that word i names; 0: none. "May" and "March" are verbs too, so that they need a capital within the
// sentence, or certainty from their context. Months of other languages than English need a day or a year beside them, or a
// preposition.
func (r *dateReader) month(i int, certain bool) time.Month {
	if i < 0 || i >= len(r.words) {
		return 0
	}
	low := r.lower[i]
	m := months[low]
	if m == 0 {
		if m = time.Month(monthNames[low]); m == 0 || !certain && !r.is(i-1, "im", "seit", "bis", "en", "in", "de", "desde", "hasta", "depuis", "em") {
			return 0
		}
		return m
	}
	if !isCapital(r.words[i]) && !certain {
		return 0
	}
	if (m == time.May || m == time.March) && r.words[i].opens && !certain && !(i+1 < len(r.words) && r.words[i+1].number) {
		return 0
	}
	return m
}

// year is the year that word i is; 0: none.
func (r *dateReader) year(i int) int {
	if i < 0 || i >= len(r.words) || len(r.lower[i]) != 4 || strings.ContainsAny(r.words[i].text, ",.") {
		return 0
	}
	if y, err := strconv.Atoi(r.lower[i]); err == nil && y >= 1900 && y < 2100 {
		return y
	}
	return 0
}
