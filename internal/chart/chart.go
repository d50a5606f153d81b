// Package chart draws charts as SVG: panels with axes, lines, bands, bars, dots and text. It knows nothing of what they show.
//
// Lengths are points (1/72 inch), from the upper left corner of the figure. Texts are set in Liberation Sans, Arial or
// Helvetica, whichever the reader has; their widths are therefore estimates.
package chart

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// The colours of text, of secondary text and of grid lines.
const (
	Ink   = "#22262e"
	Faint = "#7a808a"
	Grid  = "#dcdfe4"
)

// Colors tell lines apart, for the colour-blind too. They are close to Paul Tol's "bright" and "vibrant" schemes
// (personal.sron.nl/~pault).
var Colors = []string{"#0077bb", "#ee7733", "#228833", "#cc3311", "#aa3377", "#009988", "#b89a10", "#6655bb", "#8a5a3c", "#888888"}

// Point is a position in a figure, or in a panel's own units.
type Point struct{ X, Y float64 }

// Figure is a picture under construction.
type Figure struct {
	width, height float64
	body          bytes.Buffer
}

// New makes an empty white figure.
func New(width, height float64) *Figure {
	f := &Figure{width: width, height: height}
	f.Rect(Point{}, Point{width, height}, "#ffffff")
	return f
}

// WriteTo writes the figure as an SVG document.
func (f *Figure) WriteTo(w io.Writer) (int64, error) {
	n, err := fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%spt\" height=\"%[2]spt\" viewBox=\"0 0 %[1]s %[2]s\"\n"+
		"\tfont-family=\"'Liberation Sans',Arial,Helvetica,sans-serif\" stroke-linejoin=\"round\">\n%[3]s</svg>\n", number(f.width), number(f.height), f.body.Bytes())
	return int64(n), err
}

// Rect fills a rectangle between two corners.
func (f *Figure) Rect(a, b Point, fill string) {
	fmt.Fprintf(&f.body, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill=\"%s\"/>\n", number(min(a.X, b.X)), number(min(a.Y, b.Y)),
		number(math.Abs(b.X-a.X)), number(math.Abs(b.Y-a.Y)), fill)
}

// Stroke is the look of a line.
type Stroke struct {
	Color  string
	Width  float64
	Dashed bool
}

// Line draws a line through points.
func (f *Figure) Line(s Stroke, points ...Point) {
	dashes := ""
	if s.Dashed {
		dashes = " stroke-dasharray=\"4 3\""
	}
	fmt.Fprintf(&f.body, "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s/>\n", list(points), s.Color, number(s.Width), dashes)
}

// Area fills a polygon, translucent.
func (f *Figure) Area(fill string, points ...Point) {
	fmt.Fprintf(&f.body, "<polygon points=\"%s\" fill=\"%s\" fill-opacity=\"0.2\"/>\n", list(points), fill)
}

// Dot draws a filled circle.
func (f *Figure) Dot(at Point, radius float64, fill string) {
	fmt.Fprintf(&f.body, "<circle cx=\"%s\" cy=\"%s\" r=\"%s\" fill=\"%s\"/>\n", number(at.X), number(at.Y), number(radius), fill)
}

// Text is the look of a text. Anchor is start (the zero value), middle or end; Up turns it to be read from below.
type Text struct {
	Size   float64
	Color  string
	Anchor string
	Bold   bool
	Up     bool
}

// Text writes a line whose vertical centre is at a point.
func (f *Figure) Text(at Point, look Text, text string) {
	more := ""
	if look.Anchor != "" {
		more += " text-anchor=\"" + look.Anchor + "\""
	}
	if look.Bold {
		more += " font-weight=\"bold\""
	}
	if look.Up {
		more += fmt.Sprintf(" transform=\"rotate(-90 %s %s)\"", number(at.X), number(at.Y))
	}
	fmt.Fprintf(&f.body, "<text x=\"%s\" y=\"%s\" dy=\"0.35em\" font-size=\"%s\" fill=\"%s\"%s>%s</text>\n",
		number(at.X), number(at.Y), number(look.Size), look.Color, more, escape(text))
}

