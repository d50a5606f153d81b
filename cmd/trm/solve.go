package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// solving is trm solve.
type solving struct {
	modelFlags
	task  string
	steps int
	halt  string
	tta   int
	noise float64
	seed  uint64
	svg   string
	dump  string
	pace  time.Duration
}

// solved is one answer in JSON.
type solved struct {
	Question string  `json:"question"`
	Answer   string  `json:"answer"`
	Valid    bool    `json:"valid"`   // the rules accept the answer
	Steps    int     `json:"steps"`   // of all attempts together
	Retries  int     `json:"retries"` // until an answer was valid; 0 if the first was, or none was
	Q        float64 `json:"q"`       // the halting logit: above 0 the model believes that it is right
	Why      string  `json:"why,omitempty"`
}

func (a *app) solveCommand() *cobra.Command {
	var s solving
	cmd := &cobra.Command{
		Use:   "solve [PUZZLE | FILE | -]",
		Short: "Solve puzzles with the network, and see the answer settle",
		Long: `Solve puzzles with the network. A Sudoku is 81 characters, digits and . or 0 for a blank, or
nine lines; a file has one or many of them, with titles and remarks between, or is CSV with
a column question (or puzzle, quizzes). A maze is a square of # for walls, spaces, one S and one G. Without an argument, or
with -, puzzles come from the standard input.

The network answers and the rules are checked: valid says whether the answer obeys them.
With --tta, answers that do not are tried again until the rules accept one: from other
first latents, if the model's have noise, as the bundled model's do, and else in other
disguises; with --noise, with noise on the latent before each step. A puzzle with contradicting givens, no answer or
more than one is refused before the network is asked.

On a terminal the answer of a single puzzle is seen settling step by step. In a pipe each
answer is one line. Exits with 3 if an answer is not valid.`,
		Example: `  trm solve 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
  trm solve puzzle.txt --svg settling.svg
  trm data sudoku generate -n 5 --min-clues 34 --max-clues 38 | trm solve --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, a, args) },
	}
	s.add(cmd)
	f := cmd.Flags()
	f.StringVar(&s.task, "task", "", "kind of puzzle: sudoku, maze; empty tells by the text")
	f.IntVar(&s.steps, "steps", 0, "supervision steps at most; 0 is what the model's card says, or 16")
	f.StringVar(&s.halt, "halt", "rules", "stop when: rules (the answer is valid), q (the model believes it), none (all steps)")
	f.IntVar(&s.tta, "tta", 0, "retry an answer that is not valid up to so many times; what the model's card says, unless given")
	f.Float64Var(&s.noise, "noise", 0, "retry with noise of this deviation on the latent before each step")
	f.Uint64Var(&s.seed, "seed", 1, "seed of the first latents' noise, of disguises and of noise")
	f.StringVar(&s.svg, "svg", "", "draw a single puzzle into this `file`; a Sudoku is seen settling")
	f.StringVar(&s.dump, "dump", "", "write every step's latents and logits of a single puzzle into this `folder`, as .npy")
	f.DurationVar(&s.pace, "pace", 250*time.Millisecond, "time that a step is shown on a terminal")
	return cmd
}

func (s *solving) run(cmd *cobra.Command, a *app, args []string) error {
	games := map[string]func(string) ([]game, error){"sudoku": readSudokus, "maze": readMazes}
	switch {
	case s.task != "" && games[s.task] == nil:
		return cli.Usagef(cmd, "--task %s: want sudoku or maze; ARC tasks are solved by trm bench arc", s.task)
	case s.halt != "rules" && s.halt != "q" && s.halt != "none":
		return cli.Usagef(cmd, "--halt %s: want rules, q or none", s.halt)
	case s.steps < 0 || s.tta < 0 || s.noise < 0:
		return cli.Usagef(cmd, "--steps, --tta and --noise must be 0 or more")
	}
	text, err := s.input(cmd, a.term, args)
	if err != nil {
		return err
	}
	if s.task == "" {
		s.task = "sudoku"
		if _, err := maze.Parse(text); err == nil {
			s.task = "maze"
		}
	}
	if len(args) > 0 && s.task == "sudoku" {
		if err := otherTask(args[0], text); err != nil {
			return err
		}
	}
	puzzles, err := games[s.task](text)
	if err != nil {
		return err
	}
	if len(puzzles) != 1 && (s.svg != "" || s.dump != "") {
		return cli.Usagef(cmd, "--svg and --dump take one puzzle, here are %d", len(puzzles))
	}
	model, err := s.load(s.task)
	if err != nil {
		return err
	}
	if model, err = fitted(model, puzzles[0].problem()); err != nil {
		return err
	}
	s.steps = cmp.Or(s.steps, model.Card.Steps, trmcore.DefaultSteps)
	if !cmd.Flags().Changed("tta") && s.halt == "rules" {
		s.tta = model.Card.Retries
	}
	solver, err := s.open(cmd.Context(), a.term, model, len(puzzles) == 1)
	if err != nil {
		return err
	}
	defer solver.Close()
	e := newEngine(solver, a.term)
	if len(puzzles) == 1 {
		return s.one(cmd.Context(), a, e, puzzles[0])
	}
	return s.many(cmd.Context(), a, e, puzzles)
}

// input is the text of the argument, of the file that it names, or of the standard input.
func (s *solving) input(cmd *cobra.Command, term *ui.Terminal, args []string) (string, error) {
	if len(args) == 0 || args[0] == "-" {
		if len(args) == 0 && term.Ask {
			return "", cli.Usagef(cmd, "give a puzzle, a file, or - and a puzzle on the standard input")
		}
		text, err := io.ReadAll(term.In)
		return string(text), err
	}
	text, err := os.ReadFile(args[0])
	if err == nil {
		return string(text), nil
	}
	_, parsed := sudoku.Parse(args[0])
	switch {
	case parsed == nil, len(args[0]) > sudoku.Cells/2 && !strings.ContainsAny(args[0], `/\`):
		return args[0], nil // a puzzle; if it is longer than names are and wrong, the reader says where
	case errors.Is(err, fs.ErrNotExist):
		return "", ui.Fail(ui.ExitError, "give 81 cells, a file, or - for the standard input", "%q is no file, and as a puzzle: %w", ui.Short(args[0], 60), parsed)
	}
	return "", err
}

// options are the solver's.
func (s *solving) options(problems []*problem) *onnx.SolveOptions {
	o := &onnx.SolveOptions{Steps: s.steps, Seed: s.seed}
	switch s.halt {
	case "q":
		o.QHalt = true
	case "rules":
		o.Halt = func(step *onnx.Step) bool { return problems[step.Index].valid(step.Tokens) }
	}
	return o
}

// one solves a puzzle and shows every step.
func (s *solving) one(ctx context.Context, a *app, e *engine, g game) error {
	p := g.problem()
	view := newView(a.term, a.json)
	view.show(g.frame(0, a.term.Color))
	var out outcome
	var dump dump
	for step, err := range e.solver.Steps(ctx, onnx.Problem{Tokens: p.tokens}, s.options([]*problem{p})) {
		if err != nil {
			return err
		}
		out = outcome{tokens: append([]int32{}, step.Tokens...), steps: step.N, halted: step.Stop == trmcore.StopHalted, q: step.Q, valid: p.valid(step.Tokens)}
		g.settle(out.tokens)
		if s.dump != "" {
			dump.add(&step)
		}
		view.wait(ctx, s.pace)
		view.show(g.frame(step.N, a.term.Color))
	}
	if s.dump != "" {
		if err := dump.write(a.term, s.dump, e.arch); err != nil {
			return err
		}
		a.term.Notef("wrote %d steps to %s", dump.steps, s.dump)
	}
	if !out.valid && s.tta > 0 {
		outcomes := []outcome{out}
		if _, err := e.retry(ctx, []*problem{p}, outcomes, retryOptions{tries: s.tta, steps: s.steps, noise: s.noise, seed: s.seed}); err != nil {
			return err
		}
		if out = outcomes[0]; out.valid {
			g.settle(out.tokens)
			view.show(g.frame(g.steps(), a.term.Color))
		}
	}
	if s.svg != "" {
		if err := cli.WriteFile(a.term, s.svg, g.svg); err != nil {
			return err
		}
		a.term.Notef("drew %s", s.svg)
	}
	if a.json {
		if err := a.term.JSON(answerOf(g, out)); err != nil {
			return err
		}
	} else if !view.live {
		a.term.Printf("%s\n", g.answer(out.tokens))
	}
	a.term.Notef("%s", verdict(out))
	if !out.valid {
		return ui.Fail(ui.ExitThreshold, "try --tta 8, or more --steps", "the network's answer is not valid: %s", g.why(out.tokens))
	}
	return nil
}

// many solves puzzles together and writes an answer for each, in order.
func (s *solving) many(ctx context.Context, a *app, e *engine, puzzles []game) error {
	problems := make([]*problem, len(puzzles))
	for i, g := range puzzles {
		problems[i] = g.problem()
	}
	outcomes, seconds, err := e.run(ctx, "solve", problems, s.options(problems))
	if err != nil {
		return err
	}
	if s.tta > 0 {
		more, err := e.retry(ctx, problems, outcomes, retryOptions{tries: s.tta, steps: s.steps, noise: s.noise, seed: s.seed})
		if err != nil {
			return err
		}
		seconds += more
	}
	valid := 0
	answers := make([]solved, len(puzzles))
	for i, out := range outcomes {
		answers[i] = answerOf(puzzles[i], out)
		if out.valid {
			valid++
		}
	}
	if a.json {
		if err := a.term.JSON(answers); err != nil {
			return err
		}
	} else {
		for _, answer := range answers {
			mark := "valid"
			if !answer.Valid {
				mark = "invalid"
			}
			a.term.Printf("%s\t%s\n", answer.Answer, mark)
		}
	}
	a.term.Notef("%d of %s valid, %.3g/s", valid, counted(len(puzzles), "answer"), float64(len(puzzles))/seconds)
	if valid < len(puzzles) {
		return ui.Fail(ui.ExitThreshold, "try --tta 8, or more --steps", "%d of %s not valid", len(puzzles)-valid, counted(len(puzzles), "answer"))
	}
	return nil
}

func answerOf(g game, out outcome) solved {
	return solved{Question: g.question(), Answer: g.answer(out.tokens), Valid: out.valid, Steps: out.steps, Retries: out.tries, Q: float64(out.q), Why: g.why(out.tokens)}
}

// verdict says in words how it ended.
func verdict(out outcome) string {
	switch {
	case out.valid && out.tries > 0:
		return fmt.Sprintf("valid at attempt %d, after %s in all", out.tries+1, counted(out.steps, "step"))
	case out.valid:
		return fmt.Sprintf("valid after %s", counted(out.steps, "step"))
	}
	return fmt.Sprintf("not valid after %s", counted(out.steps, "step"))
}
