package ui

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The picture's measures.
const (
	pictureWidth  = 12.5 * vg.Inch
	pictureHeight = 7.5 * vg.Inch
	pictureDPI    = 144 // 1800 × 1080 pixels
	margin        = vg.Length(16)
	head          = vg.Length(58)  // for the title
	labels        = vg.Length(385) // for the memories' texts, to the right of the lines
	foot          = vg.Length(150) // for the residual, beneath
	gap           = vg.Length(13)  // least distance of two labels
	floor         = 1e-16          // what a residual of 0 is drawn as
)

// ink holds the colours: the lines' are close to those of Paul Tol's "bright" and "vibrant" schemes, which the colour-blind can
// tell apart (personal.sron.nl/~pault).
var ink = struct{ text, faint, grid color.Color }{
	text:  color.NRGBA{0x22, 0x26, 0x2e, 0xff},
	faint: color.NRGBA{0x7a, 0x80, 0x8a, 0xff},
	grid:  color.NRGBA{0xdc, 0xdf, 0xe4, 0xff},
}

var lineInk = []color.Color{
	color.NRGBA{0x00, 0x77, 0xbb, 0xff}, color.NRGBA{0xee, 0x77, 0x33, 0xff}, color.NRGBA{0x22, 0x88, 0x33, 0xff},
	color.NRGBA{0xcc, 0x33, 0x11, 0xff}, color.NRGBA{0xaa, 0x33, 0x77, 0xff}, color.NRGBA{0x00, 0x99, 0x88, 0xff},
	color.NRGBA{0xb8, 0x9a, 0x10, 0xff}, color.NRGBA{0x66, 0x55, 0xbb, 0xff}, color.NRGBA{0x8a, 0x5a, 0x3c, 0xff},
	color.NRGBA{0x88, 0x88, 0x88, 0xff},
}

// Save draws the ranking into a file: .png or .svg. Above, each memory's weight over the steps, with its text at the end
// of its line; beneath, the residual on a logarithmic axis.
func (s *Settling) Save(path string) error {
	if s.Steps() < 1 {
		return fmt.Errorf("draw %s: there is nothing to draw: no memory was recalled", path)
	}
	return SavePicture(path, pictureWidth, pictureHeight, s.draw)
}

// SavePicture draws a picture into a file, .png or .svg, which is replaced once the picture is whole.
func SavePicture(path string, width, height vg.Length, paint func(draw.Canvas) error) error {
	kind := strings.ToLower(filepath.Ext(path))
	var encode func(*os.File) error
	var canvas vg.CanvasSizer
	switch kind {
	case ".png":
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pictureDPI))
		canvas, encode = c, func(f *os.File) error { _, err := vgimg.PngCanvas{Canvas: c}.WriteTo(f); return err }
	case ".svg":
		c := vgsvg.New(width, height)
		canvas, encode = c, func(f *os.File) error { return writeSVG(c, f) }
	default:
		return fmt.Errorf("draw %s: unknown kind of picture %q: use .svg or .png", path, kind)
	}
	if err := paint(draw.New(canvas)); err != nil {
		return fmt.Errorf("draw %s: %w", path, err)
	}
	if err := replace(path, encode); err != nil {
		if e := (*os.PathError)(nil); errors.As(err, &e) {
			err = e.Err // its path is that of a file which nobody named
		}
		return fmt.Errorf("draw %s: %w", path, err)
	}
	return nil
}

// writeSVG names fonts of the same measures for readers that have no Liberation Sans.
func writeSVG(c *vgsvg.Canvas, w io.Writer) error {
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")))
	return err
}

// replace writes a file beside path and moves it there once it is whole.
func replace(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".refine-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been moved
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func sans(size vg.Length, weight xfont.Weight) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size, Weight: weight}
	return text.Style{Color: ink.text, Font: f, Handler: plot.DefaultTextHandler, YAlign: draw.YCenter}
}

