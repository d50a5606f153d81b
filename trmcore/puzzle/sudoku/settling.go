package sudoku

import (
	"fmt"
	"strings"
)

// Settling is a grid on its way to an answer.
type Settling struct {
	Puzzle Grid
	Steps  []Grid // the answer after each step
}

// Mark says how a cell is to be shown.
type Mark uint8

// The marks of a cell, in order of precedence.
const (
	Plain   Mark = iota // an answer that did not change in this step
	Given               // a digit of the puzzle
	Wrong               // a digit that stands twice in a unit, or one that took the place of a given
	Changed             // a digit other than one step before
)

// Frame returns the grid after a step, 0 for the puzzle itself, and the mark of each cell.
func (s *Settling) Frame(step int) (Grid, [Cells]Mark) {
	shown, before := s.at(step), s.at(step-1)
	var marks [Cells]Mark
	for _, unit := range units {
		var at [10]int
		for _, i := range unit {
			if d := shown[i]; d != 0 {
				if j := at[d] - 1; j >= 0 {
					marks[i], marks[j] = Wrong, Wrong
				}
				at[d] = i + 1
			}
		}
	}
	for i := range shown {
		switch given := s.Puzzle[i]; {
		case given != 0 && shown[i] == given:
			marks[i] = Given
		case given != 0:
			marks[i] = Wrong
		case shown[i] != before[i]:
			marks[i] = Changed
		}
	}
	return shown, marks
}

// at is the grid after a step, the puzzle before the first.
func (s *Settling) at(step int) Grid {
	if step <= 0 || len(s.Steps) == 0 {
		return s.Puzzle
	}
	return s.Steps[min(step, len(s.Steps))-1]
}

// Text draws the grid after a step in box-drawing characters. With color, givens are bold, changed cells yellow and
// contradictions red, as ANSI escapes; without, a changed cell is marked by an apostrophe after its digit and a
// contradiction by an exclamation mark.
func (s *Settling) Text(step int, color bool) string {
	grid, marks := s.Frame(step)
	var b strings.Builder
	line := func(left, middle, right string) {
		bar := strings.Repeat("─", 9)
		b.WriteString(left + bar + middle + bar + middle + bar + right + "\n")
	}
	line("┌", "┬", "┐")
	for i, d := range grid {
		if i%9 == 0 && (i == 27 || i == 54) {
			line("├", "┼", "┤")
		}
		if i%3 == 0 {
			b.WriteString("│")
		}
		digit := "·"
		if d != 0 {
			digit = string('0' + rune(d))
		}
		switch {
		case color && marks[i] == Given:
			b.WriteString(" \x1b[1m" + digit + "\x1b[0m ")
		case color && marks[i] == Changed:
			b.WriteString(" \x1b[33m" + digit + "\x1b[0m ")
		case color && marks[i] == Wrong:
			b.WriteString(" \x1b[31m" + digit + "\x1b[0m ")
		case !color && marks[i] == Changed:
			b.WriteString(" " + digit + "'")
		case !color && marks[i] == Wrong:
			b.WriteString(" " + digit + "!")
		default:
			b.WriteString(" " + digit + " ")
		}
		if i%9 == 8 {
			b.WriteString("│\n")
		}
	}
	line("└", "┴", "┘")
	return b.String()
}

// Text draws a single grid in box-drawing characters.
func (g Grid) Text() string {
	s := Settling{Puzzle: g}
	return s.Text(0, false)
}

// Caption tells what a frame shows, like "step 3: 5 cells changed".
func (s *Settling) Caption(step int) string {
	if step <= 0 {
		return fmt.Sprintf("the puzzle: %d clues", s.Puzzle.Clues())
	}
	grid, _ := s.Frame(step)
	before, changed := s.at(step-1), 0
	for i := range grid {
		if grid[i] != before[i] {
			changed++
		}
	}
	state := fmt.Sprintf("%d cells changed", changed)
	if changed == 1 {
		state = "1 cell changed"
	}
	if grid.Answers(s.Puzzle) {
		state = "solved"
	}
	return fmt.Sprintf("step %d: %s", step, state)
}
