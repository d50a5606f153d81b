package sudoku

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settling is three steps: all ones, one cell wrong, solved.
func settling(t testing.TB) *Settling {
	var first Grid
	for i := range first {
		first[i] = 1
	}
	answer := mustParse(t, escargotAnswer)
	almost := answer
	almost[1] = 8 // was 6, in row 1 with the 8 of another cell
	return &Settling{Puzzle: mustParse(t, escargot), Steps: []Grid{first, almost, answer}}
}

func TestFrame(t *testing.T) {
	s := settling(t)
	grid, marks := s.frame(2)
	if got := grid.String()[:9]; got != "182857493" {
		t.Errorf("first row after step 2: %s", got)
	}
	want := [9]mark{given, changed, changed, changed, changed, given, changed, given, changed}
	if diff := cmp.Diff(want[:], marks[:9]); diff != "" {
		t.Errorf("marks of row 1 after step 2 (-want +got)\n%s", diff)
	}
	if _, marks = s.frame(3); marks[1] != changed || marks[2] != plain {
		t.Errorf("after step 3: marks %v, %v; want changed, plain", marks[1], marks[2])
	}
	if _, marks = s.frame(1); marks[0] != given || marks[5] != wrong {
		t.Errorf("a given kept and one overwritten: marks %v, %v; want given, wrong", marks[0], marks[5])
	}
	s.Steps = append(s.Steps[:2], s.Steps[1]) // the wrong answer again
	if _, marks = s.frame(3); marks[1] != wrong || marks[2] != plain {
		t.Errorf("a wrong cell that stays: marks %v, %v; want wrong, plain", marks[1], marks[2])
	}
}

func TestCaption(t *testing.T) {
	s := settling(t)
	for step, want := range []string{"the puzzle: 23 clues", "step 1: 78 cells changed", "step 2: 72 cells changed", "step 3: solved"} {
		if got := s.Caption(step); got != want {
			t.Errorf("step %d: %q, want %q", step, got, want)
		}
	}
}

func TestText(t *testing.T) {
	s := settling(t)
	if lines := strings.Count(s.Text(1, true), "\n"); lines != 13 {
		t.Errorf("%d lines, want 13", lines)
	}
	if plain := s.Text(3, false); strings.Contains(plain, "\x1b") || !strings.Contains(plain, "│ 1  6' 2 │ 8  5  7 │ 4  9  3 │") {
		t.Errorf("without colour:\n%s", plain)
	}
	if color := s.Text(3, true); !strings.Contains(color, "\x1b[33m6\x1b[0m") {
		t.Errorf("with colour the changed 6 is not yellow:\n%q", color)
	}
}

func TestSVG(t *testing.T) {
	s := settling(t)
	var b bytes.Buffer
	if err := s.SVG(&b); err != nil {
		t.Fatal(err)
	}
	groups := 0
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "g" {
			groups++
		}
	}
	if groups != 4 {
		t.Errorf("%d frames, want 4", groups)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestPicturesReportAFailedWriter(t *testing.T) {
	s := settling(t)
	if err := s.SVG(failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v, want %v", err, io.ErrClosedPipe)
	}
}
