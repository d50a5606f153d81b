package sudoku

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
)

// Solve returns the one answer of the puzzle. The error wraps [ErrConflict] if the givens contradict, [ErrUnsolvable]
// if nothing completes them, and [ErrAmbiguous] if more than one grid does; the text then shows two
// of them, and the first is returned.
func (g Grid) Solve() (Grid, error) { return g.SolveContext(context.Background()) }

// SolveContext is Solve until ctx ends. A puzzle that people set takes microseconds; grids made to be hard for a search,
// without any answer, have taken nine seconds.
func (g Grid) SolveContext(ctx context.Context) (Grid, error) {
	if err := g.Check(); err != nil {
		return Grid{}, err
	}
	s := search{limit: 2, stop: ctx.Err}
	s.run(newBoard(g))
	switch {
	case s.err != nil:
		return Grid{}, s.err
	case len(s.found) == 0:
		return Grid{}, ErrUnsolvable
	case len(s.found) > 1:
		return s.found[0], fmt.Errorf("%w: %s and %s", ErrAmbiguous, s.found[0], s.found[1])
	}
	return s.found[0], nil
}

// search is a depth-first search for up to limit solutions.
//
// Its guesses rate a puzzle with one answer, for limit 2: they are those that a solver needs who knows only naked and hidden
// singles, and who otherwise tries the values of a cell with the fewest candidates, over the whole search: until the answer
// is found and proved to be the only one. Zero means that singles suffice.
type search struct {
	limit   int
	stop    func() error // nil: nothing ends it; asked every thousandth guess
	guesses int
	found   []Grid
	err     error // of stop
}

// run searches below b and returns when the limit is reached or nothing is left.
func (s *search) run(b board) {
	if !b.propagate() {
		return
	}
	if b.solved() {
		s.found = append(s.found, b.grid())
		return
	}
	cell := b.fewest()
	for d := range b.cand {
		if !b.cand[d].has(cell) {
			continue
		}
		s.guesses++
		if s.stop != nil && s.guesses&1023 == 0 {
			if s.err = s.stop(); s.err != nil {
				return
			}
		}
		next := b
		next.place(cell, d)
		s.run(next)
		if len(s.found) >= s.limit || s.err != nil {
			return
		}
	}
}

// set is a set of cells.
type set [2]uint64

func setOf(cell int) (s set) {
	s[cell/64] = 1 << (cell % 64)
	return s
}

func (s set) has(cell int) bool { return s[cell/64]>>(cell%64)&1 != 0 }
func (s set) and(t set) set     { return set{s[0] & t[0], s[1] & t[1]} }
func (s set) or(t set) set      { return set{s[0] | t[0], s[1] | t[1]} }
func (s set) without(t set) set { return set{s[0] &^ t[0], s[1] &^ t[1]} }

// pop takes the first cell out of a set that is not empty.
func (s *set) pop() int {
	if s[0] != 0 {
		cell := bits.TrailingZeros64(s[0])
		s[0] &= s[0] - 1
		return cell
	}
	cell := bits.TrailingZeros64(s[1])
	s[1] &= s[1] - 1
	return 64 + cell
}

// sets are the units, all cells, and for each cell the 20 that share a unit with it.
var sets = func() (sets struct {
	units [27]set
	all   set
	peers [Cells]set
}) {
	for u, unit := range units {
		for _, i := range unit {
			sets.units[u] = sets.units[u].or(setOf(i))
		}
		sets.all = sets.all.or(sets.units[u])
	}
	for u, unit := range units {
		for _, i := range unit {
			sets.peers[i] = sets.peers[i].or(sets.units[u].without(setOf(i)))
		}
	}
	return sets
}()

// board is the state of a search.
type board struct {
	cand [9]set // for each digit (0 to 8) the cells that may hold it; a placed cell keeps its one
	open set    // the cells without a placed digit
}

// newBoard places the givens of g, which must not contradict each other.
func newBoard(g Grid) board {
	b := board{open: sets.all}
	for d := range b.cand {
		b.cand[d] = sets.all
	}
	for i, d := range g {
		if d != 0 {
			b.place(i, int(d)-1)
		}
	}
	return b
}

// place puts digit d (0 to 8) into the cell and takes it from the cell's peers.
func (b *board) place(cell, d int) {
	here := setOf(cell)
	for e := range b.cand {
		b.cand[e] = b.cand[e].without(here)
	}
	b.cand[d] = b.cand[d].without(sets.peers[cell]).or(here)
	b.open = b.open.without(here)
}

// propagate places naked and hidden singles until there are none. It returns false on a contradiction.
func (b *board) propagate() bool {
	for placed, ok := true, true; placed; {
		if placed, ok = b.naked(); ok && !placed {
			placed, ok = b.hidden()
		}
		if !ok {
			return false
		}
	}
	return true
}

// naked places every cell that has one candidate; false if a cell has none.
func (b *board) naked() (placed, ok bool) {
	var once, twice set
	for _, m := range b.cand {
		twice = twice.or(once.and(m))
		once = once.or(m)
	}
	if once != sets.all {
		return false, false
	}
	for singles := once.without(twice).and(b.open); singles != (set{}); placed = true {
		cell := singles.pop()
		d := slices.IndexFunc(b.cand[:], func(m set) bool { return m.has(cell) })
		if d < 0 { // a single placed just before took the candidate away
			return placed, false
		}
		b.place(cell, d)
	}
	return placed, true
}

// hidden places every digit that has one cell left in a unit; false if a unit has no cell for a digit.
func (b *board) hidden() (placed, ok bool) {
	for d := range b.cand {
		if c := b.cand[d]; c.and(b.open) == (set{}) && bits.OnesCount64(c[0])+bits.OnesCount64(c[1]) == 9 {
			continue // the digit is placed in every unit
		}
		for _, unit := range sets.units {
			left := b.cand[d].and(unit)
			if left == (set{}) {
				return placed, false
			}
			if cell := left.pop(); left == (set{}) && b.open.has(cell) {
				b.place(cell, d)
				placed = true
			}
		}
	}
	return placed, true
}

// solved says whether every cell is placed.
func (b *board) solved() bool { return b.open == set{} }

// fewest returns the first open cell with the fewest candidates, two at least. The board must not be solved.
func (b *board) fewest() int {
	best, least := -1, 10
	for open := b.open; open != (set{}) && least > 2; {
		cell, n := open.pop(), 0
		for _, m := range b.cand {
			if m.has(cell) {
				n++
			}
		}
		if n < least {
			best, least = cell, n
		}
	}
	return best
}

// grid reads the placed digits.
func (b *board) grid() Grid {
	var g Grid
	for d, m := range b.cand {
		for placed := m.without(b.open); placed != (set{}); {
			g[placed.pop()] = uint8(d + 1)
		}
	}
	return g
}
