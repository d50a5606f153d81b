package sudoku

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Generator makes puzzles with one answer each. The zero value makes minimal ones: no clue can be taken away.
//
// The sequence is a function of the seed and the fields alone, whatever the number of workers. No puzzle comes twice.
type Generator struct {
	Seed uint64
	// MinClues and MaxClues bound the number at which clues are no longer taken away; it is drawn for each puzzle. A
	// puzzle may keep more clues than that if it is minimal before. Both zero means to go on until it is minimal.
	MinClues, MaxClues int
	// MinRating and MaxRating bound the rating; a zero MaxRating means no bound. With a MinRating above zero puzzles
	// are minimal and are found by a climb: a few clues are dropped, others are put back, and the harder puzzle stays.
	MinRating, MaxRating int
	// Seeds are the puzzles that a climb begins with. Without them it begins with minimal puzzles of its own, and
	// ratings of some hundreds take long to reach.
	Seeds []Grid
	// Exclude holds answers that no puzzle may have, such as those of a test set.
	Exclude map[Grid]bool
	// Workers bounds the goroutines. Zero means one for each core.
	Workers int
}

// The sizes of a piece of work: one seed of the random source, one goroutine, one entry in the order of results.
const (
	batchPuzzles = 64  // when clues are only taken away: some milliseconds
	climbSteps   = 400 // when climbing: about a hundred milliseconds
	climbYield   = 16  // puzzles that one climb may give, so that no family of relatives crowds the set
	roundPieces  = 8   // pieces for each worker, between which results are handed out
)

// Validate says what is wrong with the bounds, if anything is.
func (g *Generator) Validate() error {
	switch {
	case g.MinClues < 0 || g.MaxClues > Cells || g.MaxClues < g.MinClues:
		return fmt.Errorf("sudoku: clues from %d to %d: want 0 ≤ from ≤ to ≤ 81", g.MinClues, g.MaxClues)
	case g.MinRating < 0 || g.MaxRating != 0 && g.MaxRating < g.MinRating:
		return fmt.Errorf("sudoku: ratings from %d to %d: want 0 ≤ from ≤ to, or to = 0 for no bound", g.MinRating, g.MaxRating)
	case g.MinRating > 0 && g.MaxClues > 0:
		return fmt.Errorf("sudoku: a least rating makes minimal puzzles; it cannot be had with a number of clues")
	}
	return nil
}

