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
)

// Links returns the names, dates and numbers in s, distinct and in order of appearance, each with its prefix.
//
// A name is a word with a capital that does not merely open its sentence. A date is written out ("7 May 2023",
// "May 7", "2023-05-07", "May 2023"), or relative to at, the time of the text ("yesterday", "last Friday", "two weeks
// ago", "next month"). Without a year the nearest one to at is meant. A day also links to its month. If at is zero,
// dates that need it are left out. Numbers are digits, or words from two to twelve.
func Links(s string, at time.Time) []string {
	r := newDateReader(s, at)
	capitals := 0
	for _, w := range r.words {
		if isCapital(w) {
			capitals++
		}
	}
	// In a text that is mostly capitals, as a title is, capitals tell nothing.
	title := len(r.words) > 4 && 10*capitals > 8*len(r.words)
	var links []string
	seen := map[string]bool{}
	add := func(link string) {
		if !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
	}
	for i := 0; i < len(r.words); {
		if d, n := r.read(i); n > 0 {
			for _, link := range d.Links {
				add(link)
			}
			i += n
			continue
		}
		if number := r.number(i); number != "" {
			add(PrefixNumber + number)
		}
		if !title && r.names(i) {
			add(PrefixName + r.lower[i])
		}
		i++
	}
	return links
}

// names reports whether word i is a name: it has a capital, and does not merely open its sentence.
func (r *dateReader) names(i int) bool {
	w, low := r.words[i], r.lower[i]
	if !isCapital(w) || stopWords[low] || len(low) < 2 || len(low) > maxWord || months[low] != 0 || isWeekday(low) {
		return false
	}
	if !w.opens || w.owns || isAllCapitals(w.text) {
		return true
	}
	// The first word of a sentence has a capital whatever it is, unless another name follows it.
	if i+1 == len(r.words) {
		return false
	}
	next := r.words[i+1]
	return !next.opens && isCapital(next) && !stopWords[r.lower[i+1]] && next.start == w.end+1
}

// number is the number that word i is; empty: none.
func (r *dateReader) number(i int) string {
	if r.words[i].number {
		if digits := strings.TrimRightFunc(r.lower[i], unicode.IsLetter); len(digits) <= maxWord { // 5k, 3pm, 2nd
			return digits
		}
	} else if n := numerals[r.lower[i]]; n > 1 {
		return strconv.Itoa(n)
	}
	return ""
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
