package main

import (
	"math/rand/v2"

	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// problem is a puzzle with rules that an answer can be checked by.
type problem struct {
	tokens []int32
	answer []int32 // the known answer; nil if there is none
	source string
	rating int // −1 if unknown

	// valid says whether an answer obeys the rules and keeps what is given; it knows nothing of the known answer.
	valid func(answer []int32) bool
	// disguise draws an equivalent puzzle; undo brings an answer to it back.
	disguise func(rng *rand.Rand) (tokens []int32, undo func(answer []int32) []int32)
}

// sudokuProblem makes a problem of a puzzle.
func sudokuProblem(p sudoku.Puzzle) *problem {
	q := &problem{tokens: p.Question.Tokens(), source: p.Source, rating: p.Rating}
	if p.Answer.Full() {
		q.answer = p.Answer.Tokens()
	}
	q.valid = func(answer []int32) bool {
		g, err := sudoku.FromTokens(answer)
		return err == nil && g.Answers(p.Question)
	}
	q.disguise = func(rng *rand.Rand) ([]int32, func([]int32) []int32) {
		t := sudoku.RandomTransform(rng)
		inverse := t.Inverse()
		return t.Apply(p.Question).Tokens(), func(answer []int32) []int32 {
			g, err := sudoku.FromTokens(answer)
			if err != nil {
				return answer // never valid
			}
			return inverse.Apply(g).Tokens()
		}
	}
	return q
}

// mazeProblem makes a problem of a maze and its labelled answer, whose cells are nil if it is unknown.
func mazeProblem(question, answer maze.Maze) *problem {
	q := &problem{tokens: question.Tokens(), rating: -1}
	if answer.Cells != nil {
		q.answer = answer.Tokens()
	}
	q.valid = func(answer []int32) bool {
		m, err := maze.FromTokens(answer)
		return err == nil && question.CheckAnswer(m) == nil
	}
	q.disguise = func(rng *rand.Rand) ([]int32, func([]int32) []int32) {
		s := maze.Symmetry(1 + rng.IntN(maze.Symmetries-1)) // the plain one was tried before
		return s.Apply(question).Tokens(), func(answer []int32) []int32 {
			m, err := maze.FromTokens(answer)
			if err != nil {
				return answer // never valid
			}
			return s.Inverse().Apply(m).Tokens()
		}
	}
	return q
}
