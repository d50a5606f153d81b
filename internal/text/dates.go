package text

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Date is a date as it stands in a text: written out, or told from when it was said.
type Date struct {
	Start, End int       // its bytes in the text
	From, To   time.Time // the days it means, To not included, in the location of the text's time
	Relative   bool      // it depends on when it was said: "yesterday", "in May"
	Sure       bool      // it can be read in no other way
	Links      []string  // a day with its month, a weekend's days, a week, a month or a year
}

// String is the date in words: 7 May 2023, the weekend of 6 May 2023, the week of 1 May 2023, May 2023, 2023.
func (d Date) String() string {
	switch days := d.To.Sub(d.From).Hours() / 24; {
	case d.From.IsZero():
		return ""
	case days < 1.5:
		return d.From.Format("2 January 2006")
	case days < 2.5:
		return "the weekend of " + d.From.Format("2 January 2006")
	case days < 8:
		return "the week of " + d.From.Format("2 January 2006")
	case days < 32:
		return d.From.Format("January 2006")
	}
	return d.From.Format("2006")
}

// Dates returns the dates of s in order, read at a moment and in its location. Words that can mean more than one date
// ("03/05/2024", "a week earlier", "on Friday") are none. If at is zero, only dates that do not need it are read.
func Dates(s string, at time.Time) []Date {
	r := newDateReader(s, at)
	var dates []Date
	for i := 0; i < len(r.words); {
		d, n := r.read(i)
		if n > 0 && len(d.Links) > 0 {
			dates = append(dates, r.place(d, i, n))
		}
		i += max(n, 1)
	}
	return dates
}

// writtenDays are the days of s that are written out, each without its year where that stands behind it.
func writtenDays(s string) (days []Date) {
	r := newDateReader(s, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // a leap year
	for i := 0; i < len(r.words); {
		d, n := r.written(i)
		if n == 0 || len(d.Links) != 2 {
			i++
			continue
		}
		if n > 1 && !r.words[i+n-1].unspaced && r.year(i+n-1) > 0 {
			n--
		}
		days = append(days, r.place(d, i, n))
		i += n
	}
	return days
}

// Explain tells what the relative dates of a text mean that are surely read, for the reader of a quotation: "yesterday: 12
// November 2026; last week: the week of 2 November 2026". It stands behind the quotation, never in it. Empty: there are none.
func Explain(s string, at time.Time) string {
	var told []string
	const most = 4
	for _, d := range Dates(s, at) {
		said := s[d.Start:d.End]
		if line := said + ": " + d.String(); d.Relative && d.Sure && len(told) < most && !slices.Contains(told, line) {
			told = append(told, line)
		}
	}
	return strings.Join(told, "; ")
}

// Window is the time that a question asks about: "yesterday", "last month", "in October", "three days ago", "since Monday". A
// month without a year is the last one, and so is a weekday. ok is false where it names no time, one that is still to
// come, or several. until may lie behind at.
func Window(question string, at time.Time) (since, until time.Time, ok bool) {
	var found []Date
	for _, d := range Dates(question, at) {
		if d.Relative && d.From.After(at) && strings.Count(d.Links[0], "-") == 1 && d.Links[0][:2] == PrefixMonth {
			d.From, d.To = d.From.AddDate(-1, 0, 0), d.To.AddDate(-1, 0, 0) // questions look back
		}
		found = append(found, d)
	}
	r := newDateReader(question, at)
	if len(found) == 0 && !at.IsZero() {
		for i, low := range r.lower {
			if day, named := weekdayNames[strings.TrimSuffix(low, "s")]; named && !r.is(i-1, "next", "every", "each") {
				back := (int(at.Weekday()) - day + 6) % 7
				d := r.days(-back-1, 1)
				d.Start = r.words[i].start
				found = append(found, d)
			}
		}
	}
	if len(found) != 1 || found[0].From.After(at) && !at.IsZero() {
		return since, until, false
	}
	since, until = found[0].From, found[0].To
	for i := range r.words {
		if i+1 < len(r.words) && r.words[i+1].start >= found[0].Start {
			switch r.lower[i] {
			case "since", "seit", "desde", "depuis":
				until = at.AddDate(0, 0, 1)
			case "before", "until", "till", "vor", "bis", "antes", "avant":
				since, until = time.Time{}, found[0].From
			case "after", "nach", "despues", "apres":
				since, until = found[0].To, at.AddDate(0, 0, 1)
			}
			break
		}
	}
	return since, until, true
}

// dateReader reads the dates of one text.
type dateReader struct {
	s     string
	at    time.Time
	words []word
	lower []string
}

func newDateReader(s string, at time.Time) *dateReader {
	r := &dateReader{s: s, at: at}
	for w := range words(s) {
		if low := w.folded(); low != "" {
			r.words, r.lower = append(r.words, w), append(r.lower, low)
		}
	}
	return r
}

// place says where a date of n words from word i stands, if it does not itself.
func (r *dateReader) place(d Date, i, n int) Date {
	if d.End == 0 {
		last := r.words[min(i+n, len(r.words))-1]
		d.Start, d.End = r.words[i].start, last.start+len(last.text)
	}
	return d
}

func (r *dateReader) is(i int, any ...string) bool {
	return slices.Contains(any, r.low(i))
}

func (r *dateReader) low(i int) string {
	if i < 0 || i >= len(r.lower) {
		return ""
	}
	return r.lower[i]
}

// midnight is the beginning of the day of at.
func (r *dateReader) midnight() time.Time {
	y, m, d := r.at.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, r.location())
}

