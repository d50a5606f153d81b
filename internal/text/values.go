package text

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValueKind is the type of a [Value]: only values of one type can stand in each other's place.
type ValueKind string

// The kinds of values.
const (
	Number  ValueKind = "number"  // 1190, with a unit or without
	Clock   ValueKind = "clock"   // 7:30, without regard to the half of the day
	Day     ValueKind = "day"     // 12-14, a day of a month
	Weekday ValueKind = "weekday" // 4, from Sunday, 0
	Month   ValueKind = "month"   // 12
)

// Value is a number, a time of day, a day, a weekday or a month as it stands in a text. Key is the same for all ways to
// write it, in the languages whose calendar is known: "December 14", "14. Dezember" and "12月14日" are 12-14.
type Value struct {
	Start, End int // its bytes in the text, its unit not included
	Kind       ValueKind
	Key        string
	Unit       string // of a number: its stem; empty: none
}

// Values returns the values of s in order. Relative dates are none: they depend on who reads them when.
func Values(s string) []Value {
	r := &valueReader{s: s}
	for w := range words(s) {
		if w.unspaced {
			r.list = append(r.list, splitUnspaced(s, w)...)
		} else {
			r.list = append(r.list, w)
		}
	}
	days := writtenDays(s)
	var out []Value
	for i := 0; i < len(r.list); {
		for len(days) > 0 && days[0].Start < r.list[i].start {
			days = days[1:]
		}
		if len(days) > 0 && days[0].Start == r.list[i].start {
			d := days[0]
			out = append(out, Value{Start: d.Start, End: d.End, Kind: Day, Key: d.From.Format("01-02")})
			for i < len(r.list) && r.list[i].start < d.End {
				i++
			}
			continue
		}
		v, n := r.at(i)
		if n > 0 {
			out = append(out, v)
		}
		i += max(n, 1)
	}
	return out
}

// splitUnspaced makes a word of each calendar character of a run and of what is between them.
func splitUnspaced(s string, w word) []word {
	var out []word
	start := w.start
	cut := func(to int) {
		if to > start {
			out = append(out, word{text: s[start:to], start: start, end: to, unspaced: true})
		}
		start = to
	}
	for i, r := range w.text {
		if strings.ContainsRune("年月日号號時时点點分円元万萬千半歳岁", r) {
			cut(w.start + i)
			cut(w.start + i + utf8.RuneLen(r))
		}
	}
	cut(w.end)
	return out
}

type valueReader struct {
	s    string
	list []word
}

func (r *valueReader) low(i int) string {
	if i < 0 || i >= len(r.list) {
		return ""
	}
	return r.list[i].folded()
}

// near reports whether word i begins within n bytes of the end of the word before it.
func (r *valueReader) near(i, n int) bool {
	return i > 0 && i < len(r.list) && r.list[i].start-r.list[i-1].end <= n
}

// at reads the value that begins at word i, and how many words it takes; 0: none.
func (r *valueReader) at(i int) (Value, int) {
	w := r.list[i]
	value := func(kind ValueKind, key string, n int) (Value, int) {
		return Value{Start: w.start, End: r.list[i+n-1].end, Kind: kind, Key: key}, n
	}
	low := r.low(i)
	if !w.number {
		if m := monthNames[low]; m > 0 && isCapital(w) && !w.opens && len(low) > 3 {
			return value(Month, strconv.Itoa(m), 1)
		}
		for _, name := range []string{strings.TrimSuffix(low, "s"), low} {
			if d, ok := weekdayNames[name]; ok {
				return value(Weekday, strconv.Itoa(d), 1)
			}
		}
		switch low {
		case "noon", "midnight", "mittag", "mitternacht", "midi", "minuit":
			return value(Clock, "0:00", 1)
		}
		if n, ok := numerals[low]; ok && n > 1 {
			v, took := value(Number, strconv.Itoa(n), 1)
			v.Unit = r.unit(i + 1)
			return v, took
		}
		if w.unspaced {
			if m := cjkWeekday(w.text); m >= 0 {
				return value(Weekday, strconv.Itoa(m), 1)
			}
		}
		return Value{}, 0
	}
	if v, n := r.clock(i, value); n > 0 {
		return v, n
	}
	number, ok := magnitude(w.text)
	if !ok {
		return Value{}, 0
	}
	n := 1
	if r.near(i+1, 1) {
		if by, ok := multipliers[r.low(i+1)]; ok {
			number, n = number*by, 2
		}
	}
	v, n := value(Number, strconv.FormatFloat(number, 'f', -1, 64), n)
	v.Unit = unitOf(w.text, r.s[:w.start], r.s[w.end:])
	if v.Unit == "" {
		v.Unit = r.unit(i + n)
	}
	return v, n
}

// clocks are the ways to write a time of day that begins with a number: 7:30 pm, 9h04, 19.30 Uhr, 7pm, 3点半.
var clocks = []*regexp.Regexp{
	regexp.MustCompile(`^(\d{1,2}):(\d\d)(?:$|[^\d:])`),
	regexp.MustCompile(`^(\d{1,2})[hH](\d\d)?(?:$|[^\pL\d])`),
	regexp.MustCompile(`(?i)^(\d{1,2})(?:\.(\d\d))?\s?(?:uhr|[ap]\.?m|o.clock|h)(?:$|[^\pL\d])`),
	regexp.MustCompile(`^(\d{1,2})[時时点點](\d{1,2}分|半)?(?:$|[^間])`),
}

