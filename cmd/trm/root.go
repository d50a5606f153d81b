package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

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

const exitCodes = `
Exit codes: 0 done, 1 error, 2 usage, 3 completed but an answer is not valid or a threshold is missed, 130 interrupted
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "trm",
		Short: "Solve puzzles with the Tiny Recursive Model",
		Long: `trm runs the Tiny Recursive Model through ONNX Runtime: one small network, applied
again and again to a question, its current answer and a latent, until it halts.`,
		Example: `  trm doctor
  trm solve 53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79
  trm bench sudoku puzzles.csv --compare
  trm data sudoku generate --count 1000 -o puzzles.csv`,
		Version:       buildInfo().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "run `trm --help` for the commands"
			if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
				hint = fmt.Sprintf("did you mean `trm %s`?", like[0])
			}
			return ui.Fail(ui.ExitUsage, hint, "there is no command %q", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("trm {{.Version}}\n")
	root.SetOut(a.term.Out)
	root.SetErr(a.term.Err)
	root.SetIn(a.term.In)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return ui.Fail(ui.ExitUsage, fmt.Sprintf("run `%s --help`", cmd.CommandPath()), "%w", err)
	})
	root.SetUsageTemplate(root.UsageTemplate() + exitCodes)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(
		a.solveCommand(), a.benchCommand(), a.plotCommand(), a.scoreCommand(),
		a.dataCommand(), a.trainDataCommand(),
		a.infoCommand(), a.exportCommand(), a.doctorCommand(), a.runtimeCommand(), a.versionCommand(),
	)
	usageErrors(root)
	return root
}

// usageErrors makes a wrong number of arguments a usage error, and a group without a command its help.
func usageErrors(cmd *cobra.Command) {
	if check := cmd.Args; check != nil && cmd.HasParent() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return ui.Fail(ui.ExitUsage, "usage: "+cmd.UseLine(), "%w", err)
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		usageErrors(sub)
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(commands...)
	return cmd
}

// usagef is an error of the command line.
func usagef(cmd *cobra.Command, format string, args ...any) error {
	return ui.Fail(ui.ExitUsage, fmt.Sprintf("run `%s --help`", cmd.CommandPath()), format, args...)
}

// mends say what to do about errors.
var mends = []struct {
	is   error
	hint string
}{
	{onnx.ErrNoDriver, "for an NVIDIA GPU install NVIDIA's driver; without one use --device cpu"},
	{onnx.ErrNoGPU, "`nvidia-smi` must list a GPU; in a container it is passed in by the host (docker run --gpus all)"},
	{onnx.ErrNoProvider, "run `trm runtime install --cuda`"},
	{onnx.ErrOldDriver, "install a newer driver, or a library for the CUDA that this one serves with `trm runtime install --cuda`"},
	{onnx.ErrOtherProvider, "run `trm runtime install --cuda`, and name no other library"},
	{onnx.ErrNoCUDA, "run `trm runtime install --cuda`, or name the folder of CUDA's libraries in LD_LIBRARY_PATH"},
	{onnx.ErrNoVulkan, "WebGPU needs Vulkan's loader and a driver: the GPU's own, or Mesa's"},
	{onnx.ErrNoLibrary, "run `trm runtime install`, or name the library with --library or " + onnx.LibraryVariable},
	{onnx.ErrNoRuntime, "build with CGO_ENABLED=1 and a C compiler; data, score, info and train-data work without"},
	{onnx.ErrTask, "name a model for this task with --model; `trm info MODEL` says what a model is for"},
	{onnx.ErrArch, "check --task and the flags that describe the architecture against how the model was trained"},
	{onnx.ErrFormat, "fetch or export the model again; `trm info MODEL` checks it"},
	{onnx.ErrDevice, "try --device auto; `trm doctor` says what can be used"},
	{onnx.ErrProblem, "the puzzle does not fit the model; `trm info MODEL` says what it takes"},
	{sudoku.ErrSyntax, "a Sudoku is 81 cells, row by row: digits, and . or 0 for a blank; data sets are CSV with a header"},
	{sudoku.ErrConflict, "correct the givens"},
	{sudoku.ErrUnsolvable, "correct the givens: none of them may be wrong"},
	{sudoku.ErrAmbiguous, "add givens until one answer is left"},
	{npy.ErrFormat, "the file must be an .npy array of integers, as numpy.save writes"},
	{maze.ErrFormat, "a maze is a square of # for walls, spaces, one S and one G"},
	{arc.ErrFormat, "see the forms that are read with `trm score arc --help` and `trm bench arc --help`"},
	{fs.ErrNotExist, "check the path"},
}

// explained gives an error its exit code and its mend.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if failure := (*ui.Failure)(nil); errors.As(err, &failure) {
		return err
	}
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		return ui.Fail(ui.ExitInterrupted, "", "interrupted")
	}
	for _, m := range mends {
		if errors.Is(err, m.is) {
			return &ui.Failure{Err: err, Hint: m.hint, Code: ui.ExitError}
		}
	}
	return err
}
