package transcript

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// layouts are the ways a time may be written. One without a zone is taken as UTC.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04",
	"2006-01-02",
	"3:04 pm on 2 January, 2006", // LoCoMo
	"January-2-2006",             // BEAM
	time.RFC1123Z,
	time.RFC1123,
}

// when reads a time: one of the layouts, or seconds since 1970 (milliseconds from 1e11 on, which as seconds would be the
// year 5138). The time keeps the zone that it names. A missing value is the zero time.
func when(name string, v value) (time.Time, error) {
	text, err := v.text(name)
	if text = strings.TrimSpace(text); err != nil || text == "" {
		return time.Time{}, err
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(seconds) >= 1e11 {
			seconds /= 1000
		}
		if !(math.Abs(seconds) < 1e11) {
			return time.Time{}, fmt.Errorf("%q is %s, not seconds or milliseconds since 1970", name, text)
		}
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e6)*1e3).UTC(), nil
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is %.40q, not a time: write it like 2024-05-31T18:30:00Z", name, text)
}

// time returns the first of the named members as a time.
func (o object) time(names ...string) (time.Time, error) {
	name, v := o.first(names...)
	return when(name, v)
}

// times are the names under which transcripts keep the time of a message.
var times = []string{"time", "timestamp", "created", "created_at", "createdAt", "create_time", "date", "ts"}
