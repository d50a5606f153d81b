package arc

import "fmt"

// The vocabulary of the Tiny Recursive Model for ARC (dataset/build_arc_dataset.py of the official code): 900 tokens for
// a canvas of 30 × 30; colour c is c+2.
const (
	vocabulary = 12
	canvas     = maxSide * maxSide

	tokenEnd   = 1 // lies as an L just below and right of the grid
	tokenColor = 2
)

// Tokens lays the grid into the upper left corner of a canvas.
func (g Grid) Tokens() ([]int32, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	rows, columns := len(g), len(g[0])
	tokens := make([]int32, canvas)
	for r, row := range g {
		line := tokens[r*maxSide:][:maxSide]
		for c, color := range row {
			line[c] = int32(color) + tokenColor
		}
		if columns < maxSide {
			line[columns] = tokenEnd
		}
	}
	if rows < maxSide {
		for c := range columns {
			tokens[rows*maxSide+c] = tokenEnd
		}
	}
	return tokens, nil
}

// FromTokens crops a canvas as the official evaluator does: the largest rectangle at the upper left corner that holds
// nothing but colours; of equally large ones the flattest. The result is empty if the corner is no colour.
func FromTokens(tokens []int32) (Grid, error) {
	if len(tokens) != canvas {
		return nil, fmt.Errorf("%w: %d tokens, want %d", ErrFormat, len(tokens), canvas)
	}
	rows, columns, width := 0, 0, maxSide
	for r := range maxSide {
		for c, t := range tokens[r*maxSide : r*maxSide+width] {
			if t < tokenColor || t >= vocabulary {
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
			grid[r][c] = uint8(tokens[r*maxSide+c] - tokenColor)
		}
	}
	return grid, nil
}
