package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// problem is a puzzle with its rules and its look.
type problem struct {
	game
	tokens []int32
	answer []int32 // the known answer; nil if there is none
	source string
	rating int // −1 if unknown
}

// game is what differs between the kinds of puzzles. Answers are as tokens; a network of another size was refused before.
type game interface {
	// why says what is wrong with an answer by the rules and by what is given, and is empty if nothing is. It knows
	// nothing of the known answer.
	why(answer []int32) string
	// disguise draws an equivalent puzzle; undo brings an answer to it back.
	disguise(rng *rand.Rand) (tokens []int32, undo func(answer []int32) []int32)
	text(tokens []int32) string
	// frame shows the last of the answers so far on a terminal, or the question.
	frame(answers [][]int32, color bool) string
	svg(w io.Writer, answers [][]int32) error
}

func (p *problem) valid(answer []int32) bool { return p.why(answer) == "" }

// sudokuProblem makes a problem of a puzzle.
func sudokuProblem(p sudoku.Puzzle) *problem {
	q := &problem{game: sudokuGame{p.Question}, tokens: p.Question.Tokens(), source: p.Source, rating: p.Rating}
	if p.Answer.Full() {
		q.answer = p.Answer.Tokens()
	}
	return q
}

// readSudokus reads one Sudoku of 81 cells in any form, one on each line, or CSV, and refuses any without exactly one
// answer.
func readSudokus(text string) ([]*problem, error) {
	puzzles, err := sudoku.Read(text)
	if err != nil {
		return nil, err
	}
	problems := make([]*problem, len(puzzles))
	for i, p := range puzzles {
		if _, err := p.Question.Solve(); err != nil {
			return nil, fmt.Errorf("puzzle %d, %s: %w", i+1, p.Question, err)
		}
		problems[i] = sudokuProblem(p)
	}
	return problems, nil
}

type sudokuGame struct{ question sudoku.Grid }

// grid reads tokens; what is no grid is blank.
func (sudokuGame) grid(tokens []int32) sudoku.Grid {
	g, err := sudoku.FromTokens(tokens)
	if err != nil {
		return sudoku.Grid{}
	}
	return g
}

func (g sudokuGame) why(answer []int32) string {
	grid := g.grid(answer)
	for i, d := range g.question {
		if d != 0 && grid[i] != d {
			return fmt.Sprintf("the given %d in row %d, column %d was changed to %d", d, i/9+1, i%9+1, grid[i])
		}
	}
	if err := grid.Check(); err != nil {
		return err.Error()
	}
	if !grid.Full() {
		return "blank: " + english.Plural(sudoku.Cells-grid.Clues(), "cell", "")
	}
	return ""
}

func (g sudokuGame) disguise(rng *rand.Rand) ([]int32, func([]int32) []int32) {
	t := sudoku.RandomTransform(rng)
	return t.Apply(g.question).Tokens(), func(answer []int32) []int32 { return t.Inverse().Apply(g.grid(answer)).Tokens() }
}

func (g sudokuGame) text(tokens []int32) string { return g.grid(tokens).String() }

func (g sudokuGame) path(answers [][]int32) *sudoku.Settling {
	s := &sudoku.Settling{Puzzle: g.question}
	for _, a := range answers {
		s.Steps = append(s.Steps, g.grid(a))
	}
	return s
}

func (g sudokuGame) frame(answers [][]int32, color bool) string {
	path, step := g.path(answers), len(answers)
	return path.Text(step, color) + path.Caption(step) + "\n"
}

func (g sudokuGame) svg(w io.Writer, answers [][]int32) error { return g.path(answers).SVG(w) }

// mazeProblem makes a problem of a maze and its labelled answer, whose cells are nil if it is unknown.
func mazeProblem(question, answer maze.Maze) *problem {
	q := &problem{game: mazeGame{question}, tokens: question.Tokens(), rating: -1}
	if answer.Cells != nil {
		q.answer = answer.Tokens()
	}
	return q
}

// readMazes reads one maze.
func readMazes(text string) ([]*problem, error) {
	m, err := maze.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.Shortest(); err != nil {
		return nil, err
	}
	return []*problem{mazeProblem(m, maze.Maze{})}, nil
}

type mazeGame struct{ question maze.Maze }

// maze reads tokens; what is no maze is the question.
func (g mazeGame) maze(tokens []int32) maze.Maze {
	m, err := maze.FromTokens(tokens)
	if err != nil {
		return g.question
	}
	return m
}

func (g mazeGame) why(answer []int32) string {
	if err := g.question.CheckAnswer(g.maze(answer)); err != nil {
		return err.Error()
	}
	return ""
}

func (g mazeGame) disguise(rng *rand.Rand) ([]int32, func([]int32) []int32) {
	s := maze.Symmetry(1 + rng.IntN(maze.Symmetries-1)) // the plain one was tried before
	return s.Apply(g.question).Tokens(), func(answer []int32) []int32 { return s.Inverse().Apply(g.maze(answer)).Tokens() }
}

func (g mazeGame) text(tokens []int32) string {
	return strings.TrimSuffix(g.maze(tokens).String(), "\n")
}

func (g mazeGame) frame(answers [][]int32, color bool) string {
	if step := len(answers); step > 0 {
		return g.maze(answers[step-1]).Text(color) + fmt.Sprintf("step %d\n", step)
	}
	return g.question.Text(color) + "the maze\n"
}

func (g mazeGame) svg(w io.Writer, answers [][]int32) error {
	if step := len(answers); step > 0 {
		return g.maze(answers[step-1]).SVG(w)
	}
	return g.question.SVG(w)
}
