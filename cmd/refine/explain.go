package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// explanation is an [integration.Explanation] that shows itself.
type explanation struct{ *integration.Explanation }

func (a *app) explainCommand() *cobra.Command {
	var f filters
	plot := ""
	cmd := &cobra.Command{
		Use:   "explain QUERY",
		Short: "Show why a question recalls what it does, and the ranking settle",
		Long: `Recalls as refine search does and shows, for each memory, every signal, its weight at
each step of the ranking, and from where its weight comes: its own words, the turns
around it, its session, who said it, when, and in what form.

--plot draws the ranking settling: a line for each memory, the residual beneath. The
learned ranking takes one step; --mode fixed_point takes as many as it needs.`,
		Example: `  refine explain "when are Jo and Dev going to the cottage?"
  refine explain "which foods must Nora not eat?" --plot settling.svg`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.reading(func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			explained, err := p.Explain(cmd.Context(), p.Scope, f.query(strings.Join(args, " ")))
			if err != nil {
				return unasked(err)
			}
			e := &explanation{explained}
			if plot != "" {
				if err := a.drawn(plot, e.settling()); err != nil {
					return err
				}
			}
			return a.show(explained, func() {
				if len(e.Memories) == 0 {
					a.term.Notef("no memory %s answers this; is it the right scope? --tenant, --user, --agent, --session", described(p.Scope))
					return
				}
				e.print(a.term)
			})
		}),
	}
	a.queryFlags(cmd, &f)
	cmd.Flags().StringVar(&plot, "plot", "", "draw the ranking settling into this .svg file")
	return cmd
}

// drawn writes the picture of a ranking that settles.
func (a *app) drawn(path string, s *ui.Settling) error {
	const hint = "name an .svg file in a folder that can be written"
	if strings.ToLower(filepath.Ext(path)) != ".svg" {
		return ui.Fail(ui.ExitUsage, hint, "draw %s: pictures are .svg files", path)
	}
	if err := cli.WriteFile(a.term, path, s.SVG); err != nil {
		return ui.Fail(ui.ExitError, hint, "draw %s: %w", path, err)
	}
	a.term.Notef("drew %s", path)
	return nil
}

// ending says how the recursion ended.
func (e *explanation) ending() string {
	c := e.Certificate
	if c.Rate == 0 {
		return fmt.Sprintf("%s ranking, %s", e.Mode, counted(max(1, c.Steps), "step"))
	}
	return fmt.Sprintf("%s after %s · residual %.1e · no weight is farther than %.1e from its end", c.Stop, counted(c.Steps, "step"), c.Residual, c.Bound)
}

// settling is the explanation as a ranking that settles. Each weight is a share of the best one at its step: weights as a
// whole sink until they stand still, which says nothing of their order.
func (e *explanation) settling() *ui.Settling {
	s := &ui.Settling{Query: e.Query, Certificate: e.ending(), Residuals: e.Residuals, Epsilon: e.Recursion.Epsilon}
	for _, m := range e.Memories {
		shares := make([]float64, len(m.Steps))
		for step, w := range m.Steps {
			if e.Best[step] > 0 {
				shares[step] = w / e.Best[step]
			}
		}
		s.Lines = append(s.Lines, ui.Line{Label: said(&m.Record), Weights: shares})
	}
	return s
}

const (
	sparkWidth = 16 // steps that a line of bars shows
	mostLifts  = 4  // sources of weight that are shown of each memory
	leastLift  = .005
)

