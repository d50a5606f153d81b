package refine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"pgregory.net/rapid"
)

// said are two days of a conversation.
var said = []struct{ session, speaker, text string }{
	{"one", "Ada", "Hi! How was your weekend?"},
	{"one", "Ben", "Great, thanks. I adopted a puppy from the shelter!"},
	{"one", "Ada", "Aww! What is it called?"},
	{"one", "Ben", "Her name is Nutmeg. She already chewed my shoes."},
	{"one", "Ada", "I bought a violin last Friday, so I am learning scales now."},
	{"two", "Ada", "My violin teacher is strict but kind."},
	{"two", "Ben", "Nice. Nutmeg and I start training at the park next week."},
	{"two", "Ada", "Which park?"},
	{"two", "Ben", "The one behind the old mill."},
}

var scope = memory.Scope{Tenant: "test", User: "ben"}

func remember(t testing.TB) *memory.Store {
	t.Helper()
	store, err := fill(filepath.Join(t.TempDir(), "memory.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func fill(path string) (*memory.Store, error) {
	store, err := memory.Create(context.Background(), path, nil)
	if err != nil {
		return nil, err
	}
	day := time.Date(2023, 5, 8, 10, 0, 0, 0, time.UTC)
	for i, s := range said {
		at := scope
		at.Session = s.session
		if s.session == "two" {
			day = time.Date(2023, 5, 20, 10, 0, 0, 0, time.UTC)
		}
		r := memory.Record{Scope: at, Kind: memory.KindTurn, Role: "user", Speaker: s.speaker, Text: s.text, Position: i,
			Created: day, Importance: .5, Confidence: 1, Origin: memory.Observed}
		if _, err := store.Add(context.Background(), at, r); err != nil {
			return nil, err
		}
	}
	return store, nil
}

func ExampleRecall() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "recall")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := fill(filepath.Join(dir, "memory.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	recollection, err := refine.Recall(ctx, store, scope, memory.Query{Text: "What is Ben's puppy called?", Limit: 3}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range recollection.Memories {
		fmt.Printf("%s: %s\n", m.Speaker, m.Text)
	}
	fmt.Println(recollection.Certificate.Stop)
	// Output:
	// Ada: Aww! What is it called?
	// Ben: Great, thanks. I adopted a puppy from the shelter!
	// Ben: Her name is Nutmeg. She already chewed my shoes.
	// max steps
}

func recall(t *testing.T, src refine.Source, question string, o *refine.Options) *refine.Recollection {
	t.Helper()
	r, err := refine.Recall(context.Background(), src, scope, memory.Query{Text: question, Limit: 5}, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecallFindsTheAnswerTurn(t *testing.T) {
	store := remember(t)
	for question, want := range map[string]string{
		"When did Ada buy a violin?":       "I bought a violin",
		"What is Ben's puppy called?":      "Nutmeg",
		"Where do Ben and Nutmeg train?":   "training at the park",
		"Which park is the training in?":   "training at the park",
		"What did Ben adopt in May 2023?":  "adopted a puppy",
		"Is the violin teacher strict?":    "teacher is strict",
		"\"old mill\" park":                "behind the old mill",
		"who adopted a dog from a shelter": "adopted a puppy",
	} {
		r := recall(t, store, question, nil)
		found := false
		for _, m := range r.Memories[:min(3, len(r.Memories))] {
			found = found || strings.Contains(m.Text, want)
		}
		if !found {
			t.Errorf("%s: %q is not among the first three of %+v", question, want, texts(r))
		}
	}
}

func texts(r *refine.Recollection) []string {
	var list []string
	for _, m := range r.Memories {
		list = append(list, m.Text)
	}
	return list
}

func TestRecallStaysInScope(t *testing.T) {
	store := remember(t)
	r, err := refine.Recall(context.Background(), store, memory.Scope{Tenant: "test", User: "eve"}, memory.Query{Text: "puppy"}, nil)
	if err != nil || len(r.Memories) != 0 {
		t.Errorf("%v, %v", texts(r), err)
	}
}

// TestMatched tells what was found by its words, or by words related to them, from what is merely near.
func TestMatched(t *testing.T) {
	store := remember(t)
	for question, want := range map[string]bool{"Who has a puppy?": true, "What instruments are there?": true, "zzzzqqq": false, "pupyp": false} {
		r, err := refine.Recall(context.Background(), store, scope, memory.Query{Text: question}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Matched != want {
			t.Errorf("%q: matched is %v", question, r.Matched)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, mode := range []refine.Mode{refine.Learned, refine.FixedPoint} {
		t.Run(string(mode), func(t *testing.T) { explain(t, mode) })
	}
}

func explain(t *testing.T, mode refine.Mode) {
	store := remember(t)
	r := recall(t, store, "What is Ben's puppy called?", &refine.Options{Mode: mode})
	all, err := r.Explain(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(r.Memories) || len(all) == 0 {
		t.Fatalf("%d explanations of %d memories", len(all), len(r.Memories))
	}
	neighbours := 0
	for _, e := range all {
		sum := 0.0
		for _, l := range e.Lifts {
			sum += l.Share
			if l.Reason == importance.Before || l.Reason == importance.After {
				neighbours++
				if d := l.From.Position - e.Position; d != 1 && d != -1 || l.From.Scope != e.Scope {
					t.Errorf("%q was lifted by %q as the turn %s", e.Text, l.From.Text, l.Reason)
				}
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%q: shares sum to %v", e.Text, sum)
		}
		if n := len(e.Steps); n != r.Certificate.Steps+1 || math.Abs(e.Steps[n-1]-e.Weight) > 1e-9 {
			t.Errorf("%q: %d weights, the last %v, for weight %v", e.Text, n, e.Steps[n-1], e.Weight)
		}
	}
	if neighbours == 0 {
		t.Error("no neighbour lifted anything")
	}
	if diff := cmp.Diff([]string{"ben", "puppi"}, all[0].Terms); diff != "" && !strings.Contains(all[0].Text, "Nutmeg") && !strings.Contains(all[0].Text, "called") {
		t.Errorf("terms of %q (-want +got):\n%s", all[0].Text, diff)
	}
	plain, err := recall(t, store, "puppy", &refine.Options{Mode: refine.BM25}).Explain(context.Background())
	if err != nil || len(plain) != 1 || len(plain[0].Lifts) != 1 || plain[0].Lifts[0].Share != 1 || len(plain[0].Steps) != 1 {
		t.Errorf("without recursion: %+v, %v", plain, err)
	}
}

// forgetful is a source whose second candidate is deleted before it is fetched.
type forgetful struct {
	refine.Source
	gone int64
}

func (f forgetful) Fetch(ctx context.Context, s memory.Scope, rows ...int64) ([]memory.Record, error) {
	var left []int64
	for _, r := range rows {
		if r != f.gone {
			left = append(left, r)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	return f.Source.Fetch(ctx, s, left...)
}

func TestRecallOfWhatIsDeletedMeanwhile(t *testing.T) {
	store := remember(t)
	full := recall(t, store, "puppy Nutmeg", nil)
	r := recall(t, forgetful{store, 4}, "puppy Nutmeg", nil)
	if len(r.Memories) != len(full.Memories)-1 {
		t.Errorf("%d memories, want one less than %d", len(r.Memories), len(full.Memories))
	}
	for _, m := range r.Memories {
		if strings.Contains(m.Text, "Her name is Nutmeg") {
			t.Errorf("the deleted record was recalled: %q", m.Text)
		}
	}
	if _, err := r.Explain(context.Background()); err != nil {
		t.Error(err)
	}
}

// failing is a source that fails.
type failing struct{ candidates, fetch error }

func (f failing) Candidates(context.Context, memory.Scope, memory.Query) (*memory.Candidates, error) {
	return turns(1, 2), f.candidates
}

func (f failing) Fetch(context.Context, memory.Scope, ...int64) ([]memory.Record, error) {
	return nil, f.fetch
}

func TestRecallFails(t *testing.T) {
	for _, src := range []failing{{candidates: memory.ErrCorrupt}, {fetch: memory.ErrCorrupt}} {
		if _, err := refine.Recall(context.Background(), src, scope, memory.Query{Text: "x"}, nil); !errors.Is(err, memory.ErrCorrupt) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := refine.Recall(context.Background(), failing{}, scope, memory.Query{Text: "x"}, &refine.Options{Mode: "x"}); err == nil {
		t.Error("an unknown mode passes")
	}
}

func ExamplePack() {
	day := time.Date(2023, 5, 8, 0, 0, 0, 0, time.UTC)
	memories := []refine.Recalled{
		{Record: memory.Record{ID: "2", Speaker: "Ben", Created: day, Position: 2, Text: "Her name is Nutmeg. She already chewed my shoes. I should buy a gate."}, Weight: 1, Level: importance.Full},
		{Record: memory.Record{ID: "1", Speaker: "Ben", Created: day, Position: 1, Text: "Great, thanks. I adopted a puppy from the shelter! It rained all day, so we stayed in."}, Weight: .6, Level: importance.Chunk},
		{Record: memory.Record{ID: "3", Speaker: "Ada", Created: day, Position: 3, Text: "Bye."}, Weight: .1, Level: importance.Dropped},
	}
	packed := refine.Pack(memories, "What is the puppy called?", 50, nil)
	fmt.Println(packed.Text())
	fmt.Println("tokens:", packed.Tokens, "dropped:", packed.Dropped)
	// Output:
	// 2023-05-08 Ben: … I adopted a puppy from the shelter! …
	// 2023-05-08 Ben: Her name is Nutmeg. She already chewed my shoes. I should buy a gate.
	// tokens: 46 dropped: [3]
}

func TestPackLevels(t *testing.T) {
	long := strings.Repeat("We talked about nothing at all for a while. ", 6) + "The puppy is Nutmeg. " + strings.Repeat("Then it rained again in town. ", 6)
	m := refine.Recalled{Record: memory.Record{ID: "1", Created: now, Text: long}, Weight: 1, Level: importance.Full}
	for _, c := range []struct {
		budget int
		want   importance.Level
	}{{200, importance.Full}, {80, importance.Chunk}, {40, importance.Chunk}, {5, ""}, {0, ""}, {-1, ""}} {
		p := refine.Pack([]refine.Recalled{m}, "Who is the puppy?", c.budget, nil)
		got := importance.Level("")
		if len(p.Items) > 0 {
			got = p.Items[0].Level
		}
		if got != c.want || p.Tokens > max(0, c.budget) {
			t.Errorf("budget %d: level %q with %d tokens, want %q", c.budget, got, p.Tokens, c.want)
		}
		if c.want == importance.Chunk && !strings.Contains(p.Text(), "The puppy is Nutmeg.") {
			t.Errorf("the chunk leaves out the answer: %s", p.Text())
		}
	}
}

func TestPackLeavesRepetitionsOut(t *testing.T) {
	r := func(id memory.ID, weight float64, s string) refine.Recalled {
		return refine.Recalled{Record: memory.Record{ID: id, Created: now, Text: s}, Weight: weight, Level: importance.Full}
	}
	p := refine.Pack([]refine.Recalled{r("a", .8, "I adopted a puppy!"), r("b", 1, "I adopted the puppy."), r("c", .7, "I sold a house.")}, "", 100, nil)
	if diff := cmp.Diff([]memory.ID{"a"}, p.Dropped); diff != "" || len(p.Items) != 2 {
		t.Errorf("%+v (-want +got):\n%s", p.Items, diff)
	}
}

func TestPackNeverExceedsTheBudget(t *testing.T) {
	words := strings.Fields("puppy violin 東京 internationalisation a I-1,200.50 mill. park? … — so! the\nold 😀😀 x")
	rapid.Check(t, func(t *rapid.T) {
		var list []refine.Recalled
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			var b strings.Builder
			for range rapid.IntRange(0, 60).Draw(t, "words") {
				b.WriteString(rapid.SampledFrom(words).Draw(t, "word") + rapid.SampledFrom([]string{" ", ". ", "\n", ""}).Draw(t, "end"))
			}
			weight := rapid.Float64Range(0, 1).Draw(t, "weight")
			list = append(list, refine.Recalled{Record: memory.Record{ID: memory.ID(fmt.Sprint(i)), Created: now.Add(time.Duration(-i) * time.Hour), Text: b.String()},
				Weight: weight, Level: importance.DefaultThresholds.Level(weight)})
		}
		budget := rapid.IntRange(-5, 300).Draw(t, "budget")
		o := &refine.PackOptions{}
		count := text.Tokens
		if rapid.Bool().Draw(t, "bytes") { // a tokeniser that knows bytes only
			count = func(s string) int { return len(s) }
			o.Tokens = count
		}
		p := refine.Pack(list, "where is the puppy", budget, o)
		if n := count(p.Text()); n != p.Tokens || n > max(0, budget) {
			t.Fatalf("%d tokens (said to be %d) in a budget of %d", n, p.Tokens, budget)
		}
		if len(p.Items)+len(p.Dropped) != len(list) {
			t.Fatalf("%d packed and %d dropped of %d", len(p.Items), len(p.Dropped), len(list))
		}
		if diff := cmp.Diff(p, refine.Pack(list, "where is the puppy", budget, o)); diff != "" {
			t.Fatalf("not the same twice:\n%s", diff)
		}
	})
}
