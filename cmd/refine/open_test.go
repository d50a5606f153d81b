package main

import (
	"testing"
	"time"
)

func TestTimesBeforeNow(t *testing.T) {
	now := time.Date(2026, 3, 31, 15, 4, 5, 0, time.FixedZone("", 2*3600))
	for text, want := range map[string]string{
		"now": "2026-03-31T13:04:05Z", "today": "2026-03-30T22:00:00Z", "yesterday": "2026-03-29T22:00:00Z",
		"7d": "2026-03-23T22:00:00Z", "3 days ago": "2026-03-27T22:00:00Z", "2 weeks": "2026-03-16T22:00:00Z",
		"last week": "2026-03-23T22:00:00Z", "12h": "2026-03-31T01:04:05Z", "last year": "2025-03-30T22:00:00Z",
		"tomorrow": "", "7": "", "d": "", "99999d": "",
	} {
		got := ""
		if at, ok := before(text, now); ok {
			got = at.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
