package sudoku

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Cells is the number of cells of a grid.
const Cells = 81

// What can be wrong with a puzzle. Errors of this package wrap one of these.
var (
	ErrSyntax     = errors.New("not a Sudoku")             // the text is not 81 cells
	ErrConflict   = errors.New("the digits contradict")    // the same digit twice in a row, column or box
	ErrUnsolvable = errors.New("the puzzle has no answer") // the givens agree, but nothing completes them
	ErrAmbiguous  = errors.New("the puzzle has more than one answer")
)

// Grid is a Sudoku, row by row: digits 1 to 9, and 0 for a blank.
type Grid [Cells]uint8

// Parse reads a grid: 81 cells, a digit each, with '.', '0', '_', '*', '?' or 'x' for a blank. Spaces, line ends, commas and
// the characters | - + and = that draw boxes are passed over. A '-' is a blank where the grid has 81 cells with it, as are
// spaces in lines of nine digits and spaces, and nothing between two commas. It does not look at the rules; see
// [Grid.Check].
func Parse(text string) (Grid, error) {
	g, err := parse(text, ".0_*?xX")
	if err == nil {
		return g, nil
	}
	for _, form := range []struct{ text, blanks string }{{rulesDropped(text), ".0_*?xX-"}, {spacesAsBlanks(text), "."}, {fieldsAsCells(text), "."}} {
		if g, other := parse(form.text, form.blanks); other == nil {
			return g, nil
		}
	}
	return Grid{}, err
}

// parse reads a grid with these characters for a blank.
func parse(text, blanks string) (Grid, error) {
	var g Grid
	n, line, column := 0, 1, 0
	for _, r := range text {
		column++
		switch {
		case r == '\n':
			line, column = line+1, 0
			continue
		case strings.ContainsRune(blanks, r):
		case strings.ContainsRune(" \t\r,;|-+=\ufeff", r) || r >= '\u2500' && r <= '\u257f': // box-drawing characters too
			continue
		case r >= '1' && r <= '9':
			if n < Cells {
				g[n] = uint8(r - '0')
			}
		default:
			return Grid{}, fmt.Errorf("%w: %q at line %d, column %d is no cell; write a digit, or '.' for a blank", ErrSyntax, r, line, column)
		}
		n++
	}
	if n != Cells {
		return Grid{}, fmt.Errorf("%w: %d cells, want 81", ErrSyntax, n)
	}
	return g, nil
}

// rulesDropped leaves out the lines that hold no digit and so draw boxes, but for rows of nine dashes.
func rulesDropped(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.ContainsAny(line, "123456789.0_*?xX") || strings.TrimSpace(line) == "---------" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// spacesAsBlanks reads lines of at most nine characters, digits and spaces, as rows that spaces fill. Other text is given
// back empty.
func spacesAsBlanks(text string) string {
	var rows strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 9 && len(line) != Cells || strings.Trim(line, " 123456789") != "" {
			return ""
		}
		rows.WriteString(strings.ReplaceAll(line, " ", "."))
		if len(line) < 9 {
			rows.WriteString(strings.Repeat(".", 9-len(line)))
		}
	}
	return rows.String()
}

// fieldsAsCells reads what stands between commas as cells, an empty one as a blank. Other text is given back empty.
func fieldsAsCells(text string) string {
	var rows strings.Builder
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if len(fields) != 9 && len(fields) != Cells {
			return ""
		}
		for _, field := range fields {
			rows.WriteString(cmp.Or(strings.TrimSpace(field), "."))
		}
	}
	return rows.String()
}

// String writes the grid as 81 characters, '.' for a blank. Parse reads it back.
func (g Grid) String() string {
	var text [Cells]byte
	for i, d := range g {
		text[i] = '.'
		if d != 0 {
			text[i] = '0' + d
		}
	}
	return string(text[:])
}

// Clues counts the cells that are not blank.
func (g Grid) Clues() int {
	n := 0
	for _, d := range g {
		if d != 0 {
			n++
		}
	}
	return n
}

// Full says whether no cell is blank.
func (g Grid) Full() bool { return g.Clues() == Cells }

// Check returns an error that names the two cells if a digit stands twice in a row, column or box, or if a cell holds
// something other than 0 to 9.
func (g Grid) Check() error {
	for i, d := range g {
		if d > 9 {
			return fmt.Errorf("%w: row %d, column %d holds %d", ErrSyntax, i/9+1, i%9+1, d)
		}
	}
	for u, unit := range units {
		var at [10]int
		for _, i := range unit {
			d := g[i]
			if d == 0 {
				continue
			}
			if at[d] != 0 {
				j := at[d] - 1
				return fmt.Errorf("%w: %d stands twice in %s, at row %d, column %d and at row %d, column %d",
					ErrConflict, d, unitName(u), j/9+1, j%9+1, i/9+1, i%9+1)
			}
			at[d] = i + 1
		}
	}
	return nil
}

// Answers says whether g is a valid answer to puzzle: full, by the rules, and every given of the puzzle kept.
func (g Grid) Answers(puzzle Grid) bool {
	for i, d := range puzzle {
		if d != 0 && g[i] != d {
			return false
		}
	}
	return g.Full() && g.Check() == nil
}

// units lists the cells of the 27 units: 9 rows, 9 columns, 9 boxes.
var units = func() (units [27][9]int) {
	for i := range Cells {
		row, col := i/9, i%9
		box := row/3*3 + col/3
		units[row][col] = i
		units[9+col][row] = i
		units[18+box][row%3*3+col%3] = i
	}
	return units
}()

// unitName names a unit for people, who count from one.
func unitName(u int) string {
	return fmt.Sprintf("%s %d", [...]string{"row", "column", "box"}[u/9], u%9+1)
}
