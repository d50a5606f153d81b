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

// mark says how a cell is to be shown.
type mark uint8

// The marks of a cell, in order of precedence.
const (
	plain   mark = iota // an answer that did not change in this step
	given               // a digit of the puzzle
	wrong               // a digit that stands twice in a unit, or one that took the place of a given
	changed             // a digit other than one step before
)

// frame returns the grid after a step, 0 for the puzzle itself, and the mark of each cell.
func (s *Settling) frame(step int) (Grid, [Cells]mark) {
	shown, before := s.at(step), s.at(step-1)
	var marks [Cells]mark
	for _, unit := range units {
		var at [10]int
		for _, i := range unit {
			if d := shown[i]; d != 0 {
				if j := at[d] - 1; j >= 0 {
					marks[i], marks[j] = wrong, wrong
				}
				at[d] = i + 1
			}
		}
	}
	for i, d := range s.Puzzle {
		switch {
		case d != 0 && shown[i] == d:
			marks[i] = given
		case d != 0:
			marks[i] = wrong
		case shown[i] != before[i]:
			marks[i] = changed
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
	grid, marks := s.frame(step)
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
		digit, after := "·", " "
		if d != 0 {
			digit = string('0' + rune(d))
		}
		if color {
			if style := [...]string{given: "1", wrong: "31", changed: "33"}[marks[i]]; style != "" {
				digit = "\x1b[" + style + "m" + digit + "\x1b[0m"
			}
		} else {
			after = [...]string{plain: " ", given: " ", wrong: "!", changed: "'"}[marks[i]]
		}
		b.WriteString(" " + digit + after)
		if i%9 == 8 {
			b.WriteString("│\n")
		}
	}
	line("└", "┴", "┘")
	return b.String()
}

// Caption tells what a frame shows, like "step 3: 5 cells changed".
func (s *Settling) Caption(step int) string {
	if step <= 0 {
		return fmt.Sprintf("the puzzle: %d clues", s.Puzzle.Clues())
	}
	grid, before := s.at(step), s.at(step-1)
	cells := 0
	for i := range grid {
		if grid[i] != before[i] {
			cells++
		}
	}
	switch {
	case grid.Answers(s.Puzzle):
		return fmt.Sprintf("step %d: solved", step)
	case cells == 1:
		return fmt.Sprintf("step %d: 1 cell changed", step)
	}
	return fmt.Sprintf("step %d: %d cells changed", step, cells)
}
