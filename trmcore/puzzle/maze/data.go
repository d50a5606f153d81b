package maze

import (
	"fmt"
	"os"

	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

// Load reads the mazes of an .npy file of shape [N, side·side], as the official data set has them.
func Load(path string) ([]Maze, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := npy.Read(f)
	if err == nil && len(a.Shape) != 2 {
		err = fmt.Errorf("%w: an array of shape %v; want one row of cells for each maze", ErrFormat, a.Shape)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var mazes []Maze
	for i := range a.Shape[0] {
		m, err := FromTokens(a.Values[i*a.Shape[1]:][:a.Shape[1]])
		if err != nil {
			return nil, fmt.Errorf("%s: maze %d: %w", path, i+1, err)
		}
		mazes = append(mazes, m)
	}
	return mazes, nil
}
