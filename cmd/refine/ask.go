package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
)

func (a *app) askCommand() *cobra.Command {
	var r integration.Request
	var at moment
	trace, stream := false, false
	cmd := &cobra.Command{
		Use:   "ask QUESTION...",
		Short: "Answer a question from the memories, with citations",
		Long: `Recalls the memories that answer a question and answers it from them. Without a language
model the answer quotes what was said, so that it works offline; with one (model.type)
the model writes it, and it is refined: specialists examine each draft against the
memories, and a revision is accepted only if a judge that is independent of its writer
finds it better.

--draft refines an answer that was written elsewhere. --trace shows every round with
what was proposed, and why it was accepted or not. --stream prints the first draft
while the model writes it, and then the refined answer if it reads otherwise.`,
		Example: `  refine ask "when are Jo and Dev going to the cottage?"
  refine ask "which foods must Nora not eat?" --json
  refine ask "what is Eli allergic to?" --draft "Eli is allergic to penicillin and to shellfish." --trace`,
		Args: cobra.MinimumNArgs(1),
		RunE: a.writingIf(&r.Remember, func(cmd *cobra.Command, args []string, p *integration.Plugin) error {
			if r.Draft == "-" {
				text, err := io.ReadAll(io.LimitReader(a.term.In, 1<<20))
				if err != nil {
					return fmt.Errorf("read stdin: %w", err)
				}
				r.Draft = string(text)
			}
			r.Question, r.At = strings.Join(args, " "), at.Time
			ask := p.Ask
			if r.Eager = stream && !a.json; r.Eager {
				ask = func(ctx context.Context, r integration.Request) (*integration.Answer, error) {
					return a.streamed(ctx, p, r)
				}
			}
			answer, err := ask(cmd.Context(), r)
			if err != nil {
				return err
			}
			if err := a.show(answer, func() {
				switch {
				case trace:
					a.printTrace(answer)
					a.printAnswer(answer, true)
				case !stream:
					a.printAnswer(answer, p.Model != nil || r.Draft != "")
				}
				a.noteAnswer(answer, r.Draft != "")
			}); err != nil || a.json || len(answer.Memories) > 0 {
				return err
			}
			return a.noneIn(cmd, p.Store, p.Scope)
		}),
	}
	a.setting(cmd, false, "limit", "recall.limit")
	a.recallSettings(cmd, false)
	a.setting(cmd, false, "refine", "respond.refine")
	a.setting(cmd, false, "rounds", "respond.rounds")
	a.setting(cmd, false, "model", "model.model")
	flags := cmd.Flags()
	flags.Var(&at, "at", "the moment of the question: what was known and true then; now if it is not given")
	flags.StringVar(&r.Draft, "draft", "", "an answer to refine, instead of writing one; - reads it from stdin")
	flags.BoolVar(&trace, "trace", false, "show the claims of the draft, and every round")
	flags.BoolVar(&stream, "stream", false, "print the first draft while it is written")
	flags.BoolVar(&r.Remember, "remember", false, "write the question and the answer back as turns")
	return cmd
}

// streamed prints the draft as it comes, and the answer where it reads otherwise.
func (a *app) streamed(ctx context.Context, p *integration.Plugin, r integration.Request) (*integration.Answer, error) {
	var answer *integration.Answer
	for event, err := range p.AskStream(ctx, r) {
		if err != nil {
			return nil, err
		}
		switch event.Type {
		case integration.EventToken:
			a.term.Printf("%s", printable(event.Token))
		case integration.EventAnswer:
			answer = event.Answer
		}
	}
	if answer == nil {
		return nil, fmt.Errorf("the answer did not come to its end")
	}
	if r.Draft != "" || strings.TrimSpace(answer.Draft) != answer.Text {
		a.term.Notef("\nrefined:")
		a.printAnswer(answer, true)
	} else {
		a.term.Printf("\n")
	}
	return answer, nil
}

// printable is a text without what would move a terminal's cursor; its lines stay.
func printable(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		head, tail := line[:len(line)-len(strings.TrimLeft(line, " "))], line[len(strings.TrimRight(line, " ")):]
		if lines[i] = ui.Clean(line); lines[i] != "" {
			lines[i] = head + lines[i] + tail
		} else {
			lines[i] = head
		}
	}
	return strings.Join(lines, "\n")
}

