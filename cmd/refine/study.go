package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
)

func (a *app) studyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "study",
		Short: "Run a study whose ground truth is known",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.hallucinationCommand())
	return cmd
}

func (a *app) hallucinationCommand() *cobra.Command {
	plot := ""
	o := bench.StudyOptions{}
	cmd := &cobra.Command{
		Use:   "hallucination [FILE]",
		Short: "Does recursion amplify or attenuate hallucination?",
		Long: `Scripted models that know which of their claims they invented answer the questions of
the bundled conversation, or of LoCoMo's FILE, over real HTTP. Their answers are
refined in three ways: the model's revision replaces its answer (naive); the same
until the model is content with itself (threshold); and refine ask's way (refiner).
Counted by round: invented claims in an answer, and true claims that were kept.
See docs/study-hallucination.md.`,
		Example: `  refine study hallucination --plot study.svg
  refine study hallucination locomo.json --questions 40 --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.load(cmd); err != nil {
				return err
			}
			set, err := questions(cmd.Context(), args)
			if err != nil {
				return err
			}
			var report *bench.StudyReport
			err = a.imported(cmd.Context(), set, func(p *integration.Plugin) error {
				bar := a.term.Progress("answering", "answers", 0)
				defer bar.Done()
				o.Progress = func(done, _ int) { bar.Set(int64(done)) }
				o.Recall = func(ctx context.Context, scope memory.Scope, question string) ([]memory.Record, error) {
					r, err := p.RecallIn(ctx, scope, memory.Query{Text: question})
					if err != nil {
						return nil, err
					}
					records := make([]memory.Record, len(r.Memories))
					for i, m := range r.Memories {
						records[i] = m.Record
					}
					return records, nil
				}
				report, err = bench.Hallucination(cmd.Context(), set, &o)
				return err
			})
			if err != nil {
				return err
			}
			if plot != "" {
				if err := report.Plot(plot); err != nil {
					return ui.Fail(ui.ExitError, "name a .svg or .png file in a folder that can be written", "%w", err)
				}
				a.term.Notef("drew %s", plot)
			}
			if a.json {
				return a.term.JSON(report)
			}
			a.printStudy(report)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&plot, "plot", "", "draw the claims by round into this file, .svg or .png")
	flags.IntVar(&o.Rounds, "rounds", 5, "rounds of refinement")
	flags.IntVar(&o.Limit, "questions", 0, "the first so many of each conversation; 0: all")
	flags.Uint64Var(&o.Seed, "seed", 0, "of the models' chances and of the bootstrap")
	return cmd
}

func (a *app) printStudy(r *bench.StudyReport) {
	t := a.term
	t.Printf("%s  %s, %s of refinement\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "question"), counted(r.Rounds, "round"))
	estimate := func(e bench.Estimate) string { return fmt.Sprintf("%.3f [%.3f, %.3f]", e.Mean, e.CI95[0], e.CI95[1]) }
	for _, m := range r.Models {
		t.Printf("\n%s  invents a claim with probability %.2g, drops one with %.2g\n", t.Paint(ui.Bold, m.Name), m.Invent, m.Drop)
		columns := []string{"arm", "unsupported, draft", "last round", "true kept", "calls", "tokens"}
		table := &ui.Table{Columns: columns, Right: columns[1:]}
		for _, arm := range bench.Arms {
			x := m.Arms[arm]
			table.Add(arm, fmt.Sprintf("%.3f", x.Unsupported[0].Mean), estimate(x.Unsupported[r.Rounds]), estimate(x.Kept[r.Rounds]), fmt.Sprintf("%.1f", x.Calls), fmt.Sprintf("%.0f", x.Tokens))
		}
		table.Print(t)
		t.Printf("refiner against naive: %s of the unsupported claims\n", estimate(m.Ratio))
		var kept []string
		for _, how := range slices.Sorted(maps.Keys(m.Arms[bench.ArmRefiner].KeptBy)) {
			share := m.Arms[bench.ArmRefiner].KeptBy[how]
			kept = append(kept, fmt.Sprintf("%s %.3f of %d", how, share.Kept, share.N))
		}
		t.Printf("true claims it keeps: %s\n", strings.Join(kept, ", "))
	}
	t.Printf("\n%s\n", t.Paint(ui.Bold, "What the judge says of single claims"))
	columns := []string{"claims", "n", "supported", "unknown", "contradicted"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	for _, e := range r.Judge {
		name := "true, " + e.Claims
		if e.Invented {
			name = "invented, " + e.Claims
		}
		table.Add(name, thousands(e.N), fraction(e.Supported), fraction(e.Unknown), fraction(e.Contradicted))
	}
	table.Print(t)
}
