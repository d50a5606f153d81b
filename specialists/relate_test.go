package specialists_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/trm-go/refiner/specialists"
)

// relationCase is one line of testdata/relations.jsonl. Without more, Ana says a on 10 January and b on 5 March 2024.
type relationCase struct {
	Is  specialists.Relation `json:"is"`
	A   string               `json:"a"`
	B   string               `json:"b"`
	SA  string               `json:"sa"`
	SB  string               `json:"sb"`
	TA  string               `json:"ta"`
	TB  string               `json:"tb"`
	Why string               `json:"why"`
}

func (c relationCase) said(t *testing.T) (a, b specialists.Said) {
	t.Helper()
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	return specialists.Said{Text: c.A, Speaker: or(c.SA, "Ana"), At: day(or(c.TA, "2024-01-10"))},
		specialists.Said{Text: c.B, Speaker: or(c.SB, "Ana"), At: day(or(c.TB, "2024-03-05"))}
}

func relationCases(t *testing.T, name string, n int) []relationCase {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []relationCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c relationCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("line %d: %v", len(cases)+1, err)
		}
		cases = append(cases, c)
	}
	if len(cases) != n {
		t.Fatalf("%d cases in %s, want %d", len(cases), name, n)
	}
	return cases
}

// TestRelations holds precision and recall of every relation at .9 on both halves of the suite: the rules were made
// looking at the failures of the tuning half alone, every second case of each relation; the other half is only counted.
func TestRelations(t *testing.T) {
	type tally struct{ hit, said, truth int }
	const least = .9
	halves := [2]map[specialists.Relation]*tally{{}, {}}
	turn := map[specialists.Relation]int{}
	for i, c := range relationCases(t, "relations.jsonl", 200) {
		half := turn[c.Is] % 2
		turn[c.Is]++
		a, b := c.said(t)
		got := specialists.Relate(a, b)
		for _, r := range []specialists.Relation{c.Is, got.Relation} {
			if halves[half][r] == nil {
				halves[half][r] = &tally{}
			}
		}
		halves[half][c.Is].truth++
		halves[half][got.Relation].said++
		if got.Relation == c.Is {
			halves[half][c.Is].hit++
		} else if half == 0 {
			t.Logf("case %d: %s, want %s (%s): %q / %q: %s", i+1, got.Relation, c.Is, c.Why, c.A, c.B, got.Why)
		}
	}
	for half, name := range []string{"tuning", "held out"} {
		for _, r := range []specialists.Relation{specialists.Same, specialists.Updates, specialists.Contradicts, specialists.Apart} {
			n := halves[half][r]
			precision, recall := float64(n.hit)/float64(max(n.said, 1)), float64(n.hit)/float64(n.truth)
			t.Logf("%-8s %-11s precision %.2f recall %.2f of %d", name, r, precision, recall, n.truth)
			if precision < least || recall < least {
				t.Errorf("%s half, %s: precision %.2f and recall %.2f, want %.2f", name, r, precision, recall, least)
			}
		}
	}
}

// TestFreshRelations counts a suite that was written after the rules, by its first measurement and now: TestRelations is
// of sentences that the rules' author had in mind, and these tell what a stranger's sentences get.
func TestFreshRelations(t *testing.T) {
	type tally struct{ hit, said, truth int }
	all := map[specialists.Relation]*tally{specialists.Same: {}, specialists.Updates: {}, specialists.Contradicts: {}, specialists.Apart: {}}
	for i, c := range relationCases(t, "relations_fresh.jsonl", 64) {
		a, b := c.said(t)
		got := specialists.Relate(a, b)
		all[c.Is].truth++
		all[got.Relation].said++
		if got.Relation == c.Is {
			all[c.Is].hit++
		} else {
			t.Logf("case %d: %s, want %s (%s): %q / %q: %s", i+1, got.Relation, c.Is, c.Why, c.A, c.B, got.Why)
		}
	}
	for _, r := range []specialists.Relation{specialists.Same, specialists.Updates, specialists.Contradicts, specialists.Apart} {
		n := all[r]
		t.Logf("%-11s precision %.2f recall %.2f of %d", r, float64(n.hit)/float64(max(n.said, 1)), float64(n.hit)/float64(n.truth), n.truth)
	}
}
