package memory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory/internal/index"
)

// summed is a summary of records.
func summed(text string, of ...ID) Record {
	return Record{Kind: KindSummary, Origin: Reconstructed, Position: -1, Created: t0, Text: text, DerivedFrom: of, Importance: .5, Confidence: 1, Meta: map[string]string{"level": "day"}}
}

func TestASummaryIsShownForWhatItStandsFor(t *testing.T) {
	ctx := t.Context()
	c := &clock{at: t0}
	s := newStore(t, &Options{Now: c.now})
	ann := Scope{Tenant: "acme", User: "ann"}
	monday, tuesday := ann, ann
	monday.Session, tuesday.Session = "monday", "tuesday"
	first := add(t, s, monday, talk("I adopted a greyhound from the shelter", "What is its name?", "He is called Biscuit")...)
	second := add(t, s, tuesday, talk("The vet says the dog needs a special diet")...)
	query := Query{Text: "greyhound name Biscuit"}
	before, err := search(ctx, s, ann, query)
	if err != nil {
		t.Fatal(err)
	}
	c.move(time.Hour)
	day, err := s.Supersede(ctx, ann, summed("Ann adopted a greyhound.", first...), first...)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "a word that only the turn has", []string{"Ann adopted a greyhound."}, texts(t, s, ann, Query{Text: "Biscuit"}))
	after, err := search(ctx, s, ann, query)
	if err != nil {
		t.Fatal(err)
	}
	if after[0].ID != day || after[0].Score != before[0].Score || after[0].Lexical != before[0].Lexical {
		t.Errorf("the summary is found with %+v, the turn was with %+v", after[0], before[0])
	}

	// Showing the summary counts for the turn.
	if err := s.MarkShown(ctx, ann, day, day); err != nil {
		t.Fatal(err)
	}
	candidates, err := s.Candidates(ctx, ann, query)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range candidates.List {
		if want := map[bool]int32{true: 2, false: 0}[x.Summary != 0]; x.Shown != want {
			t.Errorf("row %d, shown as %d, was shown %d times, want %d", x.Row, x.Summary, x.Shown, want)
		}
	}

	// Of the week's summary, which stands for another session too, a question about one session gets to see nothing.
	c.move(time.Hour)
	week, err := s.Supersede(ctx, ann, summed("A dog on a diet.", append(slices.Clone(first), second...)...), day, second[0])
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "two levels up", []string{"A dog on a diet."}, texts(t, s, ann, Query{Text: "Biscuit"}))
	diff(t, "within the session", []string{"He is called Biscuit"}, texts(t, s, monday, Query{Text: "Biscuit", Limit: 1}))
	diff(t, "turns only", []string{"He is called Biscuit"}, texts(t, s, ann, Query{Text: "Biscuit", Limit: 1, Kinds: []Kind{KindTurn}}))
	diff(t, "summaries only", []string{"A dog on a diet."}, texts(t, s, ann, Query{Text: "Biscuit", Kinds: []Kind{KindSummary}}))
	diff(t, "facts only", []string{}, texts(t, s, ann, Query{Text: "Biscuit", Kinds: []Kind{KindFact}}))
	diff(t, "by the summary's metadata", []string{"A dog on a diet."}, texts(t, s, ann, Query{Text: "Biscuit", Where: map[string]string{"level": "day"}}))
	diff(t, "by a phrase of the turn", []string{"A dog on a diet."}, texts(t, s, ann, Query{Text: `"called Biscuit"`}))
	for hours, want := range map[float64]string{.5: "He is called Biscuit", 1.5: "Ann adopted a greyhound.", 2.5: "A dog on a diet."} {
		q := Query{Text: "Biscuit", Limit: 1, At: t0.Add(time.Duration(hours * float64(time.Hour)))}
		diff(t, fmt.Sprintf("as of %v hours", hours), []string{want}, texts(t, s, ann, q))
	}

	// A summary of what does not hold any more is not shown; the turns that hold are found.
	c.move(time.Hour)
	fact := turn("Ann has no dog any more.")
	fact.Kind = KindFact
	id, err := s.Supersede(ctx, ann, fact, second[0])
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "after a fact took the place of a turn", []string{"He is called Biscuit", "Ann has no dog any more."}, texts(t, s, ann, Query{Text: "Biscuit dog"})[:2])
	for _, step := range []struct {
		undo ID
		want string
	}{{id, "A dog on a diet."}, {week, "Ann adopted a greyhound."}, {day, "He is called Biscuit"}} {
		if err := s.Undo(ctx, ann, step.undo); err != nil {
			t.Fatal(err)
		}
		diff(t, "undone", []string{step.want}, texts(t, s, ann, Query{Text: "Biscuit", Limit: 1}))
	}
	last, err := search(ctx, s, ann, query)
	if err != nil {
		t.Fatal(err)
	}
	for i := range last {
		if last[i].ID != before[i].ID || last[i].Score != before[i].Score {
			t.Errorf("hit %d is %v after all was undone, it was %v", i+1, last[i], before[i])
		}
	}
}

