package sudoku

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
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
		seen := map[Grid]bool{}
		for batch, err := range g.batches(ctx) {
			if err != nil {
				yield(Puzzle{}, err)
				return
			}
			for _, c := range batch {
				if seen[c.Question] || g.Exclude[c.Answer] {
					continue
				}
				seen[c.Question] = true
				if !yield(c, nil) {
					return
				}
			}
		}
	}
}

// batches makes pieces of work in parallel and yields their results in order.
func (g *Generator) batches(ctx context.Context) iter.Seq2[[]Puzzle, error] {
	return func(yield func([]Puzzle, error) bool) {
		workers := g.Workers
		if workers <= 0 {
			workers = runtime.GOMAXPROCS(0)
		}
		ctx, stop := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()

		// Each piece in flight has a channel of its own; taking them in order puts the results in order.
		var inFlight []chan []Puzzle
		next := uint64(0)
		start := func() {
			piece, result := next, make(chan []Puzzle, 1)
			next++
			inFlight = append(inFlight, result)
			running.Go(func() { result <- g.batch(ctx, rand.New(rand.NewPCG(g.Seed, piece))) })
		}
		for range workers {
			start()
		}
		for {
			batch := <-inFlight[0]
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			inFlight = inFlight[1:]
			start()
			if !yield(batch, nil) {
				return
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
		answer := RandomAnswer(rng)
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
		answer := RandomAnswer(rng)
		puzzle = reduce(answer, answer, 0, rng)
	}
	height, err := Rate(puzzle)
	if err != nil {
		return nil // a seed that is no puzzle gives nothing
	}
	var batch []Puzzle
	for range climbSteps {
		if ctx.Err() != nil || len(batch) == climbYield {
			break
		}
		next, answer := dropAndRefill(puzzle, 1, rng)
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

// RandomAnswer draws a full grid. Every grid can come; the chances are not all the same.
func RandomAnswer(rng *rand.Rand) Grid {
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
		if b.cand[d][cell/27]&(1<<(cell%27)) == 0 {
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
	order := rng.Perm(Cells)
	left := puzzle.Clues()
	for chunk := 8; chunk > 0; chunk /= 8 {
		// While clues are plenty, several can go with one test; the second round takes them one by one.
		for i := 0; i < Cells && left > clues; {
			next, n := puzzle, 0
			for ; i < Cells && n < min(chunk, left-clues); i++ {
				if next[order[i]] != 0 {
					next[order[i]] = 0
					n++
				}
			}
			if n == 0 {
				break
			}
			if onlyAnswer(next, puzzle, answer) {
				puzzle, left = next, left-n
			} else if chunk > 1 {
				break
			}
		}
	}
	return puzzle
}

// onlyAnswer says whether next, made from a puzzle with one answer by taking clues away, still has only that one.
func onlyAnswer(next, puzzle, answer Grid) bool {
	b := newBoard(next)
	gone := -1
	for i := range next {
		if next[i] == puzzle[i] {
			continue
		}
		if gone >= 0 { // more than one is gone: look for a second answer
			s := search{limit: 2}
			s.run(b)
			return s.count == 1
		}
		gone = i
	}
	if gone < 0 {
		return true
	}
	// One is gone: another answer must differ there, so forbid the old value and look for any.
	b.cand[answer[gone]-1][gone/27] &^= 1 << (gone % 27)
	s := search{limit: 1}
	s.run(b)
	return s.count == 0
}

// dropAndRefill takes some clues away at random, adds others until one answer is left, and makes the result minimal.
func dropAndRefill(puzzle Grid, drop int, rng *rand.Rand) (next, answer Grid) {
	order := rng.Perm(Cells)
	for _, i := range order {
		if puzzle[i] != 0 && drop > 0 {
			puzzle[i] = 0
			drop--
		}
	}
	for {
		s := search{limit: 2, keep: true}
		s.run(newBoard(puzzle))
		if s.count == 1 {
			answer = s.found[0]
			break
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
	return reduce(puzzle, answer, 0, rng), answer
}
