package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// dataCheck is what check says of a data set.
type dataCheck struct {
	File       string        `json:"file"`
	Puzzles    int           `json:"puzzles"`
	Wrong      int           `json:"wrong"`                 // puzzles without exactly one answer, or with another answer than the file's
	FirstWrong string        `json:"first_wrong,omitempty"` // the first of them, and why
	Equivalent int           `json:"equivalent"`            // puzzles equivalent to one before them
	SameAnswer int           `json:"same_answer"`           // puzzles whose answer is equivalent to that of one before them
	Against    string        `json:"against,omitempty"`
	Leaked     int           `json:"leaked"` // puzzles whose answer is equivalent to one of the file in Against
	Sources    []sourceStats `json:"sources"`
}

// sourceStats describes the puzzles of one source.
type sourceStats struct {
	Source  string  `json:"source"`
	Puzzles int     `json:"puzzles"`
	Clues   float64 `json:"mean_clues"`
	Rating  float64 `json:"mean_rating"`
	Median  int     `json:"median_rating"`
	P90     int     `json:"p90_rating"`
}

func (a *app) checkCommand() *cobra.Command {
	against := ""
	cmd := &cobra.Command{
		Use:   "check FILE.csv",
		Short: "Check a data set: one answer each, no equivalent puzzles, nothing of a test set",
		Long: `Check a data set: every puzzle must have exactly one answer, the one of the file; and,
with --against, no answer may be equivalent to one of another file under the symmetries
of the rules, so that a training set holds nothing of a test set. Equivalent puzzles within
the file are counted. The rating is measured anew; see trm data sudoku generate.

Exits with 3 if a puzzle is wrong or leaked.`,
		Example: "  trm data sudoku check train.csv --against test.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := checkData(cmd.Context(), a.term, args[0], against)
			if err != nil {
				return err
			}
			if a.json {
				err = a.term.JSON(result)
			} else {
				result.print(a.term)
			}
			if err == nil && result.Wrong+result.Leaked > 0 {
				err = ui.Fail(ui.ExitThreshold, "", "%s wrong, %d leaked", counted(result.Wrong, "puzzle"), result.Leaked)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&against, "against", "", "CSV `file` whose answers may not occur")
	return cmd
}

// examined is a puzzle with what was found out about it.
type examined struct {
	puzzle          sudoku.Puzzle
	solution, class sudoku.Grid // canonical
	rating          int
	err             error
}

// examinePuzzles solves, rates and names every puzzle of a file, on all cores.
func examinePuzzles(ctx context.Context, term *ui.Terminal, file string) ([]examined, error) {
	var all []examined
	for p, err := range readPuzzles(file) {
		if err != nil {
			return nil, err
		}
		all = append(all, examined{puzzle: p})
	}
	progress := term.Progress("check", "puzzles", int64(len(all)))
	defer progress.Done()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for chunk := range slices.Chunk(all, 256) {
		work.Go(func() error {
			for i := range chunk {
				chunk[i].examine()
			}
			progress.Add(len(chunk))
			return ctx.Err()
		})
	}
	return all, work.Wait()
}

func (e *examined) examine() {
	answer, err := e.puzzle.Question.Solve()
	if err == nil && e.puzzle.Answer.Full() && e.puzzle.Answer != answer {
		err = fmt.Errorf("%w: its answer is %s", sudoku.ErrConflict, answer)
	}
	if err == nil {
		e.rating, err = sudoku.Rate(e.puzzle.Question)
	}
	if err == nil {
		e.solution, err = sudoku.Canonical(answer)
	}
	if err == nil {
		e.class, err = sudoku.Canonical(e.puzzle.Question)
	}
	e.err = err
}

// checkData compares the puzzles of a file with the rules, with each other, and with another file.
func checkData(ctx context.Context, term *ui.Terminal, file, against string) (*dataCheck, error) {
	forbidden := map[sudoku.Grid]bool{}
	if against != "" {
		others, err := examinePuzzles(ctx, term, against)
		if err != nil {
			return nil, err
		}
		for _, e := range others {
			if e.err == nil {
				forbidden[e.solution] = true
			}
		}
	}
	all, err := examinePuzzles(ctx, term, file)
	if err != nil {
		return nil, err
	}
	result := &dataCheck{File: file, Puzzles: len(all), Against: against}
	classes, solutions, sources := map[sudoku.Grid]bool{}, map[sudoku.Grid]bool{}, map[string][]examined{}
	for i, e := range all {
		if e.err != nil {
			if result.Wrong++; result.Wrong == 1 {
				result.FirstWrong = fmt.Sprintf("puzzle %d, %s: %v", i+1, e.puzzle.Question, e.err)
			}
			continue
		}
		if classes[e.class] {
			result.Equivalent++
		}
		if solutions[e.solution] {
			result.SameAnswer++
		}
		if forbidden[e.solution] {
			result.Leaked++
		}
		classes[e.class], solutions[e.solution] = true, true
		sources[e.puzzle.Source] = append(sources[e.puzzle.Source], e)
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		result.Sources = append(result.Sources, statsOf(name, sources[name]))
	}
	return result, nil
}

// statsOf summarises the puzzles of a source; there is at least one.
func statsOf(source string, puzzles []examined) sourceStats {
	slices.SortFunc(puzzles, func(a, b examined) int { return cmp.Compare(a.rating, b.rating) })
	n := len(puzzles)
	s := sourceStats{Source: source, Puzzles: n, Median: puzzles[n/2].rating, P90: puzzles[n*9/10].rating}
	for _, e := range puzzles {
		s.Clues += float64(e.puzzle.Question.Clues()) / float64(n)
		s.Rating += float64(e.rating) / float64(n)
	}
	return s
}

func (c *dataCheck) print(term *ui.Terminal) {
	table := &ui.Table{
		Columns: []string{"source", "puzzles", "clues", "rating", "median", "p90"},
		Right:   []string{"puzzles", "clues", "rating", "median", "p90"},
	}
	for _, s := range c.Sources {
		table.Add(s.Source, s.Puzzles, fmt.Sprintf("%.1f", s.Clues), fmt.Sprintf("%.1f", s.Rating), s.Median, s.P90)
	}
	table.Print(term)
	term.Printf("\n%s, %d wrong, %d equivalent to another, %d with an answer equivalent to another's\n", counted(c.Puzzles, "puzzle"), c.Wrong, c.Equivalent, c.SameAnswer)
	if c.FirstWrong != "" {
		term.Printf("the first wrong: %s\n", c.FirstWrong)
	}
	if c.Against != "" {
		term.Printf("%d with an answer equivalent to one in %s\n", c.Leaked, c.Against)
	}
}
