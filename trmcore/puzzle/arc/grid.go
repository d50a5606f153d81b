package arc

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The limits of ARC.
const (
	maxSide = 30 // rows, and columns, of a grid
	Colors  = 10
)

// ErrFormat is what every error about bad input wraps.
var ErrFormat = errors.New("not in ARC's form")

// Grid is a picture: rows of equal length, each cell a colour from 0 to 9. A grid without rows means that there is
// none, as for an output that is not known.
type Grid [][]uint8

// Empty says whether there is no grid.
func (g Grid) Empty() bool { return len(g) == 0 }

// equal says whether two grids have the same size and cells.
func (g Grid) equal(other Grid) bool { return slices.EqualFunc(g, other, slices.Equal[[]uint8]) }

// check returns an error if the grid is empty, ragged, larger than 30 × 30, or holds something other than a colour.
func (g Grid) check() error {
	if g.Empty() {
		return fmt.Errorf("%w: the grid is empty", ErrFormat)
	}
	if len(g) > maxSide || len(g[0]) > maxSide {
		return fmt.Errorf("%w: the grid has %d rows and %d columns, at most %d each are allowed", ErrFormat, len(g), len(g[0]), maxSide)
	}
	for r, row := range g {
		if len(row) == 0 || len(row) != len(g[0]) {
			return fmt.Errorf("%w: row %d has %d cells, row 1 has %d", ErrFormat, r+1, len(row), len(g[0]))
		}
		for c, color := range row {
			if color >= Colors {
				return fmt.Errorf("%w: row %d, column %d holds %d, colours are 0 to 9", ErrFormat, r+1, c+1, color)
			}
		}
	}
	return nil
}

// UnmarshalJSON reads a list of rows. A null, an empty list and a list of one empty row are no grid.
func (g *Grid) UnmarshalJSON(data []byte) error {
	var rows [][]number
	if err := json.Unmarshal(data, &rows); err != nil {
		return fmt.Errorf("%w: a grid is a list of rows of colours 0 to 9: %w", ErrFormat, err)
	}
	*g = nil
	if len(rows) == 0 || len(rows) == 1 && len(rows[0]) == 0 {
		return nil
	}
	grid := make(Grid, len(rows))
	for r, row := range rows {
		grid[r] = make([]uint8, len(row))
		for c, color := range row {
			if color < 0 || color >= Colors || color != number(int(color)) {
				return fmt.Errorf("%w: row %d, column %d holds %v, colours are 0 to 9", ErrFormat, r+1, c+1, color)
			}
			grid[r][c] = uint8(color)
		}
	}
	if err := grid.check(); err != nil {
		return err
	}
	*g = grid
	return nil
}

// number is a JSON number: some programs write 3 as 3.0.
type number float64

// MarshalJSON writes a list of rows.
func (g Grid) MarshalJSON() ([]byte, error) {
	rows := make([][]number, len(g))
	for r, row := range g {
		for _, color := range row {
			rows[r] = append(rows[r], number(color))
		}
	}
	return json.Marshal(rows)
}

// String writes a row of digits on each line. Two grids share it if they are equal.
func (g Grid) String() string {
	var b strings.Builder
	for _, row := range g {
		for _, color := range row {
			b.WriteByte('0' + color)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