func (s *Settling) draw(c draw.Canvas) error {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())

	title := sans(15, xfont.WeightBold)
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: c.Min.X + margin, Y: c.Max.Y - margin}, Short(s.Query, 110))
	subtitle := sans(10.5, xfont.WeightNormal)
	subtitle.Color, subtitle.YAlign = ink.faint, draw.YTop
	c.FillText(subtitle, vg.Point{X: c.Min.X + margin, Y: c.Max.Y - margin - 21}, Clean(s.Certificate))

	weights, err := s.weights()
	if err != nil {
		return err
	}
	residual, err := s.residual()
	if err != nil {
		return err
	}
	upper := draw.Crop(c, margin, -labels, foot, -head)
	lower := draw.Crop(c, margin, -labels, margin, -(c.Max.Y - c.Min.Y - foot + 2))
	// Both panels share the steps' axis, so both must leave the same room for their numbers.
	above, below := weights.DataCanvas(upper), residual.DataCanvas(lower)
	left, right := max(above.Min.X, below.Min.X), min(above.Max.X, below.Max.X)
	upper.Min.X, upper.Max.X = upper.Min.X+left-above.Min.X, upper.Max.X+right-above.Max.X
	lower.Min.X, lower.Max.X = lower.Min.X+left-below.Min.X, lower.Max.X+right-below.Max.X
	weights.Draw(upper)
	residual.Draw(lower)
	s.label(c, weights, weights.DataCanvas(upper))
	s.legend(c, residual.DataCanvas(lower))
	return nil
}

// panel is an empty plot in the picture's style.
func (s *Settling) panel(name string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Min, p.X.Max = 0, float64(s.Steps())
	p.Y.Label.Text = name
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle = sans(10, xfont.WeightNormal)
		axis.Label.TextStyle.Color = ink.faint
		axis.Label.TextStyle.XAlign, axis.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
		axis.Tick.Label = sans(9, xfont.WeightNormal)
		axis.Tick.Label.Color = ink.faint
		axis.LineStyle.Width = 0
		axis.Tick.LineStyle.Color = ink.grid
		axis.Tick.Length = 4
		axis.Padding = 4
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Label.TextStyle.YAlign = draw.YTop
	p.X.Tick.Marker = plot.TickerFunc(func(_, _ float64) []plot.Tick { return s.stepTicks() })
	p.X.Tick.LineStyle.Width = 0
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = ink.grid, nil
	grid.Vertical.Width = 0
	p.Add(grid)
	return p
}

// stepTicks labels at most about a dozen steps, the first as the start.
func (s *Settling) stepTicks() []plot.Tick {
	every := 1 + s.Steps()/12
	ticks := []plot.Tick{{Value: 0, Label: "start"}}
	for step := every; step <= s.Steps(); step += every {
		ticks = append(ticks, plot.Tick{Value: float64(step), Label: fmt.Sprint(step)})
	}
	return ticks
}

