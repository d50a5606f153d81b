package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
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
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := s.Lines[a].at(step), s.Lines[b].at(step)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
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
		b.WriteString(t.Paint(Dim, fmt.Sprintf("the order of the start stood through all %d steps\n", steps)))
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
