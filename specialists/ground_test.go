package specialists_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

func ExampleGround() {
	at := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	task := &specialists.Task{
		Question: "Where does Ruth live, and what does she do?",
		Evidence: []memory.Record{{ID: "m1", Role: "user", Speaker: "Ana", Text: "My sister Ruth moved to Lisbon. She is a nurse.", Created: at}},
		Now:      at.AddDate(0, 3, 0),
	}
	for _, c := range specialists.Ground(task, "Ruth lives in Lisbon. She is a doctor and has two children. I do not know her address.") {
		fmt.Printf("%-12s %s\n", c.Support, c.Text)
		for _, q := range c.Quotes {
			fmt.Printf("%-12s   %s: %q\n", "", q.Source, q.Text)
		}
	}
	// Output:
	// supported    Ruth lives in Lisbon.
	//                m1: "My sister Ruth moved to Lisbon."
	// unknown      She is a doctor and has two children.
	// neutral      I do not know her address.
}

// groundingLine is one line of testdata/grounding.jsonl: a world of memories, or an answer of one claim in such a world
// with its label.
type groundingLine struct {
	World    string    `json:"world"`
	Set      string    `json:"set"` // of a world: dev, second, third or held-out
	Now      string    `json:"now"`
	Memories []written `json:"memories"`

	In   string              `json:"in"`
	Q    string              `json:"q"`
	A    string              `json:"a"`
	Is   specialists.Support `json:"is"`
	Trap string              `json:"trap"`
	Para bool                `json:"para"` // in other words than the memory's
}

type written struct {
	ID       memory.ID   `json:"id"`
	At       string      `json:"at"`
	Until    string      `json:"until"`
	Text     string      `json:"text"`
	Speaker  string      `json:"speaker"`
	Role     string      `json:"role"`
	Kind     memory.Kind `json:"kind"`
	Session  string      `json:"session"`
	Position int         `json:"position"`
}

type groundingCase struct {
	groundingLine
	set  string
	task *specialists.Task
}

func groundingCases(t testing.TB) []groundingCase {
	t.Helper()
	f, err := os.Open("testdata/grounding.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	day := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d.Add(12 * time.Hour)
	}
	worlds := map[string]groundingLine{}
	var cases []groundingCase
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l groundingLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.World != "" {
			worlds[l.World] = l
			continue
		}
		w, ok := worlds[l.In]
		if !ok {
			t.Fatalf("%q is in no world", l.A)
		}
		task := &specialists.Task{Question: l.Q, Now: day(w.Now)}
		for _, m := range w.Memories {
			r := memory.Record{ID: m.ID, Kind: memory.KindTurn, Role: m.Role, Speaker: m.Speaker, Text: m.Text, Created: day(m.At),
				ValidUntil: day(m.Until), Position: -1, Origin: memory.Observed}
			if m.Kind != "" {
				r.Kind = m.Kind
			}
			if m.Session != "" {
				r.Scope.Session, r.Position = m.Session, m.Position
			}
			task.Evidence = append(task.Evidence, r)
		}
		cases = append(cases, groundingCase{l, w.Set, task})
	}
	return cases
}

// supportOf is the support of an answer: that of its weakest claim that is not neutral.
func supportOf(claims []specialists.Claim) specialists.Support {
	order := map[specialists.Support]int{specialists.Neutral: 0, specialists.Supported: 1, specialists.Unknown: 2, specialists.Contradicted: 3}
	worst := specialists.Neutral
	for _, c := range claims {
		if order[c.Support] > order[worst] {
			worst = c.Support
		}
	}
	return worst
}

// TestGround measures grounding on labelled claims, about half of them paraphrased, with swapped names and numbers, flipped
// negations, and the right words of the wrong person. Only what is held out is a floor.
func TestGround(t *testing.T) {
	type count struct{ n, right, said int }
	for _, set := range []string{"dev", "second", "third", "held-out"} {
		by := map[specialists.Support]*count{}
		for _, s := range []specialists.Support{specialists.Supported, specialists.Contradicted, specialists.Unknown, specialists.Neutral} {
			by[s] = &count{}
		}
		total := 0
		for _, c := range groundingCases(t) {
			if c.set != set {
				continue
			}
			total++
			claims := specialists.Ground(c.task, c.A)
			got := supportOf(claims)
			by[c.Is].n++
			by[got].said++
			if got == c.Is {
				by[got].right++
			} else if testing.Verbose() {
				t.Logf("%s: %q %q: %s, want %s (%s)", c.set, c.Q, c.A, got, c.Is, c.Trap)
				for _, cl := range claims {
					t.Logf("     %s %q: %s %v", cl.Support, cl.Text, cl.Why, cl.Quotes)
				}
			}
			for _, cl := range claims {
				if !strings.Contains(c.A, cl.Text) {
					t.Errorf("%q is not in %q", cl.Text, c.A)
				}
				for _, q := range cl.Quotes {
					if !quoted(c.task.Evidence, q) {
						t.Errorf("%q: %q is no passage of %s", c.A, q.Text, q.Source)
					}
				}
			}
		}
		if s := by[specialists.Supported]; set == "held-out" && (s.right*100 < s.said*80 || s.right*100 < s.n*50) {
			t.Errorf("%s: of the %d claims that are said to be supported %d are, of %d that are", set, s.said, s.right, s.n)
		}
		for s, n := range by {
			t.Logf("%s, %d cases, %-12s: precision %d/%d, recall %d/%d", set, total, s, n.right, n.said, n.right, n.n)
		}
	}
}

func quoted(evidence []memory.Record, q memory.Quote) bool {
	for _, r := range evidence {
		if r.ID == q.Source && strings.Contains(r.Text, q.Text) {
			return true
		}
	}
	return false
}
