package sudoku

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
)

// nine writes a grid on nine lines.
func nine(cells string, each func(row string) string) string {
	var b strings.Builder
	for i := 0; i < len(cells); i += 9 {
		b.WriteString(each(cells[i:i+9]) + "\n")
	}
	return b.String()
}

func TestRead(t *testing.T) {
	plain := func(row string) string { return row }
	blank := func(with string) string { return strings.ReplaceAll(escargot, ".", with) }
	boxed := "+---+---+---+\n" + nine(escargot, func(row string) string { return "|" + row[:3] + "|" + row[3:6] + "|" + row[6:] + "|" }) + "+---+---+---+\n"
	wide := utf16.Encode([]rune("\ufeff" + escargot))
	var utf string
	for _, unit := range wide {
		utf += string(binary.LittleEndian.AppendUint16(nil, unit))
	}
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"a line":               {escargot, 1},
		"x":                    {blank("x"), 1},
		"dashes":               {blank("-"), 1},
		"dashes in a box":      {"+-------+\n" + nine(blank("-"), plain) + "+-------+\n", 1},
		"spaces":               {nine(blank(" "), plain), 1},
		"spaces, trimmed":      {nine(blank(" "), func(row string) string { return strings.TrimRight(row, " ") }), 1},
		"commas":               {nine(blank("0"), func(row string) string { return strings.Join(strings.Split(row, ""), ",") }), 1},
		"empty fields":         {nine(escargot, func(row string) string { return strings.ReplaceAll(strings.Join(strings.Split(row, ""), ","), ".", "") }), 1},
		"two grids":            {nine(escargot, plain) + "\n" + boxed, 2},
		"titles":               {"Grid 01\n" + nine(blank("0"), plain) + "Grid 02\n" + nine(blank("0"), plain), 2},
		"remarks":              {"# easy\n" + escargot + "\n\n# hard\n" + escargot + "\n", 2},
		"quizzes,solutions":    {"quizzes,solutions\n" + blank("0") + "," + escargotAnswer + "\n", 1},
		"id,puzzle,solution":   {"id,puzzle,solution,clues\n1," + escargot + "," + escargotAnswer + ",23\n", 1},
		"UTF-16":               {utf, 1},
		"a blank line in each": {strings.Replace(nine(escargot, plain), "\n9", "\n\n9", 1), 1},
	} {
		puzzles, err := Read(test.text)
		if err != nil || len(puzzles) != test.want {
			t.Errorf("%s: %d puzzles, %v; want %d", name, len(puzzles), err, test.want)
			continue
		}
		for _, p := range puzzles {
			if p.Question.String() != escargot {
				t.Errorf("%s: read %s", name, p.Question)
			}
		}
	}
	for text, says := range map[string]string{
		"":                                       "no puzzle",
		escargot + "\n123\n" + escargot:          "puzzle on line 2: not a Sudoku: 3 cells",
		"Grid 01\n" + nine(escargot, plain)[10:]: "puzzle on line 2",
		"# nothing\n":                            "no puzzle",
	} {
		if _, err := Read(text); !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(escargot)
	f.Add("Grid 01\n" + escargot)
	f.Add("quizzes,solutions\n" + escargot + ",")
	f.Fuzz(func(t *testing.T, text string) {
		puzzles, err := Read(text)
		if err == nil && len(puzzles) == 0 && !strings.Contains(text, ",") && strings.TrimSpace(text) != "question" {
			t.Fatal("neither a puzzle nor an error")
		}
	})
}
