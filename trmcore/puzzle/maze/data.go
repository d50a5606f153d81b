package maze

import (
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

// Read yields the mazes of an .npy file of shape [N, side·side], as the official data set has them.
func Read(r io.Reader) iter.Seq2[Maze, error] {
	return func(yield func(Maze, error) bool) {
		a, err := npy.Read(r)
		if err == nil && len(a.Shape) != 2 {
			err = fmt.Errorf("%w: an array of shape %v; want one row of cells for each maze", ErrFormat, a.Shape)
		}
		if err != nil {
			yield(Maze{}, err)
			return
		}
		for i := range a.Rows() {
			m, err := FromTokens(a.Row(i))
			if err != nil {
				err = fmt.Errorf("maze %d: %w", i+1, err)
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Load reads all mazes of a file; errors name it.
func Load(path string) ([]Maze, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var mazes []Maze
	for m, err := range Read(f) {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		mazes = append(mazes, m)
	}
	return mazes, nil
}
