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

// turn applies one of the eight symmetries.
func turn(g Grid, which uint8) Grid {
	if g.Empty() || which == 0 {
		return g
	}
	rows, columns := len(g), len(g[0])
	image := make(Grid, rows)
	if which == 1 || which == 3 || which >= 6 {
		image = make(Grid, columns)
	}
	for r := range image {
		image[r] = make([]uint8, rows*columns/len(image))
		for c := range image[r] {
			switch which {
			case 1:
				image[r][c] = g[c][columns-1-r]
			case 2:
				image[r][c] = g[rows-1-r][columns-1-c]
			case 3:
				image[r][c] = g[rows-1-c][r]
			case 4:
				image[r][c] = g[r][columns-1-c]
			case 5:
				image[r][c] = g[rows-1-r][c]
			case 6:
				image[r][c] = g[c][r]
			default:
				image[r][c] = g[rows-1-c][columns-1-r]
			}
		}
	}
	return image
}
