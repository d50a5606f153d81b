package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/arc"
)

// arcBenchmark is trm bench arc.
type arcBenchmark struct {
	modelFlags
	solutions   string
	identifiers string
	votes       int
	steps       int
	limit       int
	submission  string
	minPass     float64
}

// passes are the k of pass@k, as the official evaluator reports them.
var passes = []int{1, 2, 5, 10, 100, 1000}

// arcReport is what it prints.
type arcReport struct {
	Setting
	Tasks   int             `json:"tasks"`   // tasks with a solution: what pass@k is a share of
	Asked   int             `json:"asked"`   // tasks in the file, as far as --limit goes
	Unknown int             `json:"unknown"` // tasks that the model has no embedding for
	Votes   int             `json:"votes"`   // answers of the network
	Pass    map[int]float64 `json:"pass"`    // share by k
	Seconds float64         `json:"seconds"`
}

func (a *app) benchARCCommand() *cobra.Command {
	var b arcBenchmark
	cmd := &cobra.Command{
		Use:   "arc CHALLENGES.json --identifiers FILE",
		Short: "Measure a model on ARC tasks: vote over augmentations, pass@k",
		Long: `Measure a model on ARC tasks. Each test input is asked in every disguise that the model was
trained on, answers are brought back and cropped, and the two most voted are submitted,
as the official evaluator does, for one checkpoint.

The published model knows a task by an embedding that training made for each task and
disguise; --identifiers is the identifiers.json of its data set, a list of names such as
task|||t3|||0123456789 in the order of the embeddings. A task that is not in it cannot be
solved by such a model.

CHALLENGES is {id: {"train": ..., "test": ...}}, a file of one task, or a folder of those.`,
		Example: "  trm bench arc arc-agi_evaluation_challenges.json --solutions arc-agi_evaluation_solutions.json --identifiers identifiers.json -m arc/ --votes 32",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return b.run(cmd, a, args[0]) },
	}
	b.add(cmd)
	f := cmd.Flags()
	f.StringVar(&b.solutions, "solutions", "", "solutions' `file` or folder; without it only the submission is written")
	f.StringVar(&b.identifiers, "identifiers", "", "identifiers.json of the data set that the model was trained on")
	f.IntVar(&b.votes, "votes", 0, "ask each test input at most so many times; 0 asks in every disguise")
	f.IntVar(&b.steps, "steps", trmcore.DefaultSteps, "supervision steps")
	f.IntVarP(&b.limit, "limit", "n", 0, "take the first tasks only; 0 takes all")
	f.StringVarP(&b.submission, "output", "o", "", "write the submission to this `file`")
	f.Float64Var(&b.minPass, "min-exact", 0, "exit with 3 if pass@2 is below this share")
	return cmd
}

// question is a test input in a disguise.
type question struct {
	task  string
	input arc.Grid // without disguise
	as    arc.Augmentation
	id    int // of the puzzle embedding
}

func (b *arcBenchmark) run(cmd *cobra.Command, a *app, file string) error {
	if b.steps < 1 || b.votes < 0 || b.limit < 0 {
		return cli.Usagef(cmd, "--steps must be 1 or more, --votes and --limit 0 or more")
	}
	tasks, err := arc.LoadTasks(file, b.solutions)
	if err != nil {
		return err
	}
	if b.limit > 0 && b.limit < len(tasks) {
		tasks = tasks[:b.limit]
	}
	model, err := b.load("arc")
	if err != nil {
		return err
	}
	if model.Puzzles() > 0 && b.identifiers == "" {
		return cli.Usagef(cmd, "the model knows tasks by %d embeddings: name theirs with --identifiers", model.Puzzles())
	}
	questions, unknown, err := b.questions(tasks, model.Puzzles())
	if err != nil {
		return err
	}
	solver, err := b.open(cmd.Context(), a.term, model, false)
	if err != nil {
		return err
	}
	defer solver.Close()
	start := time.Now()
	ballot, err := b.vote(cmd, a.term, model, solver, questions)
	if err != nil {
		return err
	}
	report := arcReport{Setting: setting("arc", file, model, solver, b.precision), Asked: len(tasks), Votes: len(questions), Unknown: unknown, Seconds: time.Since(start).Seconds()}
	report.Pass, report.Tasks = ballot.PassAt(tasks, passes...)
	if b.submission != "" {
		if err := cli.WriteFile(a.term, b.submission, ballot.Submission(tasks).Write); err != nil {
			return err
		}
	}
	return b.finish(a, &report)
}

