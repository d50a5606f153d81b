package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/eval"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) evalCommand() *cobra.Command {
	minRecall := 0.0
	corrections := ""
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

	evaluate := func(cmd *cobra.Command, load func(context.Context) (*eval.Dataset, error)) error {
		if !(minRecall >= 0 && minRecall <= 1) {
			return ui.Fail(ui.ExitUsage, "give a share from 0 to 1, like 0.75", "--min-recall is %v", minRecall)
		}
		if err := a.load(cmd); err != nil {
			return err
		}
		set, err := load(cmd.Context())
		if err != nil {
			return err
		}
		report, err := a.evaluate(cmd.Context(), set)
		if err != nil {
			return err
		}
		if a.json {
			err = a.term.JSON(report)
		} else {
			a.printReport(report)
		}
		if err == nil && report.Recall10 < minRecall {
			return ui.Fail(ui.ExitThreshold, "", "recall@10 is %.4f, below --min-recall %v", report.Recall10, minRecall)
		}
		return err
	}
	locomo := &cobra.Command{
		Use:   "locomo FILE",
		Short: "LoCoMo: its file, as published (locomo.json)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return evaluate(cmd, func(ctx context.Context) (*eval.Dataset, error) {
				return eval.LoCoMo(ctx, args[0], &eval.LoCoMoOptions{Corrections: corrections})
			})
		},
	}
	locomo.Flags().StringVar(&corrections, "corrections", "", "file of corrected evidence (dial481/locomo-audit)")
	cmd.AddCommand(locomo, a.evalAnswersCommand(), a.evalEverydayCommand(),
		&cobra.Command{
			Use:   "beam DIR",
			Short: "BEAM: a folder of chats, each with chat.json and probing_questions.json",
			Args:  cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return evaluate(cmd, func(ctx context.Context) (*eval.Dataset, error) { return eval.BEAM(ctx, args[0]) })
			},
		},
		&cobra.Command{
			Use:   "sample",
			Short: "the bundled conversation",
			Args:  cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return evaluate(cmd, func(ctx context.Context) (*eval.Dataset, error) { return eval.Sample(ctx) })
			},
		})
	return cmd
}

// evaluate measures the configured recall, and the baselines, over a dataset in a temporary store.
func (a *app) evaluate(ctx context.Context, set *eval.Dataset) (*eval.Report, error) {
	var report *eval.Report
	err := a.imported(ctx, set, func(p *integration.Plugin) error {
		systems := eval.Modes(p)
		bar := a.term.Progress("asking", "questions", int64(set.Questions()*(1+len(systems.Baselines))))
		defer bar.Done()
		var err error
		report, err = eval.Run(ctx, set, systems, &eval.Options{
			Parameters: parameters(a.settings.Config, p),
			Progress:   func(done, _ int) { bar.Set(int64(done)) },
		})
		return err
	})
	return report, err
}

// imported calls f with a dataset in a temporary store.
func (a *app) imported(ctx context.Context, set *eval.Dataset, f func(*integration.Plugin) error) error {
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
	bar := a.term.Progress("importing", "turns", int64(set.Records()))
	for _, c := range set.Conversations {
		if _, err := p.Store.AddAll(ctx, c.Scope, watched(c.Records, bar), nil); err != nil {
			return err
		}
	}
	bar.Done()
	return f(p)
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

func (a *app) printReport(r *eval.Report) {
	t := a.term
	t.Printf("%s  %s about %s in %s\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "question"), counted(r.Turns, "turn"), counted(r.Conversations, "conversation"))
	if r.Unscored > 0 || r.Corrected > 0 {
		t.Printf("%s\n", t.Paint(ui.Dim, fmt.Sprintf("%s without evidence left out, evidence of %d corrected", counted(r.Unscored, "question"), r.Corrected)))
	}
	t.Printf("\n")
	columns := []string{"system", "recall@5", "recall@10", "recall@20", "ndcg@10", "mrr", "p50 ms", "p95 ms"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	row := func(name string, f eval.Figures) {
		table.Add(name, fraction(f.Recall5), fraction(f.Recall10), fraction(f.Recall20), fraction(f.NDCG10), fraction(f.MRR),
			fmt.Sprintf("%.2f", f.Latency.P50), fmt.Sprintf("%.2f", f.Latency.P95))
	}
	for _, name := range slices.SortedFunc(maps.Keys(r.Baselines), func(x, y string) int {
		return cmp.Compare(r.Baselines[x].Recall10, r.Baselines[y].Recall10)
	}) {
		row(name, r.Baselines[name])
	}
	mode := fmt.Sprint(r.Parameters["mode"])
	row(mode, r.Figures)
	table.Print(t)

	t.Printf("\n")
	columns = []string{"category", "questions", "recall@10", "mrr"}
	table = &ui.Table{Columns: columns, Right: columns[1:]}
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		c := r.ByCategory[name]
		table.Add(name, thousands(c.Questions), fraction(c.Recall10), fraction(c.MRR))
	}
	table.Print(t)
	if d, ok := r.Delta["recall@10"]; ok {
		t.Printf("\nrecall@10, %s against %s: %+.4f, 95%% interval [%+.4f, %+.4f] over questions", mode, r.Against, d.Mean, d.CI95[0], d.CI95[1])
		if r.Conversations > 1 {
			t.Printf(", [%+.4f, %+.4f] over conversations", d.CI95Conversations[0], d.CI95Conversations[1])
		}
		t.Printf("\n")
	}
}

func fraction(x float64) string { return fmt.Sprintf("%.3f", x) }
