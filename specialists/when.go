package specialists

import (
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// when is a time as far as a text names it. Zero fields are not named.
type when struct {
	year, month, day int
	week             int // ISO week of year
	weekday          int // 1 Monday … 7 Sunday
}

// weekdayOf is the ISO number of t's weekday.
func weekdayOf(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }

func dayOf(t time.Time) when {
	return when{year: t.Year(), month: int(t.Month()), day: t.Day(), weekday: weekdayOf(t)}
}

// full reports whether w names a day of the calendar.
func (w when) full() bool { return w.year > 0 && w.month > 0 && w.day > 0 }

func (w when) date() time.Time {
	return time.Date(w.year, time.Month(w.month), w.day, 0, 0, 0, 0, time.UTC)
}

// entails reports whether whatever happens at w happens at c: 9 October 2024 is in October, and a Wednesday.
func (w when) entails(c when) bool {
	if w.full() {
		w.weekday = weekdayOf(w.date())
		y, week := w.date().ISOWeek()
		if c.week > 0 && (y != c.year || week != c.week) {
			return false
		}
		if c.week > 0 {
			return true
		}
	}
	return (c.year == 0 || c.year == w.year) && (c.month == 0 || c.month == w.month) && (c.day == 0 || c.day == w.day) &&
		(c.week == 0 || c.week == w.week) && (c.weekday == 0 || c.weekday == w.weekday)
}

// conflicts reports whether w and c cannot be the same time: a field that both name differs.
func (w when) conflicts(c when) bool {
	if w.full() && c.weekday > 0 {
		w.weekday = weekdayOf(w.date())
	}
	if c.full() && w.weekday > 0 {
		c.weekday = weekdayOf(c.date())
	}
	differ := func(a, b int) bool { return a > 0 && b > 0 && a != b }
	return differ(w.year, c.year) || differ(w.month, c.month) || differ(w.day, c.day) || differ(w.weekday, c.weekday) ||
		w.week > 0 && c.week > 0 && w.week != c.week
}

// isoWeekday numbers the names of weekdays.
var isoWeekday = map[string]int{"monday": 1, "tuesday": 2, "wednesday": 3, "thursday": 4, "friday": 5, "saturday": 6, "sunday": 7,
	"mondays": 1, "tuesdays": 2, "wednesdays": 3, "thursdays": 4, "fridays": 5, "saturdays": 6, "sundays": 7}

// relatives are words that a time relative to the text's own begins with.
var relatives = set(`yesterday today tonight tomorrow last next this previous past coming a an`)

// whens reads the times of tokens of s, and marks the tokens that tell them in used. The second result are the tokens
// where they begin. at is when it was said: it resolves
// relative times, and if nearest is set gives dates without a year the nearest one.
func whens(s string, toks []token, at time.Time, nearest bool, used []bool) (found []when, tokens []int) {
	take := func(i, n int, w when) {
		for k := i; k < i+n && k < len(used); k++ {
			used[k] = true
		}
		found, tokens = append(found, w), append(tokens, i)
	}
	low := func(i int) string {
		if i < 0 || i >= len(toks) {
			return ""
		}
		return toks[i].low
	}
	monthAt := func(i int) int {
		w := low(i)
		if w == "" || !fullMonths[w] {
			return 0
		}
		if (w == "may" || w == "march") && !toks[i].capital {
			return 0
		}
		return months[w[:3]]
	}
	yearAt := func(i int) int {
		w := low(i)
		if len(w) != 4 || !toks[i].digit || strings.ContainsAny(w, ",.:") {
			return 0
		}
		if y, err := strconv.Atoi(w); err == nil && y >= 1900 && y < 2100 {
			return y
		}
		return 0
	}
	// dated fills in the year of a day without one, and the weekday that stands before it.
	dated := func(i, n int, w when) {
		if wd := isoWeekday[low(i-1)]; wd > 0 {
			w.weekday = wd
			used[i-1] = true
		} else if low(i-1) == "the" && isoWeekday[low(i-2)] > 0 {
			w.weekday = isoWeekday[low(i-2)]
			used[i-2] = true
		}
		if w.year == 0 && nearest && !at.IsZero() && w.month > 0 {
			w.year = nearestYear(w, at)
		}
		take(i, n, w)
	}
	for i := 0; i < len(toks); i++ {
		if used[i] {
			continue
		}
		w := toks[i].low
		switch {
		case toks[i].digit:
			if len(w) == 10 && w[4] == '-' {
				if t, err := time.Parse(time.DateOnly, w); err == nil {
					take(i, 1, dayOf(t))
					found[len(found)-1].weekday = 0
					continue
				}
			}
			d := isDay(w)
			if d > 0 {
				j := i + 1
				if low(j) == "of" {
					j++
				}
				if m := monthAt(j); m > 0 {
					dated(i, j+1-i, when{year: yearAt(j + 1), month: m, day: d})
					if yearAt(j+1) > 0 {
						used[j+1] = true
					}
					continue
				}
				// "11 to 14 October", "9th and 13th of May"
				if sep := low(i + 1); sep == "to" || sep == "and" || sep == "or" || sep == "until" || isDay(sep) > 0 && toks[i+1].digit {
					k := i + 2
					if isDay(sep) > 0 {
						k = i + 1
					}
					if isDay(low(k)) > 0 && toks[k].digit {
						m := k + 1
						if low(m) == "of" {
							m++
						}
						if month := monthAt(m); month > 0 {
							dated(i, 1, when{year: yearAt(m + 1), month: month, day: d})
							continue
						}
					}
				}
				// "the 14th": of a month that was named before it, or nobody knows of which
				if len(w) > 2 && w[len(w)-1] >= 'a' && (low(i-1) == "the" || low(i-1) == "on") {
					n := when{day: d}
					for k := len(found) - 1; k >= 0 && n.month == 0; k-- {
						n.month, n.year = found[k].month, found[k].year
					}
					dated(i, 1, n)
					continue
				}
			}
			if n := ago(toks, i); n > 0 {
				if w, ok := relative(s, toks[i].start, toks[i+2].end, at); ok {
					take(i, 3, w)
					continue
				}
			}
			if y := yearAt(i); y > 0 && low(i-1) != "gbp" && low(i-1) != "usd" && low(i-1) != "eur" && (i+1 == len(toks) || units[toks[i+1].stem].kind == "") {
				take(i, 1, when{year: y})
			}
		case (w == "week" || w == "weekend") && low(i+1) == "of" && isDay(low(i+2)) > 0 && monthAt(i+3) > 0 && yearAt(i+4) > 0:
			d := when{year: yearAt(i + 4), month: monthAt(i + 3), day: isDay(low(i + 2))}
			if w == "week" {
				year, week := d.date().ISOWeek()
				d = when{year: year, week: week}
			}
			take(i, 5, d)
		case (w == "week" || w == "weekend" || isoWeekday[w] > 0) && low(i+1) == "before" && isDay(low(i+2)) > 0 && monthAt(i+3) > 0 && yearAt(i+4) > 0:
			d := when{year: yearAt(i + 4), month: monthAt(i + 3), day: isDay(low(i + 2))}.date()
			switch {
			case w == "week":
				year, week := d.AddDate(0, 0, -7).ISOWeek()
				take(i, 5, when{year: year, week: week})
			case w == "weekend":
				take(i, 5, dayOf(d.AddDate(0, 0, -weekdayOf(d)-1))) // its Saturday
			default:
				take(i, 5, dayOf(d.AddDate(0, 0, -1-(weekdayOf(d)-isoWeekday[w]+6)%7)))
			}
		case monthAt(i) > 0:
			m := monthAt(i)
			if d := isDay(low(i + 1)); d > 0 && yearAt(i+1) == 0 && toks[i+1].digit {
				n := 2
				y := yearAt(i + 2)
				if y > 0 {
					n = 3
				}
				dated(i, n, when{year: y, month: m, day: d})
				continue
			}
			y, n := yearAt(i+1), 1
			if y > 0 {
				n = 2
			}
			if low(i+1) == "of" && yearAt(i+2) > 0 {
				y, n = yearAt(i+2), 3
			}
			if (low(i-1) == "last" || low(i-1) == "next") && y == 0 && !at.IsZero() {
				y = at.Year()
				if low(i-1) == "last" && m >= int(at.Month()) {
					y--
				}
				if low(i-1) == "next" && m <= int(at.Month()) {
					y++
				}
			}
			dated(i, n, when{year: y, month: m})
		case isoWeekday[w] > 0:
			// A weekday before a date belongs to it and was read with it.
			next := i + 1
			if low(next) == "the" {
				next++
			}
			if isDay(low(next)) > 0 && toks[next].digit && (monthAt(next+1) > 0 || low(next+1) == "of" || len(low(next)) > 2 || isRange(toks, next)) {
				continue
			}
			if monthAt(next) > 0 {
				continue
			}
			take(i, 1, when{weekday: isoWeekday[w]})
		case relatives[w] || numerals[w] > 0:
			if at.IsZero() {
				continue
			}
			n := 1
			if wd := isoWeekday[low(i+1)]; w == "this" && wd > 0 {
				take(i, 2, dayOf(at.AddDate(0, 0, (wd-weekdayOf(at)+7)%7)))
				continue
			}
			switch w {
			case "yesterday", "today", "tonight", "tomorrow":
			case "last", "next", "this", "previous", "past", "coming":
				if low(i+1) == "" || !relativeUnits[low(i+1)] && isoWeekday[low(i+1)] == 0 {
					continue
				}
				n = 2
			default:
				if ago(toks, i) == 0 {
					continue
				}
				n = 3
			}
			if i+n > len(toks) {
				continue
			}
			if v, ok := relative(s, toks[i].start, toks[i+n-1].end, at); ok {
				take(i, n, v)
			}
		}
	}
	return found, tokens
}

var relativeUnits = set(`night week weekend month year`)

func isRange(toks []token, i int) bool {
	return i+2 < len(toks) && (toks[i+1].low == "to" || toks[i+1].low == "and") && isDay(toks[i+2].low) > 0
}

// ago reports how many tokens "two weeks ago" takes at i; 0: it is none.
func ago(toks []token, i int) int {
	if i+2 < len(toks) && (toks[i+2].low == "ago" || toks[i+2].low == "earlier") {
		switch strings.TrimSuffix(toks[i+1].low, "s") {
		case "day", "week", "month", "year":
			return 3
		}
	}
	return 0
}

// relative resolves the time that s[from:to] names against at.
func relative(s string, from, to int, at time.Time) (when, bool) {
	for _, link := range text.Links(s[from:to], at) {
		prefix, value := link[:2], link[2:]
		switch prefix {
		case text.PrefixDay:
			if t, err := time.Parse(time.DateOnly, value); err == nil {
				return dayOf(t), true
			}
		case text.PrefixWeek:
			if y, w, ok := strings.Cut(value, "-W"); ok {
				return when{year: atoi(y), week: atoi(w)}, true
			}
		case text.PrefixMonth:
			if y, m, ok := strings.Cut(value, "-"); ok {
				return when{year: atoi(y), month: atoi(m)}, true
			}
		case text.PrefixYear:
			return when{year: atoi(value)}, true
		}
	}
	return when{}, false
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

// nearestYear is the year in which a month and a day are nearest to at.
func nearestYear(w when, at time.Time) int {
	switch months := w.month - int(at.Month()); {
	case months > 6:
		return at.Year() - 1
	case months < -6:
		return at.Year() + 1
	}
	return at.Year()
}
