package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// trainingData is trm train-data.
type trainingData struct {
	output string
	split  string
	labels string // maze
	arcData
}

func (a *app) trainDataCommand() *cobra.Command {
	var t trainingData
	cmd := &cobra.Command{
		Use:   "train-data sudoku|maze|arc FILE -o FOLDER",
		Short: "Write what training reads: the data sets of the official code",
		Long: `Write puzzles as the arrays that the official training code reads: FOLDER/SPLIT with
all__inputs.npy, all__labels.npy, all__puzzle_identifiers.npy, all__puzzle_indices.npy,
all__group_indices.npy and dataset.json, and FOLDER/identifiers.json.

sudoku reads CSV, maze an .npy array and its labels; --split names the part. arc reads
tasks as trm bench arc does and writes all parts at once: every pair of FILE and the
demonstrations of the --evaluate tasks are for training, the test pairs of the latter for
testing. A task's disguises, --augment of them, get an identifier each, the same in both.
Training pairs are shifted at random, one of each disguise excepted.`,
		Example: `  trm train-data sudoku train.csv -o data/sudoku
  trm train-data arc training_challenges.json --evaluate evaluation_challenges.json \
    --solutions training_solutions.json --solutions evaluation_solutions.json --augment 32 -o data/arc`,
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"sudoku", "maze", "arc"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.output == "" {
				return cli.Usagef(cmd, "say where to write with -o FOLDER")
			}
			if t.augment < 1 {
				return cli.Usagef(cmd, "--augment %d: want 1 or more", t.augment)
			}
			var parts map[string]*dataset
			names, err := []string{blankName}, error(nil)
			switch task, file := args[0], args[1]; task {
			case "sudoku":
				parts, err = t.sudoku(file)
			case "maze":
				parts, err = t.maze(file)
			case "arc":
				parts, names, err = t.arcData.read(file)
			default:
				return cli.Usagef(cmd, "there is no task %q: want sudoku, maze or arc", task)
			}
			if err != nil {
				return err
			}
			for split, d := range parts {
				if err := d.write(a.term, filepath.Join(t.output, split), len(names)); err != nil {
					return err
				}
				a.term.Notef("wrote %s of %s in %s to %s", counted(d.examples, "example"), counted(len(d.ids), "puzzle"), counted(len(d.groups)-1, "group"), filepath.Join(t.output, split))
			}
			return cli.WriteJSON(a.term, filepath.Join(t.output, "identifiers.json"), names)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&t.output, "output", "o", "", "`folder` to write")
	f.StringVar(&t.split, "split", "train", "sudoku, maze: name of the part, train or test")
	f.StringVar(&t.labels, "labels", "", "maze: `file` with the labels")
	f.StringVar(&t.evaluate, "evaluate", "", "arc: `file` or folder with the tasks to be tested on")
	f.StringArrayVar(&t.solutions, "solutions", nil, "arc: `file` or folder with test outputs (may be repeated)")
	f.IntVar(&t.augment, "augment", 1, "arc: disguises of each task, the plain one included")
	f.Uint64Var(&t.seed, "seed", 1, "arc: seed of the disguises and shifts")
	return cmd
}

func (t *trainingData) sudoku(file string) (map[string]*dataset, error) {
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
	return map[string]*dataset{t.split: d}, nil
}

func (t *trainingData) maze(file string) (map[string]*dataset, error) {
	if t.labels == "" {
		return nil, ui.Fail(ui.ExitUsage, "name the labels with --labels", "mazes need labels to learn from")
	}
	questions, err := maze.Load(file)
	if err != nil {
		return nil, err
	}
	answers, err := maze.Load(t.labels)
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
	return map[string]*dataset{t.split: d}, nil
}

// blankName is the first identifier, which stands for no puzzle.
const blankName = "<blank>"

// dataset is a part of a data set of the official code in the making: examples belong to puzzles (one embedding each),
// puzzles to groups (one puzzle in all its disguises).
type dataset struct {
	inputs, labels    []int32
	width, vocabulary int
	examples          int
	ids               []int32 // embedding of each puzzle
	puzzles           []int32 // examples before each puzzle, and the end
	groups            []int32 // puzzles before each group, and the end
}

func newDataset(width, vocabulary int) *dataset {
	return &dataset{width: width, vocabulary: vocabulary, puzzles: []int32{0}, groups: []int32{0}}
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

// metadata is dataset.json. The label that is not learned, the first identifier and padding are all 0.
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

// write writes the arrays and their description into a folder.
func (d *dataset) write(term *ui.Terminal, folder string, identifiers int) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, array := range map[string]*npy.Array{
		"inputs":             {Shape: []int{d.examples, d.width}, Values: d.inputs},
		"labels":             {Shape: []int{d.examples, d.width}, Values: d.labels},
		"puzzle_identifiers": {Shape: []int{len(d.ids)}, Values: d.ids},
		"puzzle_indices":     {Shape: []int{len(d.puzzles)}, Values: d.puzzles},
		"group_indices":      {Shape: []int{len(d.groups)}, Values: d.groups},
	} {
		if err := cli.WriteFile(term, filepath.Join(folder, "all__"+name+".npy"), array.Write); err != nil {
			return err
		}
	}
	return cli.WriteJSON(term, filepath.Join(folder, "dataset.json"), metadata{
		Vocabulary: d.vocabulary, Length: d.width, Identifiers: identifiers, Groups: len(d.groups) - 1,
		Mean: float64(d.examples) / float64(max(len(d.ids), 1)), Puzzles: len(d.ids), Sets: []string{"all"},
	})
}
