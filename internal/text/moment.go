package text

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are the ways a time is written; those without a zone are UTC. A fraction of a second may follow any seconds.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads a time that is written out, to the day at least.
func ParseTime(s string) (t time.Time, ok bool) { return parseTime(s, layouts) }

// ParsePeriod reads a time, or the beginning of a month or a year.
func ParsePeriod(s string) (t time.Time, ok bool) {
	return parseTime(s, append(layouts[:len(layouts):len(layouts)], "2006-01", "2006"))
}

func parseTime(s string, layouts []string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ParseStamp reads what [ParseTime] reads, or seconds since 1970; from 1e11 on, which as seconds would be the year 5138, they are
// milliseconds.
func ParseStamp(s string) (t time.Time, ok bool) {
	if t, ok := ParseTime(s); ok {
		return t, true
	}
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(seconds) < 1e14) {
		return time.Time{}, false
	}
	if math.Abs(seconds) >= 1e11 {
		seconds /= 1000
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}
