package refine_test

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/refine/consolidate"
)

// ranking are the turns that a question recalls and that are worth showing, with their weights, be they recalled themselves
// or through a summary.
func ranking(t *testing.T, store *memory.Store, question string) map[memory.ID]float64 {
	t.Helper()
	r, err := refine.Recall(t.Context(), store, scope, memory.Query{Text: question, Limit: 30}, nil)
	if err != nil {
		t.Fatal(err)
	}
	weights := map[memory.ID]float64{}
	defer maps.DeleteFunc(weights, func(_ memory.ID, w float64) bool { return w < importance.DefaultThresholds.Summary })
	for _, m := range r.Memories {
		if len(m.Turns) == 0 {
			weights[m.ID] = m.Weight
			continue
		}
		for i, turn := range m.Turns {
			weights[turn.ID] = turn.Weight
			if i == 0 && turn.Weight != m.Weight || i > 0 && turn.Weight > m.Turns[i-1].Weight {
				t.Errorf("turn %d of %s weighs %v, the summary %v", i, m.ID, turn.Weight, m.Weight)
			}
			if !turn.Superseded.IsZero() {
				t.Errorf("turn %s is shown as superseded", turn.ID)
			}
		}
	}
	return weights
}

// TestConsolidationChangesNoRanking holds that the turns that answer weigh the same after they gave way to summaries.
func TestConsolidationChangesNoRanking(t *testing.T) {
	ctx := t.Context()
	store := remember(t)
	questions := []string{"At which park do Nutmeg and Ben train?", "What is the puppy called?", "When did Ada buy her violin?"}
	var before []map[memory.ID]float64
	for _, q := range questions {
		before = append(before, ranking(t, store, q))
	}
	run, err := consolidate.Auto(ctx, store, scope, nil, nil)
	if err != nil || run.Changes == 0 {
		t.Fatalf("%+v, %v", run, err)
	}
	for i, q := range questions {
		if d := cmp.Diff(before[i], ranking(t, store, q)); d != "" {
			t.Errorf("%s (-turns +summaries):\n%s", q, d)
		}
	}
}

// TestOpen recalls a summary by the turn that answers, which it does not quote, and shows it as it was said.
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
	closed := refine.Pack(r.Memories, question, 200, &refine.PackOptions{Open: func(*memory.Record) bool { return false }})
	if strings.Contains(closed.Text(), "behind the old mill") || len(closed.Items) == 0 {
		t.Fatalf("the summaries hold the answer themselves:\n%s", closed.Text())
	}
	for budget := range 200 {
		packed := refine.Pack(r.Memories, question, budget, nil)
		if packed.Tokens > budget {
			t.Errorf("%d tokens in a budget of %d", packed.Tokens, budget)
		}
	}
	packed := refine.Pack(r.Memories, question, 200, nil)
	found := false
	for _, item := range packed.Items {
		found = found || item.Of != "" && strings.Contains(item.Text, "behind the old mill")
	}
	if !found {
		t.Errorf("the turn that answers was not opened:\n%s\nof %v", packed.Text(), texts(r))
	}
	if opened := packed.Opened(r.Memories); len(opened) == 0 || opened[0].Level != importance.Full {
		t.Errorf("opened are %v", opened)
	}
	// What was deleted for privacy is not there any more.
	sources, err := r.Sources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first := r.Memories[0].ID
	if len(sources[first]) < 2 {
		t.Fatalf("the first stands for %v", sources[first])
	}
	gone := sources[first][0].ID
	if _, err := store.Delete(ctx, scope, []memory.ID{gone}, &memory.DeleteOptions{Derived: true}); err != nil {
		t.Fatal(err)
	}
	if after, err := r.Sources(ctx); err != nil || len(after[first]) != len(sources[first])-1 {
		t.Errorf("after a deletion it opens into %v, %v", after, err)
	}
}

