package specialists

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// Puzzle answers a Sudoku that stands in the question or in the latest message that has one: as 81 characters, or as nine
// lines with or without boxes drawn. The answer is checked by the rules whoever found it, and takes the place of a wrong
// grid in the draft. A puzzle without an answer, or with more than one, is said to be so.
type Puzzle struct {
	// Solve finds the answer; trmcore/onnx has the trained model for it. What it gets wrong, or fails at, is found by
	// search instead. Nil: by search alone.
	Solve func(ctx context.Context, puzzle sudoku.Grid) (sudoku.Grid, error)
}

// Name implements [Specialist].
func (*Puzzle) Name() string { return "puzzle" }

// Priority implements [Specialist].
func (*Puzzle) Priority() int { return 5 }

// The sentences of a draft about a puzzle.
const (
	puzzleSolved     = "Here is the solution, checked by the rules:"
	puzzleUnsolvable = "The puzzle has no solution."
	puzzleAmbiguous  = "The puzzle has more than one solution. Here is one of them:"
)

// Examine implements [Specialist].
func (s *Puzzle) Examine(ctx context.Context, t *Task, d Draft) (Finding, error) {
	if err := ctx.Err(); err != nil || len(d.Text) > maxDraft {
		return Finding{}, err
	}
	puzzle, ok := puzzleOf(t)
	if !ok {
		return Finding{}, nil
	}
	note := func(kind, why string) []Note { return []Note{{Specialist: s.Name(), Kind: kind, Why: why}} }
	drawn := grids(d.Text)
	answer, err := s.solve(ctx, puzzle)
	switch {
	case err == nil:
		for _, g := range drawn {
			if g.Answers(puzzle) {
				return Finding{Notes: note("solved", "the grid obeys the rules and keeps the givens")}, nil
			}
		}
		why := "the draft has no grid"
		if len(drawn) > 0 {
			why = "the grid of the draft is no answer: " + wrong(drawn[0].Grid, puzzle)
		}
		return revised(d, s.write(d.Text, drawn, puzzleSolved, &answer), note("solved", why)), nil
	case errors.Is(err, sudoku.ErrAmbiguous):
		for _, g := range drawn {
			if g.Answers(puzzle) && strings.Contains(d.Text, puzzleAmbiguous) {
				return Finding{Notes: note("ambiguous", "the puzzle has more than one answer")}, nil
			}
		}
		return revised(d, s.write(d.Text, drawn, puzzleAmbiguous, &answer), note("ambiguous", "the puzzle has more than one answer")), nil
	case errors.Is(err, sudoku.ErrUnsolvable), errors.Is(err, sudoku.ErrConflict):
		text := s.write(d.Text, drawn, puzzleUnsolvable, nil)
		return revised(d, text, note("unsolvable", err.Error())), nil
	}
	return Finding{}, err
}

// Solved reports whether the task asks for a Sudoku that has one answer, and whether the text has it.
func (s *Puzzle) Solved(t *Task, text string) (asked, solved bool) {
	puzzle, ok := puzzleOf(t)
	if !ok || len(text) > maxDraft {
		return ok, false
	}
	for _, g := range grids(text) {
		if g.Answers(puzzle) {
			return true, true
		}
	}
	return true, false
}

func (s *Puzzle) solve(ctx context.Context, puzzle sudoku.Grid) (sudoku.Grid, error) {
	if s.Solve != nil && puzzle.Check() == nil {
		// A model that is sure of a grid may still have missed that there are two.
		if g, err := s.Solve(ctx, puzzle); err == nil && g.Answers(puzzle) && puzzle.Clues() >= 17 {
			if exact, err := puzzle.SolveContext(ctx); err != nil || exact == g {
				if errors.Is(err, sudoku.ErrAmbiguous) {
					return exact, err
				}
				return g, nil
			}
		}
	}
	return puzzle.SolveContext(ctx)
}

// wrong says what is wrong with a grid.
func wrong(g, puzzle sudoku.Grid) string {
	if err := g.Check(); err != nil {
		return err.Error()
	}
	for i, d := range puzzle {
		if d != 0 && g[i] != 0 && g[i] != d {
			return fmt.Sprintf("row %d, column %d is given as %d, and it has %d", i/9+1, i%9+1, d, g[i])
		}
	}
	return fmt.Sprintf("%d cells are empty", sudoku.Cells-g.Clues())
}

