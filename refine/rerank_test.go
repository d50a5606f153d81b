package refine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// reader is a scripted reranker.
type reader struct {
	likes string
	read  []string
	err   error
}

func (r *reader) Score(_ context.Context, _ string, passages []string) ([]float64, error) {
	r.read = passages
	scores := make([]float64, len(passages))
	for i, p := range passages {
		if scores[i] = -10; strings.Contains(p, r.likes) {
			scores[i] = 100
		}
	}
	return scores, r.err
}

// What the reranker likes comes first, what it does not read stays where it is, and the weights stay with the places.
func TestAReranker(t *testing.T) {
	store := remember(t)
	query := memory.Query{Text: "What did Ben adopt, and where does Nutmeg train?"}
	plain, err := refine.Recall(t.Context(), store, scope, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{likes: plain.Memories[1].Text}
	got, err := refine.Recall(t.Context(), store, scope, query, &refine.Options{Reranker: r, Rerank: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.read) != 3 || r.read[0] != plain.Memories[0].Speaker+": "+plain.Memories[0].Text {
		t.Errorf("it read %q", r.read)
	}
	if got.Reranked == nil || got.Reranked.Passages != 3 || got.Memories[0].ID != plain.Memories[1].ID {
		t.Errorf("%+v; first is %q, want %q", got.Reranked, got.Memories[0].Text, plain.Memories[1].Text)
	}
	for i := range plain.Memories {
		if got.Memories[i].Weight != plain.Memories[i].Weight || i > 2 && got.Memories[i].ID != plain.Memories[i].ID {
			t.Errorf("place %d: %v, %q; before %v, %q", i, got.Memories[i].Weight, got.Memories[i].Text, plain.Memories[i].Weight, plain.Memories[i].Text)
		}
	}
	if r.err = errors.New("out of memory"); true {
		if _, err := refine.Recall(t.Context(), store, scope, query, &refine.Options{Reranker: r}); !errors.Is(err, r.err) {
			t.Errorf("a reranker that fails: %v", err)
		}
	}
	if slices.Contains(r.read, "") {
		t.Errorf("it read an empty passage: %q", r.read)
	}
}