func (s *Settling) weights() (*plot.Plot, error) {
	p := s.panel("weight, as a share of the best")
	p.X.Tick.Marker = plot.ConstantTicks(nil) // the panel beneath has them
	low, high := math.Inf(1), math.Inf(-1)
	for i := len(s.Lines) - 1; i >= 0; i-- { // the best last, on top
		points := make(plotter.XYs, s.Steps()+1)
		for step := range points {
			w := s.Lines[i].at(step)
			points[step] = plotter.XY{X: float64(step), Y: w}
			low, high = min(low, w), max(high, w)
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color = lineInk[i%len(lineInk)]
		line.Width = 1.4
		if s.Climb(i) > 0 {
			line.Width = 2.6
		}
		p.Add(line)
	}
	room := (high - low) * .04
	if room == 0 {
		room = .5
	}
	p.Y.Min, p.Y.Max = low-room, high+room
	return p, nil
}

func (s *Settling) residual() (*plot.Plot, error) {
	p := s.panel("residual")
	p.X.Label.Text = "step of the recursion"
	var points plotter.XYs
	low, high := math.Inf(1), math.Inf(-1)
	for i, r := range s.Residuals {
		if math.IsNaN(r) {
			continue
		}
		r = max(r, floor)
		points = append(points, plotter.XY{X: float64(i + 1), Y: r})
		low, high = min(low, r), max(high, r)
	}
	if s.Epsilon > 0 {
		low, high = min(low, s.Epsilon), max(high, s.Epsilon)
	}
	if math.IsInf(low, 1) {
		low, high = .1, 1
	}
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	if p.Y.Min == p.Y.Max {
		p.Y.Max *= 10
	}
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.TickerFunc(decades)
	if len(points) > 0 {
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = ink.text, 1.4
		dots.Color, dots.Shape, dots.Radius = ink.text, draw.CircleGlyph{}, 2.2
		p.Add(line, dots)
	}
	if s.Epsilon > 0 {
		limit, err := plotter.NewLine(plotter.XYs{{X: 0, Y: s.Epsilon}, {X: float64(s.Steps()), Y: s.Epsilon}})
		if err != nil {
			return nil, err
		}
		limit.Color, limit.Width, limit.Dashes = ink.faint, 1, []vg.Length{4, 3}
		p.Add(limit)
	}
	return p, nil
}

// decades ticks powers of ten, at most five of them.
func decades(low, high float64) []plot.Tick {
	first, last := int(math.Round(math.Log10(low))), int(math.Round(math.Log10(high)))
	every := 1 + (last-first)/5
	var ticks []plot.Tick
	for e := last; e >= first; e -= every {
		ticks = append(ticks, plot.Tick{Value: math.Pow(10, float64(e)), Label: fmt.Sprintf("1e%d", e)})
	}
	return ticks
}

// label writes each memory's text at the end of its line, moved apart where lines end close together.
func (s *Settling) label(c draw.Canvas, p *plot.Plot, data draw.Canvas) {
	_, toY := p.Transforms(&data)
	ends := make([]vg.Length, len(s.Lines))
	for i, l := range s.Lines {
		ends[i] = toY(l.at(s.Steps()))
	}
	places := apart(ends, gap, data.Min.Y, data.Max.Y)
	x := data.Max.X
	style := sans(9.5, xfont.WeightNormal)
	for i, l := range s.Lines {
		hue := lineInk[i%len(lineInk)]
		c.StrokeLines(draw.LineStyle{Color: hue, Width: .7}, []vg.Point{{X: x + 2, Y: ends[i]}, {X: x + 16, Y: places[i]}, {X: x + 20, Y: places[i]}})
		style.Color = hue
		change := ""
		switch climb := s.Climb(i); {
		case climb > 0:
			change = fmt.Sprintf("▲%d", climb)
		case climb < 0:
			change = fmt.Sprintf("▼%d", -climb)
		}
		c.FillText(style, vg.Point{X: x + 24, Y: places[i]}, change)
		c.FillText(style, vg.Point{X: x + 46, Y: places[i]}, fit(style, l.Label, labels-62))
	}
}

// legend says, beside the residual, what the lines and marks mean.
func (s *Settling) legend(c, data draw.Canvas) {
	style := sans(9.5, xfont.WeightNormal)
	style.Color = ink.faint
	lines := []string{
		"▲ places gained by the recursion (thick lines), ▼ places lost",
		"residual: the largest change of a weight in a step, on a log axis",
	}
	if s.Epsilon > 0 {
		lines = append(lines, fmt.Sprintf("dashed: %.0e, beneath which the ranking stands still", s.Epsilon))
	}
	for i, line := range lines {
		c.FillText(style, vg.Point{X: data.Max.X + 24, Y: data.Max.Y - 8 - 15*vg.Length(i)}, line)
	}
}

// fit cuts a text until it is no wider than width.
func fit(style text.Style, s string, width vg.Length) string {
	s = Clean(s)
	if style.Width(s) <= width {
		return s
	}
	runes := []rune(s)
	for len(runes) > 0 && style.Width(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimRight(string(runes), " ,.;") + "…"
}

// apart moves positions so that any two are at least gap from each other, keeping their order and staying within the
// bounds if there is room. Positions in groups that touch are spread around the group's mean.
func apart(at []vg.Length, gap, low, high vg.Length) []vg.Length {
	type group struct {
		lines []int
		mean  vg.Length
	}
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { // from low to high; of equals the first line is the higher
		switch {
		case at[a] < at[b]:
			return -1
		case at[a] > at[b]:
			return 1
		}
		return b - a
	})
	bottom := func(g group) vg.Length {
		half := gap * vg.Length(len(g.lines)-1) / 2
		return min(max(g.mean, low+half), max(high-half, low+half)) - half
	}
	var groups []group
	for _, i := range order {
		groups = append(groups, group{[]int{i}, at[i]})
		for n := len(groups); n > 1; n = len(groups) {
			a, b := groups[n-2], groups[n-1]
			if bottom(b) >= bottom(a)+gap*vg.Length(len(a.lines)) {
				break
			}
			na, nb := vg.Length(len(a.lines)), vg.Length(len(b.lines))
			groups = append(groups[:n-2], group{append(a.lines, b.lines...), (a.mean*na + b.mean*nb) / (na + nb)})
		}
	}
	out := make([]vg.Length, len(at))
	for _, g := range groups {
		for k, i := range g.lines {
			out[i] = bottom(g) + gap*vg.Length(k)
		}
	}
	return out
}
