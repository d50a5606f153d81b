package sudoku

import (
	"bufio"
	"fmt"
	"io"
)

// The look of pictures, in pixels.
const (
	cellSize   = 40
	pictureRim = 12
	footHeight = 30
	boardSize  = 9 * cellSize
	pictureW   = boardSize + 2*pictureRim
	pictureH   = boardSize + 2*pictureRim + footHeight

	frameTime = 450  // milliseconds that a step is shown
	lastTime  = 2500 // milliseconds that the answer is shown
)

// The colours.
const (
	paper = "#ffffff"
	ink   = "#22262e" // givens and thick lines
	thin  = "#c9cdd4" // thin lines
	pen   = "#00559b" // answers
	glow  = "#ffe9a8" // behind changed cells
	red   = "#cc3311" // contradictions
)

// lines are the places of the lines between cells, the thick ones last so that they lie on top.
var lines = [10]int{1, 2, 4, 5, 7, 8, 0, 3, 6, 9}

// inks are the colours of digits.
var inks = [...]string{plain: pen, given: ink, wrong: red, changed: pen}

// SVG draws the puzzle and every step as a drawing that moves in a browser and ends with the last step.
func (s *Settling) SVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	n := len(s.Steps)
	total := n*frameTime + lastTime
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d" text-anchor="middle">`+"\n", pictureW, pictureH, cellSize*6/10)
	fmt.Fprintf(b, "<title>Sudoku %s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", s.Puzzle, paper)
	for step := 0; step <= n; step++ {
		grid, marks := s.frame(step)
		// Every frame is hidden but during its own time; the last one stays where animation is not supported.
		hidden := ` visibility="hidden"`
		if step == n {
			hidden = ""
		}
		fmt.Fprintf(b, "<g%s>", hidden)
		if n > 0 {
			from, to := float64(step*frameTime)/float64(total), float64((step+1)*frameTime)/float64(total)
			values, times := "hidden;visible;hidden", fmt.Sprintf("0;%.4f;%.4f", from, to)
			switch step {
			case 0:
				values, times = "visible;hidden", fmt.Sprintf("0;%.4f", to)
			case n:
				values, times = "hidden;visible", fmt.Sprintf("0;%.4f", from)
			}
			fmt.Fprintf(b, `<animate attributeName="visibility" dur="%dms" repeatCount="indefinite" calcMode="discrete" values="%s" keyTimes="%s"/>`, total, values, times)
		}
		b.WriteString("\n")
		for i, d := range grid {
			x, y := pictureRim+i%9*cellSize, pictureRim+i/9*cellSize
			if marks[i] == changed {
				fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, x, y, cellSize, cellSize, glow)
			}
			if d != 0 {
				weight := ""
				if marks[i] == given {
					weight = ` font-weight="bold"`
				}
				fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s"%s>%d</text>`+"\n", x+cellSize/2, y+cellSize*7/10, inks[marks[i]], weight, d)
			}
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" fill="%s">%s</text></g>`+"\n", pictureW/2, pictureH-pictureRim, ink, s.Caption(step))
	}
	for _, k := range lines {
		c, width := thin, 1
		if k%3 == 0 {
			c, width = ink, 3
		}
		at := pictureRim + k*cellSize
		fmt.Fprintf(b, `<path d="M%d %dv%dM%d %dh%d" stroke="%s" stroke-width="%d" stroke-linecap="square"/>`+"\n",
			at, pictureRim, boardSize, pictureRim, at, boardSize, c, width)
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}
