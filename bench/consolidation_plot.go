package bench

import (
	"fmt"

	"github.com/trm-go/refiner/internal/chart"
)

// PlotConsolidation draws recall within a budget against the share of the tokens that is left, one line for each system
// and, dashed, one for its summaries without opening any, into an .svg file. budget counts those of the options from 0;
// tokens is what it stands for, for the title.
func PlotConsolidation(path, dataset string, points []ConsolidationPoint, budget, tokens int) error {
	type curve struct {
		key    chart.Key
		points []chart.Point
		dots   bool
	}
	colors := map[string]string{"recursion": "#0072b2", "one pass": "#d55e00", "turns": "#606060"}
	full := func(p ConsolidationPoint) []float64 { return p.Recall }
	closed := func(p ConsolidationPoint) []float64 { return p.Closed }
	highest := 0.0
	var curves []curve
	for _, line := range []struct {
		system, name string
		recall       func(ConsolidationPoint) []float64
		dashed       bool
	}{
		{"recursion", "recursion", full, false},
		{"one pass", "one pass", full, false},
		{"recursion", "recursion, quotes alone", closed, true},
		{"one pass", "one pass, quotes alone", closed, true},
		{"turns", "turns", full, true},
	} {
		c := curve{chart.Key{Name: line.name, Stroke: chart.Stroke{Color: colors[line.system], Width: 1.6, Dashed: line.dashed}}, nil, line.system != "turns"}
		for _, at := range points {
			if recall := line.recall(at); at.System == line.system && recall != nil {
				c.points = append(c.points, chart.Point{X: at.Tokens, Y: recall[budget]})
				highest = max(highest, recall[budget])
			}
		}
		if line.system == "turns" && len(c.points) == 1 {
			y := c.points[0].Y
			c.points = []chart.Point{{X: 0, Y: y}, {X: 1, Y: y}}
		}
		if len(c.points) > 0 {
			curves = append(curves, c)
		}
	}
	const width, height = 397.0, 255.0
	p := chart.Panel{Left: 58, Right: width - 14, Top: 28, Bottom: height - 40,
		X: chart.Axis{Label: "tokens left, as a share of the turns'", Max: 1, Ticks: chart.Ticks(0, 1, 5)},
		Y: chart.Axis{Label: "recall@10 of evidence", Max: 1.1 * highest, Ticks: chart.Ticks(0, 1.1*highest, 6)}}
	f := chart.New(width, height)
	f.Panel(p, fmt.Sprintf("%s: recall@10 within %d tokens", dataset, tokens))
	var keys []chart.Key
	for _, c := range curves {
		for i, at := range c.points {
			c.points[i] = p.At(at.X, at.Y)
			if c.dots {
				f.Dot(c.points[i], 2, c.key.Stroke.Color)
			}
		}
		f.Line(c.key.Stroke, c.points...)
		keys = append(keys, c.key)
	}
	f.Legend(chart.Point{X: p.Right - 150, Y: p.Bottom - 8 - 13*float64(len(keys)-1)}, keys...)
	return save(path, f)
}
