package text

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	day := time.Date(2025, 3, 9, 0, 0, 0, 0, time.UTC)
	at := day.Add(18*time.Hour + 30*time.Minute)
	for s, want := range map[string]time.Time{"2025-03-09": day, " 2025-03-09 18:30 ": at, "2025-03-09T18:30": at, "2025-03-09T18:30:00Z": at, "2025-03-09T19:30:00+01:00": at,
		"2025-03-09 19:30:00+01:00": at, "2025-03-09 18:30:00.5": at.Add(time.Second / 2), "2025-03-09T18:30:00.5+00:00": at.Add(time.Second / 2)} {
		if got, ok := ParseTime(s); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q is %v, %v; want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "2025", "2025-03", "yesterday", "09.03.2025", "1741545000", "2025-13-01"} {
		if got, ok := ParseTime(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
	if got, ok := ParsePeriod("2025-03"); !ok || !got.Equal(day.AddDate(0, 0, -8)) {
		t.Errorf("a month is %v, %v", got, ok)
	}
	for _, s := range []string{"1741545000", "1741545000000", "1.741545e9", "2025-03-09T18:30:00Z"} {
		if got, err := ParseStamp(s); err != nil || !got.Equal(at) {
			t.Errorf("%q is %v, %v; want %v", s, got, err, at)
		}
	}
	for _, s := range []string{"NaN", "1e300", "-Inf", "soon"} {
		if got, err := ParseStamp(s); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
