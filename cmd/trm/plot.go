package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/chart"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) plotCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "plot REPORT.json -o FILE.svg",
		Short: "Draw accuracy by step and the halting histogram of a benchmark",
		Long: `Draw a report that trm bench wrote with --output or --json: above, the exact and the cell
accuracy after each step of the longest plain run, with its 95 % interval; beneath, how many
puzzles the q-head halted at each step.`,
		Example: `  trm bench sudoku test.csv -o report.json
  trm plot report.json -o report.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.ToLower(filepath.Ext(output)) != ".svg" {
				return cli.Usagef(cmd, "say where to draw with -o FILE.svg")
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var report Report
			if err := json.Unmarshal(data, &report); err != nil {
				return ui.Fail(ui.ExitError, "write one with `trm bench sudoku FILE -o report.json`", "%s is no report of trm bench: %w", args[0], err)
			}
			if err := cli.WriteFile(a.term, output, report.svg); err != nil {
				return fmt.Errorf("draw %s: %w", output, err)
			}
			a.term.Notef("drew %s", output)
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "picture `file`: .svg")
	return cmd
}

// The measures of one chart of the picture, in points.
const (
	plotWidth  = 576
	plotHeight = 288
)

// svg draws the report: charts beneath each other.
func (r *Report) svg(w io.Writer) error {
	longest := Run{}
	var halting []Run
	for _, run := range r.Runs {
		if len(run.ByStep) > len(longest.ByStep) {
			longest = run
		}
		if len(run.Halting) > 0 {
			halting = append(halting, run)
		}
	}
	plots := len(halting)
	if len(longest.ByStep) > 0 {
		plots++
	}
	if plots == 0 {
		return errors.New("the report holds neither accuracy by step nor halting steps")
	}
	f := chart.New(plotWidth, float64(plotHeight*plots))
	top := 0.0
	if len(longest.ByStep) > 0 {
		r.drawAccuracy(f, longest.ByStep)
		top += plotHeight
	}
	for _, run := range halting {
		run.drawHalting(f, top)
		top += plotHeight
	}
	_, err := f.WriteTo(w)
	return err
}

// plotPanel is the panel of a chart whose upper edge is at top.
func plotPanel(top float64, x, y chart.Axis) chart.Panel {
	return chart.Panel{X: x, Y: y, Left: 64, Right: plotWidth - 20, Top: top + 34, Bottom: top + plotHeight - 42}
}

func (r *Report) drawAccuracy(f *chart.Figure, steps []AtStep) {
	last := float64(len(steps))
	p := plotPanel(0, chart.Axis{Label: "supervision step", Min: 1, Max: last, Ticks: chart.Steps(1, len(steps))},
		chart.Axis{Label: "accuracy", Max: 1.2}) // room for the legend above the lines
	for _, percent := range []int{0, 25, 50, 75, 100} {
		p.Y.Ticks = append(p.Y.Ticks, chart.Tick{At: float64(percent) / 100, Label: fmt.Sprintf("%d %%", percent)})
	}
	f.Panel(p, fmt.Sprintf("%s on %s", r.Model, counted(r.Puzzles, "puzzle")))
	var exact, cells, low, band []chart.Point
	for _, at := range steps {
		x := float64(at.Step)
		exact = append(exact, p.At(x, at.Exact.Value))
		cells = append(cells, p.At(x, at.Cells))
		band = append(band, p.At(x, at.Exact.High))
		low = append(low, p.At(x, at.Exact.Low))
	}
	for i := len(low) - 1; i >= 0; i-- {
		band = append(band, low[i])
	}
	f.Area(chart.Colors[0], band...)
	keys := []chart.Key{{Name: "cells", Stroke: chart.Stroke{Color: chart.Colors[1], Width: 2}},
		{Name: "exact, with 95 % interval", Stroke: chart.Stroke{Color: chart.Colors[0], Width: 2}}}
	for i, line := range [][]chart.Point{cells, exact} {
		f.Line(keys[i].Stroke, line...)
		for _, at := range line {
			f.Dot(at, 2.5, keys[i].Stroke.Color)
		}
	}
	f.Legend(chart.Point{X: p.Right - 160, Y: p.Top + 8}, keys...)
}

func (r Run) drawHalting(f *chart.Figure, top float64) {
	most, n := 1, len(r.Halting)
	for _, count := range r.Halting {
		most = max(most, count)
	}
	p := plotPanel(top, chart.Axis{Label: "step at which the q-head halted; the last also holds those that did not", Min: .5, Max: float64(n) + .5, Ticks: chart.Steps(1, n)},
		chart.Axis{Label: "puzzles", Max: float64(most), Ticks: chart.Ticks(0, float64(most), 6)})
	f.Panel(p, fmt.Sprintf("q-halt: %.2f steps in the mean", r.Mean))
	for i, count := range r.Halting {
		f.Rect(p.At(float64(i)+.65, 0), p.At(float64(i)+1.35, float64(count)), chart.Colors[0])
	}
}
