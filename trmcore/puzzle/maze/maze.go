package maze

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of this package wrap one of these.
var (
	ErrFormat = errors.New("not a maze")
	ErrAnswer = errors.New("not a shortest path")
)

// Cell is what stands in a cell: the token of the official code (dataset/build_maze_dataset.py).
type Cell uint8

// The cells. Pad does not occur in mazes, but a network may answer with it.
const (
	Pad   Cell = iota
	Wall       // '#'
	Free       // ' '
	Start      // 'S'
	Goal       // 'G'
	Path       // 'o'
)

// Vocabulary is the number of tokens.
const Vocabulary = 6

// letters are the cells as text, by number.
const letters = "?# SGo"

// Maze is a square of cells, row by row. The official ones have 30 × 30.
type Maze struct {
	Side  int
	Cells []Cell // Side × Side
}

// maxSide bounds what is read: far beyond what a network takes.
const maxSide = 1000

// Parse reads a square of characters: '#' a wall, ' ' or '.' free, 'S', 'G', and 'o' a path. Lines may be missing: 900
// characters in one line are a maze of 30 × 30.
func Parse(text string) (Maze, error) {
	text = strings.ReplaceAll(text, "\r", "")
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	side := len(lines)
	if side == 1 {
		side = root(len(lines[0]))
	}
	flat := strings.Join(lines, "")
	if side < 2 || side > maxSide || side*side != len(flat) {
		return Maze{}, fmt.Errorf("%w: %d lines with %d characters are no square", ErrFormat, len(lines), len(flat))
	}
	m := Maze{Side: side, Cells: make([]Cell, len(flat))}
	for i, line := range lines {
		if len(lines) > 1 && len(line) != side {
			return Maze{}, fmt.Errorf("%w: line %d has %d characters, there are %d lines", ErrFormat, i+1, len(line), side)
		}
	}
	for i := range flat {
		letter := flat[i]
		if letter == '.' {
			letter = ' '
		}
		cell := strings.IndexByte(letters[1:], letter) + 1
		if cell == 0 {
			return Maze{}, fmt.Errorf("%w: %q at row %d, column %d; want # for a wall, a space, S, G or o", ErrFormat, flat[i], i/side+1, i%side+1)
		}
		m.Cells[i] = Cell(cell)
	}
	return m, nil
}

// root returns the whole square root of n, or 0 if it has none.
func root(n int) int {
	for s := 1; s <= maxSide && s*s <= n; s++ {
		if s*s == n {
			return s
		}
	}
	return 0
}

// FromTokens reads a square of tokens.
func FromTokens(tokens []int32) (Maze, error) {
	side := root(len(tokens))
	if side < 2 {
		return Maze{}, fmt.Errorf("%w: %d tokens are no square", ErrFormat, len(tokens))
	}
	m := Maze{Side: side, Cells: make([]Cell, len(tokens))}
	for i, t := range tokens {
		if t < 0 || t >= Vocabulary {
			return Maze{}, fmt.Errorf("%w: token %d at row %d, column %d; want 0 to %d", ErrFormat, t, i/side+1, i%side+1, Vocabulary-1)
		}
		m.Cells[i] = Cell(t)
	}
	return m, nil
}

// Tokens returns the cells as a network takes them.
func (m Maze) Tokens() []int32 {
	tokens := make([]int32, len(m.Cells))
	for i, c := range m.Cells {
		tokens[i] = int32(c)
	}
	return tokens
}

