package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// filters are the flags that narrow a query.
type filters struct {
	at, since, until moment
	kinds            []string
	where            map[string]string
}

// queryFlags adds the flags of a question.
func (a *app) queryFlags(cmd *cobra.Command, f *filters) {
	a.setting(cmd, false, "limit", "recall.limit")
	a.recallSettings(cmd, false)
	flags := cmd.Flags()
	flags.Var(&f.at, "at", "what was known and true at this time; now if it is not given")
	flags.Var(&f.since, "since", "only what was said from then on")
	flags.Var(&f.until, "until", "only what was said before then")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only these kinds: turn, fact, summary, persona, faq")
	flags.StringToStringVar(&f.where, "where", nil, "only records with this metadata, like city=Porto")
}

func (f *filters) query(text string) memory.Query {
	return memory.Query{Text: text, At: f.at.Time, Since: f.since.Time, Until: f.until.Time, Kinds: as[memory.Kind](f.kinds), Where: f.where}
}

// found is the answer of a search. Its JSON is a contract: docs/cli-json.md.
type found struct {
	Query       string             `json:"query"`
	Scope       memory.Scope       `json:"scope"`
	Memories    []refine.Recalled  `json:"memories"`
	Certificate refine.Certificate `json:"certificate"`
	Matched     bool               `json:"matched"`
	Packed      *refine.Packed     `json:"packed,omitempty"`
	// Opened are the turns that each summary stands for, with --open and no budget.
	Opened map[memory.ID][]memory.Record `json:"opened,omitempty"`
	Ms     float64                       `json:"ms"`
}

func (a *app) searchCommand() *cobra.Command {
	var f filters
	record, open := false, true
	cmd := &cobra.Command{
		Use:   "search QUERY...",
		Short: "Recall the memories that answer a question",
		Long: `Recalls the memories of the scope that answer a question, the best first. Words in
"quotes" must occur as a phrase, word* as a beginning, and -word must not occur.

With --budget the memories are packed into so many tokens, ready for a prompt: the
best in full, the next in part, the rest dropped. Of a summary only what answers is
shown: the turns by which it was found, as it quotes them, or as they were said where
the quotes do not hold all their names, numbers and dates, or the budget has room;
with --open=false never as they were said.`,
		Example: `  refine search "when are Jo and Dev going to the cottage?"
  refine search "birthday" --since 2025-01-01 --limit 3 --json
  refine search "what may Nora not eat?" --budget 300`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.writingIf(&record, func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			question := strings.Join(args, " ")
			start := time.Now()
			r, err := p.Recall(cmd.Context(), p.Scope, f.query(question))
			if err != nil {
				return unasked(err)
			}
			result := found{Query: question, Scope: p.Scope, Memories: r.Memories, Certificate: r.Certificate,
				Matched: r.Matched, Ms: float64(time.Since(start).Microseconds()) / 1000}
			budget := a.settings.Recall.Budget
			if budget > 0 {
				packed := r.Pack(question, budget, &refine.PackOptions{Open: func(*memory.Record) bool { return open }})
				result.Packed = &packed
			} else if open && cmd.Flags().Changed("open") {
				if result.Opened, err = r.Sources(cmd.Context()); err != nil {
					return err
				}
			}
			if record {
				p.Shown(p.Scope, integration.IDs(r.Memories)...)
			}
			if len(r.Memories) == 0 && !a.json {
				return a.noneIn(cmd, p.Store, p.Scope)
			}
			return a.show(result, func() { a.printFound(&result) })
		}),
	}
	a.queryFlags(cmd, &f)
	a.setting(cmd, false, "budget", "recall.budget")
	cmd.Flags().BoolVar(&open, "open", true, "open summaries into their turns: within the budget, or all of them if it is asked for without one")
	cmd.Flags().BoolVar(&record, "record", false, "count the memories as shown, which habituation reckons with")
	return cmd
}

func (a *app) printFound(r *found) {
	t := a.term
	if !r.Matched {
		t.Notef("no memory holds a word of this; these are nearest by their vectors")
	}
	if r.Packed != nil {
		t.Printf("%s\n", r.Packed.Text())
		t.Notef("%d of %d tokens, %d of %s", r.Packed.Tokens, a.settings.Recall.Budget, len(r.Memories)-len(r.Packed.Dropped), plural(len(r.Memories), "memory", "memories"))
		return
	}
	for i, m := range r.Memories {
		lines := ui.Around(said(&m.Record), strings.Fields(r.Query), a.room(10), 3)
		t.Printf("%s %s  %s\n", t.Paint(ui.Dim, fmt.Sprintf("%2d", i+1)), t.Paint(ui.Cyan, fmt.Sprintf("%.3f", m.Weight)), lines[0])
		for _, line := range lines[1:] {
			t.Printf("          %s\n", line)
		}
		for _, s := range r.Opened[m.ID] {
			t.Printf("            %s\n", t.Paint(ui.Dim, cut(t, said(&s), 12)))
		}
	}
	c := r.Certificate
	how := "" // one step is a ranking, not a recursion that could have stopped anywhere
	if c.Steps > 1 {
		how = fmt.Sprintf(", %s after %s, residual %.1e", c.Stop, counted(c.Steps, "step"), c.Residual)
	}
	t.Notef("%.1f ms%s; see why with `refine explain`", r.Ms, how)
}

// unasked tells that it is the question which is wrong.
func unasked(err error) error {
	if errors.Is(err, memory.ErrInvalid) {
		return ui.Fail(ui.ExitUsage, "ask in words; `refine search --help` has the operators", "%w", err)
	}
	return err
}

// said is who said what and when, in one line.
func said(r *memory.Record) string {
	if r.Kind == memory.KindSummary && r.Meta["level"] != "" {
		return ui.Clean(r.Text) // names its days and speakers itself
	}
	head := r.Created.Format(time.DateOnly)
	if who := cmp.Or(r.Speaker, r.Role); who != "" {
		head += " " + who
	}
	return ui.Clean(head + ": " + r.Text)
}
