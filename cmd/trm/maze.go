package main

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

func (a *app) mazeGenerateCommand() *cobra.Command {
	count, side, least, seed, output := 1, 30, 0, uint64(1), ""
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate mazes with their shortest paths",
		Long: `Generate mazes. On the standard output they are text, as trm solve reads it;
with -o they are a data set, as training and trm bench maze read it: FOLDER/inputs.npy and
FOLDER/labels.npy, the paths. There is one way through each; --min-path asks for long ones.`,
		Example: `  trm data maze generate --side 11
  trm data maze generate -n 1000 --min-path 110 -o mazes/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if count < 1 {
				return cli.Usagef(cmd, "--count %d: want at least 1", count)
			}
			arrays := map[string]*npy.Array{"inputs.npy": {Shape: []int{count, side * side}}, "labels.npy": {Shape: []int{count, side * side}}}
			rng := rand.New(rand.NewPCG(seed, 0))
			for range count {
				question, err := maze.Generate(side, least, rng)
				if err != nil {
					return err
				}
				answer, _, err := question.Shortest()
				if err != nil {
					return err
				}
				arrays["inputs.npy"].Values = append(arrays["inputs.npy"].Values, question.Tokens()...)
				arrays["labels.npy"].Values = append(arrays["labels.npy"].Values, answer.Tokens()...)
				if output == "" {
					a.term.Printf("%s\n", question)
				}
			}
			if output == "" {
				return nil
			}
			if err := os.MkdirAll(output, 0o755); err != nil {
				return err
			}
			for name, array := range arrays {
				if err := cli.WriteFile(a.term, filepath.Join(output, name), array.Write); err != nil {
					return err
				}
			}
			a.term.Notef("wrote %s to %s", counted(count, "maze"), output)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVarP(&count, "count", "n", 1, "mazes to make")
	f.IntVar(&side, "side", 30, "cells of a side")
	f.IntVar(&least, "min-path", 0, "least steps of the shortest path")
	f.Uint64Var(&seed, "seed", 1, "seed of the random source")
	f.StringVarP(&output, "output", "o", "", "`folder` for inputs.npy and labels.npy, made if it is not there")
	return cmd
}

func (a *app) mazeShowCommand() *cobra.Command {
	index, output := 1, ""
	cmd := &cobra.Command{
		Use:   "show FILE.npy",
		Short: "Show a maze of a data set in the terminal, or draw it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			mazes, err := maze.Load(args[0])
			if err != nil {
				return err
			}
			if index < 1 || index > len(mazes) {
				return ui.Fail(ui.ExitUsage, "count from 1", "%s holds %s, there is no number %d", args[0], counted(len(mazes), "maze"), index)
			}
			m := mazes[index-1]
			if output == "" {
				a.term.Printf("%s", m.Text(a.term.Color))
				return nil
			}
			return cli.WriteFile(a.term, output, func(w io.Writer) error { return m.SVG(w) })
		},
	}
	cmd.Flags().IntVarP(&index, "number", "n", 1, "which maze")
	cmd.Flags().StringVarP(&output, "output", "o", "", "draw it as SVG into this `file`")
	return cmd
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
