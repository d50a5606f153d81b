package bench

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// PlotConsolidation draws recall within a budget against the share of the tokens that is left, one line for each system
// and, dashed, one for its summaries without opening any, into a file whose ending (.svg, .png, .pdf) says what kind it is. budget counts those of the options from 0; tokens is
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
	for _, line := range []struct {
		system, name string
		recall       func(ConsolidationPoint) []float64
		dashed       bool
	}{
		{"recursion", "recursion", func(p ConsolidationPoint) []float64 { return p.Recall }, false},
		{"one pass", "one pass", func(p ConsolidationPoint) []float64 { return p.Recall }, false},
		{"recursion", "recursion, quotes alone", func(p ConsolidationPoint) []float64 { return p.Closed }, true},
		{"one pass", "one pass, quotes alone", func(p ConsolidationPoint) []float64 { return p.Closed }, true},
		{"turns", "turns", func(p ConsolidationPoint) []float64 { return p.Recall }, true},
	} {
		var xys plotter.XYs
		for _, at := range points {
			if recall := line.recall(at); at.System == line.system && recall != nil {
				xys = append(xys, plotter.XY{X: at.Tokens, Y: recall[budget]})
			}
		}
		if line.system == "turns" && len(xys) == 1 {
			xys = plotter.XYs{{X: 0, Y: xys[0].Y}, {X: 1, Y: xys[0].Y}}
		}
		if len(xys) == 0 {
			continue
		}
		l, s, err := plotter.NewLinePoints(xys)
		if err != nil {
			return fmt.Errorf("plot %s: %w", line.name, err)
		}
		l.Color, l.Width, s.Color = colours[line.system], vg.Points(1.6), colours[line.system]
		if line.dashed {
			l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
		}
		if p.Add(l); line.system != "turns" {
			p.Add(s)
		}
		p.Legend.Add(line.name, l)
		for _, xy := range xys {
			p.Y.Max = max(p.Y.Max, xy.Y*1.1)
		}
	}
	return p.Save(14*vg.Centimeter, 9*vg.Centimeter, path)
}
