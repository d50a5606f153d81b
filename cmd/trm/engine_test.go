package main

import (
	"context"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// moody is a network that solves a Sudoku only in some of its disguises: when it accepts the question.
type moody struct {
	accepts func(question sudoku.Grid) bool
	asked   int
}

func (m *moody) Solve(_ context.Context, problems iter.Seq[onnx.Problem], o *onnx.SolveOptions) iter.Seq2[onnx.Step, error] {
	return func(yield func(onnx.Step, error) bool) {
		index := 0
		for p := range problems {
			m.asked++
			question, err := sudoku.FromTokens(p.Tokens)
			if err != nil {
				yield(onnx.Step{}, err)
				return
			}
			answer := question // with its blanks: never valid
			if m.accepts(question) {
				answer, err = question.Solve()
			}
			s := onnx.Step{Index: index, Tokens: answer.Tokens(), N: 2}
			if o.Halt != nil && o.Halt(&s) {
				s.Stop = trmcore.StopHalted
			}
			if !yield(s, err) {
				return
			}
			index++
		}
	}
}

func (m *moody) Steps(context.Context, onnx.Problem, *onnx.SolveOptions) iter.Seq2[onnx.Step, error] {
	return func(func(onnx.Step, error) bool) {}
}

func puzzles(t testing.TB, n int) []*problem {
	t.Helper()
	var problems []*problem
	for p, err := range (&sudoku.Generator{Seed: 5, MinClues: 30, MaxClues: 40}).Puzzles(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if problems = append(problems, sudokuProblem(p)); len(problems) == n {
			break
		}
	}
	return problems
}

func TestRetriesBringAnswersBack(t *testing.T) {
	problems := puzzles(t, 20)
	network := &moody{accepts: func(q sudoku.Grid) bool { return q[0]%3 == 1 }}
	e := &engine{solver: network, term: &ui.Terminal{Out: io.Discard, Err: io.Discard}}
	outcomes, _, err := e.run(t.Context(), "", problems, &onnx.SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(outcomes)
	if _, err := e.retry(t.Context(), problems, outcomes, 40, onnx.SolveOptions{Steps: 16, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	retried := 0
	for i, out := range outcomes {
		if !out.valid || cmp.Diff(problems[i].answer, out.tokens) != "" {
			t.Errorf("puzzle %d: after 40 disguises the answer is valid: %v, right: %v", i, out.valid, cmp.Equal(problems[i].answer, out.tokens))
		}
		if before[i].valid {
			if out.tries != 0 || out.steps != 2 {
				t.Errorf("puzzle %d was valid at once, but was tried again", i)
			}
			continue
		}
		retried++
		if want := 2 + 2*out.tries; out.tries < 1 || out.steps != want {
			t.Errorf("puzzle %d: %d steps after %d retries, want %d", i, out.steps, out.tries, want)
		}
	}
	if retried == 0 {
		t.Error("no puzzle needed a retry: the test shows nothing")
	}
}

func TestRetriesThatFailChangeNothing(t *testing.T) {
	problems := puzzles(t, 5)
	network := &moody{accepts: func(sudoku.Grid) bool { return false }}
	e := &engine{solver: network, term: &ui.Terminal{Out: io.Discard, Err: io.Discard}}
	outcomes, _, err := e.run(t.Context(), "", problems, &onnx.SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(outcomes)
	if _, err := e.retry(t.Context(), problems, outcomes, 3, onnx.SolveOptions{Steps: 16, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	if network.asked != 5+3*5 {
		t.Errorf("asked %d times, want 20", network.asked)
	}
	for i, out := range outcomes {
		if out.valid || out.tries != 0 || !slices.Equal(out.tokens, before[i].tokens) || out.steps != 8 {
			t.Errorf("puzzle %d: %+v, want the first answer and 8 steps", i, out)
		}
	}
}

func TestMazeDisguises(t *testing.T) {
	question, err := maze.Parse("S...\n.##.\n....\n..G.")
	if err != nil {
		t.Fatal(err)
	}
	answer, _, err := question.Shortest()
	if err != nil {
		t.Fatal(err)
	}
	p := mazeProblem(question, answer)
	if !p.valid(p.answer) || p.valid(p.tokens) {
		t.Error("the answer must be valid, and the question must not")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		tokens, undo := p.disguise(rng)
		disguised, err := maze.FromTokens(tokens)
		if err != nil {
			t.Fatal(err)
		}
		solved, _, err := disguised.Shortest()
		if err != nil {
			t.Fatal(err)
		}
		if !p.valid(undo(solved.Tokens())) {
			t.Errorf("an answer to the disguise\n%sis not valid brought back", disguised)
		}
	}
}

func TestWilson(t *testing.T) {
	for _, test := range []struct {
		right, of int
		want      Share
	}{
		{0, 0, Share{0, 0, 1, 0}},
		{0, 10, Share{0, 0, .2775, 10}},
		{10, 10, Share{1, .7225, 1, 10}},
		{87, 100, Share{.87, .7902, .9224, 100}}, // by hand: .8563 ± .0661
	} {
		got := wilson(test.right, test.of)
		for _, pair := range [][2]float64{{got.Value, test.want.Value}, {got.Low, test.want.Low}, {got.High, test.want.High}} {
			if math.Abs(pair[0]-pair[1]) > 5e-5 {
				t.Errorf("%d of %d: %+v, want %+v", test.right, test.of, got, test.want)
				break
			}
		}
	}
}

func TestBootstrap(t *testing.T) {
	values := make([]float64, 400) // half 0, half 1: the standard error is .025
	for i := range 200 {
		values[i] = 1
	}
	got := bootstrap(values)
	if got.Value != .5 || math.Abs(got.Low-.451) > .01 || math.Abs(got.High-.549) > .01 {
		t.Errorf("%+v, want .5 within about .049", got)
	}
	if again := bootstrap(values); again != got {
		t.Errorf("another interval the second time: %+v, %+v", got, again)
	}
}

func TestSummarize(t *testing.T) {
	problems := puzzles(t, 4)
	problems[0].source, problems[0].rating = "b", 3
	for _, p := range problems[1:] {
		p.source, p.rating = "a", 120
	}
	wrong := slices.Clone(problems[1].answer)
	wrong[0] = wrong[0]%9 + 2
	outcomes := []outcome{
		{tokens: problems[0].answer, steps: 1, halted: true, valid: true},
		{tokens: wrong, steps: 3, halted: true},
		{tokens: problems[2].answer, steps: 4, valid: true},
		{tokens: problems[3].answer, steps: 4, valid: true},
	}
	got := summarize("q-halt", 4, problems, outcomes, 2)
	want := Run{
		Mode: "q-halt", Steps: 4, Exact: wilson(3, 4), Valid: wilson(3, 4), Cells: got.Cells, Halted: 2, Mean: 3, Seconds: 2, Rate: 2,
		BySource: []Group{{"a", wilson(2, 3)}, {"b", wilson(1, 1)}},
		ByRating: []Group{{"1–5", wilson(1, 1)}, {"101–200", wilson(2, 3)}},
		Halting:  []int{1, 0, 1, 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if want := (3 + 80./81) / 4; math.Abs(got.Cells.Value-want) > 1e-12 {
		t.Errorf("cells %v, want %v", got.Cells.Value, want)
	}
}
