package main

import (
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

func newData() *cobra.Command {
	data := &cobra.Command{Use: "data", Short: "Make data sets"}
	game := &cobra.Command{Use: "sudoku", Short: "Make Sudoku data sets"}
	game.AddCommand(newGenerate())
	data.AddCommand(game)
	return data
}

// generateOptions are the flags of trm data sudoku generate.
type generateOptions struct {
	generator sudoku.Generator
	count     int
	seeds     string
	exclude   []string
	output    string
}

func newGenerate() *cobra.Command {
	var o generateOptions
	c := &cobra.Command{
		Use:   "generate --count N -o FILE",
		Short: "Generate Sudokus with one answer each",
		Long: `Generate Sudokus with one answer each, no two of them equivalent under the symmetries of the rules, as CSV with the
columns source, question, answer, rating.

The rating counts the guesses that a solver of naked and hidden singles needs over its whole search: 0 is easy. Without
bounds puzzles are minimal (about 24 clues). With --min-clues and --max-clues they are easier and come faster. With
--min-rating they are climbed to: clues are dropped and others put back, and the harder puzzle stays; with --from the
climb begins at given puzzles.

The same flags make the same file, on any number of cores.`,
		Example: `  trm data sudoku generate --count 200000 --min-clues 28 --max-clues 40 --seed 1 -o train.csv
  trm data sudoku generate --count 1000 --min-rating 20 --exclude test.csv -o hard.csv`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	f := c.Flags()
	f.IntVarP(&o.count, "count", "n", 1000, "puzzles to make")
	f.Uint64Var(&o.generator.Seed, "seed", 1, "seed of the random source")
	f.IntVar(&o.generator.MinClues, "min-clues", 0, "leave at least so many clues")
	f.IntVar(&o.generator.MaxClues, "max-clues", 0, "draw the number of clues up to this; 0 makes minimal puzzles")
	f.IntVar(&o.generator.MinRating, "min-rating", 0, "least rating; above 0 puzzles are climbed to")
	f.IntVar(&o.generator.MaxRating, "max-rating", 0, "largest rating; 0 is no bound")
	f.IntVar(&o.generator.Workers, "workers", 0, "goroutines; 0 is one for each core")
	f.StringVar(&o.seeds, "from", "", "begin the climb at the puzzles of this CSV `file`")
	f.StringArrayVar(&o.exclude, "exclude", nil, "leave out every puzzle whose answer is equivalent to one in this CSV `file` (may be repeated)")
	f.StringVarP(&o.output, "output", "o", "-", "`file` to write; - is the standard output")
	return c
}

func (o *generateOptions) run(c *cobra.Command) (err error) {
	if o.count < 1 {
		return usagef("--count %d: want at least 1", o.count)
	}
	if err := o.generator.Validate(); err != nil {
		return usageError{err}
	}
	if o.seeds != "" {
		if o.generator.MinRating == 0 {
			return usagef("--from begins a climb: give --min-rating too")
		}
		for p, err := range readPuzzles(o.seeds) {
			if err != nil {
				return err
			}
			o.generator.Seeds = append(o.generator.Seeds, p.Question)
		}
	}
	o.generator.Exclude = map[sudoku.Grid]bool{}
	for _, name := range o.exclude {
		for p, err := range readPuzzles(name) {
			if err == nil && !p.Answer.Full() {
				p.Answer, err = p.Question.Solve()
			}
			if err != nil {
				return err
			}
			class, err := sudoku.Canonical(p.Answer)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			o.generator.Exclude[class] = true
		}
	}

	out := c.OutOrStdout()
	if o.output != "-" {
		file, err := os.Create(o.output)
		if err != nil {
			return err
		}
		defer func() {
			if e := file.Close(); err == nil {
				err = e
			}
		}()
		out = file
	}
	start := time.Now()
	if err := sudoku.WriteCSV(out, o.progress(o.generator.Puzzles(c.Context()), c.ErrOrStderr())); err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	fmt.Fprintf(c.ErrOrStderr(), "%d puzzles in %.1f s, %.0f/s\n", o.count, seconds, float64(o.count)/seconds)
	return nil
}

// progress passes count puzzles on.
func (o *generateOptions) progress(puzzles iter.Seq2[sudoku.Puzzle, error], _ io.Writer) iter.Seq2[sudoku.Puzzle, error] {
	return func(yield func(sudoku.Puzzle, error) bool) {
		n := 0
		for p, err := range puzzles {
			if !yield(p, err) || err != nil {
				return
			}
			if n++; n == o.count {
				return
			}
		}
	}
}

// readPuzzles yields the puzzles of a CSV file; errors name the file.
func readPuzzles(name string) iter.Seq2[sudoku.Puzzle, error] {
	return func(yield func(sudoku.Puzzle, error) bool) {
		file, err := os.Open(name)
		if err != nil {
			yield(sudoku.Puzzle{}, err)
			return
		}
		defer file.Close()
		for p, err := range sudoku.ReadCSV(file) {
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}
