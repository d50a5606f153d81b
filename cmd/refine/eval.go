package main

import (
	"context"
	"iter"
	"maps"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

func (a *app) evalCommand() *cobra.Command {
	minRecall := 0.0
	cmd := &cobra.Command{
		Use:   "eval",
		Short: "Measure the recall on questions whose answers are known",
		Long: `Imports a set of conversations into a temporary store, asks its questions, and
measures how much of the evidence is recalled, turn by turn: the learned ranking, the
fixed point, and words, vectors and both without either. No language model takes
part. Your own store is not touched; its settings are used.

With --min-recall the command exits with 3 if recall@10 is below it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().Float64Var(&minRecall, "min-recall", 0, "the least recall@10, in [0, 1]; below it the exit code is 3")
	a.recallSettings(cmd, true)
	cmd.AddCommand(a.evalLoCoMoCommand(&minRecall), a.evalAnswersCommand(), a.evalEverydayCommand(),
		&cobra.Command{
			Use:   "beam DIR",
			Short: "BEAM: a folder of chats, each with chat.json and probing_questions.json",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.evalRecall(cmd, minRecall, func() (*eval.Dataset, error) { return eval.BEAM(cmd.Context(), args[0]) })
			},
		},
		&cobra.Command{
			Use:   "sample",
			Short: "the bundled conversation",
			Args:  cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.evalRecall(cmd, minRecall, func() (*eval.Dataset, error) { return eval.Sample(cmd.Context()) })
			},
		})
	return cmd
}

func (a *app) evalLoCoMoCommand(minRecall *float64) *cobra.Command {
	corrections := ""
	cmd := &cobra.Command{
		Use:   "locomo FILE",
		Short: "LoCoMo: its file, as published (locomo.json)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.evalRecall(cmd, *minRecall, func() (*eval.Dataset, error) {
				return eval.LoCoMo(cmd.Context(), args[0], &eval.LoCoMoOptions{Corrections: corrections})
			})
		},
	}
	cmd.Flags().StringVar(&corrections, "corrections", "", "file of corrected evidence (dial481/locomo-audit)")
	return cmd
}

// evalRecall measures the configured recall, and the baselines, over a dataset.
func (a *app) evalRecall(cmd *cobra.Command, minRecall float64, load func() (*eval.Dataset, error)) error {
	if !(minRecall >= 0 && minRecall <= 1) {
		return ui.Fail(ui.ExitUsage, "give a share from 0 to 1, like 0.75", "--min-recall is %v", minRecall)
	}
	report, err := evaluate(a, cmd, load, func(ctx context.Context, set *eval.Dataset, p *integration.Plugin, asked progress) (*eval.Report, error) {
		return eval.Run(ctx, set, eval.Modes(p), &eval.Options{Parameters: parameters(a.settings.Config, p), Progress: asked})
	}, a.printReport)
	if err == nil && report.Recall10 < minRecall {
		return ui.Fail(ui.ExitThreshold, "", "recall@10 is %.4f, below --min-recall %v", report.Recall10, minRecall)
	}
	return err
}

// evalAnswersCommand measures answers and not only what is recalled.
func (a *app) evalAnswersCommand() *cobra.Command {
	show, consolidated := 0, false
	cmd := &cobra.Command{
		Use:   "answers [FILE]",
		Short: "the answers of refine ask, against those that LoCoMo's FILE or the bundled conversation give",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			load := func() (*eval.Dataset, error) {
				if len(args) == 0 {
					return eval.Sample(cmd.Context())
				}
				return eval.LoCoMo(cmd.Context(), args[0], &eval.LoCoMoOptions{Adversarial: true})
			}
			_, err := evaluate(a, cmd, load, func(ctx context.Context, set *eval.Dataset, p *integration.Plugin, asked progress) (*eval.AnswerReport, error) {
				for _, c := range set.Conversations {
					if !consolidated {
						break
					}
					if _, err := consolidate.Auto(ctx, p.Store, c.Scope, nil, &consolidate.RunOptions{NoSnapshot: true}); err != nil {
						return nil, err
					}
				}
				return eval.RunAnswers(ctx, set, eval.Ask(p, integration.Request{}), asked)
			}, func(r *eval.AnswerReport) { a.printAnswers(r, show) })
			return err
		},
	}
	cmd.Flags().BoolVar(&consolidated, "consolidated", false, "consolidate the conversations before they are asked")
	cmd.Flags().IntVar(&show, "show", 0, "also print so many answers of each category")
	return cmd
}

// evalEverydayCommand measures recall and answers in ordinary use.
func (a *app) evalEverydayCommand() *cobra.Command {
	show := false
	cmd := &cobra.Command{
		Use:   "everyday DIR",
		Short: "ordinary use: histories, facts and questions with what must and must not be answered",
		Long: `Reads a folder with questions.json and the JSON Lines that it names, and measures what
is recalled, and what refine ask answers, by the type of question. An answer is right if it
holds one of the expected strings and none of a stale or wrong one before it; a question
that no memory answers must be refused.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var suite *eval.Everyday
			load := func() (_ *eval.Dataset, err error) {
				if suite, err = eval.ReadEveryday(cmd.Context(), args[0]); err != nil {
					return nil, err
				}
				return &eval.Dataset{Name: "everyday", Conversations: suite.Conversations}, nil
			}
			_, err := evaluate(a, cmd, load, func(ctx context.Context, _ *eval.Dataset, p *integration.Plugin, asked progress) (*eval.EverydayReport, error) {
				return eval.RunEveryday(ctx, suite, p, asked)
			}, func(r *eval.EverydayReport) { a.printEveryday(r, show) })
			return err
		},
	}
	cmd.Flags().BoolVar(&show, "show", false, "also print every answer that is not right")
	return cmd
}

