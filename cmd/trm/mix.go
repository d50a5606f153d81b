package main

import (
	"cmp"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// mixture is trm data sudoku mix.
type mixture struct {
	easy, hard string
	source     string
	count      int
	share      float64
	tilt       float64
	seed       uint64
	output     string
}

func (a *app) mixCommand() *cobra.Command {
	var m mixture
	cmd := &cobra.Command{
		Use:   "mix --easy EASY.csv --hard HARD.csv -o MIX.csv",
		Short: "Mix easy and hard Sudokus as Sudoku-Extreme does",
		Long: `Draw a set that is as hard as the published Sudoku-Extreme, whose puzzles these are not:
27 % easy ones (fresh minimal puzzles, as trm data sudoku generate makes them) and 73 %
hard ones (the forum's list of the hardest, rated 11 and more there).

That list alone is harder than Sudoku-Extreme. A hard puzzle is therefore drawn with
probability exp(-tilt · rating). The published rating counts another solver's guesses, 34
on average over the list, where ours counts 204; the default tilt is .01 of theirs.`,
		Example: `  trm data sudoku generate --count 2700 --exclude train.csv -o easy.csv
  trm data sudoku mix --easy easy.csv --hard test.csv --count 2000 -o mix.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if m.easy == "" || m.hard == "" {
				return cli.Usagef(cmd, "name the files with --easy and --hard")
			}
			if m.count < 1 || m.share < 0 || m.share > 1 || m.tilt < 0 {
				return cli.Usagef(cmd, "--count must be 1 or more, --share within 0 and 1, --tilt 0 or more")
			}
			mixed, err := m.draw()
			if err != nil {
				return err
			}
			err = cli.WriteFile(a.term, m.output, func(w io.Writer) error {
				return sudoku.WriteCSV(w, func(yield func(sudoku.Puzzle, error) bool) {
					for _, p := range mixed {
						if !yield(p, nil) {
							return
						}
					}
				})
			})
			if err == nil {
				a.term.Notef("%s, %d of them easy", counted(len(mixed), "puzzle"), m.easyCount())
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&m.easy, "easy", "", "CSV `file` of easy puzzles")
	f.StringVar(&m.hard, "hard", "", "CSV `file` of hard puzzles")
	f.StringVar(&m.source, "source", "5_forum_hardest_1905_11+", "take the hard ones of this source only; empty takes all")
	f.IntVarP(&m.count, "count", "n", 2000, "puzzles to draw")
	f.Float64Var(&m.share, "share", .27, "share of easy ones")
	f.Float64Var(&m.tilt, "tilt", .0017, "how much a hard puzzle's rating counts against it")
	f.Uint64Var(&m.seed, "seed", 1, "seed of the draw")
	f.StringVarP(&m.output, "output", "o", "-", "`file` to write; - is the standard output")
	return cmd
}

func (m *mixture) easyCount() int { return int(math.Round(m.share * float64(m.count))) }

// draw picks the puzzles, in random order.
func (m *mixture) draw() ([]sudoku.Puzzle, error) {
	rng := rand.New(rand.NewPCG(m.seed, 0))
	mixed, err := pick(rng, m.easy, m.easyCount(), func(sudoku.Puzzle) float64 { return 1 })
	if err != nil {
		return nil, err
	}
	hard, err := pick(rng, m.hard, m.count-len(mixed), func(p sudoku.Puzzle) float64 {
		if m.source != "" && p.Source != m.source {
			return 0
		}
		return math.Exp(-m.tilt * float64(p.Rating))
	})
	if err != nil {
		return nil, err
	}
	mixed = append(mixed, hard...)
	rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed, nil
}

// pick draws n different puzzles of a file, each next one with a probability proportional to its weight among those that
// are left: the n largest of u^(1/weight) for uniform u (Efraimidis and Spirakis 2006).
func pick(rng *rand.Rand, file string, n int, weight func(sudoku.Puzzle) float64) ([]sudoku.Puzzle, error) {
	type drawn struct {
		puzzle sudoku.Puzzle
		key    float64
	}
	var all []drawn
	for p, err := range readPuzzles(file) {
		if err == nil && p.Rating < 0 {
			p.Rating, err = sudoku.Rate(p.Question)
		}
		if err != nil {
			return nil, err
		}
		if w := weight(p); w > 0 {
			all = append(all, drawn{p, math.Log(rng.Float64()) / w})
		}
	}
	if len(all) < n {
		return nil, ui.Fail(ui.ExitError, "take a larger file, a smaller --count, or another --source", "%s: %d puzzles to draw from, want %d", file, len(all), n)
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Compare(b.key, a.key) })
	puzzles := make([]sudoku.Puzzle, n)
	for i := range puzzles {
		puzzles[i] = all[i].puzzle
	}
	return puzzles, nil
}
