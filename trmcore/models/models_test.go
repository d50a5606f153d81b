package models_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/trm-go/refiner/trmcore/models"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// TestBundledModelsLoad loads every bundled model, which checks its weights against its card, hash included.
func TestBundledModelsLoad(t *testing.T) {
	if len(models.Names()) == 0 {
		t.Fatal("this build bundles no weights")
	}
	for _, name := range models.Names() {
		m, err := onnx.LoadFS(models.FS(), name, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Card.Task == "" || m.Card.Licence == "" || m.Card.SHA256 == "" || m.Card.Metrics == nil || m.Card.Data == nil || m.Card.Training == nil {
			t.Errorf("%s: the card lacks a task, a licence, a hash, metrics, data or training", name)
		}
		info, err := fs.Stat(models.FS(), name+"/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		if limit := int64(12_000_000); info.Size() > limit {
			t.Errorf("%s: %d bytes of weights, at most %d may be bundled", name, info.Size(), limit)
		}
	}
}

// TestBundledSudokuSolves measures the bundled model on 50 held-out puzzles of the generator, 30 of 32 to 40 clues and
// 20 of 26 to 30: the first of two seeds of the generator, not chosen. The card's figures are of more.
func TestBundledSudokuSolves(t *testing.T) {
	m, err := onnx.LoadFS(models.FS(), "sudoku", nil)
	if err != nil {
		t.Fatal(err)
	}
	solver, err := onnx.Open(t.Context(), m, &onnx.Options{Device: onnx.CPU})
	if errors.Is(err, onnx.ErrNoRuntime) || errors.Is(err, onnx.ErrNoLibrary) {
		if os.Getenv("CI") != "" && !errors.Is(err, onnx.ErrNoRuntime) {
			t.Fatal(err)
		}
		t.Skipf("%v (for the project: make runtime)", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer solver.Close()

	file, err := os.Open("testdata/easy.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	puzzles, err := sudoku.ReadCSV(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []struct {
		name    string
		options *onnx.SolveOptions
	}{
		{"until the rules accept an answer", &onnx.SolveOptions{Halt: func(s *onnx.Step) bool {
			grid, err := sudoku.FromTokens(s.Tokens)
			return err == nil && grid.Answers(puzzles[s.Index].Question)
		}}},
		{"until the q-head halts", &onnx.SolveOptions{QHalt: true}},
	} {
		exact, steps := 0, 0
		for s, err := range solver.Solve(t.Context(), problems(puzzles), way.options) {
			if err != nil {
				t.Fatal(err)
			}
			grid, err := sudoku.FromTokens(s.Tokens)
			if err != nil {
				t.Fatal(err)
			}
			if grid == puzzles[s.Index].Answer {
				exact++
			}
			steps += s.N
		}
		t.Logf("%s: %d of %d solved, %.1f steps on average", way.name, exact, len(puzzles), float64(steps)/float64(len(puzzles)))
		if least := 48; len(puzzles) != 50 || exact < least {
			t.Errorf("%s: %d of %d solved, want at least %d of 50", way.name, exact, len(puzzles), least)
		}
	}
}

// TestBundledMazeSolves asks the bundled model for the way through mazes of two sizes that it was not trained at; an
// answer that is no shortest path may be asked again under the symmetries of the square.
func TestBundledMazeSolves(t *testing.T) {
	bundled, err := onnx.LoadFS(models.FS(), "maze", nil)
	if err != nil {
		t.Fatal(err)
	}
	solved, all := 0, 0
	for _, side := range []int{9, 13} {
		m, err := bundled.Resized(side * side)
		if err != nil {
			t.Fatal(err)
		}
		solver, err := onnx.Open(t.Context(), m, &onnx.Options{Device: onnx.CPU})
		if errors.Is(err, onnx.ErrNoRuntime) || errors.Is(err, onnx.ErrNoLibrary) {
			t.Skipf("%v (for the project: make runtime)", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		var mazes []maze.Maze
		for rng := rand.New(rand.NewPCG(1, uint64(side))); len(mazes) < 8; {
			question, err := maze.Generate(side, side, rng)
			if err != nil {
				t.Fatal(err)
			}
			mazes = append(mazes, question)
		}
		tries := func(yield func(onnx.Problem) bool) {
			for _, question := range mazes {
				for s := range maze.Symmetry(maze.Symmetries) {
					if !yield(onnx.Problem{Tokens: s.Apply(question).Tokens()}) {
						return
					}
				}
			}
		}
		right := map[int]bool{}
		for s, err := range solver.Solve(t.Context(), tries, &onnx.SolveOptions{Steps: 12}) {
			if err != nil {
				t.Fatal(err)
			}
			answer, err := maze.FromTokens(s.Tokens)
			if err != nil {
				t.Fatal(err)
			}
			which := s.Index / maze.Symmetries
			symmetry := maze.Symmetry(s.Index % maze.Symmetries)
			if mazes[which].CheckAnswer(symmetry.Inverse().Apply(answer)) == nil {
				right[which] = true
			}
		}
		solved, all = solved+len(right), all+len(mazes)
		if err := solver.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d of %d mazes solved within eight tries", solved, all)
	if least := all * 9 / 10; solved < least {
		t.Errorf("%d of %d mazes solved within eight tries, want at least %d", solved, all, least)
	}
}

func problems(puzzles []sudoku.Puzzle) func(func(onnx.Problem) bool) {
	return func(yield func(onnx.Problem) bool) {
		for _, p := range puzzles {
			if !yield(onnx.Problem{Tokens: p.Question.Tokens()}) {
				return
			}
		}
	}
}
