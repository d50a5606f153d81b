package index

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/trm-go/refiner/internal/text"
)

// fill makes an index of texts, each a record of its own session, numbered from 1.
func fill(t testing.TB, texts ...string) *Index {
	t.Helper()
	x := New(0, nil)
	for i, s := range texts {
		_, digest := Analyse(&Record{Kind: "turn", Origin: "observed", Role: "user", Text: s, ValidFrom: Always, ValidUntil: Never})
		if err := x.Add(&Entry{Row: int64(i + 1), Place: Place{Session: fmt.Sprint(i)}, Digest: digest}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// ask asks an index, and leaves out what no word finds.
func ask(t testing.TB, x *Index, question string) *Answer {
	t.Helper()
	q := &Question{Limit: 10}
	q.Terms, q.Weights = text.Weighted(question)
	a, err := x.Ask(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	a.Hits = slices.DeleteFunc(a.Hits, func(h Hit) bool { return h.Lexical == 0 })
	return a
}

func TestTranslation(t *testing.T) {
	x := fill(t, "Ayer nuestro perro mordió al cartero.", "Der Arzt hat mir eine Brille verschrieben.", "母は来週京都に行きます。", "The kitchen window was painted green.",
		"Ma voiture est au garage.", "A train left on Monday.", "The wedding cake had four layers.")
	for _, c := range []struct {
		question string
		row      int64
	}{
		{"What did our dog do?", 1}, {"What did the doctor prescribe?", 2}, {"Where does my mother go?", 3}, {"¿De qué color es la ventana de la cocina?", 4},
		{"Wo ist mein Auto?", 5}, {"窓は緑ですか", 4}, {"我的狗做了什么？", 1},
	} {
		a := ask(t, x, c.question)
		best, row := 0.0, int64(0)
		for _, h := range a.Hits {
			if h.Lexical > best {
				best, row = h.Lexical, h.Doc.Row
			}
		}
		if row != c.row {
			t.Errorf("%q finds %d before all others, want %d", c.question, row, c.row)
		}
	}
	if a := ask(t, fill(t, "My husband sings."), "wife"); len(a.Hits) > 0 {
		t.Error("a near word of the same language stands for another")
	}
}

// What holds a translation holds the word for the ranking, once, and nothing else changes.
func TestTermsOf(t *testing.T) {
	x := fill(t, "The dog sleeps.", "El perro duerme.", "Nothing of that.")
	a := ask(t, x, "dog")
	dog := x.numbers["dog"]
	if !slices.Equal(a.Query, []Term{dog}) || len(a.Hits) != 2 {
		t.Fatalf("query %v, %d hits", a.Query, len(a.Hits))
	}
	for _, h := range a.Hits {
		terms := a.TermsOf(h.Doc)
		if _, ok := slices.BinarySearch(terms, dog); !ok || !slices.IsSorted(terms) {
			t.Errorf("row %d is read as %v", h.Doc.Row, terms)
		}
		if h.Doc.Row == 2 && slices.Contains(h.Doc.Terms, dog) {
			t.Error("the document itself was changed")
		}
	}
	if a.Hits[0].Lexical <= a.Hits[1].Lexical {
		t.Error("a translation weighs as much as the word")
	}
}
