package specialists

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// time reads a moment at token i and returns how many tokens it takes.
func (st *statement) time(tokens []string, i int, at time.Time) (int, bool) {
	w := strings.TrimSuffix(tokens[i], "'s")
	is := func(j int, words ...string) bool {
		return j >= 0 && j < len(tokens) && slices.Contains(words, tokens[j])
	}
	add := func(m string) { st.times = append(st.times, moment(m)) }
	day := func(month int, d int) { add("d:" + pad(month) + "-" + pad(d)) }
	whole := func(t time.Time) {
		day(int(t.Month()), t.Day())
		add("y:" + strconv.Itoa(t.Year()))
	}
	if m := months[prefix3(w)]; m > 0 && fullMonths[w] && (w != "may" && w != "march" || is(i-1, "in", "on", "of", "last", "next", "since", "by", "is", "until") || i+1 < len(tokens) && isDay(tokens[i+1]) > 0 || year(tokens, i+1) != "") {
		n := 1
		if i+1 < len(tokens) && isDay(tokens[i+1]) > 0 && year(tokens, i+1) == "" {
			day(m, isDay(tokens[i+1]))
			n = 2
		} else {
			add("m:" + pad(m))
		}
		if y := year(tokens, i+n); y != "" {
			add("y:" + y)
			n++
		}
		return n, true
	}
	if d := isDay(w); d > 0 {
		j := i + 1
		if is(j, "of") {
			j++
		}
		if j < len(tokens) && fullMonths[tokens[j]] && months[prefix3(tokens[j])] > 0 {
			day(months[prefix3(tokens[j])], d)
			n := j + 1 - i
			if y := year(tokens, i+n); y != "" {
				add("y:" + y)
				n++
			}
			return n, true
		}
	}
	if y := year(tokens, i); y != "" && (is(i-1, "in", "since", "of", "until", "by", "last", "during", "from")) {
		add("y:" + y)
		return 1, true
	}
	if t, err := time.Parse(time.DateOnly, w); err == nil {
		whole(t)
		return 1, true
	}
	if weekdays[w] || strings.HasSuffix(w, "s") && weekdays[strings.TrimSuffix(w, "s")] {
		add("w:" + strings.TrimSuffix(w, "s"))
		return 1, true
	}
	if occasions[w] && !is(i-1, "the", "a", "my") || occasions[w] && is(i-1, "the") && is(i-2, "in") {
		add("o:" + w)
		if is(i-1, "last", "next") {
			add("o:" + tokens[i-1])
		}
		return 1, true
	}
	if !at.IsZero() {
		switch w {
		case "yesterday":
			st.relative = true
			whole(at.AddDate(0, 0, -1))
			return 1, true
		case "tomorrow":
			st.relative = true
			whole(at.AddDate(0, 0, 1))
			return 1, true
		case "today", "tonight":
			whole(at)
			st.passing = true
			return 1, true
		}
	}
	return 0, false
}

func pad(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func prefix3(w string) string {
	if len(w) < 3 {
		return ""
	}
	return w[:3]
}

func isDay(w string) int {
	for _, suffix := range []string{"st", "nd", "rd", "th"} {
		w = strings.TrimSuffix(w, suffix)
	}
	if d, err := strconv.Atoi(w); err == nil && d >= 1 && d <= 31 {
		return d
	}
	return 0
}

func year(tokens []string, i int) string {
	if i < len(tokens) && len(tokens[i]) == 4 {
		if y, err := strconv.Atoi(tokens[i]); err == nil && y >= 1900 && y < 2100 {
			return tokens[i]
		}
	}
	return ""
}

// number reads a quantity at token i, its unit included.
func number(tokens []string, i int) (quantity, int, bool) {
	w := tokens[i]
	unitAt := func(j int) (string, float64, bool) {
		if j < 0 || j >= len(tokens) {
			return "", 0, false
		}
		u, ok := units[stem(tokens[j])]
		return u.kind, u.scale, ok
	}
	if m := clock.FindStringSubmatch(w); m != nil {
		h, _ := strconv.Atoi(m[1])
		min, _ := strconv.Atoi(m[2])
		n := 1
		if i+1 < len(tokens) && (tokens[i+1] == "pm" || tokens[i+1] == "am") {
			if tokens[i+1] == "pm" && h < 12 {
				h += 12
			}
			n = 2
		}
		return quantity{float64(h*60 + min), "clock"}, n, true
	}
	// "half past nine", "quarter to ten"
	if minutes, known := map[string]float64{"half": 30, "quarter": 15}[w]; known && i+2 < len(tokens) && (tokens[i+1] == "past" || tokens[i+1] == "to") {
		hour, named := numerals[tokens[i+2]]
		if !named {
			hour, _ = strconv.ParseFloat(tokens[i+2], 64)
		}
		if hour >= 1 && hour <= 12 {
			if tokens[i+1] == "to" {
				minutes = -minutes
			}
			return quantity{hour*60 + minutes, "clock"}, 3, true
		}
	}
	if n, known := ordinals[w]; known && i > 0 {
		return quantity{n, "th"}, 1, true
	}
	value, ok := numerals[w]
	suffix := ""
	if !ok {
		m := numeric.FindStringSubmatch(w)
		if m == nil {
			return quantity{}, 0, false
		}
		v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
		if err != nil {
			return quantity{}, 0, false
		}
		value, suffix = v, m[2]
	}
	n := 1
	if suffix == "am" || suffix == "pm" || suffix == "" && i+1 < len(tokens) && (tokens[i+1] == "am" || tokens[i+1] == "pm") {
		if suffix == "" {
			suffix = tokens[i+1]
			n = 2
		}
		if suffix == "pm" && value < 12 {
			value += 12
		}
		return quantity{value * 60, "clock"}, n, true
	}
	if suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th" {
		return quantity{value, "th"}, 1, true
	}
	if suffix != "" {
		if m, ok := multipliers[suffix]; ok && suffix != "m" {
			value *= m
		} else if u, ok := units[suffix]; ok {
			return quantity{round(value * u.scale), u.kind}, 1, true
		}
	}
	if i+n < len(tokens) {
		if m, ok := multipliers[tokens[i+n]]; ok && tokens[i+n] != "m" && tokens[i+n] != "k" {
			value *= m
			n++
		}
	}
	if kind, scale, ok := unitAt(i - 1); ok && (kind == "eur" || kind == "usd" || kind == "gbp") {
		return quantity{round(value * scale), kind}, n, true
	}
	if kind, scale, ok := unitAt(i + n); ok {
		return quantity{round(value * scale), kind}, n + 1, true
	}
	return quantity{value, ""}, n, true
}

func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func formatQuantity(q quantity) string {
	return strconv.FormatFloat(q.value, 'g', -1, 64) + q.unit
}
