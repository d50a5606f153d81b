package extract

import (
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
)

// TestTheSpeakersClock: half past midnight in Berlin is still the day before in UTC.
func TestTheSpeakersClock(t *testing.T) {
	said := time.Date(2026, 3, 9, 23, 30, 0, 0, time.UTC)
	r := memory.Record{Kind: memory.KindTurn, Role: "user", Text: "I met Ruth yesterday.", Created: said, Meta: map[string]string{"zone": "+01:00"}}
	if got, want := line(&r, Quote{Text: r.Text}, 1), "You (10 March 2026): “I met Ruth yesterday.” [1] (yesterday: 9 March 2026)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	r.Meta = nil
	if got, want := line(&r, Quote{Text: r.Text}, 1), "You (9 March 2026): “I met Ruth yesterday.” [1] (yesterday: 8 March 2026)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
