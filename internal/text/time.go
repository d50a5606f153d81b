package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are the ways in which files of others write a time. Go reads fractions of a second where none stand.
var layouts = []string{
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
	time.DateOnly,
	"3:04 pm on 2 January, 2006", // LoCoMo
	"January-2-2006",             // BEAM
	time.RFC1123Z,
	time.RFC1123,
}

// ParseTime reads a time that another program wrote: in one of many layouts, or as seconds since 1970 (milliseconds from 1e11 on,
// which as seconds would be the year 5138). The time keeps the zone that it names; one without a zone is UTC.
func ParseTime(s string) (time.Time, error) {
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
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q, not a time: write it like 2024-05-31T18:30:00Z", s)
}