// clock reads a time of day that begins with the number i.
func (r *valueReader) clock(i int, value func(ValueKind, string, int) (Value, int)) (Value, int) {
	start := r.list[i].start
	for _, expr := range clocks {
		m := expr.FindStringSubmatchIndex(r.s[start:])
		if m == nil {
			continue
		}
		hour, _ := strconv.Atoi(r.s[start:][m[2]:m[3]])
		minute, end := 0, m[3]
		if m[4] >= 0 {
			said := r.s[start:][m[4]:m[5]]
			if minute, end = 30, m[5]; said != "半" {
				minute, _ = strconv.Atoi(strings.TrimSuffix(said, "分"))
			}
		}
		if hour > 24 || minute > 59 {
			continue
		}
		n := 1
		for i+n < len(r.list) && r.list[i+n].start < start+end {
			n++
		}
		return value(Clock, fmt.Sprintf("%d:%02d", hour%12, minute), n)
	}
	return Value{}, 0
}

// unit is the stem of the word at i if it can be the unit of the number before it.
func (r *valueReader) unit(i int) string {
	if !r.near(i, 1) || r.list[i].number {
		return ""
	}
	low := r.low(i)
	if stopWords[low] || low == "" {
		return ""
	}
	if u, ok := unitNames[low]; ok {
		return u
	}
	if r.list[i].unspaced {
		c, _ := utf8.DecodeRuneInString(low)
		if u, ok := unitNames[string(c)]; ok {
			return u
		}
		return string(c)
	}
	return stem(low)
}

// unitOf is a unit that is written into the number or beside it as a sign.
func unitOf(number, before, after string) string {
	if at := strings.IndexFunc(number, unicode.IsLetter); at > 0 {
		suffix := strings.ToLower(number[at:])
		if u, ok := unitNames[suffix]; ok {
			return u
		}
		switch suffix {
		case "th", "st", "nd", "rd":
			return "th"
		case "k", "m":
		default:
			return suffix
		}
	}
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(before, " "))
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(after, " \u00a0"))
	for _, r := range [...]rune{last, first} {
		if u, ok := unitNames[string(r)]; ok && !unicode.IsLetter(r) {
			return u
		}
	}
	return ""
}

// magnitude reads the digits of a number: 1,190 and 1.190 are 1190, 5.8 and 5,8 are 5.8, 84k is 84000.
func magnitude(s string) (float64, bool) {
	digits := strings.TrimRightFunc(s, unicode.IsLetter)
	by := 1.0
	if strings.EqualFold(s[len(digits):], "k") {
		by = 1000
	}
	digits = strings.ReplaceAll(digits, "'", "")
	last := strings.LastIndexAny(digits, ".,")
	if last >= 0 {
		head := strings.NewReplacer(".", "", ",", "").Replace(digits[:last])
		if len(digits)-last-1 == 3 && head != "0" {
			digits = head + digits[last+1:]
		} else {
			digits = head + "." + digits[last+1:]
		}
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f * by, err == nil && len(digits) <= 15
}

// cjkWeekday is the weekday that a run ends or begins with; -1: none.
func cjkWeekday(s string) int {
	for i, d := range []string{"日曜", "月曜", "火曜", "水曜", "木曜", "金曜", "土曜"} {
		if strings.Contains(s, d) {
			return i
		}
	}
	for _, week := range [...]string{"星期", "周", "週"} {
		if _, rest, ok := strings.Cut(s, week); ok {
			r, _ := utf8.DecodeRuneInString(rest)
			for i, d := range []rune("日一二三四五六") {
				if r == d || r == '天' && i == 0 {
					return i
				}
			}
		}
	}
	return -1
}

var multipliers = map[string]float64{"thousand": 1e3, "million": 1e6, "billion": 1e9, "tausend": 1e3, "mil": 1e3, "mille": 1e3, "millionen": 1e6, "万": 1e4, "萬": 1e4, "千": 1e3}

// unitNames leads the ways to write a unit to one.
var unitNames = func() map[string]string {
	names := map[string]string{}
	for _, line := range []string{
		"€ euro euros eur", "$ dollar dollars usd", "£ pound pounds gbp", "¥ yen jpy 円", "% percent prozent percento", "元 yuan rmb 块",
		"km kilometer kilometers kilometre kilometres", "m meter meters metre metres", "kg kilo kilos kilogram kilograms",
		"year years jahr jahre jahren años an ans anos 年 歳 岁", "month months monat monate monaten meses mois", "week weeks woche wochen semanas semaines",
		"day days tag tage tagen días dias jours 日", "hour hours h stunde stunden horas heures", "minute minutes min minuten minutos 分",
	} {
		list := strings.Fields(line)
		for _, name := range list {
			names[name] = list[0]
		}
	}
	return names
}()

// Unit is the name of the unit that a folded word names; empty: none is known.
func Unit(low string) string { return unitNames[low] }
