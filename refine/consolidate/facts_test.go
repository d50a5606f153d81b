package consolidate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

func TestFacts(t *testing.T) {
	ctx := t.Context()
	fact := func(day int, text string) memory.Record {
		return memory.Record{Kind: memory.KindFact, Speaker: "Ana", Text: text, Created: start.AddDate(0, 0, day), Importance: .5, Confidence: .9 - float64(day)/1000, Position: -1}
	}
	s := open(t, []memory.Record{
		fact(0, "My locker is number 12."), fact(9, "My dog's name is Rex."), fact(20, "My locker is number 12."), fact(30, "I like cheese pizza."),
		fact(40, "My locker is number 31 now."), fact(41, "I don't like cheese pizza."), fact(42, "I have a dog named Rex."),
		fact(43, "I like sushi."),
	})
	p := plan(t, s, consolidate.Policy{})
	var got []string
	for _, c := range p.Changes {
		got = append(got, fmt.Sprintf("%s %q %d", c.Op, c.Write.Text, len(c.Replaces)))
	}
	want := []string{
		`merge "My locker is number 12." 2`,
		`merge "My dog's name is Rex." 2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(p.Conflicts) != 1 || p.Conflicts[0].Texts != [2]string{"I like cheese pizza.", "I don't like cheese pizza."} {
		t.Errorf("conflicts are %v, want the pizza", p.Conflicts)
	}
	if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
		t.Fatal(err)
	}
	// Once the repeats are one, the update is seen.
	p = plan(t, s, consolidate.Policy{})
	if len(p.Changes) != 1 || p.Changes[0].Op != consolidate.Expire || p.Changes[0].Write.Text != "My locker is number 12." {
		t.Fatalf("changes are %+v, want that locker 12 expires", p.Changes)
	}
	if got := p.Changes[0].Write; !got.ValidUntil.Equal(start.AddDate(0, 0, 40)) || !got.ValidFrom.Equal(start) || got.Confidence != .88 || got.Meta["single_source"] != "" {
		t.Errorf("it is valid from %s until %s with confidence %v, want from %s until the change and .88", got.ValidFrom, got.ValidUntil, got.Confidence, start)
	}
	if _, err := consolidate.Apply(ctx, s, p, nil); err != nil {
		t.Fatal(err)
	}
	if p = plan(t, s, consolidate.Policy{}); len(p.Changes) != 0 {
		t.Errorf("a third run plans %d changes, want none: %+v", len(p.Changes), p.Changes)
	}
	c, err := s.Candidates(ctx, scope, memory.Query{Text: "which locker is mine, number 12 or 31?"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range c.List {
		hits, err := s.Fetch(ctx, scope, x.Row)
		if err != nil {
			t.Fatal(err)
		}
		h := hits[0]
		if strings.Contains(h.Text, "12") {
			t.Errorf("what is no longer true is found: %q", h.Text)
		}
	}
	if len(texts(t, s)) != 6 {
		t.Errorf("%q are left, want 6 records", texts(t, s))
	}
}
