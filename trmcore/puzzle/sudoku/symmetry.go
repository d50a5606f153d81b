package sudoku

import "math/rand/v2"

// Transform is a symmetry of the rules: it maps puzzles to puzzles and answers to answers. There are 2·6⁸·9! of them.
// The grid is transposed first if Transpose is set, then its rows and columns are moved, then its digits are renamed.
// Rows and Columns must keep bands and stacks together; [RandomTransform] and [Transform.Inverse] do.
type Transform struct {
	Transpose bool
	Rows      [9]uint8  // row r of the image is row Rows[r] of the (transposed) grid
	Columns   [9]uint8  // likewise for columns
	Digits    [10]uint8 // digit d becomes Digits[d]; Digits[0] is 0, so blanks stay blank
}

// RandomTransform draws one of all symmetries, each with the same chance.
func RandomTransform(rng *rand.Rand) Transform {
	t := Transform{Digits: [10]uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	rng.Shuffle(9, func(i, j int) { t.Digits[i+1], t.Digits[j+1] = t.Digits[j+1], t.Digits[i+1] })
	t.Transpose = rng.IntN(2) == 1
	t.Rows, t.Columns = randomLines(rng), randomLines(rng)
	return t
}

// randomLines draws an order of nine rows that keeps the three bands together.
func randomLines(rng *rand.Rand) [9]uint8 {
	var lines [9]uint8
	for b, band := range rng.Perm(3) {
		for r, row := range rng.Perm(3) {
			lines[3*b+r] = uint8(3*band + row)
		}
	}
	return lines
}

// Apply returns the image of g.
func (t Transform) Apply(g Grid) Grid {
	var image Grid
	for r, row := range t.Rows {
		for c, column := range t.Columns {
			i := 9*int(row) + int(column)
			if t.Transpose {
				i = 9*int(column) + int(row)
			}
			image[9*r+c] = t.Digits[g[i]]
		}
	}
	return image
}

// Inverse returns the transform that undoes t.
func (t Transform) Inverse() Transform {
	rows, columns := t.Rows, t.Columns
	if t.Transpose { // moving lines and then transposing is transposing and then moving the other lines
		rows, columns = columns, rows
	}
	inverse := Transform{Transpose: t.Transpose}
	for i := range 9 {
		inverse.Rows[rows[i]], inverse.Columns[columns[i]] = uint8(i), uint8(i)
		inverse.Digits[t.Digits[i+1]] = uint8(i + 1)
	}
	return inverse
}