// A summary is shown by the turns it was found by: as it quotes them where that will do, else as they were said.
func TestPackShowsWhatASummaryWasFoundBy(t *testing.T) {
	day := time.Date(2024, 1, 8, 9, 0, 0, 0, time.UTC)
	turn := func(id memory.ID, who, text string, weight float64) refine.Recalled {
		return refine.Recalled{Weight: weight, Level: importance.DefaultThresholds.Level(weight),
			Record: memory.Record{ID: id, Kind: memory.KindTurn, Speaker: who, Text: text, Created: day, Position: int(id[0] - '0')}}
	}
	long := "And then the estate agent, who had forgotten the keys again, let us wait in the rain for an hour."
	summary := refine.Recalled{Weight: 1, Level: importance.Full,
		Record: memory.Record{ID: "s", Kind: memory.KindSummary, Origin: memory.Reconstructed, Created: day, Position: -1, Meta: map[string]string{"level": "day"},
			Text: "2024-01-08\nAna: We moved to Porto in May. … Rent is 900 euros.\nBen: The garden has a lemon tree.",
			Quotes: []memory.Quote{{Source: "1", Text: "We moved to Porto in May."}, {Source: "2", Text: "Rent is 900 euros."}, {Source: "3", Text: "The garden has a lemon tree."},
				{Source: "4", Text: "The garden has a lemon tree."}}},
		Turns: []refine.Recalled{
			turn("2", "Ana", "Well, you know, rent is such a thing here. Rent is 900 euros.", 1),
			turn("3", "Ben", "The garden has a lemon tree. Ruth planted it in 2011.", .9),
			turn("1", "Ana", "We moved to Porto in May. "+long, .5),
			turn("5", "Ben", "Never mind.", .1),
		}}
	for i, brief := range []string{"Rent is 900 euros.", "The garden has a lemon tree.", "We moved to Porto in May.", ""} {
		summary.Turns[i].Of, summary.Turns[i].Brief = "s", brief // as Recall reads them from the quotes
	}
	for budget, want := range map[int][]string{
		14: {"2024-01-08 Ana: Rent is 900 euros."},
		50: {"2024-01-08 Ana: We moved to Porto in May. … Rent is 900 euros.", "2024-01-08 Ben: The garden has a lemon tree. Ruth planted it in 2011."},
		90: {"2024-01-08 Ana: We moved to Porto in May. " + long, "2024-01-08 Ana: Well, you know, rent is such a thing here. Rent is 900 euros.",
			"2024-01-08 Ben: The garden has a lemon tree. Ruth planted it in 2011."},
	} {
		p := refine.Pack([]refine.Recalled{summary}, "What is the rent?", budget, nil)
		got := []string{}
		for _, item := range p.Items {
			got = append(got, item.Text)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("within %d tokens (-want +got):\n%s", budget, d)
		}
		if len(p.Dropped) > 0 {
			t.Errorf("within %d tokens %v is dropped", budget, p.Dropped)
		}
	}
	p := refine.Pack([]refine.Recalled{summary}, "What is the rent?", 200, &refine.PackOptions{Open: func(*memory.Record) bool { return false }})
	if want := "2024-01-08 Ana: We moved to Porto in May. … Rent is 900 euros. Ben: The garden has a lemon tree."; p.Text() != want {
		t.Errorf("closed it is %q, want it whole: %q", p.Text(), want)
	}
	if p := refine.Pack([]refine.Recalled{summary}, "", 3, nil); len(p.Items) > 0 || fmt.Sprint(p.Dropped) != "[s]" {
		t.Errorf("within three tokens it is %+v", p)
	}
	// As evidence each turn is for itself, as brief as will do.
	unfolded := refine.Unfold([]refine.Recalled{summary}, 3)
	if got := fmt.Sprintf("%s %s %s", unfolded[0].ID, unfolded[1].ID, unfolded[2].ID); len(unfolded) != 3 || got != "2 3 1" {
		t.Errorf("unfolded into %s", got)
	}
	if p := refine.Pack(unfolded, "What is the rent?", 40, nil); p.Text() != "2024-01-08 Ana: Rent is 900 euros.\n2024-01-08 Ben: The garden has a lemon tree. Ruth planted it in 2011." ||
		fmt.Sprint(p.Dropped) != "[1]" || p.Items[0].Of != "s" || p.Items[0].Level != importance.Chunk {
		t.Errorf("unfolded it is %+v", p)
	}
	// A model's wording cannot be shown in part: it comes first, and its turns when there is room.
	summary.Text = "In May Ana moved to Porto, where rent is 900 euros and the garden has a tree."
	for i := range summary.Turns {
		summary.Turns[i].Brief = ""
	}
	if p := refine.Pack([]refine.Recalled{summary}, "", math.MaxInt, nil); len(p.Items) != 4 || !strings.Contains(p.Text(), summary.Text) {
		t.Errorf("worded by a model it is\n%s", p.Text())
	}
}

func TestExplainTellsThroughWhichTurn(t *testing.T) {
	ctx := t.Context()
	store := remember(t)
	if _, err := consolidate.Auto(ctx, store, scope, nil, nil); err != nil {
		t.Fatal(err)
	}
	r, err := refine.Recall(ctx, store, scope, memory.Query{Text: "What is the puppy called?", Limit: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	explained, err := r.Explain(ctx)
	if err != nil || len(explained) != 1 || explained[0].Through == nil || explained[0].Through.ID != r.Memories[0].Turns[0].ID || explained[0].Kind != memory.KindSummary {
		t.Errorf("explained as %+v, %v", explained, err)
	}
}
