package text

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Prefixes of the links that [Links] returns.
const (
	PrefixName   = "n:" // n:caroline, one folded word of a name
	PrefixDay    = "d:" // d:2023-05-07
	PrefixWeek   = "w:" // w:2023-W18, an ISO 8601 week
	PrefixMonth  = "m:" // m:2023-05
	PrefixYear   = "y:" // y:2023
	PrefixNumber = "#:" // #:1200
	PrefixType   = "t:" // t:date, t:place, ...: what kind of text it is
)

// Links returns the names, dates and numbers in s, distinct and in order of appearance, each with its prefix.
//
// A name is a word with a capital that does not merely open its sentence. A date is written out ("7 May 2023",
// "May 7", "2023-05-07", "May 2023"), or relative to at, the time of the text ("yesterday", "last Friday", "two weeks
// ago", "next month"). Without a year the nearest one to at is meant. A day also links to its month. If at is zero,
// dates that need it are left out. Numbers are digits, or words from two to twelve.
func Links(s string, at time.Time) []string {
	l := newLinker(s, at)
	for i := 0; i < len(l.words); {
		if n := l.date(s, i); n > 0 {
			l.dates++
			i += n
			continue
		}
		l.number(i)
		l.name(i)
		i++
	}
	l.types(s)
	return l.links
}

// linker holds the words of one text while its links are found.
type linker struct {
	at       time.Time
	words    []word
	lower    []string // the words, folded
	capitals float64  // share of words that begin with a capital
	dates    int      // how many dates were found
	links    []string
	seen     map[string]bool
}

func newLinker(s string, at time.Time) *linker {
	l := &linker{at: at, seen: map[string]bool{}}
	for w := range words(s) {
		if low := w.folded(); low != "" {
			l.words = append(l.words, w)
			l.lower = append(l.lower, low)
		}
	}
	l.capitals = countCapitals(l.words)
	return l
}

func (l *linker) add(prefix, value string) {
	if link := prefix + value; !l.seen[link] {
		l.seen[link] = true
		l.links = append(l.links, link)
	}
}

func (l *linker) day(t time.Time) {
	l.add(PrefixDay, t.Format("2006-01-02"))
	l.add(PrefixMonth, t.Format("2006-01"))
}

func (l *linker) week(t time.Time) {
	year, week := t.ISOWeek()
	w := strconv.Itoa(week)
	if week < 10 {
		w = "0" + w
	}
	l.add(PrefixWeek, strconv.Itoa(year)+"-W"+w)
}

// name adds word i if it is a name. In a text that is mostly capitals, as a title is, capitals tell nothing.
func (l *linker) name(i int) {
	w, low := l.words[i], l.lower[i]
	if !isCapital(w) || l.capitals > 0.8 && len(l.words) > 4 || stopWords[low] || len(low) < 2 || len(low) > maxWord || months[low] != 0 || isWeekday(low) {
		return
	}
	if w.opens && !w.owns && !isAllCapitals(w.text) {
		// The first word of a sentence has a capital whatever it is, unless another name follows it.
		follows := i+1 < len(l.words) && !l.words[i+1].opens && isCapital(l.words[i+1]) && !stopWords[l.lower[i+1]] &&
			l.words[i+1].start == w.end+1
		if !follows {
			return
		}
	}
	l.add(PrefixName, low)
}

// number adds word i if it is a number.
func (l *linker) number(i int) {
	if !l.words[i].number {
		if n, ok := numerals[l.lower[i]]; ok && n > 1 {
			l.add(PrefixNumber, strconv.Itoa(n))
		}
		return
	}
	digits := strings.TrimRightFunc(l.lower[i], unicode.IsLetter) // 5k, 3pm, 2nd
	if digits != "" && len(digits) <= maxWord {
		l.add(PrefixNumber, digits)
	}
}

