package ui

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/trm-go/refiner/internal/chart"
)

// Settling is a ranking on its way to its fixed point.
type Settling struct {
	// Query was asked, and Certificate says how the recursion ended, like "fixed point after 9 steps".
	Query, Certificate string
	// Lines hold the memories, in the order of their last weights.
	Lines []Line
	// Residuals hold the largest change of a weight in each step: Residuals[0] belongs to the first step.
	Residuals []float64
	// Epsilon is the residual at which the ranking stands still. Zero: not drawn.
	Epsilon float64
}

// Line is one memory's weight over the recursion.
type Line struct {
	Label string
	// Weights after each step, as shares of the best one at that step; Weights[0] is the start, the signals alone.
	Weights []float64
}

// Steps is the number of steps that the longest line has made.
func (s *Settling) Steps() int {
	n := 0
	for _, l := range s.Lines {
		n = max(n, len(l.Weights)-1)
	}
	return n
}

// at is the line's weight after a step; a line that stood still early keeps its last weight.
func (l Line) at(step int) float64 {
	if len(l.Weights) == 0 {
		return math.NaN()
	}
	return l.Weights[min(step, len(l.Weights)-1)]
}

// rank is the place of each line after a step, 1 for the heaviest. Equal weights keep the order of the lines.
func (s *Settling) rank(step int) []int {
	order := make([]int, len(s.Lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.Lines[b].at(step), s.Lines[a].at(step)) })
	places := make([]int, len(order))
	for place, i := range order {
		places[i] = place + 1
	}
	return places
}

// Climb is how many places the line has gained among the lines since the start; negative: lost.
func (s *Settling) Climb(line int) int {
	return s.rank(0)[line] - s.rank(s.Steps())[line]
}

// letters name the lines in Places.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Letter is the name of a line in [Settling.Places].
func Letter(line int) string {
	if line < len(letters) {
		return letters[line : line+1]
	}
	return "·"
}

// Places draws the ranking as text: a column for each step, a row for each place, and in it the letter of the memory that
// held the place. A place is marked where it changes hands. Columns after the last change are left out.
func (s *Settling) Places(t *Terminal) string {
	steps := s.Steps()
	if len(s.Lines) < 2 || steps < 1 {
		return ""
	}
	holders := make([][]int, steps+1) // step → place → line
	last := 0                         // the last step that changed the order
	for step := range holders {
		holders[step] = make([]int, len(s.Lines))
		for line, place := range s.rank(step) {
			holders[step][place-1] = line
		}
		if step > 0 && !slices.Equal(holders[step], holders[step-1]) {
			last = step
		}
	}
	shown := min(steps, last+1)
	var b strings.Builder
	b.WriteString(t.Paint(Dim, "place  start"))
	for step := 1; step <= shown; step++ {
		b.WriteString(t.Paint(Dim, fmt.Sprintf("%4d", step)))
	}
	b.WriteString("\n")
	for place := range s.Lines {
		fmt.Fprintf(&b, "%5d  %5s", place+1, Letter(holders[0][place]))
		for step := 1; step <= shown; step++ {
			now := Letter(holders[step][place])
			if holders[step][place] == holders[step-1][place] {
				b.WriteString("   " + t.Paint(Dim, now))
			} else {
				b.WriteString("  " + t.Paint(Yellow, "›"+now))
			}
		}
		b.WriteString("\n")
	}
	switch {
	case last == 0:
		b.WriteString(t.Paint(Dim, "no step changed the order\n"))
	case last < steps:
		b.WriteString(t.Paint(Dim, fmt.Sprintf("the order stood from step %d to step %d, the last\n", last, steps)))
	}
	return b.String()
}

var bars = []rune("▁▂▃▄▅▆▇█")

// Spark draws values as a line of bars between low and high; at most width of them (0: all): the first, which move most
// in what settles, and the last. NaN is a gap.
func Spark(values []float64, low, high float64, width int) string {
	n := len(values)
	if width > 0 && n > width {
		n = width
	}
	var b strings.Builder
	for i := range n {
		v := values[i]
		if i == n-1 {
			v = values[len(values)-1]
		}
		if math.IsNaN(v) {
			b.WriteByte(' ')
			continue
		}
		level := 0.0
		if high > low {
			level = (v - low) / (high - low)
		}
		b.WriteRune(bars[int(min(max(level, 0), 1)*float64(len(bars)-1)+.5)])
	}
	return b.String()
}

