package main

import (
	"io"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/arc"
	"github.com/trm-go/refiner/trmcore/puzzle/maze"
)

func (a *app) showCommand() *cobra.Command {
	output, solutions := "", ""
	cmd := &cobra.Command{
		Use:   "show FILE [ID]",
		Short: "Show an ARC task in the terminal, or draw it",
		Long:  `Show a task: each input, and its output beneath. Without an id the first task is shown.`,
		Example: `  trm data arc show arc-agi_training_challenges.json 007bbfb7
  trm data arc show 007bbfb7.json -o task.svg`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			tasks, err := arc.LoadTasks(args[0], solutions)
			if err != nil {
				return err
			}
			for _, task := range tasks {
				if len(args) < 2 || task.ID == args[1] {
					return a.show(task, output)
				}
			}
			return ui.Fail(ui.ExitError, "ids are the keys of the file", "%s holds %s, none of them %q", args[0], english.Plural(len(tasks), "task", ""), ui.Short(args[1], 40))
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "draw into this `file`, as SVG")
	cmd.Flags().StringVar(&solutions, "solutions", "", "`file` or folder with the test outputs")
	return cmd
}

// show prints a task, or draws it into a file.
func (a *app) show(task arc.Task, path string) error {
	if path != "" {
		return a.draw(path, task.SVG)
	}
	a.term.Printf("task %s\n", task.ID)
	for _, part := range []struct {
		name  string
		pairs []arc.Pair
	}{{"train", task.Train}, {"test", task.Test}} {
		for i, pair := range part.pairs {
			a.term.Printf("\n%s %d\n%s", part.name, i+1, pair.Input.Text(a.term.Color))
			if !pair.Output.Empty() {
				a.term.Printf("→\n%s", pair.Output.Text(a.term.Color))
			}
		}
	}
	return nil
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
				return ui.Fail(ui.ExitUsage, "count from 1", "%s holds %s, there is no number %d", args[0], english.Plural(len(mazes), "maze", ""), index)
			}
			m := mazes[index-1]
			if output != "" {
				return a.draw(output, m.SVG)
			}
			a.term.Printf("%s", m.Text(a.term.Color))
			return nil
		},
	}
	cmd.Flags().IntVarP(&index, "number", "n", 1, "which maze")
	cmd.Flags().StringVarP(&output, "output", "o", "", "draw it as SVG into this `file`")
	return cmd
}

// draw writes a picture and says so.
func (a *app) draw(path string, svg func(io.Writer) error) error {
	if err := cli.WriteFile(a.term, path, svg); err != nil {
		return err
	}
	a.term.Notef("drew %s", path)
	return nil
}