// Tick is a labelled value on an axis.
type Tick struct {
	At    float64
	Label string
}

// Axis is the range of a panel in one direction. A logarithmic one needs Min > 0.
type Axis struct {
	Label    string
	Min, Max float64
	Log      bool
	Ticks    []Tick
}

// share is where a value lies between Min (0) and Max (1).
func (a Axis) share(v float64) float64 {
	low, high := a.Min, a.Max
	if a.Log {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	if high == low {
		return .5
	}
	return (v - low) / (high - low)
}

// Panel is a rectangle of a figure, from Top left to Bottom right, in which values are drawn. Labels stand outside it.
type Panel struct {
	X, Y                     Axis
	Left, Top, Right, Bottom float64
}

// At is where a pair of values lies in the figure.
func (p Panel) At(x, y float64) Point {
	return Point{p.Left + p.X.share(x)*(p.Right-p.Left), p.Bottom - p.Y.share(y)*(p.Bottom-p.Top)}
}

// Panel draws a panel's horizontal grid, tick labels and axis labels, and with a title one above it.
func (f *Figure) Panel(p Panel, title string) {
	label := Text{Size: 9, Color: Faint}
	for _, t := range p.Y.Ticks {
		y := p.At(p.X.Min, t.At).Y
		f.Line(Stroke{Color: Grid, Width: .5}, Point{p.Left, y}, Point{p.Right, y})
		label.Anchor = "end"
		f.Text(Point{p.Left - 6, y}, label, t.Label)
	}
	for _, t := range p.X.Ticks {
		label.Anchor = "middle"
		f.Text(Point{p.At(t.At, p.Y.Max).X, p.Bottom + 12}, label, t.Label)
	}
	name := Text{Size: 10, Color: Faint, Anchor: "middle"}
	f.Text(Point{(p.Left + p.Right) / 2, p.Bottom + 26}, name, p.X.Label)
	name.Up = true
	f.Text(Point{p.Left - 42, (p.Top + p.Bottom) / 2}, name, p.Y.Label)
	f.Text(Point{(p.Left + p.Right) / 2, p.Top - 12}, Text{Size: 11, Color: Ink, Anchor: "middle", Bold: true}, title)
}

// Key is a line of a legend.
type Key struct {
	Name   string
	Stroke Stroke
}

// Legend lists lines, the first at a point.
func (f *Figure) Legend(at Point, keys ...Key) {
	for i, k := range keys {
		y := at.Y + 13*float64(i)
		f.Line(k.Stroke, Point{at.X, y}, Point{at.X + 20, y})
		f.Text(Point{at.X + 26, y}, Text{Size: 9, Color: Ink}, k.Name)
	}
}

// Ticks are about n round values between two.
func Ticks(low, high float64, n int) []Tick {
	if !(high > low) || math.IsInf(high-low, 0) {
		return []Tick{{low, strconv.FormatFloat(low, 'g', 3, 64)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var ticks []Tick
	for k := math.Ceil(low/step - 1e-9); k*step <= high+step*1e-9; k++ {
		ticks = append(ticks, Tick{k * step, strconv.FormatFloat(math.Round(k*step/step)*step, 'g', 4, 64)})
	}
	return ticks
}

// Steps are the whole numbers from first to last of which about a dozen are labelled.
func Steps(first, last int) []Tick {
	var ticks []Tick
	for n, every := first, 1+(last-first)/12; n <= last; n += every {
		ticks = append(ticks, Tick{float64(n), strconv.Itoa(n)})
	}
	return ticks
}

func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

func list(points []Point) string {
	var b strings.Builder
	for i, p := range points {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(number(p.X) + "," + number(p.Y))
	}
	return b.String()
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes a text fit for XML, which holds no control characters.
func escape(s string) string {
	return escaper.Replace(strings.Map(func(r rune) rune {
		if r < ' ' || r == '\uFFFE' || r == '\uFFFF' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
