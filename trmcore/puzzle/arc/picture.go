package arc

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"io"
	"strings"
)

// Palette holds the ten colours as ARC's own viewer shows them.
var Palette = [Colors]color.RGBA{
	{0x00, 0x00, 0x00, 0xff}, {0x00, 0x74, 0xd9, 0xff}, {0xff, 0x41, 0x36, 0xff}, {0x2e, 0xcc, 0x40, 0xff}, {0xff, 0xdc, 0x00, 0xff},
	{0xaa, 0xaa, 0xaa, 0xff}, {0xf0, 0x12, 0xbe, 0xff}, {0xff, 0x85, 0x1b, 0xff}, {0x7f, 0xdb, 0xff, 0xff}, {0x87, 0x0c, 0x25, 0xff},
}

// Text draws the grid for a terminal: two columns a cell, as ANSI background colours with the digit in it, or plain
// digits without color.
func (g Grid) Text(color bool) string {
	var b strings.Builder
	for _, row := range g {
		for _, c := range row {
			if !color {
				fmt.Fprintf(&b, "%d ", c)
				continue
			}
			p := Palette[c]
			ink := 97 // white on dark colours, black on light ones
			if 299*int(p.R)+587*int(p.G)+114*int(p.B) > 128_000 {
				ink = 30
			}
			fmt.Fprintf(&b, "\x1b[48;2;%d;%d;%dm\x1b[%dm%d \x1b[0m", p.R, p.G, p.B, ink, c)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// The look of pictures, in pixels.
const (
	cellSide = 14
	gutter   = 16 // around grids
	arrow    = 40 // between input and output
)

var (
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	lines = color.RGBA{0x66, 0x66, 0x66, 0xff}
	faint = color.RGBA{0xf0, 0xf2, 0xf5, 0xff} // behind test pairs
)

// placed is a grid with the upper left corner it is drawn at.
type placed struct {
	grid Grid
	at   image.Point
}

// layout puts the pairs of a task beneath each other, inputs to the left, outputs to the right; test is where the test
// pairs begin.
func (t Task) layout() (grids []placed, arrows []image.Point, size image.Point, test int) {
	left := 0
	pairs := append(append([]Pair{}, t.Train...), t.Test...)
	for _, p := range pairs {
		left = max(left, len(p.Input[0]))
	}
	y := gutter
	for i, p := range pairs {
		if i == len(t.Train) {
			test = y - gutter/2
		}
		height := max(len(p.Input), len(p.Output)) * cellSide
		grids = append(grids, placed{p.Input, image.Pt(gutter, y)})
		x := gutter + left*cellSide
		arrows = append(arrows, image.Pt(x+arrow/2, y+height/2))
		x += arrow
		if !p.Output.Empty() {
			grids = append(grids, placed{p.Output, image.Pt(x, y)})
			x += len(p.Output[0]) * cellSide
		}
		size.X = max(size.X, x+gutter)
		y += height + gutter
	}
	size.Y = y
	return grids, arrows, size, test
}

// check says whether a task can be drawn.
func (t Task) check() error {
	if len(t.Train)+len(t.Test) == 0 {
		return fmt.Errorf("task %s: %w: it has no pairs", t.ID, ErrFormat)
	}
	for _, pairs := range [][]Pair{t.Train, t.Test} {
		for i, p := range pairs {
			err := p.Input.Check()
			if err == nil && !p.Output.Empty() {
				err = p.Output.Check()
			}
			if err != nil {
				return fmt.Errorf("task %s: pair %d: %w", t.ID, i+1, err)
			}
		}
	}
	return nil
}

// SVG draws the task: a row for each pair, test pairs on a grey ground.
func (t Task) SVG(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	grids, arrows, size, test := t.layout()
	b := bufio.NewWriter(w)
	hex := func(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }
	rect := func(x, y, w, h int, c color.RGBA) {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", x, y, w, h, hex(c))
	}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+"\n", size.X, size.Y)
	rect(0, 0, size.X, size.Y, paper)
	rect(0, test, size.X, size.Y-test, faint)
	for _, p := range grids {
		rect(p.at.X-1, p.at.Y-1, len(p.grid[0])*cellSide+1, len(p.grid)*cellSide+1, lines)
		for r, row := range p.grid {
			for c, color := range row {
				rect(p.at.X+c*cellSide, p.at.Y+r*cellSide, cellSide-1, cellSide-1, Palette[color])
			}
		}
	}
	for _, a := range arrows {
		fmt.Fprintf(b, `<path d="M%d %dh20m-6 -6l6 6l-6 6" fill="none" stroke="%s" stroke-width="2"/>`+"\n", a.X-10, a.Y, hex(lines))
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}
