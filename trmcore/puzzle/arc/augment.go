package arc

import (
	"fmt"
	"strings"
)

// Augmentation is a disguise of a task: its colours are renamed, black staying black, and then its grids are turned.
type Augmentation struct {
	// Turn is one of the eight symmetries of a square: 0 none; 1, 2, 3 quarter turns to the left; 4 mirrored left to
	// right; 5 upside down; 6 transposed; 7 transposed along the other diagonal.
	Turn uint8
	// Colors names colour c Colors[c].
	Colors [Colors]uint8
}

// inverseTurn undoes each turn.
var inverseTurn = [8]uint8{0, 3, 2, 1, 4, 5, 6, 7}

// Plain is the augmentation that changes nothing.
func Plain() Augmentation {
	a := Augmentation{}
	for c := range a.Colors {
		a.Colors[c] = uint8(c)
	}
	return a
}

// separator stands between the parts of a name.
const separator = "|||"

// ParseName splits the name of a disguised task, as in the official identifiers: task|||t3|||0123456789. The plain one has
// the name of the task itself.
func ParseName(name string) (task string, a Augmentation, err error) {
	parts := strings.Split(name, separator)
	if len(parts) == 1 {
		return name, Plain(), nil
	}
	bad := func(why string) (string, Augmentation, error) {
		return "", Augmentation{}, fmt.Errorf("%w: name %q: %s", ErrFormat, name, why)
	}
	if len(parts) != 3 {
		return bad("want task|||t0|||0123456789")
	}
	turn, digits := parts[1], parts[2]
	if len(turn) != 2 || turn[0] != 't' || turn[1] < '0' || turn[1] > '7' {
		return bad("the turn is not t0 to t7")
	}
	a.Turn = turn[1] - '0'
	var seen [Colors]bool
	if len(digits) != Colors {
		return bad("the colours are not 10 digits")
	}
	for i := range Colors {
		c := digits[i] - '0'
		if c >= Colors || seen[c] {
			return bad("the colours are not a permutation of the digits")
		}
		seen[c], a.Colors[i] = true, c
	}
	return parts[0], a, nil
}

// Apply disguises a grid.
func (a Augmentation) Apply(g Grid) Grid { return turn(recolor(g, a.Colors), a.Turn) }

// Undo takes the disguise off a grid.
func (a Augmentation) Undo(g Grid) Grid {
	var inverse [Colors]uint8
	for c, name := range a.Colors {
		inverse[name] = uint8(c)
	}
	return recolor(turn(g, inverseTurn[a.Turn&7]), inverse)
}

func recolor(g Grid, names [Colors]uint8) Grid {
	image := make(Grid, len(g))
	for r, row := range g {
		image[r] = make([]uint8, len(row))
		for c, color := range row {
			image[r][c] = names[color]
		}
	}
	return image
}

// turns are the eight symmetries: the grid is transposed, and then its rows and columns are reversed.
var turns = [8]struct{ transpose, rows, columns bool }{
	{}, {true, true, false}, {false, true, true}, {true, false, true}, {columns: true}, {rows: true}, {transpose: true}, {true, true, true},
}

// turn applies one of the eight symmetries.
func turn(g Grid, which uint8) Grid {
	if g.Empty() {
		return g
	}
	t, rows, columns := turns[which&7], len(g), len(g[0])
	if t.transpose {
		rows, columns = columns, rows
	}
	image := make(Grid, rows)
	for r := range image {
		image[r] = make([]uint8, columns)
		for c := range image[r] {
			i, j := r, c
			if t.rows {
				i = rows - 1 - r
			}
			if t.columns {
				j = columns - 1 - c
			}
			if t.transpose {
				i, j = j, i
			}
			image[r][c] = g[i][j]
		}
	}
	return image
}
