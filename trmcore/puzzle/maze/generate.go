package maze

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Generate makes a maze of side x side cells whose shortest path from the start to the goal has at least least steps: a
// random tree of ways between walls, so that there is one way only. The same source of random numbers gives the same maze.
// It fails if a hundred mazes have no such path.
func Generate(side, least int, rng *rand.Rand) (Maze, error) {
	if side < 5 || side > maxSide {
		return Maze{}, fmt.Errorf("%w: a side of %d, want 5 to %d", ErrFormat, side, maxSide)
	}
	for range 100 {
		m := carve(side, rng)
		from := m.far(m.open(rng))
		to := m.far(from)
		m.Cells[from], m.Cells[to] = Start, Goal
		if _, length, err := m.Shortest(); err == nil && length >= least {
			return m, nil
		}
	}
	return Maze{}, fmt.Errorf("%w: no maze of side %d with a path of %d steps was found; take a larger side", ErrFormat, side, least)
}

// carve digs a tree of ways: rooms lie on odd rows and columns, and a wall between two rooms falls if one is new.
func carve(side int, rng *rand.Rand) Maze {
	m := Maze{Side: side, Cells: slices.Repeat([]Cell{Wall}, side*side)}
	rooms := (side - 1) / 2
	at := func(row, column int) int { return (2*row+1)*side + 2*column + 1 }
	path := [][2]int{{rng.IntN(rooms), rng.IntN(rooms)}}
	m.Cells[at(path[0][0], path[0][1])] = Free
	for len(path) > 0 {
		here := path[len(path)-1]
		moved := false
		for _, k := range rng.Perm(4) {
			next := [2]int{here[0] + []int{0, 0, 1, -1}[k], here[1] + []int{1, -1, 0, 0}[k]}
			if min(next[0], next[1]) < 0 || max(next[0], next[1]) >= rooms || m.Cells[at(next[0], next[1])] != Wall {
				continue
			}
			a, b := at(here[0], here[1]), at(next[0], next[1])
			m.Cells[b], m.Cells[(a+b)/2] = Free, Free
			path, moved = append(path, next), true
			break
		}
		if !moved {
			path = path[:len(path)-1]
		}
	}
	return m
}

// open is a random free cell.
func (m Maze) open(rng *rand.Rand) int {
	for {
		if i := rng.IntN(len(m.Cells)); m.Cells[i] == Free {
			return i
		}
	}
}

// far is a cell that is farthest from another.
func (m Maze) far(from int) int {
	best, most := from, 0
	for i, d := range m.distances(from, open) {
		if d > most {
			best, most = i, d
		}
	}
	return best
}
