package specialists

import (
	"math"
	"slices"
	"strings"
)

// amount reads a number at word i with its unit, spoken ones as well: "four and a half hours", "a minute and a half".
func amount(low []string, i int) (quantity, int, bool) {
	q, n, ok := number(low, i)
	if parts := strings.Split(low[i], ":"); len(parts) == 3 {
		q, n, ok = quantity{float64(atoi(parts[0])*3600 + atoi(parts[1])*60 + atoi(parts[2])), "s"}, 1, true
	}
	switch {
	case ok && q.unit == "" && n == 1 && q.value >= 1 && q.value <= 24 && (before(low, i) == "at" || before(low, i) == "until" || before(low, i) == "till"):
		if i+1 == len(low) || stems.of(low[i+1]) == "" || occasions[low[i+1]] || relatives[low[i+1]] {
			q = quantity{q.value * 60, "clock"} // "at seven"
		}
	case low[i] == "twice" || low[i] == "thrice" || low[i] == "once" && i+1 < len(low) && low[i+1] == "a":
		return quantity{map[string]float64{"once": 1, "twice": 2, "thrice": 3}[low[i]], "times"}, 1, true
	}
	if !ok {
		if (low[i] == "a" || low[i] == "an") && i+2 < len(low) && (low[i+1] == "full" || low[i+1] == "whole") {
			if days, known := stretches[stem(low[i+2])]; known {
				return quantity{days, "days"}, 3, true
			}
		}
		if (low[i] == "a" || low[i] == "an") && i+1 < len(low) && low[i+1] != "second" {
			if u, known := units[stem(low[i+1])]; known && u.kind == "s" {
				q, n, ok = quantity{u.scale, u.kind}, 2, true
			} else if u, known := stretches[stem(low[i+1])]; known && (i+2 == len(low) || low[i+2] != "ago") && (i == 0 || lasts[low[i-1]]) {
				q, n, ok = quantity{u, "days"}, 2, true
			}
		}
		if !ok {
			return q, 0, false
		}
	}
	if low[i] == "one" && q.unit == "" && (i+1 == len(low) || stems.of(low[i+1]) == "" || i == 0 || stretches[low[i+1]] > 0 || low[i+1] == "half") {
		return q, 0, false // "one of them", "one day"
	}
	if q.value >= 20 && q.value < 100 && q.unit == "" && i+1 < len(low) && numerals[low[i]] > 0 && numerals[low[i+1]] > 0 && numerals[low[i+1]] < 10 {
		q.value, n = q.value+numerals[low[i+1]], 2 // "twenty-five"
		if i+2 < len(low) {
			if u, ok := units[stem(low[i+2])]; ok {
				q, n = quantity{q.value * u.scale, u.kind}, 3
			}
		}
	}
	half := func(k int) bool { return k+2 < len(low) && low[k] == "and" && low[k+1] == "a" && low[k+2] == "half" }
	switch {
	case half(i + n): // "a minute and a half"
		scale := 1.0
		if n > 1 {
			scale = units[stem(low[i+n-1])].scale
		}
		q.value += scale / 2
		n += 3
		if q.unit == "" && i+n < len(low) {
			if u, ok := units[stem(low[i+n])]; ok {
				q, n = quantity{q.value * u.scale, u.kind}, n+1
			}
		}
	case q.unit == "" && i+n < len(low):
		counted := lemma(low[i+n])
		if days, ok := stretches[counted]; ok && i+n+1 < len(low) && low[i+n+1] == "old" {
			n += 2 // an age, in years unless it says otherwise
			if days < 365 {
				q.unit = counted
			}
		} else if ok {
			q, n = quantity{q.value * days, "days"}, n+1
		} else if stems.of(low[i+n]) != "" && (!verbs[counted] || strings.HasSuffix(low[i+n], "s")) {
			q.unit = counted // "three cats"
		}
	}
	return q, n, true
}

// lasts are words that a stretch of time follows.
var lasts = set(`for last lasts lasted spent spend take takes took`)

// stretches are the days that stretches of time last.
var stretches = map[string]float64{"day": 1, "night": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365, "decad": 3650}

// otherAmounts counts the units of which a and b have a number, and none in common.
func otherAmounts(a, b []quantity) int {
	n := 0
	for i, x := range a {
		if slices.ContainsFunc(a[:i], func(q quantity) bool { return q.unit == x.unit }) {
			continue
		}
		other, same := false, false
		for _, y := range b {
			alike := y.unit == x.unit || plainUnit(x.unit) && plainUnit(y.unit) && (x.unit == "" || y.unit == "")
			other = other || alike
			same = same || alike && (y.value == x.value || x.unit == "clock" && math.Mod(y.value-x.value, 720) == 0)
		}
		if other && !same {
			n++
		}
	}
	return n
}

// sameAmounts reports whether a and b have the same numbers, whatever is counted: "turns 90" and "her 90th birthday".
func sameAmounts(a, b []quantity) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x quantity) bool {
		return !slices.ContainsFunc(b, func(y quantity) bool {
			return x == y || x.unit == "clock" && y.unit == "clock" && math.Mod(x.value-y.value, 720) == 0 || x.value == y.value && (plainUnit(x.unit) || plainUnit(y.unit))
		})
	})
}

// plainUnit reports whether a unit is none that measures.
func plainUnit(u string) bool {
	switch u {
	case "clock", "%", "days", "g", "m", "byte", "s", "eur", "usd", "gbp":
		return false
	}
	return !strings.HasPrefix(u, "#")
}
