package specialists

import (
	"slices"
	"strings"
	"testing"
)

// TestSenses holds that senses.txt is written as its head says: lines, cues and modes are known, and no phrase begins or
// ends with a gap.
func TestSenses(t *testing.T) {
	modes := []string{"open", "fixed", "personal", "turns", "onward", "poles", "compares"}
	for i, line := range strings.Split(strings.ReplaceAll(sensesText, "\n  ", " "), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		head, body, ok := strings.Cut(line, ":")
		names := strings.Fields(head)
		if !ok || len(names) == 0 || len(strings.Fields(body)) == 0 {
			t.Fatalf("line %d: %q", i+1, line)
		}
		switch names[0] {
		case "alike", "light", "field":
		case "sort":
			ok = len(names) == 2
		case "cue":
			for _, n := range names[1:] {
				ok = ok && cueNames[n] != 0
			}
		case "kind":
			for _, n := range names[2:] {
				ok = ok && slices.Contains(modes, n)
			}
		default:
			ok = false
		}
		for _, w := range strings.Fields(body) {
			ok = ok && !strings.HasPrefix(w, "*") && !strings.HasSuffix(w, "*") && !strings.Contains(w, ":")
		}
		if !ok {
			t.Errorf("line %d: %q", i+1, line)
		}
	}
	if l := lexical(); len(l.kinds) < 50 || len(l.phrases) < 1000 {
		t.Errorf("%d kinds and phrases that begin with %d words", len(l.kinds), len(l.phrases))
	}
}
