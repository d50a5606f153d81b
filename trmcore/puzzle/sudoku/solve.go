package sudoku

import (
	"context"
	"fmt"
	"math/bits"
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
	band, bit := cell/27, uint32(1)<<(cell%27)
	for d := range 9 {
		if b.cand[d][band]&bit == 0 {
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

// board is the state of a search as bit sets. A band is three rows, 27 cells: the bit 9·(row mod 3) + column.
type board struct {
	cand [9][3]uint32 // for each digit (0 to 8) and band, the cells that may hold it; a placed cell keeps its one
	open [3]uint32    // the cells without a placed digit
}

const (
	band27 = 1<<27 - 1
	row9   = 1<<9 - 1
	box9   = 7 | 7<<9 | 7<<18 // the first box of a band
)

// peers holds, for each cell, the 20 cells that share a unit with it.
var peers = func() (peers [Cells][3]uint32) {
	for _, unit := range units {
		for _, i := range unit {
			for _, j := range unit {
				if i != j {
					peers[i][j/27] |= 1 << (j % 27)
				}
			}
		}
	}
	return peers
}()

// newBoard places the givens of g, which must not contradict each other.
func newBoard(g Grid) board {
	var b board
	for d := range b.cand {
		b.cand[d] = [3]uint32{band27, band27, band27}
	}
	b.open = [3]uint32{band27, band27, band27}
	for i, d := range g {
		if d != 0 {
			b.place(i, int(d)-1)
		}
	}
	return b
}

// place puts digit d (0 to 8) into the cell and takes it from the cell's peers.
func (b *board) place(cell, d int) {
	band, bit := cell/27, uint32(1)<<(cell%27)
	for e := range b.cand {
		b.cand[e][band] &^= bit
	}
	c, p := &b.cand[d], &peers[cell]
	c[0] &^= p[0]
	c[1] &^= p[1]
	c[2] &^= p[2]
	c[band] |= bit
	b.open[band] &^= bit
}

// propagate places naked and hidden singles until there are none. It returns false on a contradiction.
func (b *board) propagate() bool {
	for {
		placed, ok := b.naked()
		if !ok {
			return false
		}
		if placed {
			continue
		}
		placed, ok = b.hidden()
		if !ok {
			return false
		}
		if !placed {
			return true
		}
	}
}

// naked places every cell that has one candidate; false if a cell has none.
func (b *board) naked() (placed, ok bool) {
	for band := range 3 {
		var once, twice uint32
		for d := range b.cand {
			m := b.cand[d][band]
			twice |= once & m
			once |= m
		}
		if once != band27 {
			return placed, false
		}
		for s := once &^ twice & b.open[band]; s != 0; s &= s - 1 {
			bit := s & -s
			d := 0
			for d < 9 && b.cand[d][band]&bit == 0 {
				d++
			}
			if d == 9 { // a single placed just before took the candidate away
				return placed, false
			}
			b.place(band*27+bits.TrailingZeros32(bit), d)
			placed = true
		}
	}
	return placed, true
}

// hidden places every digit that has one cell left in a unit; false if a unit has no cell for a digit.
func (b *board) hidden() (placed, ok bool) {
	for d := range b.cand {
		c := &b.cand[d]
		if c[0]&b.open[0]|c[1]&b.open[1]|c[2]&b.open[2] == 0 {
			if bits.OnesCount32(c[0])+bits.OnesCount32(c[1])+bits.OnesCount32(c[2]) != 9 {
				return placed, false
			}
			continue
		}
		var single [3]uint32
		var once, twice uint32 // over columns
		for band, w := range c {
			for range 3 {
				m := w & row9
				if m == 0 {
					return placed, false
				}
				twice |= once & m
				once |= m
				w >>= 9
			}
			w = c[band]
			for shift := 0; shift < 9; shift += 3 {
				row, box := w&(row9<<(3*shift)), w&(box9<<shift)
				if box == 0 {
					return placed, false
				}
				if row&(row-1) == 0 {
					single[band] |= row
				}
				if box&(box-1) == 0 {
					single[band] |= box
				}
			}
		}
		if once != row9 {
			return placed, false
		}
		if once &^= twice; once != 0 {
			columns := once | once<<9 | once<<18
			for band := range single {
				single[band] |= columns & c[band]
			}
		}
		for band := range single {
			for s := single[band] & b.open[band]; s != 0; s &= s - 1 {
				bit := s & -s
				if c[band]&bit == 0 { // two units wanted the same digit in cells that exclude each other
					return placed, false
				}
				b.place(band*27+bits.TrailingZeros32(bit), d)
				placed = true
			}
		}
	}
	return placed, true
}

// solved says whether every cell is placed.
func (b *board) solved() bool { return b.open[0]|b.open[1]|b.open[2] == 0 }

// fewest returns the first open cell with the fewest candidates. The board must not be solved.
func (b *board) fewest() int {
	best, least := -1, 10
	for band := range 3 {
		var one, two, three uint32 // cells with at least so many candidates
		for d := range b.cand {
			m := b.cand[d][band]
			three |= two & m
			two |= one & m
			one |= m
		}
		if pairs := two &^ three & b.open[band]; pairs != 0 {
			return band*27 + bits.TrailingZeros32(pairs)
		}
		for s := b.open[band]; s != 0; s &= s - 1 {
			bit := s & -s
			n := 0
			for d := range b.cand {
				if b.cand[d][band]&bit != 0 {
					n++
				}
			}
			if n < least {
				best, least = band*27+bits.TrailingZeros32(bit), n
			}
		}
	}
	return best
}

// grid reads the placed digits.
func (b *board) grid() Grid {
	var g Grid
	for d := range b.cand {
		for band, w := range b.cand[d] {
			for w &^= b.open[band]; w != 0; w &= w - 1 {
				g[band*27+bits.TrailingZeros32(w)] = uint8(d + 1)
			}
		}
	}
	return g
}
