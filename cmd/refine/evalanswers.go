package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/refine/consolidate"
)

// evalAnswersCommand measures answers and not only what is recalled.
func (a *app) evalAnswersCommand() *cobra.Command {
	show, consolidated := 0, false
	cmd := &cobra.Command{
		Use:   "answers [FILE]",
		Short: "the answers of refine ask, against those that LoCoMo's FILE or the bundled conversation give",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			set, err := questions(cmd.Context(), args)
			if err != nil {
				return err
			}
			prepare := func(p *integration.Plugin) error {
				for _, c := range set.Conversations {
					if !consolidated {
						break
					}
					if _, err := consolidate.Auto(cmd.Context(), p.Store, c.Scope, nil, &consolidate.RunOptions{NoSnapshot: true}); err != nil {
						return err
					}
				}
				return nil
			}
			var report *eval.AnswerReport
			err = a.imported(cmd.Context(), set, func(p *integration.Plugin) error {
				if err := prepare(p); err != nil {
					return err
				}
				bar := a.term.Progress("asking", "questions", int64(set.Questions()))
				defer bar.Done()
				report, err = eval.RunAnswers(cmd.Context(), set, eval.Ask(p, integration.Request{}), func(done, _ int) { bar.Set(int64(done)) })
				return err
			})
			if err != nil {
				return err
			}
			if a.json {
				return a.term.JSON(report)
			}
			a.printAnswers(report, show)
			return nil
		},
	}
	cmd.Flags().BoolVar(&consolidated, "consolidated", false, "consolidate the conversations before they are asked")
	cmd.Flags().IntVar(&show, "show", 0, "also print so many answers of each category")
	return cmd
}

// questions are those of the LoCoMo file that is named, or of the bundled conversation.
func questions(ctx context.Context, args []string) (*eval.Dataset, error) {
	if len(args) == 0 {
		return eval.Sample(ctx)
	}
	return eval.LoCoMo(ctx, args[0], &eval.LoCoMoOptions{Adversarial: true})
}

func (a *app) printAnswers(r *eval.AnswerReport, show int) {
	t := a.term
	t.Printf("%s  %s\n\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "answer"))
	columns := []string{"category", "questions", "contains", "all of it", "f1", "words", "refused", "wrong"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	row := func(name string, n int, s eval.AnswerScores) {
		table.Add(name, thousands(n), fraction(s.Contains), fraction(s.All), fraction(s.F1), fmt.Sprintf("%.1f", s.Words), fraction(s.Refused), fraction(s.Wrong))
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		row(name, r.Counts[name], r.ByCategory[name])
	}
	row("all", r.Questions, r.Scores)
	table.Print(t)
	if r.Invented.Of > 0 {
		t.Printf("\nof %s without an answer %d were answered\n", counted(r.Invented.Of, "question"), r.Invented.N)
	}
	ci := r.CI95["contains"]
	t.Printf("\ncontains: 95%% interval [%.3f, %.3f] over questions; %.1f ms p50, %.1f ms p95\n", ci[0], ci[1], r.Latency.P50, r.Latency.P95)
	shown := map[string]int{}
	for _, answered := range r.Answers {
		if shown[answered.Question.Category] == show {
			continue
		}
		shown[answered.Question.Category]++
		t.Printf("\n%s %s\n%s\n%s\n", t.Paint(ui.Bold, ui.Clean(answered.Question.Text)), t.Paint(ui.Dim, fmt.Sprintf("%s, contains %.2f", answered.Question.Category, answered.Contains)),
			ui.Clean(answered.Answer), t.Paint(ui.Dim, "known: "+ui.Clean(answered.Question.Answer)))
	}
}
