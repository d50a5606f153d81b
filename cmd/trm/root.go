package main

import (
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/onnx"
	"github.com/trm-go/refiner/trmcore/puzzle/arc"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// app is what the commands share.
type app struct {
	term *ui.Terminal
	json bool // --json
}

func (a *app) root() *cobra.Command {
	root := cli.Root(&cobra.Command{
		Use:   "trm",
		Short: "Solve puzzles with the Tiny Recursive Model",
		Long: `trm runs the Tiny Recursive Model through ONNX Runtime: one small network, applied
again and again to a question, its current answer and a latent, until it halts.`,
		Example: `  trm doctor
  trm solve 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
  trm bench sudoku puzzles.csv --compare
  trm data sudoku generate --count 1000 -o puzzles.csv`,
	}, a.term, &a.json, "docs/trm.md", "0 done, 1 error, 2 usage, 3 completed but an answer is not valid or a threshold is missed, 130 interrupted")
	root.AddCommand(
		a.solveCommand(), a.benchCommand(), a.scoreCommand(), a.dataCommand(),
		a.infoCommand(), a.exportCommand(), a.doctorCommand(), a.runtimeCommand(), cli.VersionCommand(a.term, &a.json),
	)
	cli.UsageErrors(root)
	return root
}

// withCUDA is how to get a library with its CUDA provider.
const withCUDA = "`pip install 'onnxruntime-gpu[cuda,cudnn]'`, and set " + onnx.LibraryVariable + " to its site-packages folder"

// fixes say what to do about errors.
var fixes = []cli.Fix{
	{Is: onnx.ErrNoDriver, Hint: "for an NVIDIA GPU install NVIDIA's driver; without one use --device cpu"},
	{Is: onnx.ErrNoGPU, Hint: "`nvidia-smi` must list a GPU; in a container it is passed in by the host (docker run --gpus all)"},
	{Is: onnx.ErrNoProvider, Hint: withCUDA},
	{Is: onnx.ErrOldDriver, Hint: "install a newer driver, or an older onnxruntime-gpu, for the CUDA that this one serves"},
	{Is: onnx.ErrOtherProvider, Hint: withCUDA},
	{Is: onnx.ErrNoCUDA, Hint: withCUDA + "; or name the folder of CUDA's libraries in LD_LIBRARY_PATH"},
	{Is: onnx.ErrNoLibrary, Hint: "run `trm runtime install`, or name the library with --library or " + onnx.LibraryVariable},
	{Is: onnx.ErrNoRuntime, Hint: "build with CGO_ENABLED=1 and a C compiler; data, score and info work without"},
	{Is: onnx.ErrTask, Hint: "name a model for this task with --model; `trm info MODEL` says what a model is for"},
	{Is: onnx.ErrArch, Hint: "check --task and the flags that describe the architecture against how the model was trained"},
	{Is: onnx.ErrFormat, Hint: "fetch or export the model again; `trm info MODEL` checks it"},
	{Is: onnx.ErrDevice, Hint: "try --device auto; `trm doctor` says what can be used"},
	{Is: onnx.ErrProblem, Hint: "the puzzle does not fit the model; `trm info MODEL` says what it takes"},
	{Is: sudoku.ErrSyntax, Hint: "a Sudoku is 81 cells, row by row: digits, and . or 0 for a blank; data sets are CSV with a header"},
	{Is: sudoku.ErrConflict, Hint: "correct the givens"},
	{Is: sudoku.ErrUnsolvable, Hint: "correct the givens: none of them may be wrong"},
	{Is: sudoku.ErrAmbiguous, Hint: "add givens until one answer is left"},
	{Is: npy.ErrFormat, Hint: "the file must be an .npy array of integers, as numpy.save writes"},
	{Is: maze.ErrFormat, Hint: "a maze is a square of # for walls, spaces, one S and one G"},
	{Is: arc.ErrFormat, Hint: "see the forms that are read with `trm score arc --help` and `trm bench arc --help`"},
	{Is: fs.ErrNotExist, Hint: "check the path"},
}