// Puzzles yields puzzles without end, until the consumer breaks or the context is done; then the error is the
// context's. All goroutines have ended when the sequence has.
func (g *Generator) Puzzles(ctx context.Context) iter.Seq2[Puzzle, error] {
	return func(yield func(Puzzle, error) bool) {
		if err := g.Validate(); err != nil {
			yield(Puzzle{}, err)
			return
		}
		workers := cmp.Or(max(g.Workers, 0), runtime.GOMAXPROCS(0))
		seen := map[Grid]bool{}
		for piece := uint64(0); ; { // rounds of pieces in parallel, whose results come in order
			round := make([][]Puzzle, min(workers*roundPieces, 1+int(piece)))
			var group errgroup.Group
			group.SetLimit(workers)
			for i := range round {
				rng := rand.New(rand.NewPCG(g.Seed, piece))
				group.Go(func() error {
					round[i] = g.batch(ctx, rng)
					return ctx.Err()
				})
				piece++
			}
			if err := group.Wait(); err != nil {
				yield(Puzzle{}, err)
				return
			}
			for _, p := range slices.Concat(round...) {
				if seen[p.Question] || g.Exclude[p.Answer] {
					continue
				}
				seen[p.Question] = true
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// batch does one piece of work. It returns early, with less, if the context is done.
func (g *Generator) batch(ctx context.Context, rng *rand.Rand) []Puzzle {
	if g.MinRating > 0 {
		return g.climb(ctx, rng)
	}
	var batch []Puzzle
	for range batchPuzzles {
		if ctx.Err() != nil {
			break
		}
		answer := randomGrid(rng)
		puzzle := reduce(answer, answer, g.MinClues+rng.IntN(g.MaxClues-g.MinClues+1), rng)
		if c, ok := g.accept("generated", puzzle, answer); ok {
			batch = append(batch, c)
		}
	}
	return batch
}

// climb walks from a puzzle to harder ones, and returns those with a rating within the bounds.
func (g *Generator) climb(ctx context.Context, rng *rand.Rand) []Puzzle {
	var puzzle Grid
	if len(g.Seeds) > 0 {
		puzzle = g.Seeds[rng.IntN(len(g.Seeds))]
	} else {
		answer := randomGrid(rng)
		puzzle = reduce(answer, answer, 0, rng)
	}
	s := search{limit: 2}
	if s.run(newBoard(puzzle)); len(s.found) != 1 {
		return nil // a seed that is no puzzle gives nothing
	}
	height := s.guesses
	var batch []Puzzle
	for range climbSteps {
		if ctx.Err() != nil || len(batch) == climbYield {
			break
		}
		next, answer := dropAndRefill(puzzle, rng)
		if next == puzzle {
			continue
		}
		c, ok := g.accept("climbed", next, answer)
		if ok {
			batch = append(batch, c)
		}
		// Always up, and down the less likely the deeper. The fourth power found the most puzzles of rating 50 and 200
		// among 1, 2, 4 and 8, and dropping one clue more than dropping two or three.
		ratio := float64(c.Rating) / float64(height)
		if g.MaxRating > 0 && c.Rating > g.MaxRating {
			continue
		}
		if c.Rating >= height || rng.Float64() < ratio*ratio*ratio*ratio {
			puzzle, height = next, c.Rating
		}
	}
	return batch
}

// accept rates a puzzle, which must have one answer, and says whether its rating is within the bounds.
func (g *Generator) accept(source string, puzzle, answer Grid) (Puzzle, bool) {
	s := search{limit: 2}
	s.run(newBoard(puzzle))
	p := Puzzle{Source: source, Question: puzzle, Answer: answer, Rating: s.guesses}
	return p, p.Rating >= g.MinRating && (g.MaxRating == 0 || p.Rating <= g.MaxRating)
}

// randomGrid draws a full grid. Every grid can come; the chances are not all the same.
func randomGrid(rng *rand.Rand) Grid {
	b := newBoard(Grid{})
	for box := range 3 { // the boxes of the diagonal do not see each other
		for i, d := range rng.Perm(9) {
			b.place(30*box+i/3*9+i%3, d)
		}
	}
	g, _ := randomAnswer(b, rng)
	return RandomTransform(rng).Apply(g)
}

// randomAnswer completes b, trying values in random order.
func randomAnswer(b board, rng *rand.Rand) (Grid, bool) {
	if !b.propagate() {
		return Grid{}, false
	}
	if b.solved() {
		return b.grid(), true
	}
	cell := b.fewest()
	for _, d := range rng.Perm(9) {
		if !b.cand[d].has(cell) {
			continue
		}
		next := b
		next.place(cell, d)
		if g, ok := randomAnswer(next, rng); ok {
			return g, true
		}
	}
	return Grid{}, false
}

// reduce takes clues away from a puzzle with one answer, in random order, as long as the answer stays the only one and
// more than clues are left.
func reduce(puzzle, answer Grid, clues int, rng *rand.Rand) Grid {
	left := puzzle.Clues()
	for _, i := range rng.Perm(Cells) {
		if puzzle[i] == 0 || left <= clues {
			continue
		}
		less := puzzle
		less[i] = 0
		// Another answer must differ in this cell, so forbid the old value and look for any.
		b := newBoard(less)
		d := answer[i] - 1
		b.cand[d] = b.cand[d].without(setOf(i))
		s := search{limit: 1}
		if s.run(b); len(s.found) == 0 {
			puzzle = less
			left--
		}
	}
	return puzzle
}

// dropAndRefill takes a clue away at random, adds others until one answer is left, and makes the result minimal.
func dropAndRefill(puzzle Grid, rng *rand.Rand) (next, answer Grid) {
	order := rng.Perm(Cells)
	for _, i := range order {
		if puzzle[i] != 0 {
			puzzle[i] = 0
			break
		}
	}
	for {
		s := search{limit: 2}
		if s.run(newBoard(puzzle)); len(s.found) == 1 {
			return reduce(puzzle, s.found[0], 0, rng), s.found[0]
		}
		// A clue where two answers differ excludes at least one of them.
		keep := s.found[rng.IntN(2)]
		rng.Shuffle(Cells, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			if s.found[0][i] != s.found[1][i] {
				puzzle[i] = keep[i]
				break
			}
		}
	}
}
