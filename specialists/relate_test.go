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

// TestFreshRelations counts two suites that were written after the rules, and measured before any rule was made for them:
// TestRelations is of sentences that the rules' author had in mind, and these tell what a stranger's sentences get.
//
// Of the first suite, before: 21 of 44 relations were found (.48; updates .29), and 21 of 23 that were claimed were right
// (.91). Of the second, measured once after the rules had learnt from the first: 17 of 28 (.61), and 17 of 18 (.94). What
// was missing was added to the rules since; what is held here is that it stays. A relation that is not found costs room,
// one that is claimed wrongly costs a memory.
func TestFreshRelations(t *testing.T) {
	for name, n := range map[string]int{"relations_fresh.jsonl": 64, "relations_last.jsonl": 40} {
		hit, claimed, truth := 0, 0, 0
		for i, c := range relationCases(t, name, n) {
			a, b := c.said(t)
			got := specialists.Relate(a, b)
			if c.Is != specialists.Apart {
				truth++
			}
			if got.Relation != specialists.Apart {
				claimed++
			}
			if got.Relation != c.Is {
				t.Logf("%s, case %d: %s, want %s (%s): %q / %q: %s", name, i+1, got.Relation, c.Is, c.Why, c.A, c.B, got.Why)
			} else if c.Is != specialists.Apart {
				hit++
			}
		}
		t.Logf("%s: %d of %d found, %d claimed", name, hit, truth, claimed)
		if hit*100 < truth*85 || hit*100 < claimed*95 {
			t.Errorf("%s: %d of %d found and %d claimed, want 85 %% of the first and 95 %% of the second", name, hit, truth, claimed)
		}
	}
}
