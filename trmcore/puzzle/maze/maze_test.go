package maze_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/trm-go/refiner/trmcore/puzzle/maze"
	"github.com/trm-go/refiner/trmcore/puzzle/npy"
)

const small = `#####
#S  #
# # #
#  G#
#####
`

func parse(t testing.TB, text string) maze.Maze {
	t.Helper()
	m, err := maze.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func Example() {
	m, err := maze.Parse("#####\n#S  #\n# # #\n#  G#\n#####\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, steps, err := m.Shortest()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(steps, "steps, checked:", m.CheckAnswer(answer) == nil)
	fmt.Print(strings.ReplaceAll(answer.String(), " ", "."))
	// Output:
	// 4 steps, checked: true
	// #####
	// #S..#
	// #o#.#
	// #ooG#
	// #####
}

func TestParse(t *testing.T) {
	want := parse(t, small)
	for name, text := range map[string]string{
		"one line": strings.ReplaceAll(small, "\n", ""),
		"dots":     strings.ReplaceAll(small, " ", "."),
		"CRLF":     strings.ReplaceAll(small, "\n", "\r\n"),
	} {
		if diff := cmp.Diff(want, parse(t, text)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	tokens := want.Tokens()
	if diff := cmp.Diff([]int32{1, 3, 2, 2, 1}, tokens[5:10]); diff != "" {
		t.Errorf("tokens of row 2 (-want +got)\n%s", diff)
	}
	if got, err := maze.FromTokens(tokens); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("from tokens: %v, %v", got, err)
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, text, says string }{
		{"empty", "", "no square"},
		{"no square", "###\n###\n", "no square"},
		{"ragged", "##\n###\n####\n", "line 1 has 2"},
		{"letter", "SG\n#x\n", `'x' at row 2, column 2`},
	} {
		_, err := maze.Parse(test.text)
		if !errors.Is(err, maze.ErrFormat) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want ErrFormat with %q", test.name, err, test.says)
		}
	}
	for _, tokens := range [][]int32{nil, {1, 2, 3}, {1, 2, 3, 6}, {1, 2, 3, -1}} {
		if _, err := maze.FromTokens(tokens); !errors.Is(err, maze.ErrFormat) {
			t.Errorf("tokens %v: %v, want ErrFormat", tokens, err)
		}
	}
}

func TestShortestErrors(t *testing.T) {
	for name, text := range map[string]string{"two starts": "SS\nG.", "no goal": "S.\n..", "walled in": "S#\n#G"} {
		if _, _, err := parse(t, text).Shortest(); !errors.Is(err, maze.ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	if _, _, err := (maze.Maze{}).Shortest(); !errors.Is(err, maze.ErrFormat) {
		t.Errorf("the zero maze: %v, want ErrFormat", err)
	}
}

func TestCheckAnswer(t *testing.T) {
	question := parse(t, "S...\n.##.\n....\n..G.")
	for _, test := range []struct{ name, answer, says string }{
		{"down", "S...\no##.\no...\nooG.", ""},
		{"another", "S...\no##.\nooo.\n..G.", ""},
		{"not shortest", "Sooo\n.##o\n...o\n..Go", "takes 7 steps, 5 suffice"},
		{"broken", "S...\no##.\n....\nooG.", "does not lead"},
		{"a stray cell", "S..o\no##.\no...\nooG.", "1 cells are marked"},
		{"two paths at once", "S...\no##.\nooo.\nooG.", "2 cells are marked"},
		{"through a wall", "S...\noo#.\noo..\n.oG.", `row 2, column 2 holds 'o', the maze has '#'`},
		{"the goal moved", "S...\no##.\no...\nGo..", "row 4, column 1"},
		{"nothing drawn", "S...\n.##.\n....\n..G.", "does not lead"},
	} {
		err := question.CheckAnswer(parse(t, test.answer))
		if test.says == "" && err != nil || test.says != "" && (!errors.Is(err, maze.ErrAnswer) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		}
	}
	if err := question.CheckAnswer(parse(t, small)); !errors.Is(err, maze.ErrAnswer) {
		t.Errorf("another size: %v, want ErrAnswer", err)
	}
}

// mazes draws squares with some walls.
func mazes() *rapid.Generator[maze.Maze] {
	return rapid.Custom(func(t *rapid.T) maze.Maze {
		m := maze.Maze{Side: rapid.IntRange(2, 12).Draw(t, "side")}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "cells"), 0))
		m.Cells = make([]maze.Cell, m.Side*m.Side)
		for i := range m.Cells {
			m.Cells[i] = maze.Free
			if rng.IntN(3) == 0 {
				m.Cells[i] = maze.Wall
			}
		}
		ends := rng.Perm(len(m.Cells))
		m.Cells[ends[0]], m.Cells[ends[1]] = maze.Start, maze.Goal
		return m
	})
}

func TestSymmetries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := mazes().Draw(t, "maze")
		s := maze.Symmetry(rapid.IntRange(0, maze.Symmetries-1).Draw(t, "symmetry"))
		if diff := cmp.Diff(m, s.Inverse().Apply(s.Apply(m))); diff != "" {
			t.Fatalf("%d (-want +got)\n%s", s, diff)
		}
		answer, steps, err := m.Shortest()
		if err != nil {
			return // walled in
		}
		if err := m.CheckAnswer(answer); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(m).CheckAnswer(s.Apply(answer)); err != nil {
			t.Fatalf("the image of the answer: %v", err)
		}
		if _, image, err := s.Apply(m).Shortest(); err != nil || image != steps {
			t.Fatalf("the image takes %d steps (%v), the maze %d", image, err, steps)
		}
	})
	m, images := parse(t, "S.G\n.#.\n..."), map[string]bool{}
	for s := range maze.Symmetry(maze.Symmetries) {
		images[s.Apply(m).String()] = true
	}
	if len(images) != maze.Symmetries {
		t.Errorf("%d different images, want 8", len(images))
	}
}

