package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/ui"
	"github.com/trm-go/refiner/trmcore/puzzle/sudoku"
)

func TestViewDrawsFramesInPlace(t *testing.T) {
	t.Setenv("TERM", "xterm")
	var out bytes.Buffer
	v := newView(&ui.Terminal{Out: &out, Width: 80}, false)
	v.show("one\ntwo\n")
	v.show("three\nfour\n")
	if diff := cmp.Diff("one\x1b[K\ntwo\x1b[K\n\x1b[2Athree\x1b[K\nfour\x1b[K\n", out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, hidden := range map[string]*view{
		"in a pipe": newView(&ui.Terminal{Out: &out}, false),
		"as JSON":   newView(&ui.Terminal{Out: &out, Width: 80}, true),
	} {
		out.Reset()
		if hidden.show("one\n"); out.Len() > 0 {
			t.Errorf("%s frames are drawn: %q", name, out.String())
		}
	}
}

const hard = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."

func TestReadSudokus(t *testing.T) {
	nine := ""
	for i := 0; i < 81; i += 9 {
		nine += hard[i:i+9] + "\n"
	}
	for name, test := range map[string]struct {
		text string
		want int
	}{
		"a line":        {hard, 1},
		"nine lines":    {nine, 1},
		"lines":         {hard + "\n\n# a remark\n" + strings.ReplaceAll(hard, ".", "0") + "\n", 2},
		"CSV":           {"source,question,answer,rating\nx," + hard + ",,\n", 1},
		"CSV, Windows":  {"\ufeffQuestion\r\n" + hard + "\r\n", 1},
		"one with CRLF": {hard + "\r\n", 1},
	} {
		games, err := readSudokus(test.text)
		if err != nil || len(games) != test.want {
			t.Errorf("%s: %d puzzles, %v; want %d", name, len(games), err, test.want)
			continue
		}
		for _, g := range games {
			if got := g.text(g.tokens); got != hard {
				t.Errorf("%s: read %s", name, got)
			}
		}
	}
}

func TestWhySaysWhatIsWrong(t *testing.T) {
	games, err := readSudokus(hard)
	if err != nil {
		t.Fatal(err)
	}
	g := games[0]
	question, err := sudoku.FromTokens(g.tokens)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := question.Solve()
	if err != nil {
		t.Fatal(err)
	}
	given, twice, blank := answer, answer, answer
	given[0], twice[1], blank[1] = 2, 2, 0
	for want, tokens := range map[string][]int32{
		"": answer.Tokens(),
		"the given 1 in row 1, column 1 was changed to 2":                                           given.Tokens(),
		"the digits contradict: 2 stands twice in row 1, at row 1, column 2 and at row 1, column 3": twice.Tokens(),
		"blank: 1 cell": blank.Tokens(),
	} {
		if got := g.why(tokens); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
