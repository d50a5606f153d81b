package specialists

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

// The sentences of a draft about a puzzle.
const (
	puzzleSolved     = "Here is the solution, checked by the rules:"
	puzzleUnsolvable = "The puzzle has no solution."
	puzzleAmbiguous  = "The puzzle has more than one solution. Here is one of them:"
)

// solvePuzzle answers a Sudoku that stands in the question or in the latest message that has one: as 81 characters, or as nine
// lines with or without boxes drawn. The answer takes the place of a wrong grid in the draft. A puzzle without an answer, or with
// more than one, is said to be so.
func solvePuzzle(ctx context.Context, t *Task, d Draft) (Finding, error) {
	puzzle, ok := puzzleOf(t)
	if !ok || len(d.Text) > maxText {
		return Finding{}, nil
	}
	drawn := grids(d.Text)
	answered := slices.ContainsFunc(drawn, func(g drawnGrid) bool { return g.Answers(puzzle) })
	finding := func(kind, why, says string, answer *sudoku.Grid) (Finding, error) {
		return Finding{Text: writePuzzle(d.Text, drawn, says, answer), Notes: []Note{{Kind: kind, Why: why}}}, nil
	}
	unchanged := func(kind, why string) (Finding, error) {
		return Finding{Notes: []Note{{Kind: kind, Why: why}}}, nil
	}
	answer, err := puzzle.SolveContext(ctx)
	switch {
	case err == nil && answered:
		return unchanged("solved", "the grid obeys the rules and keeps the givens")
	case err == nil:
		why := "the draft has no grid"
		if len(drawn) > 0 {
			why = "the grid of the draft is no answer: " + wrong(drawn[0].Grid, puzzle)
		}
		return finding("solved", why, puzzleSolved, &answer)
	case errors.Is(err, sudoku.ErrAmbiguous) && answered && strings.Contains(d.Text, puzzleAmbiguous):
		return unchanged("ambiguous", "the puzzle has more than one answer")
	case errors.Is(err, sudoku.ErrAmbiguous):
		return finding("ambiguous", "the puzzle has more than one answer", puzzleAmbiguous, &answer)
	case errors.Is(err, sudoku.ErrUnsolvable), errors.Is(err, sudoku.ErrConflict):
		return finding("unsolvable", err.Error(), puzzleUnsolvable, nil)
	}
	return Finding{}, err
}

// Puzzle reports whether the task asks for a Sudoku, and whether the text has an answer to it.
func Puzzle(t *Task, text string) (asked, solved bool) {
	puzzle, ok := puzzleOf(t)
	return ok, ok && len(text) <= maxText && slices.ContainsFunc(grids(text), func(g drawnGrid) bool { return g.Answers(puzzle) })
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

// writePuzzle puts what is true of the puzzle in the place of the grids of a draft.
func writePuzzle(text string, drawn []drawnGrid, says string, answer *sudoku.Grid) string {
	if answer != nil {
		says += "\n\n" + rows(*answer)
	}
	var edits []edit
	for i, g := range drawn {
		with := ""
		if i == 0 && strings.HasPrefix(says, puzzleSolved) {
			if with = rows(*answer); !strings.Contains(text[g.from:g.to], "\n") {
				with = answer.String()
			}
		}
		edits = append(edits, edit{g.from, g.to, with})
	}
	text = apply(text, edits)
	if len(drawn) > 0 && strings.HasPrefix(says, puzzleSolved) || strings.Contains(text, says) {
		return text
	}
	return strings.TrimSpace(text + "\n\n" + says)
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

// puzzleOf is the Sudoku that a task asks for: the first of the question with blanks, or of the latest message that has
// one. An answer that an assistant drew is no question.
func puzzleOf(t *Task) (sudoku.Grid, bool) {
	for _, m := range slices.Backward(append(slices.Clip(t.Messages), Message{Role: "user", Content: t.Question})) {
		if m.Role != "user" {
			continue
		}
		for _, g := range grids(m.Content) {
			if g.Clues() > 0 && !g.Full() {
				return g.Grid, true
			}
		}
	}
	return sudoku.Grid{}, false
}

// drawnGrid is a grid and where it is drawn in a text.
type drawnGrid struct {
	sudoku.Grid
	from, to int
}

// flatGrid is 81 cells in a row, and drawnLines nine lines of nine cells with rules or empty lines between, and a rule before and
// behind them.
var flatGrid, drawnLines = func() (*regexp.Regexp, *regexp.Regexp) {
	const cell, rule = `[0-9._*]`, `|+=\x{2500}-\x{257f}-`
	const space, ruled = `[ \t\r` + rule + `]*`, `[ \t]*[` + rule + `][ \t\r` + rule + `]*`
	const row = space + `(?:` + cell + space + `){9}`
	return regexp.MustCompile(`(?:^|[^0-9._*])(` + cell + `{81})\.?(?:$|[^0-9._*])`),
		regexp.MustCompile(`(?m)^((?:` + ruled + `\n)?` + row + `(?:\n(?:` + space + `\n)*` + row + `){8}(?:\n` + ruled + `)?)$`)
}()

// grids finds the Sudokus that are drawn in a text.
func grids(s string) []drawnGrid {
	const most = 8
	s = s[:min(len(s), maxText)]
	var found []drawnGrid
	for _, expr := range drawnLike(s) {
		for _, m := range expr.FindAllStringSubmatchIndex(s, most-len(found)) {
			if g, err := sudoku.Parse(s[m[2]:m[3]]); err == nil {
				found = append(found, drawnGrid{g, m[2], m[3]})
			}
		}
	}
	return found
}

// drawnLike are the expressions that can find a grid in a text: mostly none, which is much faster told without them.
func drawnLike(s string) (list []*regexp.Regexp) {
	rows, run, longest := 0, 0, 0
	for line := range strings.Lines(s) {
		cells, plain := 0, true
		for _, c := range []byte(line) {
			if strings.IndexByte("0123456789._*", c) >= 0 {
				cells, run = cells+1, run+1
				longest = max(longest, run)
				continue
			}
			run = 0
			plain = plain && (c >= 0x80 || strings.IndexByte(" \t\r\n|+=-", c) >= 0)
		}
		if plain && cells == 9 {
			rows++
		}
	}
	if rows >= 9 {
		list = append(list, drawnLines)
	}
	if longest >= sudoku.Cells {
		list = append(list, flatGrid)
	}
	return list
}
