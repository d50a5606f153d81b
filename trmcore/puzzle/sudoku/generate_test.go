package sudoku

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// take collects the first n puzzles.
func take(t testing.TB, g *Generator, n int) []Puzzle {
	t.Helper()
	var puzzles []Puzzle
	for p, err := range g.Puzzles(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if puzzles = append(puzzles, p); len(puzzles) == n {
			break
		}
	}
	return puzzles
}

func TestGenerate(t *testing.T) {
	for _, test := range []struct {
		name      string
		generator Generator
		minimal   bool
	}{
		{"minimal", Generator{Seed: 1}, true},
		{"easy", Generator{Seed: 1, MinClues: 30, MaxClues: 40}, false},
		{"rated", Generator{Seed: 1, MinRating: 10, MaxRating: 40}, true},
		{"rated without a climb", Generator{Seed: 1, MaxRating: 2}, true},
		{"from seeds", Generator{Seed: 1, MinRating: 10, Seeds: []Grid{mustParse(t, escargot)}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := map[Grid]bool{}
			g := test.generator
			for _, p := range take(t, &g, 60) {
				if answer, err := p.Question.Solve(); err != nil || answer != p.Answer {
					t.Errorf("%s: answer %s, %v; the puzzle says %s", p.Question, answer, err, p.Answer)
				}
				if rating := guesses(t, p.Question); rating != p.Rating {
					t.Errorf("%s: rating %d, the puzzle says %d", p.Question, rating, p.Rating)
				}
				if p.Rating < g.MinRating || g.MaxRating > 0 && p.Rating > g.MaxRating {
					t.Errorf("%s: rating %d, want %d to %d", p.Question, p.Rating, g.MinRating, g.MaxRating)
				}
				if n := p.Question.Clues(); n < g.MinClues || g.MaxClues > 0 && n > g.MaxClues {
					t.Errorf("%s: %d clues, want %d to %d", p.Question, n, g.MinClues, g.MaxClues)
				}
				if test.minimal {
					for i := range p.Question {
						less := p.Question
						less[i] = 0
						if _, err := less.Solve(); less != p.Question && err == nil {
							t.Errorf("%s: the clue in cell %d is not needed", p.Question, i)
						}
					}
				}
				if seen[p.Question] {
					t.Errorf("%s comes twice", p.Question)
				}
				seen[p.Question] = true
			}
		})
	}
}

func TestGenerateIsAFunctionOfTheSeed(t *testing.T) {
	for _, g := range []Generator{{Seed: 7, MaxClues: 35}, {Seed: 7, MinRating: 5}} {
		one, four, other := g, g, g
		one.Workers, four.Workers, other.Seed = 1, 4, 8
		want := take(t, &one, 80)
		if diff := cmp.Diff(want, take(t, &four, 80)); diff != "" {
			t.Errorf("one worker and four (-one +four)\n%s", diff)
		}
		if cmp.Equal(want, take(t, &other, 80)) {
			t.Error("another seed gives the same puzzles")
		}
	}
}

func TestGenerateExcludes(t *testing.T) {
	exclude := map[Grid]bool{}
	for _, p := range take(t, &Generator{Seed: 3, MaxClues: 40}, 50) {
		exclude[p.Answer] = true
	}
	for _, p := range take(t, &Generator{Seed: 3, MaxClues: 40, Exclude: exclude}, 50) {
		if exclude[p.Answer] {
			t.Errorf("%s has an excluded answer", p.Question)
		}
	}
}

func TestGenerateStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	var last error
	for _, err := range (&Generator{Seed: 1}).Puzzles(ctx) {
		if last = err; err == nil {
			n++
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || n == 0 {
		t.Errorf("after %d puzzles: %v, want context.Canceled", n, last)
	}
	for _, bad := range []Generator{{MinClues: 5, MaxClues: 4}, {MaxClues: 82}, {MinClues: -1}, {MinRating: 3, MaxRating: 2}, {MinRating: 3, MaxClues: 30}} {
		for _, err := range bad.Puzzles(context.Background()) {
			if err == nil {
				t.Errorf("%+v gives puzzles, want an error", bad)
				break
			}
		}
	}
}

func BenchmarkGenerate(b *testing.B) {
	for name, g := range map[string]Generator{"easy": {MinClues: 28, MaxClues: 40}, "minimal": {}} {
		b.Run(name, func(b *testing.B) {
			g := g
			g.Workers = 1
			take(b, &g, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puzzles/s")
		})
	}
}

func BenchmarkSolve(b *testing.B) {
	puzzle := mustParse(b, escargot)
	for b.Loop() {
		if _, err := puzzle.Solve(); err != nil {
			b.Fatal(err)
		}
	}
}
