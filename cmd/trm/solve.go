package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
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
	switch {
	case !slices.Contains([]string{"", "sudoku", "maze"}, s.task):
		return cli.Usagef(cmd, "--task %s: want sudoku or maze; ARC tasks are solved by trm bench arc", s.task)
	case !slices.Contains([]string{"rules", "q", "none"}, s.halt):
		return cli.Usagef(cmd, "--halt %s: want rules, q or none", s.halt)
	case s.steps < 0 || s.tta < 0 || s.noise < 0:
		return cli.Usagef(cmd, "--steps, --tta and --noise must be 0 or more")
	}
	problems, err := s.read(cmd, a.term, args)
	if err != nil {
		return err
	}
	if len(problems) != 1 && (s.svg != "" || s.dump != "") {
		return cli.Usagef(cmd, "--svg and --dump take one puzzle, here are %d", len(problems))
	}
	model, err := s.load(s.task)
	if err != nil {
		return err
	}
	if model, err = fitted(model, problems[0]); err != nil {
		return err
	}
	s.steps = cmp.Or(s.steps, model.Card.Steps, trmcore.DefaultSteps)
	if !cmd.Flags().Changed("tta") && s.halt == "rules" {
		s.tta = model.Card.Retries
	}
	solver, err := s.open(cmd.Context(), a.term, model, len(problems) == 1)
	if err != nil {
		return err
	}
	defer solver.Close()
	e := &engine{solver: solver, arch: solver.Arch(), term: a.term}
	if len(problems) == 1 {
		return s.one(cmd.Context(), a, e, problems[0])
	}
	return s.many(cmd.Context(), a, e, problems)
}

// read reads the puzzles, and tells their kind unless it is given.
func (s *solving) read(cmd *cobra.Command, term *ui.Terminal, args []string) ([]*problem, error) {
	text, err := s.input(cmd, term, args)
	if err != nil {
		return nil, err
	}
	if _, err := maze.Parse(text); s.task == "maze" || s.task == "" && err == nil {
		s.task = "maze"
		return readMazes(text)
	}
	s.task = "sudoku"
	if len(args) > 0 {
		if err := otherTask(args[0], text); err != nil {
			return nil, err
		}
	}
	return readSudokus(text)
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
func (s *solving) one(ctx context.Context, a *app, e *engine, p *problem) error {
	view := newView(a.term, a.json)
	view.show(p.frame(nil, a.term.Color))
	var answers [][]int32
	var out outcome
	var dump dump
	for step, err := range e.solver.Steps(ctx, onnx.Problem{Tokens: p.tokens}, s.options([]*problem{p})) {
		if err != nil {
			return err
		}
		out = outcomeOf(p, &step)
		out.tokens = slices.Clone(step.Tokens)
		answers = append(answers, out.tokens)
		if s.dump != "" {
			dump.add(&step)
		}
		view.wait(ctx, s.pace)
		view.show(p.frame(answers, a.term.Color))
	}
	if s.dump != "" {
		if err := dump.write(a.term, s.dump, e.arch); err != nil {
			return err
		}
		a.term.Notef("wrote %d steps to %s", dump.steps, s.dump)
	}
	if !out.valid {
		outcomes := []outcome{out}
		if _, err := s.retry(ctx, e, []*problem{p}, outcomes); err != nil {
			return err
		}
		if out = outcomes[0]; out.valid {
			answers = append(answers, out.tokens)
			view.show(p.frame(answers, a.term.Color))
		}
	}
	if s.svg != "" {
		if err := a.draw(s.svg, func(w io.Writer) error { return p.svg(w, answers) }); err != nil {
			return err
		}
	}
	if a.json {
		if err := a.term.JSON(answerOf(p, out)); err != nil {
			return err
		}
	} else if !view.live {
		a.term.Printf("%s\n", p.text(out.tokens))
	}
	verdict, steps := "valid", english.Plural(out.steps, "step", "")
	switch {
	case !out.valid:
		verdict = "not valid"
	case out.tries > 0:
		verdict, steps = fmt.Sprintf("valid at attempt %d,", out.tries+1), steps+" in all"
	}
	a.term.Notef("%s after %s", verdict, steps)
	if !out.valid {
		return ui.Fail(ui.ExitThreshold, "try --tta 8, or more --steps", "the network's answer is not valid: %s", p.why(out.tokens))
	}
	return nil
}

// many solves puzzles together and writes an answer for each, in order.
func (s *solving) many(ctx context.Context, a *app, e *engine, problems []*problem) error {
	outcomes, seconds, err := e.run(ctx, "solve", problems, s.options(problems))
	if err != nil {
		return err
	}
	more, err := s.retry(ctx, e, problems, outcomes)
	if err != nil {
		return err
	}
	valid := 0
	answers := make([]solved, len(problems))
	for i, out := range outcomes {
		answers[i] = answerOf(problems[i], out)
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
	all := english.Plural(len(problems), "answer", "")
	a.term.Notef("%d of %s valid, %.3g/s", valid, all, float64(len(problems))/(seconds+more))
	if valid < len(problems) {
		return ui.Fail(ui.ExitThreshold, "try --tta 8, or more --steps", "%d of %s not valid", len(problems)-valid, all)
	}
	return nil
}

func (s *solving) retry(ctx context.Context, e *engine, problems []*problem, outcomes []outcome) (float64, error) {
	return e.retry(ctx, problems, outcomes, s.tta, onnx.SolveOptions{Steps: s.steps, Noise: float32(s.noise), Seed: s.seed})
}

func answerOf(p *problem, out outcome) solved {
	return solved{Question: p.text(p.tokens), Answer: p.text(out.tokens), Valid: out.valid, Steps: out.steps, Retries: out.tries, Q: float64(out.q), Why: p.why(out.tokens)}
}

// otherTask says what to do with an argument that is no Sudoku: an ARC task, or an array of mazes.
func otherTask(path, text string) error {
	switch {
	case strings.EqualFold(filepath.Ext(path), ".npy"):
		return ui.Fail(ui.ExitUsage, "take trm bench maze, or trm data maze show for one of them", "%s is an array, as data sets of mazes are", path)
	case strings.HasPrefix(strings.TrimSpace(text), "{"):
		return ui.Fail(ui.ExitUsage, "look at it with trm data arc show; train a model on a GPU with make train-arc, and measure it with trm bench arc",
			"this is an ARC task, and no model for ARC is bundled: TRM knows a task by an embedding that training makes for it")
	}
	return nil
}
