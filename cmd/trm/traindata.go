package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/trmcore/puzzle/arc"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// dataset is a data set of the official code in the making: examples belong to puzzles (one embedding each), puzzles to
// groups (one puzzle in all its disguises).
type dataset struct {
	inputs, labels []int32
	width          int
	examples       int
	ids            []int32 // embedding of each puzzle
	puzzles        []int32 // examples before each puzzle, and the end
	groups         []int32 // puzzles before each group, and the end
	names          []string
	vocabulary     int
}

func newDataset(width, vocabulary int) *dataset {
	return &dataset{width: width, vocabulary: vocabulary, puzzles: []int32{0}, groups: []int32{0}, names: []string{"<blank>"}}
}

// example adds one; endPuzzle and endGroup close what it belongs to.
func (d *dataset) example(input, label []int32) {
	d.inputs, d.labels = append(d.inputs, input...), append(d.labels, label...)
	d.examples++
}

func (d *dataset) endPuzzle(id int) {
	d.ids, d.puzzles = append(d.ids, int32(id)), append(d.puzzles, int32(d.examples))
}

func (d *dataset) endGroup() { d.groups = append(d.groups, int32(len(d.ids))) }

func (a *app) trainDataCommand() *cobra.Command {
	output, solutions, labels, split, augment, seed := "", "", "", "train", 1, uint64(1)
	cmd := &cobra.Command{
		Use:   "train-data sudoku|maze|arc FILE -o FOLDER",
		Short: "Write what training reads: the data sets of the official code",
		Long: `Write puzzles as the arrays that the official training code reads: FOLDER/SPLIT with
all__inputs.npy, all__labels.npy, all__puzzle_identifiers.npy, all__puzzle_indices.npy,
all__group_indices.npy and dataset.json, and FOLDER/identifiers.json.

sudoku reads CSV, maze an .npy array and its labels, arc tasks as trm bench arc does. The
disguises of an ARC task, --augment of them, get an identifier each; its demonstrations and,
with solutions, its test pairs are examples.`,
		Example: `  trm train-data sudoku train.csv -o data/sudoku
  trm train-data arc arc-agi_training_challenges.json --solutions arc-agi_training_solutions.json --augment 32 -o data/arc`,
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"sudoku", "maze", "arc"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return usagef(cmd, "say where to write with -o FOLDER")
			}
			if augment < 1 {
				return usagef(cmd, "--augment %d: want 1 or more", augment)
			}
			var d *dataset
			var err error
			switch task, file := args[0], args[1]; task {
			case "sudoku":
				d, err = sudokuData(file)
			case "maze":
				d, err = mazeData(file, labels)
			case "arc":
				d, err = arcData(file, solutions, augment, rand.New(rand.NewPCG(seed, 0)))
			default:
				return usagef(cmd, "there is no task %q: want sudoku, maze or arc", task)
			}
			if err != nil {
				return err
			}
			if err := d.write(a, output, split); err != nil {
				return err
			}
			a.term.Notef("wrote %s of %s in %s to %s", counted(d.examples, "example"), counted(len(d.ids), "puzzle"), counted(len(d.groups)-1, "group"), filepath.Join(output, split))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "`folder` to write")
	f.StringVar(&split, "split", "train", "name of the part: train or test")
	f.StringVar(&solutions, "solutions", "", "arc: `file` or folder with the test outputs")
	f.StringVar(&labels, "labels", "", "maze: `file` with the labels")
	f.IntVar(&augment, "augment", 1, "arc: disguises of each task, the plain one included")
	f.Uint64Var(&seed, "seed", 1, "arc: seed of the disguises")
	return cmd
}

func sudokuData(file string) (*dataset, error) {
	d := newDataset(sudoku.Cells, sudoku.Vocabulary)
	for p, err := range readPuzzles(file) {
		if err == nil && !p.Answer.Full() {
			p.Answer, err = p.Question.Solve()
		}
		if err != nil {
			return nil, fmt.Errorf("puzzle %d: %w", d.examples+1, err)
		}
		d.example(p.Question.Tokens(), p.Answer.Tokens())
		d.endPuzzle(0)
		d.endGroup()
	}
	return d, nil
}

