package onnx

import (
	"fmt"
	"io/fs"

	"github.com/trm-go/refiner/trmcore/onnx/internal/safetensors"
)

// tableInMemory is the number of elements up to which a puzzle table is read with the model. Sudoku and Maze have one
// row; ARC has up to 1.2 million, of which a run needs a few thousand.
const tableInMemory = 1 << 20

// table is the puzzle embedding: a vector for each training task and augmentation.
type table struct {
	rows, width int
	values      []float32 // nil if it is too large, then
	fsys        fs.FS     // the rows are read from the file
	name        string
	ref         safetensors.Ref
}

// Puzzles is the number of rows of the puzzle embedding table, 0 if there is none.
func (m *Model) Puzzles() int { return m.table.rows }

// PuzzleVec returns row id of the puzzle embedding table, PuzzleEmbNdim numbers. Large tables stay on disk; then every
// call reads its row from the file.
func (m *Model) PuzzleVec(id int) ([]float32, error) {
	t := m.table
	if id < 0 || id >= t.rows {
		return nil, fmt.Errorf("%w: there is no puzzle %d in a table of %d", ErrProblem, id, t.rows)
	}
	if t.values != nil {
		return t.values[id*t.width : (id+1)*t.width : (id+1)*t.width], nil
	}
	src, _, closer, err := open(t.fsys, t.name)
	if err != nil {
		return nil, fmt.Errorf("read puzzle embedding %d: %w", id, err)
	}
	defer closer.Close()
	row, err := t.ref.ReadRange(src, int64(id)*int64(t.width), int64(t.width))
	if err != nil {
		return nil, fmt.Errorf("read puzzle embedding %d: %w", id, err)
	}
	return row, nil
}
