package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

func (a *app) dataCommand() *cobra.Command {
	return cli.Group("data", "Make and show puzzles",
		cli.Group("sudoku", "Make Sudokus", a.generateCommand()),
		cli.Group("maze", "Make and show mazes", a.mazeGenerateCommand(), a.mazeShowCommand()),
		cli.Group("arc", "Show ARC tasks", a.showCommand()))
}

// generation is trm data sudoku generate.
type generation struct {
	generator sudoku.Generator
	count     int
	seeds     string
	exclude   []string
	output    string
}

func (a *app) generateCommand() *cobra.Command {
	var g generation
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate Sudokus with one answer each",
		Long: `Generate Sudokus with one answer each, no puzzle twice, as CSV with the columns source,
question, answer, rating.

The rating counts the guesses that a solver of naked and hidden singles needs over its
whole search: 0 is easy. Without bounds puzzles are minimal (about 24 clues). With
--min-clues and --max-clues they are easier and come faster. With --min-rating they are
climbed to: a clue is dropped and others are put back, and the harder puzzle stays;
with --from the climb begins at given puzzles.

The same flags make the same file, on any number of cores.`,
		Example: `  trm data sudoku generate --count 200000 --min-clues 28 --max-clues 40 -o train.csv --exclude test.csv
  trm data sudoku generate --count 1000 --min-rating 50 -o hard.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return g.run(cmd, a.term) },
	}
	f := cmd.Flags()
	f.IntVarP(&g.count, "count", "n", 1000, "puzzles to make")
	f.Uint64Var(&g.generator.Seed, "seed", 1, "seed of the random source")
	f.IntVar(&g.generator.MinClues, "min-clues", 0, "leave at least so many clues")
	f.IntVar(&g.generator.MaxClues, "max-clues", 0, "draw the number of clues up to this; 0 is --min-clues, and without that minimal puzzles")
	f.IntVar(&g.generator.MinRating, "min-rating", 0, "least rating; above 0 puzzles are climbed to")
	f.IntVar(&g.generator.MaxRating, "max-rating", 0, "largest rating; 0 is no bound")
	f.IntVar(&g.generator.Workers, "workers", 0, "goroutines; 0 is one for each core")
	f.StringVar(&g.seeds, "from", "", "begin the climb at the puzzles of this CSV `file`")
	f.StringArrayVar(&g.exclude, "exclude", nil, "leave out every puzzle whose answer is in this CSV `file` (may be repeated)")
	f.StringVarP(&g.output, "output", "o", "-", "`file` to write; - is the standard output")
	return cmd
}

func (g *generation) run(cmd *cobra.Command, term *ui.Terminal) error {
	if g.count < 1 {
		return cli.Usagef(cmd, "--count %d: want at least 1", g.count)
	}
	if g.generator.MaxClues == 0 {
		g.generator.MaxClues = g.generator.MinClues
	}
	if err := g.generator.Validate(); err != nil {
		return cli.Usagef(cmd, "%w", err)
	}
	if err := g.load(cmd); err != nil {
		return err
	}
	start := time.Now()
	err := cli.WriteFile(term, g.output, func(w io.Writer) error {
		progress := term.Progress("generate", "puzzles", int64(g.count))
		defer progress.Done()
		return sudoku.WriteCSV(w, func(yield func(sudoku.Puzzle, error) bool) {
			done := 0
			for p, err := range g.generator.Puzzles(cmd.Context()) {
				if done++; !yield(p, err) || err != nil || done == g.count {
					return
				}
				progress.Add(1)
			}
		})
	})
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	term.Notef("%s in %.1f s, %.0f/s", english.Plural(g.count, "puzzle", ""), seconds, float64(g.count)/seconds)
	return nil
}

// load reads the puzzles to begin at and those to leave out.
func (g *generation) load(cmd *cobra.Command) error {
	if g.seeds != "" {
		if g.generator.MinRating == 0 {
			return cli.Usagef(cmd, "--from begins a climb: give --min-rating too")
		}
		puzzles, err := readPuzzles(g.seeds)
		if err != nil {
			return err
		}
		for _, p := range puzzles {
			if _, err := p.Question.Solve(); err != nil {
				return fmt.Errorf("%s: %s: a climb begins at puzzles with one answer: %w", g.seeds, p.Question, err)
			}
			g.generator.Seeds = append(g.generator.Seeds, p.Question)
		}
	}
	g.generator.Exclude = map[sudoku.Grid]bool{}
	for _, name := range g.exclude {
		puzzles, err := readAnswered(name)
		if err != nil {
			return err
		}
		for _, p := range puzzles {
			g.generator.Exclude[p.Answer] = true
		}
	}
	return nil
}

// readPuzzles reads the puzzles of a CSV file; errors name the file.
func readPuzzles(name string) ([]sudoku.Puzzle, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	puzzles, err := sudoku.ReadCSV(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return puzzles, nil
}

// readAnswered reads puzzles and solves those that have no answer.
func readAnswered(name string) ([]sudoku.Puzzle, error) {
	puzzles, err := readPuzzles(name)
	for i := range puzzles {
		if p := &puzzles[i]; err == nil && !p.Answer.Full() {
			if p.Answer, err = p.Question.Solve(); err != nil {
				err = fmt.Errorf("%s: puzzle %d: %w", name, i+1, err)
			}
		}
	}
	return puzzles, err
}

func (a *app) mazeGenerateCommand() *cobra.Command {
	count, side, least, seed, output := 1, 30, 0, uint64(1), ""
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate mazes with their shortest paths",
		Long: `Generate mazes. On the standard output they are text, as trm solve reads it;
with -o they are a data set, as training and trm bench maze read it: FOLDER/inputs.npy and
FOLDER/labels.npy, the paths. There is one way through each; --min-path asks for long ones.`,
		Example: `  trm data maze generate --side 11
  trm data maze generate -n 1000 --min-path 110 -o mazes/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 {
				return cli.Usagef(cmd, "--count %d: want at least 1", count)
			}
			shape := []int{count, side * side}
			arrays := map[string]*npy.Array{"inputs.npy": {Shape: shape}, "labels.npy": {Shape: shape}}
			rng := rand.New(rand.NewPCG(seed, 0))
			for range count {
				question, err := maze.Generate(side, least, rng)
				if err != nil {
					return err
				}
				answer, _, err := question.Shortest()
				if err != nil {
					return err
				}
				arrays["inputs.npy"].Values = append(arrays["inputs.npy"].Values, question.Tokens()...)
				arrays["labels.npy"].Values = append(arrays["labels.npy"].Values, answer.Tokens()...)
				if output == "" {
					a.term.Printf("%s\n", question)
				}
			}
			if output == "" {
				return nil
			}
			if err := os.MkdirAll(output, 0o755); err != nil {
				return err
			}
			for name, array := range arrays {
				if err := cli.WriteFile(a.term, filepath.Join(output, name), array.Write); err != nil {
					return err
				}
			}
			a.term.Notef("wrote %s to %s", english.Plural(count, "maze", ""), output)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVarP(&count, "count", "n", 1, "mazes to make")
	f.IntVar(&side, "side", 30, "cells of a side")
	f.IntVar(&least, "min-path", 0, "least steps of the shortest path")
	f.Uint64Var(&seed, "seed", 1, "seed of the random source")
	f.StringVarP(&output, "output", "o", "", "`folder` for inputs.npy and labels.npy, made if it is not there")
	return cmd
}
