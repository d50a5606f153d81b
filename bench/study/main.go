// Command study runs the studies whose tables docs/ shows, on LoCoMo's file or on the bundled conversation.
//
//	go -C bench run ./study [-locomo FILE] [-plot study.svg]       does recursion amplify hallucination?
//	go -C bench run ./study [-locomo FILE] [-consolidated] -parts  what each part of the assistant adds to its answers
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"github.com/trm-go/refiner/bench"
	"github.com/trm-go/refiner/bench/internal/eval"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// command is the flags.
type command struct {
	locomo, plot              string
	parts, consolidated, json bool
	study                     bench.StudyOptions
	term                      *ui.Terminal
}

func main() {
	c := command{term: ui.Std()}
	flag.StringVar(&c.locomo, "locomo", "", "file of LoCoMo; empty: the bundled conversation")
	flag.BoolVar(&c.parts, "parts", false, "compare smaller assistants, each with one part more than the one before")
	flag.BoolVar(&c.consolidated, "consolidated", false, "consolidate the conversations before they are asked")
	flag.StringVar(&c.plot, "plot", "", "draw the claims by round into this file, .svg or .png")
	flag.BoolVar(&c.json, "json", false, "print JSON (docs/cli-json.md)")
	flag.IntVar(&c.study.Rounds, "rounds", 5, "rounds of refinement")
	flag.IntVar(&c.study.Limit, "questions", 0, "the first so many of each conversation; 0: all")
	flag.Uint64Var(&c.study.Seed, "seed", 0, "of the models' chances and of the bootstrap")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "study:", err)
		os.Exit(1)
	}
}

func (c *command) run(ctx context.Context) error {
	var set *eval.Dataset
	var err error
	if c.locomo == "" {
		set, err = eval.Sample(ctx)
	} else {
		set, err = eval.LoCoMo(ctx, c.locomo, nil)
	}
	if err != nil {
		return err
	}
	p, done, err := eval.Open(ctx, set, config.Default(), c.consolidated)
	if err != nil {
		return err
	}
	defer done()
	if c.parts {
		return c.compareParts(ctx, p, set)
	}
	return c.hallucination(ctx, p, set)
}

// part is a smaller assistant: the parts up to one of them.
type part struct {
	name   string
	answer eval.Answerer
}

// parts are assistants of which each has one part more than the one before: the best memory by words, by the learned
// ranking, at the fixed point; an extractive answer; and that examined by the specialists for up to one, two and three rounds.
func parts(p *integration.Plugin) []part {
	best := func(mode refine.Mode) eval.Answerer {
		o := p.Options()
		o.Mode = mode
		return func(ctx context.Context, scope memory.Scope, question string) (string, error) {
			r, err := refine.Recall(ctx, p.Store, scope, memory.Query{Text: question}, o)
			if err != nil || len(r.Memories) == 0 {
				return "", err
			}
			return r.Memories[0].Text, nil
		}
	}
	return []part{
		{"best memory by words", best(refine.BM25)},
		{"by the learned ranking", best(refine.Learned)},
		{"at the fixed point", best(refine.FixedPoint)},
		{"extractive answer", eval.Ask(p, integration.Request{Refine: refine.Off})},
		{"refined if it does not pass", eval.Ask(p, integration.Request{Refine: refine.Auto})},
		{"always, 1 round", eval.Ask(p, integration.Request{Refine: refine.Always, Rounds: 1})},
		{"always, 2 rounds", eval.Ask(p, integration.Request{Refine: refine.Always, Rounds: 2})},
		{"always, 3 rounds", eval.Ask(p, integration.Request{Refine: refine.Always, Rounds: 3})},
	}
}

// compareParts measures what each part of the assistant adds. Its JSON is a list of reports with the part's name.
func (c *command) compareParts(ctx context.Context, p *integration.Plugin, set *eval.Dataset) error {
	type measured struct {
		Part string `json:"part"`
		*eval.AnswerReport
	}
	var all []measured
	for _, x := range parts(p) {
		bar := c.term.Progress(x.name, "questions", int64(set.Questions()))
		report, err := eval.RunAnswers(ctx, set, x.answer, func(done, _ int) { bar.Set(int64(done)) })
		bar.Done()
		if err != nil {
			return fmt.Errorf("%s: %w", x.name, err)
		}
		all = append(all, measured{x.name, report})
	}
	if c.json {
		return c.term.JSON(all)
	}
	columns := []string{"assistant", "contains", "95 %", "all of it", "f1", "words", "p50 ms", "p95 ms"}
	table := &ui.Table{Columns: columns, Right: columns[1:]}
	for _, x := range all {
		ci := x.CI95["contains"]
		table.Add(x.Part, fraction(x.Scores.Contains), fmt.Sprintf("%.3f to %.3f", ci[0], ci[1]), fraction(x.Scores.All), fraction(x.Scores.F1),
			fmt.Sprintf("%.1f", x.Scores.Words), fmt.Sprintf("%.1f", x.Latency.P50), fmt.Sprintf("%.1f", x.Latency.P95))
	}
	table.Print(c.term)
	return nil
}

// hallucination runs the study of scripted models that know which of their claims they invented.
func (c *command) hallucination(ctx context.Context, p *integration.Plugin, set *eval.Dataset) error {
	bar := c.term.Progress("answering", "answers", 0)
	defer bar.Done()
	c.study.Progress = func(done, _ int) { bar.Set(int64(done)) }
	c.study.Recall = func(ctx context.Context, scope memory.Scope, question string) ([]memory.Record, error) {
		r, err := refine.Recall(ctx, p.Store, scope, memory.Query{Text: question, Limit: config.Default().Recall.Limit}, p.Options())
		if err != nil {
			return nil, err
		}
		records := make([]memory.Record, len(r.Memories))
		for i, m := range r.Memories {
			records[i] = m.Record
		}
		return records, nil
	}
	report, err := bench.Hallucination(ctx, set, &c.study)
	if err != nil {
		return err
	}
	if c.plot != "" {
		if err := report.Plot(c.plot); err != nil {
			return fmt.Errorf("name a .svg or .png file in a folder that can be written: %w", err)
		}
		c.term.Notef("drew %s", c.plot)
	}
	if c.json {
		return c.term.JSON(report)
	}
	c.print(report)
	return nil
}

func (c *command) print(r *bench.StudyReport) {
	t := c.term
	t.Printf("%s  %s, %s of refinement\n", t.Paint(ui.Bold, r.Dataset), english.Plural(r.Questions, "question", ""), english.Plural(r.Rounds, "round", ""))
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
		table.Add(name, humanize.Comma(int64(e.N)), fraction(e.Supported), fraction(e.Unknown), fraction(e.Contradicted))
	}
	table.Print(t)
}

func fraction(x float64) string { return fmt.Sprintf("%.3f", x) }
