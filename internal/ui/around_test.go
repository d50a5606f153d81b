package ui

import (
	"strings"
	"testing"
)

func TestAround(t *testing.T) {
	const long = "Carsten wants to move the go live to December 7, a week earlier, which nobody in the team likes at all. After a long talk with the bank and with legal we stay with December 14 for the go live."
	got := Around(long, strings.Fields("When do we stay with the bank's go live?"), 60, 2)
	if len(got) != 2 || !strings.Contains(strings.Join(got, " "), "we stay with December 14") || !strings.HasPrefix(got[0], "… ") {
		t.Errorf("%q", got)
	}
	for _, line := range got {
		if len([]rune(line)) > 60 {
			t.Errorf("%q is longer than 60", line)
		}
	}
	if got := Around(long, nil, 60, 2); !strings.HasPrefix(got[0], "Carsten") || !strings.HasSuffix(got[1], "…") {
		t.Errorf("without a match: %q", got)
	}
	if got := Around("short\x1b[2J text", nil, 60, 2); len(got) != 1 || got[0] != "short·[2J text" {
		t.Errorf("%q", got)
	}
	if got := Around(long, nil, 0, 2); len(got) != 1 {
		t.Errorf("without a width: %q", got)
	}
	if got := Around(strings.Repeat("蕎麦とピーナッツは絶対に食べません", 9), []string{"蕎麦"}, 40, 2); len(got) != 2 {
		t.Errorf("without spaces: %q", got)
	}
}