// date adds the date that begins at word i and returns how many words it takes; 0: none begins here.
func (l *linker) date(s string, i int) int {
	w, low := l.words[i], l.lower[i]
	if w.number {
		if t, ok := isoDate(s[w.start:]); ok {
			l.day(t)
			return min(3, len(l.words)-i)
		}
		if d := dayOfMonth(low); d > 0 {
			j := i + 1
			if l.is(j, "of") {
				j++
			}
			if m := l.month(j, true); m > 0 {
				if y := l.year(j + 1); y > 0 {
					return l.dated(y, m, d, j+2-i)
				}
				return l.dated(0, m, d, j+1-i)
			}
		}
		if l.is(i+1, "days", "weeks", "months", "years") {
			if n, err := strconv.Atoi(low); err == nil {
				return l.ago(n, i)
			}
		}
		if y := l.year(i); y > 0 {
			l.add(PrefixYear, low)
			return 1
		}
		return 0
	}
	if m := l.month(i, l.is(i-1, "in", "on", "last", "next", "this", "since", "until", "by", "of", "early", "late", "mid")); m > 0 {
		if j := i + 1; j < len(l.words) {
			if d := dayOfMonth(l.lower[j]); d > 0 && l.words[j].number {
				if y := l.year(j + 1); y > 0 {
					return l.dated(y, m, d, 3)
				}
				return l.dated(0, m, d, 2)
			}
			if y := l.year(j); y > 0 {
				return l.dated(y, m, 0, 2)
			}
			if l.is(j, "of") {
				if y := l.year(j + 1); y > 0 {
					return l.dated(y, m, 0, 3)
				}
			}
		}
		return l.dated(0, m, 0, 1)
	}
	if l.at.IsZero() {
		return 0
	}
	switch low {
	case "yesterday":
		l.day(l.at.AddDate(0, 0, -1))
		return 1
	case "today", "tonight":
		l.day(l.at)
		return 1
	case "tomorrow":
		l.day(l.at.AddDate(0, 0, 1))
		return 1
	case "last", "previous", "past":
		return l.relative(i, -1)
	case "this":
		return l.relative(i, 0)
	case "next", "coming":
		return l.relative(i, 1)
	case "a", "an":
		return l.ago(1, i)
	}
	if n, ok := numerals[low]; ok {
		return l.ago(n, i)
	}
	return 0
}

// relative reads "last week" at word i; side is -1 for the past, 0 for now, 1 for the future.
func (l *linker) relative(i, side int) int {
	if i+1 >= len(l.words) {
		return 0
	}
	unit := l.lower[i+1]
	if day, ok := weekdays[unit]; ok {
		if side == 0 {
			return 0 // this Friday may be before or after
		}
		delta := int(day - l.at.Weekday())
		if side < 0 && delta >= 0 {
			delta -= 7
		}
		if side > 0 && delta <= 0 {
			delta += 7
		}
		l.day(l.at.AddDate(0, 0, delta))
		return 2
	}
	switch unit {
	case "night":
		if side >= 0 {
			return 0
		}
		l.day(l.at.AddDate(0, 0, -1))
	case "week":
		l.week(l.at.AddDate(0, 0, 7*side))
	case "weekend":
		// The Saturday and Sunday of the week that is meant; on Monday "last weekend" was two days ago.
		saturday := l.at.AddDate(0, 0, int(time.Saturday-l.at.Weekday())+7*side)
		if l.at.Weekday() == time.Sunday {
			saturday = saturday.AddDate(0, 0, -7)
		}
		l.day(saturday)
		l.day(saturday.AddDate(0, 0, 1))
	case "month":
		l.add(PrefixMonth, firstOfMonth(l.at).AddDate(0, side, 0).Format("2006-01"))
	case "year":
		l.add(PrefixYear, strconv.Itoa(l.at.Year()+side))
	default:
		return 0
	}
	return 2
}

