package text

import (
	"fmt"
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
	t, ok := parseZoned(s, layouts)
	return t.UTC(), ok
}

func parseZoned(s string, layouts []string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// foreign are the ways in which files of others write a time: LoCoMo, BEAM, mail.
var foreign = append([]string{"3:04 pm on 2 January, 2006", "January-2-2006", time.RFC1123Z, time.RFC1123}, layouts...)

// ParseStamp reads a time that another program wrote: in one of many layouts, or as seconds since 1970; from 1e11 on, which as
// seconds would be the year 5138, they are milliseconds. The time keeps the zone that it names.
func ParseStamp(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		if math.Abs(seconds) >= 1e11 {
			seconds /= 1000
		}
		if !(math.Abs(seconds) < 1e11) {
			return time.Time{}, fmt.Errorf("%s, not seconds or milliseconds since 1970", s)
		}
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e6)*1e3).UTC(), nil
	}
	if t, ok := parseZoned(s, foreign); ok && t.Year() > 0 {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%.40q, not a time: write it like 2024-05-31T18:30:00Z", s)
}
