package sudoku

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"
)

// Read reads the puzzles of a text, in the forms that people keep them in: one or many grids, each on a line or on nine
// lines, in any form that [Parse] reads, with or without titles and remarks between them; or CSV, see [ReadCSV]. Text in
// UTF-16 is read too. An error names the line.
func Read(text string) ([]Puzzle, error) {
	text = fromUTF16(text)
	if isCSV(text) {
		return ReadCSV(strings.NewReader(text))
	}
	if whole, err := Parse(text); err == nil {
		return []Puzzle{{Question: whole, Rating: -1}}, nil
	}
	r := reader{}
	for line := range strings.Lines(text) {
		if err := r.read(line); err != nil {
			return nil, err
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	if len(r.puzzles) == 0 {
		return nil, fmt.Errorf("%w: the file holds no puzzle", ErrSyntax)
	}
	return r.puzzles, nil
}

// reader collects grids line by line.
type reader struct {
	puzzles []Puzzle
	line    int    // the number of the current one
	from    int    // where the grid in the making began
	grid    string // its lines so far, empty between grids
}

// title is a line of words between grids: two letters in a row that are no blanks.
var title = regexp.MustCompile(`[A-WYZa-wyz][A-Za-z]`)

func (r *reader) read(line string) error {
	r.line++
	switch bare := strings.TrimSpace(line); {
	case strings.HasPrefix(bare, "#"), title.MatchString(bare):
		return r.end()
	case bare == "" && (r.grid == "" || !strings.Contains(line, "         ")):
		return nil
	}
	if whole, err := Parse(line); err == nil {
		if err := r.end(); err != nil {
			return err
		}
		r.add(whole)
		return nil
	}
	if r.grid == "" {
		r.from = r.line
	}
	r.grid += line
	if whole, err := Parse(r.grid); err == nil {
		r.add(whole)
	}
	return nil
}

func (r *reader) add(g Grid) {
	r.puzzles = append(r.puzzles, Puzzle{Question: g, Rating: -1})
	r.grid = ""
}

// end closes the grid in the making, which is not whole.
func (r *reader) end() error {
	if strings.Trim(r.grid, " \t\r\n|-+=") == "" { // what draws the lower edge of a box
		r.grid = ""
		return nil
	}
	_, err := Parse(r.grid)
	return fmt.Errorf("puzzle on line %d: %w", r.from, err)
}

// isCSV says whether the first line with words names a column of questions.
func isCSV(text string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(text, "\ufeff \t\r\n"), "\n")
	_, ok := columnsOf(strings.Split(first, ","))["question"]
	return ok
}

// fromUTF16 decodes text that begins with the byte order mark of UTF-16.
func fromUTF16(text string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(text, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return text
	}
	raw := []byte(text[2:])
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}
