package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// benchmark is trm bench sudoku and trm bench maze.
type benchmark struct {
	modelFlags
	steps    int
	more     []int
	rules    int
	qHalt    bool
	tta      int
	noise    float64
	compare  bool
	limit    int
	seed     uint64
	minExact float64
	output   string
	labels   string // maze only
}

// compared are the steps of the ablation.
var compared = []int{1, 2, 4, 8, 16}

func (a *app) benchCommand() *cobra.Command {
	return cli.Group("bench", "Measure a model on a data set", a.benchSudokuCommand(), a.benchMazeCommand(), a.benchARCCommand())
}

func (b *benchmark) add(cmd *cobra.Command) {
	b.modelFlags.add(cmd)
	f := cmd.Flags()
	f.IntVar(&b.steps, "steps", trmcore.DefaultSteps, "supervision steps of the plain run")
	f.IntSliceVar(&b.more, "more", nil, "further plain runs of so many steps, as 32,64,128")
	f.IntVar(&b.rules, "rules", 0, "also run until the rules accept an answer, for so many steps at most; 0 does not")
	f.BoolVar(&b.qHalt, "q-halt", true, "also run until the q-head halts")
	f.IntVar(&b.tta, "tta", 0, "retry failures up to so many times, until the rules accept an answer")
	f.Float64Var(&b.noise, "noise", 0, "retry with noise of this deviation on the latent, instead of symmetries")
	f.BoolVar(&b.compare, "compare", false, "show the accuracy after 1, 2, 4, 8 and 16 steps")
	f.IntVarP(&b.limit, "limit", "n", 0, "draw so many puzzles at random; 0 takes all")
	f.Uint64Var(&b.seed, "seed", 1, "seed of the draw, the retries and the noise")
	f.Float64Var(&b.minExact, "min-exact", 0, "exit with 3 if the plain run's exact accuracy is below this share")
	f.StringVarP(&b.output, "output", "o", "", "write the report as JSON to this `file`")
}

const benchLong = `
Ways to solve are measured apart, each in a run of its own: plain, all steps; rules, until
an answer keeps the rules and the givens; q-halt, until the model believes that its answer
is right; more steps; and retries, which try failures again, as trm solve does, until the
rules accept an answer. Only the rules decide over a retry, never the known answer.

Intervals are 95 %: Wilson's for exact and valid, bootstrap for cells.`