// String writes a line of characters for each row. Parse reads it back unless there is padding.
func (m Maze) String() string {
	var b strings.Builder
	for i, c := range m.Cells {
		b.WriteByte(letters[c])
		if (i+1)%m.Side == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// ends returns the start and the goal; the error says if there is not one of each, or the cells are no square.
func (m Maze) ends() (start, goal int, err error) {
	if m.Side < 2 || len(m.Cells) != m.Side*m.Side {
		return 0, 0, fmt.Errorf("%w: %d cells are no square of side %d", ErrFormat, len(m.Cells), m.Side)
	}
	var count [256]int
	for i, c := range m.Cells {
		if c > Path {
			return 0, 0, fmt.Errorf("%w: cell %d at row %d, column %d", ErrFormat, c, i/m.Side+1, i%m.Side+1)
		}
		count[c]++
	}
	if count[Start] != 1 || count[Goal] != 1 {
		return 0, 0, fmt.Errorf("%w: %d starts and %d goals, want one of each", ErrFormat, count[Start], count[Goal])
	}
	return slices.Index(m.Cells, Start), slices.Index(m.Cells, Goal), nil
}

// neighbours calls visit for the cells beside i: below, to the left, to the right, above. Of several shortest paths the one
// that takes the first of them wherever it can is the published data set's, for each of its mazes.
func (m Maze) neighbours(i int, visit func(int)) {
	if i+m.Side < len(m.Cells) {
		visit(i + m.Side)
	}
	if i%m.Side > 0 {
		visit(i - 1)
	}
	if i%m.Side < m.Side-1 {
		visit(i + 1)
	}
	if i >= m.Side {
		visit(i - m.Side)
	}
}

// distances counts the steps from each cell to the goal through cells that are open, −1 where there is no way.
func (m Maze) distances(goal int, open func(Cell) bool) []int {
	distance := slices.Repeat([]int{-1}, len(m.Cells))
	distance[goal] = 0
	queue := []int{goal}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		m.neighbours(at, func(i int) {
			if distance[i] < 0 && open(m.Cells[i]) {
				distance[i] = distance[at] + 1
				queue = append(queue, i)
			}
		})
	}
	return distance
}

func open(c Cell) bool     { return c != Wall && c != Pad }
func openPath(c Cell) bool { return c == Path || c == Start || c == Goal }

// Shortest returns the maze with a shortest path drawn in, and its length in steps. Paths already drawn count as free.
func (m Maze) Shortest() (Maze, int, error) {
	start, goal, err := m.ends()
	if err != nil {
		return Maze{}, 0, err
	}
	distance := m.distances(goal, open)
	if distance[start] < 0 {
		return Maze{}, 0, fmt.Errorf("%w: no way leads from the start to the goal", ErrFormat)
	}
	answer := Maze{Side: m.Side, Cells: make([]Cell, len(m.Cells))}
	for i, c := range m.Cells {
		if answer.Cells[i] = c; c == Path {
			answer.Cells[i] = Free
		}
	}
	for at := start; at != goal; {
		next := -1
		m.neighbours(at, func(i int) {
			if next < 0 && distance[i] >= 0 && distance[i] < distance[at] {
				next = i
			}
		})
		if at = next; at != goal {
			answer.Cells[at] = Path
		}
	}
	return answer, distance[start], nil
}

// CheckAnswer returns nil if answer is m with exactly the cells of one shortest path from start to goal drawn in; else
// an error that says what is wrong. A maze may have several shortest paths: any is right here, while data sets know one.
func (m Maze) CheckAnswer(answer Maze) error {
	start, goal, err := m.ends()
	if err != nil {
		return err
	}
	if answer.Side != m.Side || len(answer.Cells) != len(m.Cells) {
		return fmt.Errorf("%w: the answer has another size", ErrAnswer)
	}
	drawn := 0
	for i, c := range answer.Cells {
		was := m.Cells[i]
		if was == Path {
			was = Free
		}
		switch {
		case c == Path && was == Free:
			drawn++
		case c != was:
			return fmt.Errorf("%w: row %d, column %d holds %q, the maze has %q", ErrAnswer, i/m.Side+1, i%m.Side+1, letters[min(c, Path)], letters[was])
		}
	}
	along := answer.distances(goal, openPath)[start]
	if along < 0 {
		return fmt.Errorf("%w: the path does not lead from the start to the goal", ErrAnswer)
	}
	if shortest := m.distances(goal, open)[start]; along > shortest {
		return fmt.Errorf("%w: the path takes %d steps, %d suffice", ErrAnswer, along, shortest)
	}
	if drawn > along-1 {
		return fmt.Errorf("%w: %d cells are marked that the path does not need", ErrAnswer, drawn-(along-1))
	}
	return nil
}

// Symmetry is one of the eight of a square: 0 to 3 are quarter turns to the left, 4 to 7 the same after mirroring.
type Symmetry uint8

// Symmetries is their number.
const Symmetries = 8

// Apply returns the image of m.
func (s Symmetry) Apply(m Maze) Maze {
	image := Maze{Side: m.Side, Cells: make([]Cell, len(m.Cells))}
	for i := range m.Cells {
		r, c := i/m.Side, i%m.Side
		for range s % 4 { // the cell that a quarter turn to the left brings here
			r, c = c, m.Side-1-r
		}
		if s >= 4 {
			c = m.Side - 1 - c
		}
		image.Cells[i] = m.Cells[r*m.Side+c]
	}
	return image
}

// Inverse returns the symmetry that undoes s.
func (s Symmetry) Inverse() Symmetry {
	if s < 4 {
		return (4 - s) % 4
	}
	return s // a reflection undoes itself
}
