package sudoku_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

func Example() {
	puzzle, err := sudoku.Parse("1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := puzzle.Solve()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print((&sudoku.Settling{Puzzle: answer}).Text(0, false))
	// Output:
	// ┌─────────┬─────────┬─────────┐
	// │ 1  6  2 │ 8  5  7 │ 4  9  3 │
	// │ 5  3  4 │ 1  2  9 │ 6  7  8 │
	// │ 7  8  9 │ 6  4  3 │ 5  2  1 │
	// ├─────────┼─────────┼─────────┤
	// │ 4  7  5 │ 3  1  2 │ 9  8  6 │
	// │ 9  1  3 │ 5  8  6 │ 7  4  2 │
	// │ 6  2  8 │ 7  9  4 │ 1  3  5 │
	// ├─────────┼─────────┼─────────┤
	// │ 3  5  6 │ 4  7  8 │ 2  1  9 │
	// │ 2  4  1 │ 9  3  5 │ 8  6  7 │
	// │ 8  9  7 │ 2  6  1 │ 3  5  4 │
	// └─────────┴─────────┴─────────┘
}

// A generator gives the same puzzles for the same seed.
func ExampleGenerator() {
	g := sudoku.Generator{Seed: 1, MinClues: 32, MaxClues: 36}
	for p, err := range g.Puzzles(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Question.Clues(), "clues, rating", p.Rating)
		break
	}
	// Output: 32 clues, rating 0
}

// A puzzle that a network fails on may be asked again in another form, and the answer brought back.
func ExampleTransform() {
	puzzle, _ := sudoku.Parse("1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3..")
	t := sudoku.RandomTransform(rand.New(rand.NewPCG(1, 2)))
	other := t.Apply(puzzle)
	answer, _ := other.Solve() // a network would be asked here
	fmt.Println(other != puzzle, t.Inverse().Apply(answer).Answers(puzzle))
	// Output: true true
}
