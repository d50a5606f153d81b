package index

import (
	"context"
	"testing"

	"github.com/trm-go/refiner/internal/text"
)

// askAll asks an index and keeps what is found by its subject alone.
func askAll(t testing.TB, x *Index, question string, place Place) map[int64]Hit {
	t.Helper()
	q := &Question{Limit: 10, Place: place}
	q.Terms, q.Weights = text.Weighted(question)
	a, err := x.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	hits := map[int64]Hit{}
	for _, h := range a.Hits {
		hits[h.Doc.Row] = h
	}
	return hits
}

func TestMeaning(t *testing.T) {
	x := fill(t, "Husband bought motorcycle.", "Soup: salt, pepper.", "Mein Bruder spielt Gitarre.", "xqzt vvkp")
	for question, row := range map[string]int64{"vehicle xqzt": 1, "spices xqzt": 2, "brother xqzt": 3} {
		hits := askAll(t, x, question, Place{})
		best := int64(0)
		for at, h := range hits {
			if h.Meant < 0 || h.Meant > 1 || h.Subject < -2 || h.Subject > 2 {
				t.Errorf("%q: row %d covers %v, subject %v", question, at, h.Meant, h.Subject)
			}
			if h.Lexical == 0 && best == 0 || h.Subject > hits[best].Subject {
				best = at
			}
		}
		if best != row {
			t.Errorf("%q: the nearest subject is that of %d, want %d", question, best, row)
		}
	}
	if h := askAll(t, x, "husband", Place{})[1]; h.Meant != 1 {
		t.Errorf("the word itself covers %v", h.Meant)
	}
	if hits := askAll(t, x, "qwrtzp", Place{}); len(hits) > 0 {
		t.Errorf("a word without a meaning finds %v", hits)
	}
}

// What is near in one part of an index is not told by another part.
func TestMeaningOfPart(t *testing.T) {
	x := New(0, nil)
	add := func(row int64, session, said string) {
		_, digest := Analyse(&Record{Kind: "turn", Origin: "observed", Role: "user", Text: said, ValidFrom: Always, ValidUntil: Never})
		if err := x.Add(&Entry{Row: row, Place: Place{Session: session}, Digest: digest}); err != nil {
			t.Fatal(err)
		}
	}
	add(1, "one", "The dog sleeps.")
	add(2, "one", "It rains in the mountains.")
	alone := askAll(t, x, "What did the cat and the dog do?", Place{Session: "one"})
	add(3, "two", "A horse ate the hay of a cow.")
	add(4, "two", "Taxes are due.")
	together := askAll(t, x, "What did the cat and the dog do?", Place{Session: "one"})
	if len(alone) == 0 || len(alone) != len(together) {
		t.Fatalf("%d and %d hits", len(alone), len(together))
	}
	for row, h := range together {
		if h.Subject != alone[row].Subject || h.Meant != alone[row].Meant {
			t.Errorf("row %d: subject %v, covers %v; alone %v, %v", row, h.Subject, h.Meant, alone[row].Subject, alone[row].Meant)
		}
	}
	x.remove(0)
	if _, ok := askAll(t, x, "What did the cat and the dog do?", Place{Session: "one"})[1]; ok {
		t.Error("a removed record is found by its subject")
	}
}