// A projection that follows every change is the one that opening the store builds: what is found, and what is shown for it.
func TestAShardFollowsEveryChange(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			ctx := t.Context()
			random := rand.New(rand.NewPCG(seed, 7))
			s := newStore(t, nil)
			var live, taken []ID // taken: what superseded something, and may be undone
			pick := func() []ID {
				var some []ID
				for _, i := range random.Perm(len(live))[:min(len(live), 1+random.IntN(3))] {
					some = append(some, live[i])
				}
				return some
			}
			for step := range 90 {
				lag := random.IntN(3) > 0 // more than one change comes at once
				switch random.IntN(7) {
				case 0, 1:
					live = append(live, add(t, s, ann, turn(fmt.Sprintf("turn %d of %d words", step, random.IntN(9))))...)
				case 2, 3, 4:
					if len(live) < 2 {
						continue
					}
					old := pick()
					r := summed(fmt.Sprintf("summary %d", step), old...)
					if random.IntN(6) == 0 {
						r = turn(fmt.Sprintf("fact %d", step))
						r.Kind = KindFact
					}
					id, err := s.Supersede(ctx, ann, r, old...)
					if err != nil {
						t.Fatal(err)
					}
					live = append(slices.DeleteFunc(live, func(l ID) bool { return slices.Contains(old, l) }), id)
					taken = append(taken, id)
				case 5:
					if len(taken) == 0 {
						continue
					}
					_ = s.Undo(ctx, ann, taken[random.IntN(len(taken))]) // some may not be undone: that is another test
				case 6:
					if len(live) == 0 {
						continue
					}
					id := live[random.IntN(len(live))]
					if random.IntN(8) == 0 {
						if _, err := s.Delete(ctx, ann, []ID{id}, &DeleteOptions{Derived: true}); err != nil {
							t.Fatal(err)
						}
					} else if err := s.MarkShown(ctx, ann, id); err != nil {
						t.Fatal(err)
					}
				}
				live = live[:0]
				for r, err := range s.All(ctx, ann, nil) {
					if err != nil {
						t.Fatal(err)
					}
					live = append(live, r.ID)
				}
				if lag {
					continue
				}
				followed := projection(t, s)
				opened, err := Open(ctx, s.Path(), &Options{ReadOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				fresh := projection(t, opened)
				if err := opened.Close(); err != nil {
					t.Fatal(err)
				}
				diff(t, fmt.Sprintf("step %d", step), fresh, followed)
				if report, err := s.Check(ctx, true); err != nil || len(report.Problems) > 0 {
					t.Fatalf("step %d: %v, %v", step, report.Problems, err)
				}
				if t.Failed() {
					t.FailNow()
				}
			}
		})
	}
}

// projection tells of each record that is found what is shown for it, and how near its vector is.
func projection(t *testing.T, s *Store) map[string]string {
	t.Helper()
	sh, err := s.view(context.Background(), ann)
	if err != nil {
		t.Fatal(err)
	}
	all := map[int64]bool{}
	for row := range int64(10_000) {
		all[row] = true
	}
	vectors, err := letters{}.Embed(context.Background(), []string{"the boat and the garden"})
	if err != nil {
		t.Fatal(err)
	}
	if sh.dim == 0 {
		vectors[0] = nil
	}
	a, err := sh.index.Ask(context.Background(), &index.Question{Must: all, Limit: 10_000, Vector: vectors[0], Moment: micros(time.Now())})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"documents": fmt.Sprintf("%d %.3f %.6f", a.Live, a.Terms, a.Mean)}
	for _, h := range a.Hits {
		var words []string
		for _, n := range h.Doc.Terms {
			words = append(words, sh.index.Word(n))
		}
		slices.Sort(words)
		top := int64(0)
		if h.Summary != nil {
			top = h.Summary.Row
		}
		shown[fmt.Sprint(h.Doc.Row)] = fmt.Sprintf("%d %s %d %.5f", top, strings.Join(words, " "), h.Doc.Shown, h.Vector)
	}
	return shown
}