// progress is told how many of all questions have been asked.
type progress = func(done, total int)

// evaluate puts a dataset into a temporary store, measures there, and prints the report.
func evaluate[R any](a *app, cmd *cobra.Command, load func() (*eval.Dataset, error),
	measure func(context.Context, *eval.Dataset, *integration.Plugin, progress) (R, error), show func(R)) (report R, err error) {
	if err = a.load(cmd); err != nil {
		return report, err
	}
	set, err := load()
	if err != nil {
		return report, err
	}
	dir, err := os.MkdirTemp("", "refine-eval-")
	if err != nil {
		return report, err
	}
	defer os.RemoveAll(dir)
	settings := a.settings.Config
	settings.Store.Path = filepath.Join(dir, "store.db")
	p, err := integration.New(cmd.Context(), settings, &integration.Options{Create: true, Log: a.log})
	if err != nil {
		return report, err
	}
	defer p.Close()
	bar := a.term.Progress("importing", "turns", int64(set.Records()))
	defer func() { bar.Done() }()
	for _, c := range set.Conversations {
		if _, err := p.Store.AddAll(cmd.Context(), c.Scope, watched(c.Records, bar), nil); err != nil {
			return report, err
		}
	}
	bar.Done()
	begun := false
	report, err = measure(cmd.Context(), set, p, func(done, total int) {
		if !begun {
			bar, begun = a.term.Progress("asking", "questions", int64(total)), true
		}
		bar.Set(int64(done))
	})
	bar.Done()
	switch {
	case err != nil:
	case a.json:
		err = a.term.JSON(report)
	default:
		show(report)
	}
	return report, err
}

// parameters is what somebody needs to repeat the measurement.
func parameters(c config.Config, p *integration.Plugin) map[string]any {
	out := map[string]any{"version": cli.Info().Version, "index": c.Index}
	maps.Copy(out, eval.Parameters(p))
	return out
}

// watched yields records and shows on a bar how many have passed.
func watched(records []memory.Record, bar *ui.Progress) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		for _, r := range records {
			bar.Add(1)
			if !yield(r, nil) {
				return
			}
		}
	}
}
