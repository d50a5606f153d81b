package bench

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// PlotConsolidation draws recall within a budget against the share of the tokens that is left, one line for each system,
// into a file whose ending (.svg, .png, .pdf) says what kind it is. budget counts those of the options from 0; tokens is
// what it stands for, for the title.
func PlotConsolidation(path, dataset string, points []ConsolidationPoint, budget, tokens int) error {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s: recall@10 within %d tokens", dataset, tokens)
	p.X.Label.Text = "tokens left, as a share of the turns'"
	p.Y.Label.Text = "recall@10 of evidence"
	p.X.Min, p.X.Max, p.Y.Min = 0, 1, 0
	p.Legend.Top, p.Legend.Left = false, false
	p.Legend.XOffs, p.Legend.YOffs = -vg.Points(8), vg.Points(8)
	colours := map[string]color.Color{
		"recursion": color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, "one pass": color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
		"turns": color.Gray{Y: 0x60},
	}
	for _, system := range []string{"recursion", "one pass", "turns"} {
		var line plotter.XYs
		for _, at := range points {
			if at.System == system {
				line = append(line, plotter.XY{X: at.Tokens, Y: at.Recall[budget]})
			}
		}
		if system == "turns" && len(line) == 1 {
			line = plotter.XYs{{X: 0, Y: line[0].Y}, {X: 1, Y: line[0].Y}}
		}
		if len(line) == 0 {
			continue
		}
		l, s, err := plotter.NewLinePoints(line)
		if err != nil {
			return fmt.Errorf("plot %s: %w", system, err)
		}
		l.Color, l.Width, s.Color = colours[system], vg.Points(1.6), colours[system]
		if system == "turns" {
			l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
			p.Add(l)
		} else {
			p.Add(l, s)
		}
		p.Legend.Add(system, l)
		for _, xy := range line {
			p.Y.Max = max(p.Y.Max, xy.Y*1.1)
		}
	}
	return p.Save(14*vg.Centimeter, 9*vg.Centimeter, path)
}
