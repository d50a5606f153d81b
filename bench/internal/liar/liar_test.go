package liar

import (
	"strings"
	"testing"

	"github.com/trm-go/refiner/internal/testing/scripted"
)

const briefing = `Answer from these memories:
[1] 2025-03-09 Ruth: I moved to a small flat in Lisbon. It was hot!
[2] 2025-03-10 Ben: I love rye bread with butter.
[3] 2025-03-11 Ben: Really? You told me it rained all day.`

func asked(draft string, order string) scripted.Request {
	r := scripted.Request{Messages: []scripted.Message{{Role: "system", Content: briefing}, {Role: "user", Content: "Where did Ruth move?"}}}
	if draft != "" {
		r.Messages = append(r.Messages, scripted.Message{Role: "assistant", Content: draft}, scripted.Message{Role: "user", Content: order})
	}
	return r
}

func TestLiarKeepsBooks(t *testing.T) {
	l := &Liar{Invent: 1, Drop: 0, Known: map[string]string{"Where did Ruth move?": "Lisbon"}}
	draft := l.Script(asked("", "")).Text
	claims := l.In("Where did Ruth move?", draft)
	sorts := map[string]int{}
	for _, c := range claims {
		sorts[c.How]++
		if !c.Holds(draft) || c.Holds("Something else.") {
			t.Errorf("%+v in %q", c, draft)
		}
		if c.Invented == (c.How == "plain" || c.How == "quoted" || c.How == "known") {
			t.Errorf("%+v", c)
		}
	}
	if sorts["known"] != 1 || sorts["plain"] == 0 || len(claims) < 4 {
		t.Errorf("%q holds %+v", draft, claims)
	}
	if !strings.Contains(draft, "Ruth moved to a small flat in Lisbon [1].") || !strings.Contains(draft, "Ben loves rye bread with butter [2].") {
		t.Errorf("%q", draft)
	}
	said := draft
	for n := range 4 {
		r := asked(said, "Revise your answer.")
		r.N = n
		said = l.Script(r).Text
	}
	invented := 0
	for _, c := range l.In("Where did Ruth move?", said) {
		if c.Invented {
			invented++
		}
	}
	if invented < 3 {
		t.Errorf("%d inventions in %q", invented, said)
	}
	if again := l.Script(asked("", "")).Text; again != draft {
		t.Errorf("the draft is %q, and was %q", again, draft)
	}
	if rating := l.Script(asked(draft, Rating)).Text; rating < "6" && rating != "10" {
		t.Errorf("it rates itself %q", rating)
	}
}

func TestLiarDropsAndAgrees(t *testing.T) {
	l := &Liar{Drop: 1}
	draft := l.Script(asked("", "")).Text
	r := asked(draft, "Revise your answer.")
	shorter := l.Script(r).Text
	if len(l.In("Where did Ruth move?", shorter)) != len(l.In("Where did Ruth move?", draft))-1 {
		t.Errorf("%q after %q", shorter, draft)
	}
	l.Agree = true
	if same := l.Script(r).Text; same != draft {
		t.Errorf("%q", same)
	}
}