// print writes the explanation for people.
func (e *explanation) print(t *ui.Terminal) {
	t.Printf("%s\n%s\n", t.Paint(ui.Bold, ui.Clean(e.Query)), t.Paint(ui.Dim, fmt.Sprintf("%s of %s · %s",
		plural(len(e.Memories), "memory", "memories"), counted(e.Candidates, "candidate"), e.ending())))
	if r := e.Reranked; r != nil {
		t.Printf("%s\n", t.Paint(ui.Dim, fmt.Sprintf("a reranker read the best %d in %.0f ms", r.Passages, r.Ms)))
	}
	s := e.settling()
	if places := s.Places(t); places != "" {
		t.Printf("\n%s", places)
	}
	letters := map[memory.ID]string{}
	for i, m := range e.Memories {
		letters[m.ID] = ui.Letter(i)
	}
	for i, m := range e.Memories {
		climb := "  "
		switch n := s.Climb(i); {
		case n > 0:
			climb = t.Paint(ui.Green, fmt.Sprintf("▲%d", n))
		case n < 0:
			climb = t.Paint(ui.Red, fmt.Sprintf("▼%d", -n))
		}
		t.Printf("\n%s %2d %s %.3f %s  %s\n", t.Paint(ui.Bold, ui.Letter(i)), i+1, climb, m.Weight,
			t.Paint(ui.Cyan, ui.Pad(ui.Spark(s.Lines[i].Weights, 0, 1, sparkWidth), sparkWidth)), cut(t, said(&m.Record), 15+sparkWidth))
		if m.Through != nil {
			t.Printf("     %s %s\n", t.Paint(ui.Dim, "through"), cut(t, said(m.Through), 13))
		}
		t.Printf("     %s %s\n", t.Paint(ui.Dim, "signals"), e.signals(t, m.Signals))
		for _, l := range m.Lifts[:min(mostLifts, len(m.Lifts))] {
			if l.Share < leastLift {
				break
			}
			t.Printf("     %3.0f%% %s %s\n", 100*l.Share, ui.Bar(l.Share, 10), e.source(t, &m, l, letters))
		}
	}
}

// signals lists every signal as value × weight.
func (e *explanation) signals(t *ui.Terminal, s importance.Signals) string {
	var parts []string
	for _, x := range []struct {
		name          string
		value, weight float64
	}{
		{"relevance", s.Relevance, e.Weights.Relevance}, {"surprise", s.Surprise, e.Weights.Surprise}, {"decay", s.Decay, e.Weights.Decay},
		{"habituation", s.Habituation, e.Weights.Habituation}, {"attention", s.Attention, e.Weights.Attention},
	} {
		part := fmt.Sprintf("%s %.2f×%.3g", x.name, x.value, x.weight)
		if x.weight == 0 {
			part = t.Paint(ui.Dim, part)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "  ")
}

// sources names where a part of a memory's weight comes from.
var sources = map[importance.Reason]string{
	importance.Own: "its own words", importance.Before: "the turn before", importance.After: "the turn after",
	importance.Near: "the turns around it", importance.Session: "its session", importance.Speaker: "who said it",
	importance.Time: "when it was said", importance.Form: "its length and sort", importance.Among: "the best memories so far",
}

// source says where a part of a memory's weight comes from.
func (e *explanation) source(t *ui.Terminal, m *refine.Explanation, l refine.Lift, letters map[memory.ID]string) string {
	reason := cmp.Or(sources[l.Reason], string(l.Reason))
	if l.Reason == importance.Own && len(m.Terms) > 0 {
		reason = cut(t, reason+": "+strings.Join(inWords(m.Terms, e.Query), ", "), 19)
	}
	if l.From == nil {
		return reason
	}
	if letter := letters[l.From.ID]; letter != "" {
		reason += ", " + letter
	}
	return fmt.Sprintf("%s: %s", reason, t.Paint(ui.Dim, cut(t, said(l.From), 24+len(reason))))
}

// inWords gives stems back as the words of the question that they come from; a stem that begins none of them stays.
func inWords(stems []string, question string) []string {
	words := strings.FieldsFunc(strings.ToLower(question), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	said := slices.Clone(stems)
	for i, stem := range stems {
		if at := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, stem) }); at >= 0 {
			said[i] = words[at]
		}
	}
	return said
}

// cut shortens a text to what is left of the terminal's line once used columns are taken.
func cut(t *ui.Terminal, s string, used int) string {
	if t.Width == 0 {
		return ui.Clean(s)
	}
	return ui.Short(s, max(24, t.Width-used))
}
