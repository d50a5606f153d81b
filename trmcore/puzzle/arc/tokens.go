package arc

import "fmt"

// The vocabulary of the Tiny Recursive Model for ARC (dataset/build_arc_dataset.py of the official code): 900 tokens for
// a canvas of 30 × 30; colour c is c+2.
const (
	Vocabulary = 12
	Canvas     = MaxSide * MaxSide

	tokenEnd   = 1 // lies as an L just below and right of the grid
	tokenColor = 2
)

// Tokens lays the grid into the upper left corner of a canvas.
func (g Grid) Tokens() ([]int32, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	rows, columns := len(g), len(g[0])
	tokens := make([]int32, Canvas)
	for r, row := range g {
		line := tokens[r*MaxSide:][:MaxSide]
		for c, color := range row {
			line[c] = int32(color) + tokenColor
		}
		if columns < MaxSide {
			line[columns] = tokenEnd
		}
	}
	if rows < MaxSide {
		for c := range columns {
			tokens[rows*MaxSide+c] = tokenEnd
		}
	}
	return tokens, nil
}

// FromTokens crops a canvas as the official evaluator does: the largest rectangle at the upper left corner that holds
// nothing but colours; of equally large ones the flattest. The result is empty if the corner is no colour.
func FromTokens(tokens []int32) (Grid, error) {
	if len(tokens) != Canvas {
		return nil, fmt.Errorf("%w: %d tokens, want %d", ErrFormat, len(tokens), Canvas)
	}
	rows, columns, width := 0, 0, MaxSide
	for r := range MaxSide {
		for c, t := range tokens[r*MaxSide : r*MaxSide+width] {
			if t < tokenColor || t >= Vocabulary {
				width = c
				break
			}
		}
		if (r+1)*width > rows*columns {
			rows, columns = r+1, width
		}
	}
	grid := make(Grid, rows)
	for r := range grid {
		grid[r] = make([]uint8, columns)
		for c := range grid[r] {
			grid[r][c] = uint8(tokens[r*MaxSide+c] - tokenColor)
		}
	}
	return grid, nil
}