func mazeData(file, labels string) (*dataset, error) {
	if labels == "" {
		return nil, fmt.Errorf("%w: name the labels with --labels", maze.ErrFormat)
	}
	questions, err := maze.Load(file)
	if err != nil {
		return nil, err
	}
	answers, err := maze.Load(labels)
	if err != nil {
		return nil, err
	}
	if len(questions) != len(answers) || len(questions) == 0 {
		return nil, fmt.Errorf("%w: %d inputs and %d labels", maze.ErrFormat, len(questions), len(answers))
	}
	d := newDataset(len(questions[0].Cells), maze.Vocabulary)
	for i, q := range questions {
		if q.Side != answers[i].Side || len(q.Cells) != d.width {
			return nil, fmt.Errorf("%w: maze %d has another size", maze.ErrFormat, i+1)
		}
		d.example(q.Tokens(), answers[i].Tokens())
		d.endPuzzle(0)
		d.endGroup()
	}
	return d, nil
}

func arcData(file, solutions string, augment int, rng *rand.Rand) (*dataset, error) {
	tasks, err := arc.LoadTasks(file)
	if err != nil {
		return nil, err
	}
	if solutions != "" {
		known, err := arc.LoadSolutions(solutions)
		if err != nil {
			return nil, err
		}
		if err := known.Solve(tasks); err != nil {
			return nil, err
		}
	}
	d := newDataset(arc.Canvas, arc.Vocabulary)
	for _, task := range tasks {
		for _, as := range arc.Augment(task, augment, rng) {
			disguised := as.Disguise(task)
			for _, pair := range append(disguised.Train, disguised.Test...) {
				if pair.Output.Empty() {
					continue
				}
				input, err := pair.Input.Tokens()
				if err != nil {
					return nil, fmt.Errorf("task %s: %w", task.ID, err)
				}
				label, err := pair.Output.Tokens()
				if err != nil {
					return nil, fmt.Errorf("task %s: %w", task.ID, err)
				}
				d.example(input, label)
			}
			d.endPuzzle(len(d.names))
			d.names = append(d.names, disguised.ID)
		}
		d.endGroup()
	}
	return d, nil
}

// metadata is dataset.json. The labels that are not learned, the first embedding and padding are all 0.
type metadata struct {
	PadID       int      `json:"pad_id"`
	IgnoreLabel int      `json:"ignore_label_id"`
	BlankID     int      `json:"blank_identifier_id"`
	Vocabulary  int      `json:"vocab_size"`
	Length      int      `json:"seq_len"`
	Identifiers int      `json:"num_puzzle_identifiers"`
	Groups      int      `json:"total_groups"`
	Mean        float64  `json:"mean_puzzle_examples"`
	Puzzles     int      `json:"total_puzzles"`
	Sets        []string `json:"sets"`
}

// write writes the arrays and their description.
func (d *dataset) write(a *app, folder, split string) error {
	if err := os.MkdirAll(filepath.Join(folder, split), 0o755); err != nil {
		return err
	}
	for name, array := range map[string]*npy.Array{
		"inputs":             {Shape: []int{d.examples, d.width}, Values: d.inputs},
		"labels":             {Shape: []int{d.examples, d.width}, Values: d.labels},
		"puzzle_identifiers": {Shape: []int{len(d.ids)}, Values: d.ids},
		"puzzle_indices":     {Shape: []int{len(d.puzzles)}, Values: d.puzzles},
		"group_indices":      {Shape: []int{len(d.groups)}, Values: d.groups},
	} {
		if err := writeFile(a.term, filepath.Join(folder, split, "all__"+name+".npy"), array.Write); err != nil {
			return err
		}
	}
	files := map[string]any{
		filepath.Join(folder, split, "dataset.json"): metadata{
			Vocabulary: d.vocabulary, Length: d.width, Identifiers: len(d.names),
			Groups: len(d.groups) - 1, Mean: float64(d.examples) / float64(max(len(d.ids), 1)), Puzzles: len(d.ids), Sets: []string{"all"},
		},
		filepath.Join(folder, "identifiers.json"): d.names,
	}
	for path, value := range files {
		if err := writeJSON(a.term, path, value); err != nil {
			return err
		}
	}
	return nil
}