// ago reads "two weeks ago" at word i, n being the number.
func (l *linker) ago(n, i int) int {
	if l.at.IsZero() || n < 0 || n > 1000 || !l.is(i+2, "ago", "earlier", "back") || i+1 >= len(l.words) {
		return 0
	}
	switch strings.TrimSuffix(l.lower[i+1], "s") {
	case "day":
		l.day(l.at.AddDate(0, 0, -n))
	case "week":
		l.week(l.at.AddDate(0, 0, -7*n))
	case "month":
		l.add(PrefixMonth, firstOfMonth(l.at).AddDate(0, -n, 0).Format("2006-01"))
	case "year":
		l.add(PrefixYear, strconv.Itoa(l.at.Year()-n))
	default:
		return 0
	}
	return 3
}

// dated adds a day (0: the month only) of a month of a year (0: the nearest) that takes n words.
func (l *linker) dated(year int, month time.Month, day, n int) int {
	if year == 0 {
		if l.at.IsZero() {
			return n
		}
		year = l.at.Year()
		switch months := int(month - l.at.Month()); {
		case months > 6:
			year--
		case months < -6:
			year++
		}
	}
	if day == 0 {
		l.add(PrefixMonth, time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
		return n
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Month() == month { // 31 June is none
		l.day(t)
	}
	return n
}

func (l *linker) is(i int, any ...string) bool {
	if i < 0 || i >= len(l.lower) {
		return false
	}
	for _, a := range any {
		if l.lower[i] == a {
			return true
		}
	}
	return false
}

// month is the month that word i names; 0: none. "May" and "March" are verbs too, so that they need a capital within
// the sentence, or certainty from their context.
func (l *linker) month(i int, certain bool) time.Month {
	if i < 0 || i >= len(l.words) {
		return 0
	}
	m := months[l.lower[i]]
	if m == 0 || !isCapital(l.words[i]) && !certain {
		return 0
	}
	if (m == time.May || m == time.March) && l.words[i].opens && !certain {
		next := i+1 < len(l.words) && l.words[i+1].number
		if !next {
			return 0
		}
	}
	return m
}

// year is the year that word i is; 0: none.
func (l *linker) year(i int) int {
	if i < 0 || i >= len(l.words) || len(l.lower[i]) != 4 || strings.ContainsAny(l.words[i].text, ",.") {
		return 0
	}
	if y, err := strconv.Atoi(l.lower[i]); err == nil && y >= 1900 && y < 2100 {
		return y
	}
	return 0
}

// isoDate reads 2023-05-07 at the beginning of s.
func isoDate(s string) (time.Time, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, s[:10])
	return t, err == nil && t.Year() > 0
}

// dayOfMonth reads 1 to 31, also as 1st, 2nd, 3rd, 4th; else 0.
func dayOfMonth(s string) int {
	for _, suffix := range [...]string{"st", "nd", "rd", "th"} {
		if cut, ok := strings.CutSuffix(s, suffix); ok {
			s = cut
			break
		}
	}
	if len(s) > 2 {
		return 0
	}
	if d, err := strconv.Atoi(s); err == nil && d >= 1 && d <= 31 {
		return d
	}
	return 0
}

func firstOfMonth(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func isWeekday(low string) bool { _, ok := weekdays[low]; return ok }

func isCapital(w word) bool {
	r, _ := utf8.DecodeRuneInString(w.text)
	return unicode.IsUpper(r)
}

func isAllCapitals(s string) bool {
	n := 0
	for _, r := range s {
		if unicode.IsLower(r) {
			return false
		}
		n++
	}
	return n >= 2
}

func countCapitals(ws []word) float64 {
	n := 0
	for _, w := range ws {
		if isCapital(w) {
			n++
		}
	}
	return float64(n) / float64(max(len(ws), 1))
}

var months = map[string]time.Month{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9,
	"october": 10, "november": 11, "december": 12, "jan": 1, "feb": 2, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
	"sept": 9, "oct": 10, "nov": 11, "dec": 12,
}

var weekdays = map[string]time.Weekday{
	"sunday": 0, "monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6,
}

var numerals = map[string]int{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12,
}
