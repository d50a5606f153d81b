package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// game is a puzzle as trm solve shows it.
type game interface {
	problem() *problem
	question() string
	answer(tokens []int32) string
	why(tokens []int32) string // what is wrong with an answer; empty if nothing is

	settle(tokens []int32) // the answer after one more step
	steps() int            // answers so far
	frame(step int, color bool) string
	svg(w io.Writer) error
}

// sudokuGame is a Sudoku on its way.
type sudokuGame struct {
	puzzle sudoku.Puzzle
	path   sudoku.Settling
}

// readSudokus reads one Sudoku of 81 cells in any form, one on each line, or CSV, and refuses any without exactly one
// answer.
func readSudokus(text string) ([]game, error) {
	puzzles, err := sudoku.Read(text)
	if err != nil {
		return nil, err
	}
	games := make([]game, len(puzzles))
	for i, p := range puzzles {
		if _, err := p.Question.Solve(); err != nil {
			return nil, fmt.Errorf("puzzle %d, %s: %w", i+1, p.Question, err)
		}
		games[i] = &sudokuGame{puzzle: p, path: sudoku.Settling{Puzzle: p.Question}}
	}
	return games, nil
}

func (g *sudokuGame) problem() *problem { return sudokuProblem(g.puzzle) }
func (g *sudokuGame) question() string  { return g.puzzle.Question.String() }
func (g *sudokuGame) steps() int        { return len(g.path.Steps) }

func (g *sudokuGame) grid(tokens []int32) sudoku.Grid {
	grid, err := sudoku.FromTokens(tokens)
	if err != nil {
		return sudoku.Grid{} // a network of another size was refused before
	}
	return grid
}

func (g *sudokuGame) answer(tokens []int32) string { return g.grid(tokens).String() }

func (g *sudokuGame) why(tokens []int32) string {
	grid := g.grid(tokens)
	if grid.Answers(g.puzzle.Question) {
		return ""
	}
	for i, d := range g.puzzle.Question {
		if d != 0 && grid[i] != d {
			return fmt.Sprintf("the given %d in row %d, column %d was changed to %d", d, i/9+1, i%9+1, grid[i])
		}
	}
	if err := grid.Check(); err != nil {
		return err.Error()
	}
	return "blank: " + counted(sudoku.Cells-grid.Clues(), "cell")
}

func (g *sudokuGame) settle(tokens []int32) { g.path.Steps = append(g.path.Steps, g.grid(tokens)) }

func (g *sudokuGame) frame(step int, color bool) string {
	return g.path.Text(step, color) + g.caption(step) + "\n"
}

// caption is the frame's, without the number of steps, which is not known before the end.
func (g *sudokuGame) caption(step int) string {
	text := g.path.Caption(step)
	if before, after, ok := strings.Cut(text, " of "); ok && step > 0 {
		_, state, _ := strings.Cut(after, ":")
		return before + ":" + state
	}
	return text
}

func (g *sudokuGame) svg(w io.Writer) error { return g.path.SVG(w) }

// mazeGame is a maze on its way.
type mazeGame struct {
	maze    maze.Maze
	answers []maze.Maze
}

// readMazes reads one maze.
func readMazes(text string) ([]game, error) {
	m, err := maze.Parse(text)
	if err != nil {
		return nil, err
	}
	if _, _, err := m.Shortest(); err != nil {
		return nil, err
	}
	return []game{&mazeGame{maze: m}}, nil
}

func (g *mazeGame) problem() *problem { return mazeProblem(g.maze, maze.Maze{}) }
func (g *mazeGame) question() string  { return g.maze.String() }
func (g *mazeGame) steps() int        { return len(g.answers) }

func (g *mazeGame) drawn(tokens []int32) maze.Maze {
	m, err := maze.FromTokens(tokens)
	if err != nil {
		return g.maze // a network of another size was refused before
	}
	return m
}

func (g *mazeGame) answer(tokens []int32) string {
	return strings.TrimSuffix(g.drawn(tokens).String(), "\n")
}

func (g *mazeGame) why(tokens []int32) string {
	if err := g.maze.CheckAnswer(g.drawn(tokens)); err != nil {
		return err.Error()
	}
	return ""
}

func (g *mazeGame) settle(tokens []int32) { g.answers = append(g.answers, g.drawn(tokens)) }

func (g *mazeGame) frame(step int, color bool) string {
	if step == 0 {
		return g.maze.Text(color) + "the maze\n"
	}
	return g.answers[step-1].Text(color) + fmt.Sprintf("step %d\n", step)
}

func (g *mazeGame) svg(w io.Writer) error {
	if len(g.answers) == 0 {
		return g.maze.SVG(w)
	}
	return g.answers[len(g.answers)-1].SVG(w)
}

// view shows frames in place of each other on a terminal, and nothing elsewhere.
type view struct {
	term  *ui.Terminal
	live  bool
	lines int // of the frame that is shown
}

func newView(term *ui.Terminal, json bool) *view {
	return &view{term: term, live: term.Width > 0 && !json && os.Getenv("TERM") != "dumb"}
}

// show draws a frame over the one before.
func (v *view) show(frame string) {
	if !v.live {
		return
	}
	if v.lines > 0 {
		v.term.Printf("\x1b[%dA", v.lines) // up to the first line
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(frame, "\n"), "\n") {
		v.term.Printf("%s\x1b[K\n", line) // and clear what is left of the longer line before
	}
	v.lines = strings.Count(frame, "\n")
}

// wait lets a frame be seen.
func (v *view) wait(ctx context.Context, pace time.Duration) {
	if !v.live {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(pace):
	}
}
