package arc

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
)

// palette holds the ten colours, red, green and blue, as ARC's own viewer shows them.
var palette = [Colors][3]uint8{
	{0x00, 0x00, 0x00}, {0x00, 0x74, 0xd9}, {0xff, 0x41, 0x36}, {0x2e, 0xcc, 0x40}, {0xff, 0xdc, 0x00},
	{0xaa, 0xaa, 0xaa}, {0xf0, 0x12, 0xbe}, {0xff, 0x85, 0x1b}, {0x7f, 0xdb, 0xff}, {0x87, 0x0c, 0x25},
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
			p := palette[c]
			ink := 97 // white on dark colours, black on light ones
			if 299*int(p[0])+587*int(p[1])+114*int(p[2]) > 128_000 {
				ink = 30
			}
			fmt.Fprintf(&b, "\x1b[48;2;%d;%d;%dm\x1b[%dm%d \x1b[0m", p[0], p[1], p[2], ink, c)
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

// SVG draws the task: a row for each pair, inputs to the left, outputs to the right, test pairs on a grey ground.
func (t Task) SVG(w io.Writer) error {
	pairs := slices.Concat(t.Train, t.Test)
	if len(pairs) == 0 {
		return fmt.Errorf("task %s: %w: it has no pairs", t.ID, ErrFormat)
	}
	left := 0
	for i, p := range pairs {
		err := p.Input.check()
		if err == nil && !p.Output.Empty() {
			err = p.Output.check()
		}
		if err != nil {
			return fmt.Errorf("task %s: pair %d: %w", t.ID, i+1, err)
		}
		left = max(left, len(p.Input[0])*cellSide)
	}
	var b bytes.Buffer
	rect := func(x, y, w, h int, fill string) {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", x, y, w, h, fill)
	}
	draw := func(g Grid, left, top int) {
		rect(left-1, top-1, len(g[0])*cellSide+1, len(g)*cellSide+1, "#666666")
		for r, row := range g {
			for c, color := range row {
				rect(left+c*cellSide, top+r*cellSide, cellSide-1, cellSide-1, fmt.Sprintf("#%x", palette[color]))
			}
		}
	}
	width, y, test := 0, gutter, 0
	for i, p := range pairs {
		if i == len(t.Train) {
			test = y - gutter/2
		}
		height := max(len(p.Input), len(p.Output)) * cellSide
		draw(p.Input, gutter, y)
		x := gutter + left
		fmt.Fprintf(&b, `<path d="M%d %dh20m-6 -6l6 6l-6 6" fill="none" stroke="#666666" stroke-width="2"/>`+"\n", x+arrow/2-10, y+height/2)
		x += arrow
		if !p.Output.Empty() {
			draw(p.Output, x, y)
			x += len(p.Output[0]) * cellSide
		}
		width = max(width, x+gutter)
		y += height + gutter
	}
	pairsDrawn := b.String()
	b.Reset()
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+"\n", width, y)
	rect(0, 0, width, y, "#ffffff")
	rect(0, test, width, y-test, "#f0f2f5") // behind test pairs
	b.WriteString(pairsDrawn + "</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}
