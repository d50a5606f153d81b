package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/refine/consolidate"
)

// evalAnswersCommand measures answers and not only what is recalled.
func (a *app) evalAnswersCommand() *cobra.Command {
	show, parts, consolidated := 0, false, false
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
			if parts {
				return a.evaluateParts(cmd.Context(), set, prepare)
			}
			var report *bench.AnswerReport
			err = a.imported(cmd.Context(), set, func(p *integration.Plugin) error {
				if err := prepare(p); err != nil {
					return err
				}
				bar := a.term.Progress("asking", "questions", int64(set.Questions()))
				defer bar.Done()
				report, err = bench.RunAnswers(cmd.Context(), set, p.Answerer(), func(done, _ int) { bar.Set(int64(done)) })
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
	cmd.Flags().BoolVar(&parts, "parts", false, "compare smaller assistants, each with one part more than the one before")
	cmd.Flags().BoolVar(&consolidated, "consolidated", false, "consolidate the conversations before they are asked")
	cmd.Flags().IntVar(&show, "show", 0, "also print so many answers of each category")
	return cmd
}

// questions are those of the LoCoMo file that is named, or of the bundled conversation.
func questions(ctx context.Context, args []string) (*bench.Dataset, error) {
	if len(args) == 0 {
		return bench.Sample(ctx)
	}
	return bench.LoCoMo(ctx, args[0], nil)
}

func (a *app) printAnswers(r *bench.AnswerReport, show int) {
	t := a.term
	t.Printf("%s  %s\n\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "answer"))
	columns := []string{"category", "questions", "contains", "all of it", "f1", "words"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	row := func(name string, n int, s bench.AnswerScores) {
		table.Add(name, thousands(n), fraction(s.Contains), fraction(s.All), fraction(s.F1), fmt.Sprintf("%.1f", s.Words))
	}
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		row(name, r.Counts[name], r.ByCategory[name])
	}
	row("all", r.Questions, r.Scores)
	table.Print(t)
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

// evaluateParts measures what each part of the assistant adds. Its JSON is a list of reports with the part's name.
func (a *app) evaluateParts(ctx context.Context, set *bench.Dataset, prepare func(*integration.Plugin) error) error {
	type part struct {
		Part string `json:"part"`
		*bench.AnswerReport
	}
	var all []part
	err := a.imported(ctx, set, func(p *integration.Plugin) error {
		if err := prepare(p); err != nil {
			return err
		}
		parts := p.Parts()
		bar := a.term.Progress("asking", "questions", int64(len(parts)*set.Questions()))
		defer bar.Done()
		for i, x := range parts {
			report, err := bench.RunAnswers(ctx, set, x.Answer, func(done, total int) { bar.Set(int64(i*total + done)) })
			if err != nil {
				return fmt.Errorf("%s: %w", x.Name, err)
			}
			all = append(all, part{x.Name, report})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.term.JSON(all)
	}
	columns := []string{"assistant", "contains", "95 %", "all of it", "f1", "words", "p50 ms", "p95 ms"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	for _, x := range all {
		ci := x.CI95["contains"]
		table.Add(x.Part, fraction(x.Scores.Contains), fmt.Sprintf("%.3f to %.3f", ci[0], ci[1]), fraction(x.Scores.All), fraction(x.Scores.F1),
			fmt.Sprintf("%.1f", x.Scores.Words), fmt.Sprintf("%.1f", x.Latency.P50), fmt.Sprintf("%.1f", x.Latency.P95))
	}
	table.Print(a.term)
	return nil
}
