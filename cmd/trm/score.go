package main

import (
	"maps"
	"slices"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/trmcore/puzzle/arc"
)

func (a *app) scoreCommand() *cobra.Command {
	return cli.Group("score", "Score answers that were made before", a.scoreARCCommand())
}

func (a *app) scoreARCCommand() *cobra.Command {
	submission, solutions := "", ""
	cmd := &cobra.Command{
		Use:   "arc --submission FILE --solutions FILE",
		Short: "Score an ARC submission as the official evaluator does",
		Long: `Score an ARC submission: a test pair is right if an attempt equals its output, a task
scores the share of its pairs that are right, and the result is the mean over the tasks
that have a solution. pass@1 looks at first attempts, pass@2 at both. What a submission
leaves out, and what is no grid, counts as wrong; its tasks without a solution, and
answers beyond a task's test pairs, are left out and counted.

A submission is {id: [{"attempt_1": grid, "attempt_2": grid}, ...]}. Solutions are
{id: [grid, ...]}, tasks with test outputs, or a folder of task files.`,
		Example: "  trm score arc --submission submission.json --solutions arc-agi_evaluation_solutions.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if submission == "" || solutions == "" {
				return cli.Usagef(cmd, "give both --submission and --solutions")
			}
			answers, err := arc.LoadSubmission(submission)
			if err != nil {
				return err
			}
			known, err := arc.LoadSolutions(solutions)
			if err != nil {
				return err
			}
			score, err := answers.Score(known)
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(score)
			}
			a.term.Printf("pass@1  %.6f\npass@2  %.6f\ntasks   %d\n", score.Pass1, score.Pass2, score.Tasks)
			for _, id := range slices.Sorted(maps.Keys(answers)) {
				for _, pair := range answers[id] {
					for _, err := range pair.Malformed {
						a.term.Notef("counted as wrong: %s: %v", submission, err)
					}
				}
			}
			if score.Extra > 0 {
				a.term.Notef("%s beyond the test pairs of their tasks, left out", english.Plural(score.Extra, "answer", ""))
			}
			if score.Unanswered > 0 {
				a.term.Notef("%d of %s not answered, counted as wrong", score.Unanswered, english.Plural(score.Pairs, "test pair", ""))
			}
			if score.Unscored > 0 {
				a.term.Notef("%s of the submission without a solution, left out", english.Plural(score.Unscored, "task", ""))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&submission, "submission", "", "the submission's `file`")
	cmd.Flags().StringVar(&solutions, "solutions", "", "the solutions' `file` or folder")
	return cmd
}