func (r *dateReader) location() *time.Location {
	if r.at.IsZero() {
		return time.UTC
	}
	return r.at.Location()
}

// days is the day so many days from at, and those that follow it.
func (r *dateReader) days(from, n int) Date {
	return spanDays(r.midnight().AddDate(0, 0, from), n)
}

func spanDays(from time.Time, n int) Date {
	d := Date{From: from, To: from.AddDate(0, 0, n), Relative: true, Sure: true}
	for i := range n {
		day := from.AddDate(0, 0, i)
		if d.Links = append(d.Links, PrefixDay+day.Format(time.DateOnly)); i == 0 {
			d.Links = append(d.Links, PrefixMonth+day.Format("2006-01"))
		}
	}
	return d
}

// week is the week so many weeks from that of at, from Monday.
func (r *dateReader) week(n int) Date {
	monday := r.midnight().AddDate(0, 0, 7*n-(int(r.at.Weekday())+6)%7)
	year, week := monday.ISOWeek()
	return Date{From: monday, To: monday.AddDate(0, 0, 7), Relative: true, Sure: true, Links: []string{fmt.Sprintf("%s%d-W%02d", PrefixWeek, year, week)}}
}

func (r *dateReader) monthOf(year int, month time.Month) Date {
	from := time.Date(year, month, 1, 0, 0, 0, 0, r.location())
	return Date{From: from, To: from.AddDate(0, 1, 0), Relative: true, Sure: true, Links: []string{PrefixMonth + from.Format("2006-01")}}
}

func (r *dateReader) yearOf(year int) Date {
	from := time.Date(year, 1, 1, 0, 0, 0, 0, r.location())
	return Date{From: from, To: from.AddDate(1, 0, 0), Relative: true, Sure: true, Links: []string{PrefixYear + strconv.Itoa(year)}}
}

// shift is the unit of time so many units from at.
func (r *dateReader) shift(unit string, n int) Date {
	switch unit {
	case "day":
		return r.days(n, 1)
	case "week":
		return r.week(n)
	case "weekend":
		// The Saturday and Sunday of the week that is meant; on Sunday it is the one that ends.
		return spanDays(r.week(n).From.AddDate(0, 0, 5), 2)
	case "month":
		return r.monthOf(r.at.Year(), r.at.Month()+time.Month(n))
	}
	return r.yearOf(r.at.Year() + n)
}