func (a *app) benchSudokuCommand() *cobra.Command {
	var b benchmark
	cmd := &cobra.Command{
		Use:   "sudoku FILE.csv",
		Short: "Measure a model on Sudokus: CSV with question and answer",
		Long:  "Measure a model on Sudokus: CSV with the columns question and answer, and optionally\nsource and rating.\n" + benchLong,
		Example: `  trm bench sudoku test.csv --limit 1000 --compare
  trm bench sudoku test.csv --more 32,64,128 --tta 8 --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			puzzles, err := readAnswered(args[0])
			if err != nil {
				return err
			}
			var problems []*problem
			for _, p := range puzzles {
				problems = append(problems, sudokuProblem(p))
			}
			return b.run(cmd, a, "sudoku", args[0], problems)
		},
	}
	b.add(cmd)
	return cmd
}

func (a *app) benchMazeCommand() *cobra.Command {
	var b benchmark
	cmd := &cobra.Command{
		Use:   "maze INPUTS.npy",
		Short: "Measure a model on mazes: .npy arrays of inputs and labels",
		Long: "Measure a model on mazes: two .npy arrays of shape [N, side·side], inputs and labels.\n" +
			"Exact means the labelled path; valid means any shortest path.\n" + benchLong,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if b.labels == "" {
				b.labels = strings.Replace(args[0], "inputs", "labels", 1)
				if b.labels == args[0] {
					return cli.Usagef(cmd, "name the answers with --labels")
				}
			}
			questions, err := maze.Load(args[0])
			if err != nil {
				return err
			}
			answers, err := maze.Load(b.labels)
			if err != nil {
				return err
			}
			if len(questions) != len(answers) {
				return fmt.Errorf("%w: %d inputs in %s, %d labels in %s", maze.ErrFormat, len(questions), args[0], len(answers), b.labels)
			}
			problems := make([]*problem, len(questions))
			for i := range problems {
				if answers[i].Side != questions[i].Side {
					return fmt.Errorf("%w: maze %d and its label have different sizes", maze.ErrFormat, i+1)
				}
				problems[i] = mazeProblem(questions[i], answers[i])
			}
			return b.run(cmd, a, "maze", args[0], problems)
		},
	}
	b.add(cmd)
	cmd.Flags().StringVar(&b.labels, "labels", "", "labels' `file`; empty replaces inputs by labels in the name of the inputs' file")
	return cmd
}

// run measures and reports.
func (b *benchmark) run(cmd *cobra.Command, a *app, task, file string, problems []*problem) error {
	if b.steps < 1 || slices.ContainsFunc(b.more, func(n int) bool { return n < 1 }) || b.tta < 0 || b.noise < 0 || b.limit < 0 {
		return cli.Usagef(cmd, "steps must be 1 or more; --tta, --noise and --limit 0 or more")
	}
	if len(problems) == 0 {
		return fmt.Errorf("%s: %w: it holds no puzzles", file, sudoku.ErrSyntax)
	}
	model, err := b.load(task)
	if err != nil {
		return err
	}
	if model, err = fitted(model, problems[0]); err != nil {
		return err
	}
	solver, err := b.open(cmd.Context(), a.term, model, false)
	if err != nil {
		return err
	}
	defer solver.Close()
	report := &Report{Setting: setting(task, file, model, solver, b.precision), Of: len(problems), Seed: b.seed}
	problems = b.draw(problems)
	report.Puzzles = len(problems)
	if err := b.measure(cmd.Context(), &engine{solver: solver, arch: solver.Arch(), term: a.term}, problems, report); err != nil {
		return err
	}
	return b.finish(a, report)
}

// finish prints and saves the report, and applies the gate.
func (b *benchmark) finish(a *app, report *Report) error {
	if b.output != "" {
		if err := cli.WriteJSON(a.term, b.output, report); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.term.JSON(report); err != nil {
			return err
		}
	} else {
		var steps []int
		if b.compare {
			steps = compared
		}
		report.print(a.term, steps)
	}
	if exact := report.Runs[0].Exact.Value; exact < b.minExact {
		return ui.Fail(ui.ExitThreshold, "", "exact accuracy %.4f is below --min-exact %g", exact, b.minExact)
	}
	return nil
}

// draw picks the puzzles, in the order of the file.
func (b *benchmark) draw(problems []*problem) []*problem {
	if b.limit == 0 || b.limit >= len(problems) {
		return problems
	}
	picked := rand.New(rand.NewPCG(b.seed, 0)).Perm(len(problems))[:b.limit]
	slices.Sort(picked)
	some := make([]*problem, b.limit)
	for k, i := range picked {
		some[k] = problems[i]
	}
	return some
}

// measure makes the runs.
func (b *benchmark) measure(ctx context.Context, e *engine, problems []*problem, report *Report) error {
	run := func(mode, label string, o onnx.SolveOptions) ([]outcome, error) {
		o.Seed = b.seed
		outcomes, seconds, err := e.run(ctx, label, problems, &o)
		if err == nil {
			report.Runs = append(report.Runs, summarize(mode, o.Steps, problems, outcomes, seconds))
		}
		return outcomes, err
	}
	var first []outcome
	for _, steps := range append([]int{b.steps}, b.more...) {
		right, cells := make([]int, steps), make([]float64, steps) // after each step
		outcomes, err := run("plain", fmt.Sprintf("%d steps", steps), onnx.SolveOptions{Steps: steps, OnStep: func(s *onnx.Step) {
			share := cellsRight(s.Tokens, problems[s.Index].answer)
			if cells[s.N-1] += share; share == 1 {
				right[s.N-1]++
			}
		}})
		if err != nil {
			return err
		}
		plain := &report.Runs[len(report.Runs)-1]
		for i := range steps {
			plain.ByStep = append(plain.ByStep, AtStep{Step: i + 1, Exact: wilson(right[i], len(problems)), Cells: cells[i] / float64(len(problems))})
		}
		if first == nil {
			first = outcomes
		}
	}
	if b.rules > 0 {
		if _, err := run("rules", "rules", onnx.SolveOptions{Steps: b.rules, Halt: func(s *onnx.Step) bool { return problems[s.Index].valid(s.Tokens) }}); err != nil {
			return err
		}
	}
	if b.qHalt {
		if _, err := run("q-halt", "q-halt", onnx.SolveOptions{Steps: b.steps, QHalt: true}); err != nil {
			return err
		}
	}
	if b.tta > 0 {
		seconds, err := e.retry(ctx, problems, first, b.tta, onnx.SolveOptions{Steps: b.steps, Noise: float32(b.noise), Seed: b.seed})
		if err != nil {
			return err
		}
		report.Runs = append(report.Runs, summarize("retries", b.steps, problems, first, report.Runs[0].Seconds+seconds))
	}
	return nil
}