func TestLoadErrors(t *testing.T) {
	load := func(data []byte) error {
		path := filepath.Join(t.TempDir(), "x.npy")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := maze.Load(path)
		return err
	}
	for name, a := range map[string]*npy.Array{
		"one axis":    {Shape: []int{4}, Values: []int32{1, 2, 3, 4}},
		"no square":   {Shape: []int{1, 3}, Values: []int32{1, 2, 3}},
		"wrong token": {Shape: []int{1, 4}, Values: []int32{1, 2, 3, 9}},
	} {
		var b bytes.Buffer
		if err := a.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := load(b.Bytes()); !errors.Is(err, maze.ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
	if err := load([]byte("no file")); !errors.Is(err, npy.ErrFormat) {
		t.Errorf("no .npy file: %v, want npy.ErrFormat", err)
	}
}

func TestPictures(t *testing.T) {
	answer, _, err := parse(t, small).Shortest()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(answer.Text(false), "\n")[2]; got != "██··██  ██" {
		t.Errorf("row 3 as text: %q", got)
	}
	if got := answer.Text(true); strings.Count(got, "\x1b[33m") != 3 {
		t.Errorf("want 3 yellow cells in %q", got)
	}
	var b bytes.Buffer
	if err := answer.SVG(&b); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), "<circle"); got != 3 {
		t.Errorf("%d path cells in the SVG, want 3", got)
	}
}

// TestSharedData checks that every label of the data set is a shortest path, and which of them.
func TestSharedData(t *testing.T) {
	const folder = "../../../../shared/data/maze/"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the shared data are not here: ", err)
	}
	questions, err := maze.Load(folder + "test_inputs.npy")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := maze.Load(folder + "test_labels.npy")
	if err != nil {
		t.Fatal(err)
	}
	if len(questions) != 500 || len(answers) != 500 {
		t.Fatalf("%d mazes and %d answers, want 500", len(questions), len(answers))
	}
	for i, m := range questions {
		if err := m.CheckAnswer(answers[i]); err != nil {
			t.Errorf("maze %d: %v", i+1, err)
		}
		if own, _, err := m.Shortest(); err != nil || cmp.Diff(answers[i], own) != "" {
			t.Errorf("maze %d: of the shortest paths Shortest draws another than the data set (%v)", i+1, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(small)
	f.Add("S.\n.G")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := maze.Parse(text)
		if err != nil {
			if !errors.Is(err, maze.ErrFormat) {
				t.Fatalf("%v, want ErrFormat", err)
			}
			return
		}
		again, err := maze.Parse(m.String())
		if err != nil || cmp.Diff(m, again) != "" {
			t.Fatalf("%q reads back as %v, %v", m.String(), again, err)
		}
		if answer, _, err := m.Shortest(); err == nil {
			if err := m.CheckAnswer(answer); err != nil {
				t.Fatal(err)
			}
		}
	})
}