// write replaces the grids of a draft by what is true of the puzzle.
func (s *Puzzle) write(text string, drawn []drawnGrid, says string, answer *sudoku.Grid) string {
	body := says
	if answer != nil {
		body += "\n\n" + rows(*answer)
	}
	var edits []edit
	for i, g := range drawn {
		with := ""
		if i == 0 && answer != nil && says == puzzleSolved {
			with = rows(*answer)
			if g.flat {
				with = answer.String()
			}
			body = ""
		}
		edits = append(edits, edit{g.from, g.to, with})
	}
	text = apply(text, edits)
	if body == "" || strings.Contains(text, body) {
		return text
	}
	return strings.TrimSpace(text + "\n\n" + body)
}

// rows draws a grid in nine lines with its boxes set apart.
func rows(g sudoku.Grid) string {
	var b strings.Builder
	for i, d := range g {
		switch {
		case i == 0:
		case i%27 == 0:
			b.WriteString("\n------+-------+------\n")
		case i%9 == 0:
			b.WriteByte('\n')
		case i%3 == 0:
			b.WriteString(" | ")
		default:
			b.WriteByte(' ')
		}
		b.WriteByte('0' + d)
	}
	return b.String()
}

// drawnGrid is a grid and where it is drawn in a text.
type drawnGrid struct {
	sudoku.Grid
	from, to int
	flat     bool // as 81 characters in a row
}

// puzzleOf is the Sudoku that a task asks for: the first of the question with blanks, or of the latest message that has
// one. An answer that an assistant drew is no question.
func puzzleOf(t *Task) (sudoku.Grid, bool) {
	open := func(s string) (sudoku.Grid, bool) {
		for _, g := range grids(s) {
			if g.Clues() > 0 && !g.Full() {
				return g.Grid, true
			}
		}
		return sudoku.Grid{}, false
	}
	if g, ok := open(t.Question); ok {
		return g, true
	}
	for i := len(t.Messages) - 1; i >= 0; i-- {
		if t.Messages[i].Role != "user" {
			continue
		}
		if g, ok := open(t.Messages[i].Content); ok {
			return g, true
		}
	}
	return sudoku.Grid{}, false
}

// mostGrids bounds the grids that are read of one text.
const mostGrids = 8

// grids finds the Sudokus that are drawn in a text.
func grids(s string) []drawnGrid {
	if len(s) > maxDraft {
		s = s[:maxDraft]
	}
	var found []drawnGrid
	// Lines of nine cells, and between them lines of nothing but rules.
	start, cells, end := -1, 0, 0
	flush := func() {
		if cells == sudoku.Cells && len(found) < mostGrids {
			if g, err := sudoku.Parse(s[start:end]); err == nil {
				found = append(found, drawnGrid{g, start, end, false})
			}
		}
		start, cells = -1, 0
	}
	for at := 0; at <= len(s); {
		next := strings.IndexByte(s[at:], '\n')
		to := len(s)
		if next >= 0 {
			to = at + next
		}
		n, ok := cellsOf(s[at:to])
		switch {
		case ok && n == 9:
			if start < 0 {
				start = at
			}
			cells += 9
			end = to
			if cells == sudoku.Cells {
				// The rule that closes the box belongs to it.
				rest := s[to:]
				if strings.HasPrefix(rest, "\n") {
					line, _, _ := strings.Cut(rest[1:], "\n")
					if n, ok := cellsOf(line); ok && n == 0 && strings.TrimSpace(line) != "" {
						end = to + 1 + len(line)
					}
				}
				flush()
			}
		case ok && n == 0 && strings.TrimSpace(s[at:to]) != "":
			if start < 0 {
				start = at
			}
		case ok && n == 0 && start >= 0 && cells > 0: // an empty line between boxes
		default:
			flush()
		}
		if next < 0 {
			break
		}
		at = to + 1
	}
	flush()
	// 81 characters in a row.
	for i := 0; i < len(s) && len(found) < mostGrids; {
		if !cell(s[i]) {
			i++
			continue
		}
		j := i
		for j < len(s) && cell(s[j]) {
			j++
		}
		if j-i == sudoku.Cells || j-i == sudoku.Cells+1 && s[j-1] == '.' {
			if g, err := sudoku.Parse(s[i : i+sudoku.Cells]); err == nil {
				found = append(found, drawnGrid{g, i, i + sudoku.Cells, true})
			}
		}
		i = j
	}
	return found
}

func cell(c byte) bool { return c >= '0' && c <= '9' || c == '.' || c == '_' || c == '*' }

// cellsOf counts the cells of a line; it is not ok if the line holds anything besides cells and rules.
func cellsOf(line string) (int, bool) {
	n := 0
	for _, r := range line {
		switch {
		case r < 128 && cell(byte(r)):
			n++
		case strings.ContainsRune(" \t\r|-+=", r) || r >= '\u2500' && r <= '\u257f':
		default:
			return 0, false
		}
	}
	return n, true
}
