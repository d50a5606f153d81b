package sudoku

import "fmt"

// The vocabulary of the Tiny Recursive Model for Sudoku (dataset/build_sudoku_dataset.py of the official code): 81
// tokens, row by row; 0 pads and does not occur, 1 is a blank, and digit d is d+1.
const (
	Vocabulary = 11
	tokenBlank = 1
)

// Tokens returns the 81 tokens of the grid.
func (g Grid) Tokens() []int32 {
	tokens := make([]int32, Cells)
	for i, d := range g {
		tokens[i] = int32(d) + tokenBlank
	}
	return tokens
}

// FromTokens reads 81 tokens, such as a network's answer. A padding token, which a network may produce, becomes a blank.
func FromTokens(tokens []int32) (Grid, error) {
	var g Grid
	if len(tokens) != Cells {
		return g, fmt.Errorf("%w: %d tokens, want 81", ErrSyntax, len(tokens))
	}
	for i, t := range tokens {
		if t < 0 || t >= Vocabulary {
			return Grid{}, fmt.Errorf("%w: token %d at cell %d, want 0 to %d", ErrSyntax, t, i, Vocabulary-1)
		}
		g[i] = uint8(max(t-tokenBlank, 0))
	}
	return g, nil
}
