package maze

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Text draws the maze for a terminal, two columns a cell. With color, walls are blocks, the path is yellow, start and
// goal are bold; without, it is plain characters.
func (m Maze) Text(color bool) string {
	var b strings.Builder
	for i, c := range m.Cells {
		switch {
		case c == Wall && color:
			b.WriteString("\x1b[90m██\x1b[0m")
		case c == Wall:
			b.WriteString("██")
		case c == Path && color:
			b.WriteString("\x1b[33m··\x1b[0m")
		case c == Path:
			b.WriteString("··")
		case c == Free:
			b.WriteString("  ")
		case color:
			b.WriteString("\x1b[1m" + letters[c:c+1] + " \x1b[0m")
		default:
			b.WriteString(letters[c:c+1] + " ")
		}
		if (i+1)%m.Side == 0 {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

const cellSize = 16 // pixels of a cell in pictures

// SVG draws the maze: walls dark, the path as dots.
func (m Maze) SVG(w io.Writer) error {
	if m.Side < 1 || len(m.Cells) != m.Side*m.Side {
		return fmt.Errorf("%w: %d cells are no square of side %d", ErrFormat, len(m.Cells), m.Side)
	}
	b := bufio.NewWriter(w)
	size := m.Side * cellSize
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-weight="bold" font-size="13" text-anchor="middle">`+"\n", size, size)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", size, size)
	for i, c := range m.Cells {
		x, y := i%m.Side*cellSize, i/m.Side*cellSize
		switch c {
		case Wall:
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="#22262e"/>`+"\n", x, y, cellSize, cellSize)
		case Path:
			fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="4" fill="#ee7733"/>`+"\n", x+cellSize/2, y+cellSize/2)
		case Start, Goal:
			fmt.Fprintf(b, `<text x="%d" y="%d" fill="#00559b">%c</text>`+"\n", x+cellSize/2, y+cellSize*3/4, letters[c])
		}
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}