func (b *arcBenchmark) finish(a *app, r *arcReport) error {
	if a.json {
		if err := a.term.JSON(r); err != nil {
			return err
		}
	} else {
		a.term.Printf("%s: %s in %s, %.1f s, %.3g/s\n", r.Model, english.Plural(r.Votes, "answer", ""), r.File, r.Seconds, float64(r.Votes)/r.Seconds)
		if r.Unknown > 0 {
			a.term.Notef("%s that the model has no embedding for: not answered", english.Plural(r.Unknown, "task", ""))
		}
		if r.Tasks > 0 {
			table := &ui.Table{Columns: []string{"pass@", "of " + english.Plural(r.Tasks, "task", "")}, Right: []string{"pass@"}}
			for _, k := range passes {
				table.Add(k, fmt.Sprintf("%.4f", r.Pass[k]))
			}
			table.Print(a.term)
		}
	}
	if r.Pass[2] < b.minPass {
		return ui.Fail(ui.ExitThreshold, "", "pass@2 %.4f is below --min-exact %g", r.Pass[2], b.minPass)
	}
	return nil
}

// questions lists every test input in every disguise that has an embedding, and counts the tasks that have none. A model
// without embeddings is asked plainly.
func (b *arcBenchmark) questions(tasks []arc.Task, embeddings int) (questions []question, unknown int, err error) {
	disguises, err := b.disguises(embeddings)
	if err != nil {
		return nil, 0, err
	}
	for _, task := range tasks {
		as := disguises[task.ID]
		if embeddings == 0 && len(as) == 0 {
			as = []question{{as: arc.Plain()}}
		}
		if len(as) == 0 {
			unknown++
		}
		if b.votes > 0 {
			as = as[:min(b.votes, len(as))]
		}
		for _, q := range as {
			for _, pair := range task.Test {
				questions = append(questions, question{task: task.ID, input: pair.Input, as: q.as, id: q.id})
			}
		}
	}
	return questions, unknown, nil
}

// disguises reads the identifiers: the disguises of each task, with their embeddings.
func (b *arcBenchmark) disguises(embeddings int) (map[string][]question, error) {
	disguises := map[string][]question{}
	if b.identifiers == "" {
		return disguises, nil
	}
	text, err := os.ReadFile(b.identifiers)
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("%s: %w: want a list of names: %w", b.identifiers, arc.ErrFormat, err)
	}
	if embeddings > 0 && len(names) != embeddings {
		return nil, fmt.Errorf("%s: %w: %d names, the model has %d embeddings", b.identifiers, arc.ErrFormat, len(names), embeddings)
	}
	for id, name := range names {
		if id == 0 { // stands for no task
			continue
		}
		task, as, err := arc.ParseName(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.identifiers, err)
		}
		disguises[task] = append(disguises[task], question{as: as, id: id})
	}
	return disguises, nil
}

// vote asks the network every question.
func (b *arcBenchmark) vote(cmd *cobra.Command, term *ui.Terminal, model *onnx.Model, solver *onnx.Solver, questions []question) (*arc.Ballot, error) {
	progress := term.Progress("vote", "answers", int64(len(questions)))
	defer progress.Done()
	var failure error
	problems := func(yield func(onnx.Problem) bool) {
		for _, q := range questions {
			var p onnx.Problem
			if p.Tokens, failure = q.as.Apply(q.input).Tokens(); failure != nil {
				return
			}
			if model.Puzzles() > 0 {
				if p.PuzzleVec, failure = model.PuzzleVec(q.id); failure != nil {
					return
				}
			}
			if !yield(p) {
				return
			}
		}
	}
	// Answers come as they finish; votes are counted in the order of the questions, because the first of equal
	// candidates wins.
	answers := make([]onnx.Step, len(questions))
	for s, err := range solver.Solve(cmd.Context(), problems, &onnx.SolveOptions{Steps: b.steps}) {
		if err != nil {
			return nil, err
		}
		answers[s.Index] = s
		progress.Add(1)
	}
	if failure != nil {
		return nil, failure
	}
	ballot := &arc.Ballot{}
	for i, q := range questions {
		grid, err := arc.FromTokens(answers[i].Tokens)
		if err != nil {
			return nil, err
		}
		ballot.Add(q.task, q.input, q.as.Undo(grid), 1/(1+math.Exp(-float64(answers[i].Q))))
	}
	return ballot, nil
}
