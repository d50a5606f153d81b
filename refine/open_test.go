package refine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/consolidate"
)

// TestOpen recalls a summary and opens it into the turn that answers, within the budget.
func TestOpen(t *testing.T) {
	ctx := t.Context()
	store := remember(t)
	run, err := consolidate.Auto(ctx, store, scope, &consolidate.Options{Policy: consolidate.Policy{Share: .2, Keep: .9}}, nil)
	if err != nil || run.Changes == 0 {
		t.Fatalf("%+v, %v", run, err)
	}
	const question = "At which park do Nutmeg and Ben train?"
	r, err := refine.Recall(ctx, store, scope, memory.Query{Text: question}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := r.Sources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Memories) == 0 || len(sources[r.Memories[0].ID]) < 2 {
		t.Fatalf("recalled %v, which stand for %v", r.Memories, sources)
	}
	closed := refine.Pack(r.Memories, question, 200, nil)
	if strings.Contains(closed.Text(), "behind the old mill") {
		t.Fatalf("the summary holds the answer itself:\n%s", closed.Text())
	}
	for budget := range 200 {
		packed := refine.Pack(r.Memories, question, budget, &refine.PackOptions{Sources: sources})
		if packed.Tokens > budget {
			t.Errorf("%d tokens in a budget of %d", packed.Tokens, budget)
		}
	}
	packed := refine.Pack(r.Memories, question, 200, &refine.PackOptions{Sources: sources})
	found := false
	for _, item := range packed.Items {
		if item.Of == "" {
			continue
		}
		found = found || strings.Contains(item.Text, "behind the old mill")
		if item.Weight >= r.Memories[0].Weight {
			t.Errorf("%q weighs %v, as much as its summary", item.Text, item.Weight)
		}
	}
	if !found {
		t.Errorf("the turn that answers was not opened:\n%s\nof %v", packed.Text(), texts(r))
	}
	for i, item := range closed.Items { // opening takes nothing away
		if !strings.Contains(packed.Text(), item.Text) {
			t.Errorf("item %d, %q, had to go", i, item.Text)
		}
	}
	// What was deleted for privacy is not there any more.
	gone := sources[r.Memories[0].ID][0].ID
	if _, err := consolidate.Delete(ctx, store, scope, []memory.ID{gone}, &memory.DeleteOptions{Derived: true}); err != nil {
		t.Fatal(err)
	}
	if after, err := r.Sources(ctx); err != nil || len(after[r.Memories[0].ID]) != len(sources[r.Memories[0].ID])-1 {
		t.Errorf("after a deletion it opens into %v, %v", after, err)
	}
}

func TestUnfoldTakesWhatAnswersFirst(t *testing.T) {
	at := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	summary := refine.Recalled{Weight: 1, Record: memory.Record{ID: "s", Kind: memory.KindSummary, Text: "2024-01-08\nAna: We moved to Porto."}}
	sources := map[memory.ID][]memory.Record{}
	for i, text := range []string{"We moved to Porto.", "The garden is large.", "The house in Porto costs 900 euros. Heating is extra.", "Haha."} {
		sources["s"] = append(sources["s"], memory.Record{ID: memory.ID(fmt.Sprint(i)), Text: text, Created: at.Add(time.Duration(i) * time.Minute)})
	}
	var got []string
	for _, r := range refine.Unfold([]refine.Recalled{summary}, sources, "What does the house in Porto cost?") {
		got = append(got, string(r.ID))
	}
	if want := "2 1 3"; strings.Join(got, " ") != want {
		t.Errorf("unfolded in the order %v, want %s: the answer first, and not what the summary quotes whole", got, want)
	}
}
