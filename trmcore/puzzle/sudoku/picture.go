package sudoku

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"image/gif"
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

// palette holds the colours of pictures, by the index of the paint constants.
var palette = color.Palette{
	color.RGBA{0xff, 0xff, 0xff, 0xff}, // paper
	color.RGBA{0x22, 0x26, 0x2e, 0xff}, // ink: givens and thick lines
	color.RGBA{0xc9, 0xcd, 0xd4, 0xff}, // thin lines
	color.RGBA{0x00, 0x55, 0x9b, 0xff}, // answers
	color.RGBA{0xff, 0xe9, 0xa8, 0xff}, // behind changed cells
	color.RGBA{0xcc, 0x33, 0x11, 0xff}, // contradictions
}

const (
	paper uint8 = iota
	ink
	thin
	pen
	glow
	red
)

// lines are the places of the lines between cells, the thick ones last so that they lie on top.
var lines = [10]int{1, 2, 4, 5, 7, 8, 0, 3, 6, 9}

// inkOf is the colour of a digit.
func inkOf(m Mark) uint8 {
	switch m {
	case Given:
		return ink
	case Wrong:
		return red
	}
	return pen
}

// GIF draws the puzzle and every step as an animation that repeats.
func (s *Settling) GIF(w io.Writer) error {
	animation := &gif.GIF{}
	for step := 0; step <= len(s.Steps); step++ {
		delay := frameTime
		if step == len(s.Steps) {
			delay = lastTime
		}
		animation.Image = append(animation.Image, s.paint(step))
		animation.Delay = append(animation.Delay, delay/10)
	}
	return gif.EncodeAll(w, animation)
}

// paint draws one frame.
func (s *Settling) paint(step int) *image.Paletted {
	p := image.NewPaletted(image.Rect(0, 0, pictureW, pictureH), palette)
	fill := func(x, y, w, h int, c uint8) {
		for j := y; j < y+h; j++ {
			row := p.Pix[p.PixOffset(x, j):p.PixOffset(x+w, j)]
			for i := range row {
				row[i] = c
			}
		}
	}
	grid, marks := s.Frame(step)
	for i, d := range grid {
		x, y := pictureRim+i%9*cellSize, pictureRim+i/9*cellSize
		if marks[i] == Changed {
			fill(x, y, cellSize, cellSize, glow)
		}
		if d != 0 {
			const dot = 4
			glyph(int(d), func(gx, gy int) {
				fill(x+(cellSize-glyphW*dot)/2+gx*dot, y+(cellSize-glyphH*dot)/2+gy*dot, dot, dot, inkOf(marks[i]))
			})
		}
	}
	for _, k := range lines {
		c, width := thin, 1
		if k%3 == 0 {
			c, width = ink, 3
		}
		at := pictureRim + k*cellSize - width/2
		fill(at, pictureRim-1, width, boardSize+3, c)
		fill(pictureRim-1, at, boardSize+3, width, c)
	}
	// The foot: a bar that grows with the steps, and the number of the step.
	const dot = 2
	y := pictureRim + boardSize + (footHeight-4)/2
	if n := len(s.Steps); n > 0 {
		fill(pictureRim, y+4, boardSize-40, 6, thin)
		fill(pictureRim, y+4, (boardSize-40)*step/n, 6, pen)
	}
	for k, digit := range fmt.Sprint(step) {
		glyph(int(digit-'0'), func(gx, gy int) {
			fill(pictureRim+boardSize-30+k*(glyphW+1)*dot+gx*dot, y+gy*dot, dot, dot, ink)
		})
	}
	return p
}

// SVG draws the same animation as a drawing that moves in a browser and ends with the last step; it is text and scales.
func (s *Settling) SVG(w io.Writer) error {
	b := bufio.NewWriter(w)
	n := len(s.Steps)
	total := n*frameTime + lastTime
	hex := func(c uint8) string {
		r, g, bl, _ := palette[c].RGBA()
		return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, bl>>8)
	}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="%d" text-anchor="middle">`+"\n", pictureW, pictureH, cellSize*6/10)
	fmt.Fprintf(b, "<title>Sudoku %s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", s.Puzzle, hex(paper))
	for step := 0; step <= n; step++ {
		grid, marks := s.Frame(step)
		// Every frame is hidden but during its own time; the last one stays where animation is not supported.
		hidden := ` visibility="hidden"`
		if step == n {
			hidden = ""
		}
		fmt.Fprintf(b, "<g%s>", hidden)
		if n > 0 {
			from, to := float64(step*frameTime)/float64(total), float64((step+1)*frameTime)/float64(total)
			switch step {
			case 0:
				fmt.Fprintf(b, `<animate attributeName="visibility" dur="%dms" repeatCount="indefinite" calcMode="discrete" values="visible;hidden" keyTimes="0;%.4f"/>`, total, to)
			case n:
				fmt.Fprintf(b, `<animate attributeName="visibility" dur="%dms" repeatCount="indefinite" calcMode="discrete" values="hidden;visible" keyTimes="0;%.4f"/>`, total, from)
			default:
				fmt.Fprintf(b, `<animate attributeName="visibility" dur="%dms" repeatCount="indefinite" calcMode="discrete" values="hidden;visible;hidden" keyTimes="0;%.4f;%.4f"/>`, total, from, to)
			}
		}
		b.WriteString("\n")
		for i, d := range grid {
			x, y := pictureRim+i%9*cellSize, pictureRim+i/9*cellSize
			if marks[i] == Changed {
				fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, x, y, cellSize, cellSize, hex(glow))
			}
			if d != 0 {
				weight := ""
				if marks[i] == Given {
					weight = ` font-weight="bold"`
				}
				fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s"%s>%d</text>`+"\n", x+cellSize/2, y+cellSize*7/10, hex(inkOf(marks[i])), weight, d)
			}
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" font-size="14" fill="%s">%s</text></g>`+"\n", pictureW/2, pictureH-pictureRim, hex(ink), s.Caption(step))
	}
	for _, k := range lines {
		c, width := thin, 1
		if k%3 == 0 {
			c, width = ink, 3
		}
		at := pictureRim + k*cellSize
		fmt.Fprintf(b, `<path d="M%d %dv%dM%d %dh%d" stroke="%s" stroke-width="%d" stroke-linecap="square"/>`+"\n",
			at, pictureRim, boardSize, pictureRim, at, boardSize, hex(c), width)
	}
	b.WriteString("</svg>\n")
	return b.Flush()
}

const (
	glyphW = 5
	glyphH = 7
)

// glyphs are the digits 0 to 9 in 5 × 7 dots, a row of five bits for each line, the left dot highest.
var glyphs = [10][glyphH]uint8{
	{0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110},
	{0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110},
	{0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111},
	{0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110},
	{0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010},
	{0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110},
	{0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110},
	{0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000},
	{0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110},
	{0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100},
}

// glyph calls dot for every dot of a digit.
func glyph(digit int, dot func(x, y int)) {
	for y, row := range glyphs[digit] {
		for x := range glyphW {
			if row>>(glyphW-1-x)&1 == 1 {
				dot(x, y)
			}
		}
	}
}