// Bar draws a share in [0, 1] as a bar of width columns.
func Bar(share float64, width int) string {
	full := 0
	if !math.IsNaN(share) {
		full = int(min(max(share, 0), 1)*float64(width) + .5)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}

// Pad fills s up with spaces to n columns.
func Pad(s string, n int) string { return text.Pad(s, n, ' ') }

// The picture's measures, in points.
const (
	pictureWidth  = 900
	pictureHeight = 540
	left          = 64         // of the panels: their numbers stand left of it
	labels        = 385        // width of the memories' texts, right of the panels
	gap           = 13.0       // least distance of two labels
	least         = 1e-16      // what a residual of 0 is drawn as
	labelSize     = 9.5        // of the memories' texts
	labelColumns  = labels / 5 // columns of text for which labels have room, about
)

// SVG draws the ranking: above, each memory's weight over the steps, with its text at the end of its line; beneath, the
// residual on a logarithmic axis.
func (s *Settling) SVG(w io.Writer) error {
	if s.Steps() < 1 {
		return errors.New("there is nothing to draw: no memory was recalled")
	}
	f := chart.New(pictureWidth, pictureHeight)
	f.Text(chart.Point{X: 16, Y: 23}, chart.Text{Size: 15, Color: chart.Ink, Bold: true}, Short(s.Query, 110))
	f.Text(chart.Point{X: 16, Y: 43}, chart.Text{Size: 10.5, Color: chart.Faint}, Clean(s.Certificate))
	s.drawWeights(f)
	s.drawResiduals(f)
	_, err := f.WriteTo(w)
	return err
}

func (s *Settling) drawWeights(f *chart.Figure) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, l := range s.Lines {
		for _, w := range l.Weights {
			low, high = min(low, w), max(high, w)
		}
	}
	room := (high - low) * .04
	if room == 0 {
		room = .5
	}
	p := chart.Panel{Left: left, Top: 62, Right: pictureWidth - labels, Bottom: 382,
		X: chart.Axis{Max: float64(s.Steps())}, // the panel beneath has its ticks
		Y: chart.Axis{Label: "weight, as a share of the best", Min: low - room, Max: high + room, Ticks: chart.Ticks(low-room, high+room, 6)}}
	f.Panel(p, "")
	ends := make([]float64, len(s.Lines))
	for i, l := range slices.Backward(s.Lines) { // the best last, on top
		points := make([]chart.Point, s.Steps()+1)
		for step := range points {
			points[step] = p.At(float64(step), l.at(step))
		}
		width := 1.4
		if s.Climb(i) > 0 {
			width = 2.6
		}
		f.Line(chart.Stroke{Color: lineColor(i), Width: width}, points...)
		ends[i] = points[s.Steps()].Y
	}
	for i, y := range apart(ends, gap, p.Top, p.Bottom) {
		x, color := p.Right, lineColor(i)
		f.Line(chart.Stroke{Color: color, Width: .7}, chart.Point{X: x + 2, Y: ends[i]}, chart.Point{X: x + 16, Y: y}, chart.Point{X: x + 20, Y: y})
		change := ""
		switch climb := s.Climb(i); {
		case climb > 0:
			change = fmt.Sprintf("▲%d", climb)
		case climb < 0:
			change = fmt.Sprintf("▼%d", -climb)
		}
		f.Text(chart.Point{X: x + 24, Y: y}, chart.Text{Size: labelSize, Color: color}, change)
		f.Text(chart.Point{X: x + 46, Y: y}, chart.Text{Size: labelSize, Color: color}, Short(s.Lines[i].Label, labelColumns-13))
	}
}

func (s *Settling) drawResiduals(f *chart.Figure) {
	var seen []float64 // the residuals that are numbers
	for _, r := range s.Residuals {
		if !math.IsNaN(r) {
			seen = append(seen, max(r, least))
		}
	}
	if s.Epsilon > 0 {
		seen = append(seen, s.Epsilon)
	}
	first, last := -1, 0 // powers of ten
	if len(seen) > 0 {
		first, last = int(math.Floor(math.Log10(slices.Min(seen)))), int(math.Ceil(math.Log10(slices.Max(seen))))
	}
	if first == last {
		last++
	}
	p := chart.Panel{Left: left, Top: 404, Right: pictureWidth - labels, Bottom: 496,
		X: chart.Axis{Label: "step of the recursion", Max: float64(s.Steps()), Ticks: chart.Steps(0, s.Steps())},
		Y: chart.Axis{Label: "residual", Log: true, Min: math.Pow10(first), Max: math.Pow10(last)}}
	p.X.Ticks[0].Label = "start"
	for e := last; e >= first; e -= 1 + (last-first)/5 {
		p.Y.Ticks = append(p.Y.Ticks, chart.Tick{At: math.Pow10(e), Label: fmt.Sprintf("1e%d", e)})
	}
	f.Panel(p, "")
	var points []chart.Point
	for i, r := range s.Residuals {
		if !math.IsNaN(r) {
			points = append(points, p.At(float64(i+1), max(r, least)))
		}
	}
	f.Line(chart.Stroke{Color: chart.Ink, Width: 1.4}, points...)
	for _, at := range points {
		f.Dot(at, 2.2, chart.Ink)
	}
	legend := []string{
		"▲ places gained by the recursion (thick lines), ▼ places lost",
		"residual: the largest change of a weight in a step, on a log axis",
	}
	if s.Epsilon > 0 {
		f.Line(chart.Stroke{Color: chart.Faint, Width: 1, Dashed: true}, p.At(0, s.Epsilon), p.At(p.X.Max, s.Epsilon))
		legend = append(legend, fmt.Sprintf("dashed: %.0e; below it the ranking counts as settled", s.Epsilon))
	}
	for i, line := range legend {
		f.Text(chart.Point{X: p.Right + 24, Y: p.Top + 8 + 15*float64(i)}, chart.Text{Size: labelSize, Color: chart.Faint}, line)
	}
}

func lineColor(line int) string { return chart.Colors[line%len(chart.Colors)] }

// apart moves positions so that any two are at least gap from each other, keeping their order and staying within the
// bounds if there is room.
func apart(at []float64, gap, low, high float64) []float64 {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[a], at[b]) }) // equal ones keep the order of the lines
	out := slices.Clone(at)
	least := low
	for _, i := range order { // down, where one stands too high
		out[i] = max(out[i], least)
		least = out[i] + gap
	}
	most := max(high, low+gap*float64(len(at)-1))
	for _, i := range slices.Backward(order) { // and up again, where the last left the bounds
		out[i] = min(out[i], most)
		most = out[i] - gap
	}
	return out
}
