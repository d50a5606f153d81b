package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) evalCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure recall and answers on questions whose answers are known",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	show := false
	everyday := &cobra.Command{
		Use:   "everyday DIR",
		Short: "Measure ordinary use: histories, facts, and questions with what must and must not be answered",
		Long: `Reads a folder with questions.json and the JSON Lines that it names into a temporary
store, and measures what is recalled, and what refine ask answers, by the type of question.
An answer is right if it holds one of the expected strings and none of a stale or wrong one
before it; a question that no memory answers must be refused. Your own store is not touched;
its settings are used.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.evalEveryday(cmd, args[0], show) },
	}
	everyday.Flags().BoolVar(&show, "show", false, "also print every answer that is not right")
	a.recallSettings(cmd, true)
	cmd.AddCommand(everyday)
	return cmd
}

func (a *app) evalEveryday(cmd *cobra.Command, folder string, show bool) error {
	ctx := cmd.Context()
	if err := a.load(cmd); err != nil {
		return err
	}
	suite, err := eval.ReadEveryday(ctx, folder)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "refine-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	settings := a.settings.Config
	settings.Store.Path = filepath.Join(dir, "store.db")
	p, err := integration.New(ctx, settings, &integration.Options{Create: true, Log: a.log})
	if err != nil {
		return err
	}
	defer p.Close()
	bar := a.term.Progress("importing", "people", int64(len(suite.Conversations)))
	for _, c := range suite.Conversations {
		if _, err := p.Store.Add(ctx, c.Scope, c.Records...); err != nil {
			return err
		}
		bar.Add(1)
	}
	bar.Done()
	bar = a.term.Progress("asking", "questions", int64(len(suite.Questions)))
	report, err := eval.RunEveryday(ctx, suite, p, func(done, _ int) { bar.Set(int64(done)) })
	bar.Done()
	if err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(report)
	}
	a.printEveryday(report, show)
	return nil
}

func (a *app) printEveryday(r *eval.EverydayReport, show bool) {
	t := a.term
	columns := []string{"type", "questions", "first", "in 5", "in 10", "prompt"}
	for _, v := range eval.Verdicts {
		columns = append(columns, string(v))
	}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	row := func(name string, recall *eval.EverydayRecall, answers map[eval.Verdict]int) {
		n := 0
		for _, count := range answers {
			n += count
		}
		cells := []any{name, n, recall.First, recall.Five, recall.Ten, recall.Prompt}
		for _, v := range eval.Verdicts {
			cells = append(cells, answers[v])
		}
		table.Add(cells...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByType)) {
		row(name, &r.ByType[name].Recall, r.ByType[name].Answers)
	}
	row("all", &r.Recall, r.Answers)
	table.Print(t)
	t.Printf("\nthe present value leads for %d of %d; %d wrong with a score of .9 or more; %.0f words an answer\n", r.Recall.Current.N, r.Recall.Current.Of, r.WrongButSure, r.Words)
	for i, bin := range r.Reliability {
		if bin.Of > 0 {
			t.Printf("score %.1f to %.1f: %d of %d right\n", float64(i)/10, float64(i+1)/10, bin.N, bin.Of)
		}
	}
	for _, q := range r.Asked {
		if show && q.Verdict != eval.Right {
			t.Printf("\n%s %s\n%s\n", t.Paint(ui.Bold, ui.Clean(q.Question.Text)), t.Paint(ui.Dim, fmt.Sprintf("%s, %s, score %.2f", q.Question.ID, q.Verdict, q.Score)), printable(q.Answer))
		}
	}
}