// printAnswer prints the text, and what it cites.
func (a *app) printAnswer(answer *integration.Answer, cited bool) {
	t := a.term
	t.Printf("%s\n", printable(answer.Text))
	if !cited || len(answer.Citations) == 0 {
		return
	}
	t.Printf("\n")
	for _, c := range answer.Citations {
		number := fmt.Sprintf("[%d]", c.Number)
		t.Printf("%s %s\n", t.Paint(ui.Cyan, number), cut(t, said(&c.Memory), len(number)+1))
	}
}

// noteAnswer says in a line how the answer came about. Without a round it says so only of a draft that was examined: a quotation is none.
func (a *app) noteAnswer(answer *integration.Answer, drafted bool) {
	how := fmt.Sprintf(", %s after %s", answer.Stop, counted(len(answer.Rounds), "round"))
	switch {
	case answer.Stop == "":
		how = ", not refined"
	case len(answer.Rounds) > 0:
	case !drafted && answer.Usage.Calls == 0:
		how = ""
	case answer.Stop == trmcore.StopThreshold:
		how = ", the draft passes"
	}
	line := fmt.Sprintf("score %.2f%s, %.1f ms", answer.Score, how, answer.Ms)
	if u := answer.Usage; u.Calls > 0 {
		line += fmt.Sprintf(", %s and %s", counted(u.Calls, "call"), counted(u.Tokens(), "token"))
		if u.Cost > 0 {
			line += fmt.Sprintf(" for %.4f", u.Cost)
		}
	}
	a.term.Notef("%s", line)
	for _, s := range answer.Skipped {
		a.term.Notef("skipped %s: %s", ui.Clean(s.Name), ui.Clean(s.Why))
	}
}

// marks are how claims stand to the evidence, in a sign.
var marks = map[string]struct {
	sign  string
	style ui.Style
}{
	"supported": {"✓", ui.Green}, "contradicted": {"✗", ui.Red}, "unknown": {"?", ui.Yellow}, "neutral": {"·", ui.Dim},
}

// printTrace shows the draft, its claims, and each round: the score as a bar, and what became of every proposal.
func (a *app) printTrace(answer *integration.Answer) {
	t := a.term
	stage := func(name string, score float64, text string) {
		t.Printf("%s %s %.3f  %s\n", t.Paint(ui.Bold, ui.Pad(name, 8)), t.Paint(ui.Cyan, ui.Pad(ui.Bar(score, 10), 10)), score, cut(t, text, 28))
	}
	stage("draft", answer.FirstScore, answer.Draft)
	if len(answer.Rounds) == 0 {
		a.printClaims(answer)
	}
	for _, r := range answer.Rounds {
		for _, n := range r.Notes {
			line := n.Specialist + ": " + n.Why
			if n.Claim != "" {
				line += " — " + n.Claim
			}
			t.Printf("  %s %s\n", t.Paint(ui.Dim, "note"), cut(t, line, 8))
		}
		for _, q := range r.Recalled {
			t.Printf("  %s %s\n", t.Paint(ui.Dim, "asks"), cut(t, q, 8))
		}
		if r.Found > 0 {
			t.Printf("  %s %s\n", t.Paint(ui.Dim, "     "), plural(r.Found, "memory joins", "memories join")+" the evidence")
		}
		for _, p := range r.Proposals {
			sign, verdict := t.Paint(ui.Red, "✗"), "rejected"
			if p.Accepted {
				sign, verdict = t.Paint(ui.Green, "✓"), "accepted"
			}
			t.Printf("  %s %s %s\n", sign, p.By, cut(t, verdict+": "+p.Why, len(p.By)+5))
			if !p.Accepted {
				t.Printf("      %s\n", t.Paint(ui.Dim, cut(t, p.Text, 6)))
			}
		}
		stage(fmt.Sprintf("round %d", r.N), r.Score, r.Text)
	}
	if len(answer.Rounds) > 0 {
		a.printClaims(answer)
	}
	t.Printf("\n")
}

// printClaims lists the claims of the answer.
func (a *app) printClaims(answer *integration.Answer) {
	t := a.term
	for _, c := range answer.Claims {
		m := marks[string(c.Support)]
		t.Printf("  %s %s\n", t.Paint(m.style, m.sign), cut(t, string(c.Support)+": "+c.Text, 4))
		if len(c.Quotes) > 0 && !strings.Contains(c.Text, c.Quotes[0].Text) {
			t.Printf("      %s\n", t.Paint(ui.Dim, cut(t, "“"+c.Quotes[0].Text+"”", 6)))
		}
	}
}
