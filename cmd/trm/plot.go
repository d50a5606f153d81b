package main

import (
	"encoding/json"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/trm-go/refiner/cmd/internal/cli"
	"github.com/trm-go/refiner/internal/ui"
)

func (a *app) plotCommand() *cobra.Command {
	output := ""
	cmd := &cobra.Command{
		Use:   "plot REPORT.json -o FILE.png|FILE.svg",
		Short: "Draw accuracy by step and the halting histogram of a benchmark",
		Long: `Draw a report that trm bench wrote with --output or --json: above, the exact and the cell
accuracy after each step of the longest plain run, with its 95 % interval; beneath, how many
puzzles the q-head halted at each step.`,
		Example: `  trm bench sudoku test.csv -o report.json
  trm plot report.json -o report.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if output == "" {
				return cli.Usagef(cmd, "say where to draw with -o: FILE.png or FILE.svg")
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var report Report
			if err := json.Unmarshal(data, &report); err != nil {
				return ui.Fail(ui.ExitError, "write one with `trm bench sudoku FILE -o report.json`", "%s is no report of trm bench: %w", args[0], err)
			}
			if err := report.plot(a.term, output); err != nil {
				return fmt.Errorf("draw %s: %w", output, err)
			}
			a.term.Notef("drew %s", output)
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "picture `file`: .png or .svg")
	return cmd
}

// The colours of the lines: from Paul Tol's vibrant scheme (personal.sron.nl/~pault).
var (
	exactInk = color.NRGBA{0x00, 0x77, 0xbb, 0xff}
	bandInk  = color.NRGBA{0x00, 0x77, 0xbb, 0x33}
	cellsInk = color.NRGBA{0xee, 0x77, 0x33, 0xff}
)

// plot draws the report.
func (r *Report) plot(term *ui.Terminal, path string) error {
	var plots []*plot.Plot
	longest := Run{}
	for _, run := range r.Runs {
		if len(run.ByStep) > len(longest.ByStep) {
			longest = run
		}
	}
	if len(longest.ByStep) > 0 {
		p, err := accuracyPlot(r, longest.ByStep)
		if err != nil {
			return err
		}
		plots = append(plots, p)
	}
	for _, run := range r.Runs {
		if len(run.Halting) > 0 {
			p, err := haltingPlot(run)
			if err != nil {
				return err
			}
			plots = append(plots, p)
		}
	}
	if len(plots) == 0 {
		return fmt.Errorf("the report holds neither accuracy by step nor halting steps")
	}
	const width, height = 8 * vg.Inch, 4 * vg.Inch
	size := height * vg.Length(len(plots))
	switch strings.ToLower(filepath.Ext(path)) {
	case ".png":
		c := vgimg.NewWith(vgimg.UseWH(width, size), vgimg.UseDPI(144))
		drawAll(plots, draw.New(c))
		return cli.WriteFile(term, path, func(w io.Writer) error { _, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w); return err })
	case ".svg":
		c := vgsvg.New(width, size)
		drawAll(plots, draw.New(c))
		return cli.WriteFile(term, path, func(w io.Writer) error { _, err := c.WriteTo(w); return err })
	}
	return fmt.Errorf("unknown kind of picture %q: take .png or .svg", filepath.Ext(path))
}

// drawAll puts plots beneath each other, the first on top.
func drawAll(plots []*plot.Plot, c draw.Canvas) {
	height := (c.Max.Y - c.Min.Y) / vg.Length(len(plots))
	for i, p := range plots {
		top := vg.Length(i) * height
		p.Draw(draw.Crop(c, 10, -10, c.Max.Y-c.Min.Y-top-height+10, -top-10))
	}
}

// newPlot is an empty plot without serifs.
func newPlot() *plot.Plot {
	p := plot.New()
	for _, style := range []*text.Style{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	p.Title.Padding, p.Legend.Padding = 6, 4
	return p
}

func accuracyPlot(r *Report, steps []AtStep) (*plot.Plot, error) {
	p := newPlot()
	p.Title.Text = fmt.Sprintf("%s on %s", r.Model, counted(r.Puzzles, "puzzle"))
	p.X.Label.Text, p.Y.Label.Text = "supervision step", "accuracy"
	p.Y.Min, p.Y.Max = 0, 1.2 // room for the legend above the lines
	p.Y.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "0"}, {Value: .25, Label: "25 %"}, {Value: .5, Label: "50 %"}, {Value: .75, Label: "75 %"}, {Value: 1, Label: "100 %"}}
	p.Legend.Top = true
	p.X.Tick.Marker = stepTicks(len(steps))
	var exact, cells, band plotter.XYs
	for _, at := range steps {
		x := float64(at.Step)
		exact = append(exact, plotter.XY{X: x, Y: at.Exact.Value})
		cells = append(cells, plotter.XY{X: x, Y: at.Cells})
		band = append(band, plotter.XY{X: x, Y: at.Exact.High})
	}
	for i := len(steps) - 1; i >= 0; i-- {
		band = append(band, plotter.XY{X: float64(steps[i].Step), Y: steps[i].Exact.Low})
	}
	area, err := plotter.NewPolygon(band)
	if err != nil {
		return nil, err
	}
	area.Color, area.LineStyle.Width = bandInk, 0
	p.Add(plotter.NewGrid(), area)
	for _, line := range []struct {
		name   string
		points plotter.XYs
		ink    color.Color
	}{{"cells", cells, cellsInk}, {"exact, with 95 % interval", exact, exactInk}} {
		l, dots, err := plotter.NewLinePoints(line.points)
		if err != nil {
			return nil, err
		}
		l.Color, l.Width = line.ink, 2
		dots.Color, dots.Shape, dots.Radius = line.ink, draw.CircleGlyph{}, 2.5
		p.Add(l, dots)
		p.Legend.Add(line.name, l, dots)
	}
	return p, nil
}

// stepTicks names step 1 and the multiples of a round number, about eight in all.
func stepTicks(steps int) plot.ConstantTicks {
	every := 1
	for steps > 9*every {
		every *= 2
	}
	ticks := plot.ConstantTicks{{Value: 1, Label: "1"}}
	for n := max(2, every); n <= steps; n += every {
		ticks = append(ticks, plot.Tick{Value: float64(n), Label: fmt.Sprint(n)})
	}
	return ticks
}

func haltingPlot(run Run) (*plot.Plot, error) {
	p := newPlot()
	p.Title.Text = fmt.Sprintf("q-halt: %.2f steps in the mean", run.Mean)
	p.X.Label.Text, p.Y.Label.Text = "step at which the q-head halted; the last also holds those that did not", "puzzles"
	counts := make(plotter.Values, len(run.Halting))
	names := make([]string, len(run.Halting))
	every := 1 + len(names)/17 // so that names do not meet
	for i, n := range run.Halting {
		counts[i] = float64(n)
		if (i+1)%every == 0 || i == 0 {
			names[i] = fmt.Sprint(i + 1)
		}
	}
	bars, err := plotter.NewBarChart(counts, 420/vg.Length(len(counts)))
	if err != nil {
		return nil, err
	}
	bars.Color, bars.LineStyle.Width = exactInk, 0
	p.Add(bars)
	p.NominalX(names...)
	return p, nil
}
