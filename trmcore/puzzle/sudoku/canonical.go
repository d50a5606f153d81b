package sudoku

import "bytes"

// Canonical returns the same grid for every puzzle of an equivalence class under the symmetries of the rules, and
// different ones for different classes. For a full grid it is the smallest image read as 81 digits. For a puzzle, which
// must have one answer, it is the smallest of its images that take its answer to the smallest one: the answer leads, so
// that a puzzle with few clues costs no more than its answer, tens of microseconds.
func Canonical(puzzle Grid) (Grid, error) {
	answer, err := puzzle.Solve()
	if err != nil {
		return Grid{}, err
	}
	_, class := classes(puzzle, answer)
	return class, nil
}

// classes returns the canonical forms of an answer and of a puzzle that has it.
func classes(puzzle, answer Grid) (solution, class Grid) {
	solution, transforms := smallest(answer)
	for i, t := range transforms {
		if image := t.Apply(puzzle); i == 0 || bytes.Compare(image[:], class[:]) < 0 {
			class = image
		}
	}
	return solution, class
}

// smallest returns the smallest image of a full, valid grid and every transform that leads to it; there is more than
// one if the grid has symmetries of its own.
func smallest(answer Grid) (Grid, []Transform) {
	m := minimizer{}
	for i := range m.best {
		m.best[i] = 10
	}
	for _, transpose := range []bool{false, true} {
		if m.transpose = transpose; transpose {
			t := Identity()
			t.Transpose = true
			answer = t.Apply(answer)
		}
		m.grid = answer
		for first := range 9 {
			var where [10]uint8 // the column of each digit in the first row
			for c, d := range m.grid[9*first : 9*first+9] {
				where[d] = uint8(c)
			}
			for _, step := range []int{1, 2} {
				second := first/3*3 + (first+step)%3
				third := first/3*3 + (first+3-step)%3
				m.rows = [9]uint8{uint8(first), uint8(second), uint8(third)}
				for c := range 9 {
					m.moves[c] = where[m.grid[9*second+c]]
				}
				m.extend(0, unplaced(), false)
			}
		}
	}
	return m.best, m.transforms
}

// minimizer finds the smallest image. The first row of an image always reads 123456789, because its digits name
// themselves; so an image is given by three rows and the order of columns, and the order is found position by position
// so that the second row is smallest. What else is left to choose sorts itself.
type minimizer struct {
	grid       Grid     // transposed or not
	transpose  bool     // which of the two
	rows       [9]uint8 // the first three are chosen
	moves      [9]uint8 // the digit of column c in the second row stands in column moves[c] of the first
	best       Grid
	transforms []Transform
}

// columns is an order of columns in the making.
type columns struct {
	at    [9]int8 // the column at each position, or -1
	pos   [9]int8 // the position of each column, or -1
	block [3]int8 // the block of positions that each stack of columns takes, or -1
	stack [3]int8 // the stack that takes each block, or -1
}

func unplaced() columns {
	none := [9]int8{-1, -1, -1, -1, -1, -1, -1, -1, -1}
	return columns{at: none, pos: none, block: [3]int8{-1, -1, -1}, stack: [3]int8{-1, -1, -1}}
}

// put places a column at a position of its own block, or of a free block if its stack has none.
func (o *columns) put(column, position int) {
	o.at[position], o.pos[column] = int8(column), int8(position)
	o.block[column/3], o.stack[position/3] = int8(position/3), int8(column/3)
}

// least returns the smallest position that an unplaced column may take.
func (o *columns) least(column int) int {
	for p, at := range o.at {
		if at >= 0 {
			continue
		}
		if s := o.stack[p/3]; s == int8(column/3) || s < 0 && o.block[column/3] < 0 {
			return p
		}
	}
	panic("sudoku: no position left for a column") // cannot be: a block has as many positions as a stack has columns
}

// extend chooses the column at position p and those after it. less says that the second row is already smaller than
// the best one's.
func (m *minimizer) extend(p int, order columns, less bool) {
	if p == 9 {
		m.finish(&order)
		return
	}
	for column := range 9 {
		if at := order.at[p]; at >= 0 && int(at) != column {
			continue
		} else if at < 0 {
			stack := order.stack[p/3]
			if order.pos[column] >= 0 || stack >= 0 && int(stack) != column/3 || stack < 0 && order.block[column/3] >= 0 {
				continue
			}
		}
		next, nextLess := order, less
		if next.pos[column] < 0 {
			next.put(column, p)
		}
		// The digit below stands in column `source` of the first row, and so is called by its position there.
		source := int(m.moves[column])
		if next.pos[source] < 0 {
			next.put(source, next.least(source))
		}
		digit := uint8(next.pos[source]) + 1
		if !nextLess {
			if digit > m.best[9+p] {
				continue
			}
			nextLess = digit < m.best[9+p]
		}
		m.extend(p+1, next, nextLess)
	}
}

// finish compares the image of a complete order with the best so far.
func (m *minimizer) finish(order *columns) {
	t := Transform{Transpose: m.transpose, Rows: m.rows}
	for p, c := range order.at {
		t.Columns[p] = uint8(c)
		t.Digits[m.grid[9*int(m.rows[0])+int(c)]] = uint8(p + 1)
	}
	first := func(row uint8) uint8 { return t.Digits[m.grid[9*int(row)+int(t.Columns[0])]] }
	at := 3
	for band := range uint8(3) { // the two other bands, their rows in the order of their first digits
		if band == m.rows[0]/3 {
			continue
		}
		a, b, c := 3*band, 3*band+1, 3*band+2
		if first(a) > first(b) {
			a, b = b, a
		}
		if first(b) > first(c) {
			b, c = c, b
		}
		if first(a) > first(b) {
			a, b = b, a
		}
		t.Rows[at], t.Rows[at+1], t.Rows[at+2] = a, b, c
		at += 3
	}
	if first(t.Rows[3]) > first(t.Rows[6]) {
		t.Rows = [9]uint8{t.Rows[0], t.Rows[1], t.Rows[2], t.Rows[6], t.Rows[7], t.Rows[8], t.Rows[3], t.Rows[4], t.Rows[5]}
	}
	less := false
	var image Grid
	for r, row := range t.Rows {
		for c, column := range t.Columns {
			i := 9*r + c
			image[i] = t.Digits[m.grid[9*int(row)+int(column)]]
			if !less {
				if image[i] > m.best[i] {
					return
				}
				less = image[i] < m.best[i]
			}
		}
	}
	if less {
		m.best, m.transforms = image, m.transforms[:0]
	}
	m.transforms = append(m.transforms, t)
}
