package sudoku

import (
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Read reads the puzzles of a text, in the forms that people keep them in: one or many grids, each on a line or on nine
// lines, in any form that [Parse] reads, with or without titles and remarks between them; or CSV, see [ReadCSV]. Text in
// UTF-16 is read too. An error names the line.
func Read(text string) ([]Puzzle, error) {
	// By a byte order mark text is known to be UTF-16; without one it stays as it is.
	text, _, err := transform.String(unicode.BOMOverride(transform.Nop), text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	if isCSV(text) {
		return ReadCSV(strings.NewReader(text))
	}
	if whole, err := Parse(text); err == nil {
		return []Puzzle{{Question: whole, Rating: -1}}, nil
	}
	var puzzles []Puzzle
	grid, from, number := "", 0, 0 // the lines of the grid in the making, empty between grids; where it began; the current line
	add := func(g Grid) { puzzles, grid = append(puzzles, Puzzle{Question: g, Rating: -1}), "" }
	// end closes the grid in the making, which is not whole unless it is the lower edge of a box.
	end := func() error {
		if strings.Trim(grid, " \t\r\n|-+=") == "" {
			grid = ""
			return nil
		}
		_, err := Parse(grid)
		return fmt.Errorf("puzzle on line %d: %w", from, err)
	}
	for line := range strings.Lines(text) {
		number++
		bare := strings.TrimSpace(line)
		whole, err := Parse(line)
		remark := strings.HasPrefix(bare, "#") || title.MatchString(bare)
		if remark || err == nil {
			if err := end(); err != nil {
				return nil, err
			}
		}
		switch {
		case remark, bare == "" && (grid == "" || !strings.Contains(line, "         ")):
		case err == nil:
			add(whole)
		default:
			if grid == "" {
				from = number
			}
			grid += line
			if whole, err := Parse(grid); err == nil {
				add(whole)
			}
		}
	}
	if err := end(); err != nil {
		return nil, err
	}
	if len(puzzles) == 0 {
		return nil, fmt.Errorf("%w: the file holds no puzzle", ErrSyntax)
	}
	return puzzles, nil
}

// title is a line of words between grids: two letters in a row that are no blanks.
var title = regexp.MustCompile(`[A-WYZa-wyz][A-Za-z]`)

// isCSV says whether the first line with words names a column of questions.
func isCSV(text string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\ufeff \t\r\n"), "\n")
	_, ok := columnsOf(strings.Split(first, ","))["question"]
	return ok
}
