// Command eval measures recall, turn by turn, and answers on conversations whose questions have known answers. It imports them
// into a temporary store; what the configuration and the environment of refine say about recall holds.
//
//	go -C bench run ./eval [flags] locomo FILE     LoCoMo: its file, as published (locomo.json)
//	go -C bench run ./eval [flags] beam DIR        BEAM: a folder of chats, each with chat.json and probing_questions.json
//	go -C bench run ./eval [flags] sample          the bundled conversation
//	go -C bench run ./eval [flags] answers [FILE]  the answers of refine ask, on LoCoMo's FILE or the bundled conversation
//
// A path is relative to bench.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/config/settings"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
)

// command is the flags.
type command struct {
	json, consolidated bool
	corrections, mode  string
	show               int
	term               *ui.Terminal
}

func main() {
	c := command{term: ui.Std()}
	flag.BoolVar(&c.json, "json", false, "print JSON (docs/cli-json.md)")
	flag.StringVar(&c.mode, "mode", "", "how memories are ranked; empty: as configured")
	flag.StringVar(&c.corrections, "corrections", "", "locomo: file of corrected evidence (dial481/locomo-audit)")
	flag.BoolVar(&c.consolidated, "consolidated", false, "consolidate the conversations before they are asked")
	flag.IntVar(&c.show, "show", 0, "answers: also print so many answers of each category")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func (c *command) run(ctx context.Context, what, path string) error {
	set, err := c.load(ctx, what, path)
	if err != nil {
		return err
	}
	var flags []settings.Flag
	if c.mode != "" {
		flags = []settings.Flag{{Name: "mode", Key: "recall.mode", Value: c.mode}}
	}
	s, err := settings.Load(&settings.Options{Flags: flags})
	if err != nil {
		return err
	}
	p, done, err := eval.Open(ctx, set, s.Config, c.consolidated)
	if err != nil {
		return err
	}
	defer done()
	bar := c.term.Progress("asking", "questions", -1)
	asked := func(done, _ int) { bar.Set(int64(done)) }
	if what == "answers" {
		report, err := eval.RunAnswers(ctx, set, eval.Ask(p, integration.Request{}), asked)
		bar.Done()
		return c.print(report, err, func() { c.printAnswers(report) })
	}
	report, err := eval.Run(ctx, set, eval.Modes(p), &eval.Options{Parameters: eval.Parameters(p), Progress: asked})
	bar.Done()
	return c.print(report, err, func() { c.printRecall(report) })
}

func (c *command) load(ctx context.Context, what, path string) (*eval.Dataset, error) {
	switch {
	case what == "sample" || what == "answers" && path == "":
		return eval.Sample(ctx)
	case what == "answers":
		return eval.LoCoMo(ctx, path, &eval.LoCoMoOptions{Adversarial: true})
	case what == "locomo" && path != "":
		return eval.LoCoMo(ctx, path, &eval.LoCoMoOptions{Corrections: c.corrections})
	case what == "beam" && path != "":
		return eval.BEAM(ctx, path)
	}
	return nil, errors.New("say what to measure: locomo FILE, beam DIR, sample, or answers [FILE]")
}

func (c *command) print(report any, err error, table func()) error {
	switch {
	case err != nil:
		return err
	case c.json:
		return c.term.JSON(report)
	}
	table()
	return nil
}

func (c *command) printRecall(r *eval.Report) {
	t := c.term
	t.Printf("%s  %s about %s in %s\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "question"), counted(r.Turns, "turn"), counted(r.Conversations, "conversation"))
	if r.Unscored > 0 || r.Corrected > 0 {
		t.Printf("%s\n", t.Paint(ui.Dim, fmt.Sprintf("%s without evidence left out, evidence of %d corrected", counted(r.Unscored, "question"), r.Corrected)))
	}
	t.Printf("\n")
	table := figures("system", "recall@5", "recall@10", "recall@20", "ndcg@10", "mrr", "p50 ms", "p95 ms")
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
	table = figures("category", "questions", "recall@10", "mrr")
	for _, name := range slices.Sorted(maps.Keys(r.ByCategory)) {
		x := r.ByCategory[name]
		table.Add(name, humanize.Comma(int64(x.Questions)), fraction(x.Recall10), fraction(x.MRR))
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

func (c *command) printAnswers(r *eval.AnswerReport) {
	t := c.term
	t.Printf("%s  %s\n\n", t.Paint(ui.Bold, r.Dataset), counted(r.Questions, "answer"))
	table := figures("category", "questions", "contains", "all of it", "f1", "words", "refused", "wrong")
	row := func(name string, n int, s eval.AnswerScores) {
		table.Add(name, humanize.Comma(int64(n)), fraction(s.Contains), fraction(s.All), fraction(s.F1), fmt.Sprintf("%.1f", s.Words), fraction(s.Refused), fraction(s.Wrong))
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
	for _, a := range r.Answers {
		if shown[a.Question.Category]++; shown[a.Question.Category] <= c.show {
			t.Printf("\n%s %s\n%s\n%s\n", t.Paint(ui.Bold, ui.Clean(a.Question.Text)), t.Paint(ui.Dim, fmt.Sprintf("%s, contains %.2f", a.Question.Category, a.Contains)),
				ui.Clean(a.Answer), t.Paint(ui.Dim, "known: "+ui.Clean(a.Question.Answer)))
		}
	}
}

// figures is a table of a name and numbers.
func figures(columns ...string) *ui.Table { return &ui.Table{Columns: columns, Right: columns[1:]} }

func fraction(x float64) string { return fmt.Sprintf("%.3f", x) }

func counted(n int, noun string) string { return english.Plural(n, noun, "") }
