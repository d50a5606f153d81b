package arc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const data = "../../../../shared/data/arc"

// grids draws grids of all sizes.
func grids() *rapid.Generator[Grid] {
	return rapid.Custom(func(t *rapid.T) Grid {
		g := make(Grid, rapid.IntRange(1, maxSide).Draw(t, "rows"))
		columns := rapid.IntRange(1, maxSide).Draw(t, "columns")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "cells"), 0))
		for r := range g {
			g[r] = make([]uint8, columns)
			for c := range g[r] {
				g[r][c] = uint8(rng.IntN(Colors))
			}
		}
		return g
	})
}

func TestTokensRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := grids().Draw(t, "grid")
		tokens, err := g.Tokens()
		if err != nil {
			t.Fatal(err)
		}
		got, err := FromTokens(tokens)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g, got); diff != "" {
			t.Fatalf("(-want +got)\n%s", diff)
		}
	})
}

func TestTokensEndWithAnL(t *testing.T) {
	tokens, err := Grid{{0, 9, 3}, {1, 1, 1}}.Tokens()
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range [][]int32{{2, 11, 5, 1, 0}, {3, 3, 3, 1, 0}, {1, 1, 1, 0, 0}, {0, 0, 0, 0, 0}} {
		if diff := cmp.Diff(want, tokens[row*30:row*30+5]); diff != "" {
			t.Errorf("row %d (-want +got)\n%s", row, diff)
		}
	}
}

func TestFromTokensCrops(t *testing.T) {
	canvas := func(rows ...string) []int32 { // '.' pad, '|' end
		tokens := make([]int32, canvas)
		for r, row := range rows {
			for c, x := range row {
				switch {
				case x == '|':
					tokens[r*30+c] = 1
				case x >= '0' && x <= '9':
					tokens[r*30+c] = x - '0' + 2
				}
			}
		}
		return tokens
	}
	for _, test := range []struct {
		name string
		rows []string
		want string
	}{
		{"clean", []string{"12|", "34|", "||"}, "12\n34\n"},
		{"nothing", nil, ""},
		{"end in the corner", []string{"|12"}, ""},
		{"a hole", []string{"1234|", "5.67|", "8999|"}, "1234\n"},
		{"a hole low down", []string{"12|", "34|", "5.|", "||"}, "12\n34\n"},
		{"tall beats wide", []string{"123|", "4.", "5", "6"}, "1\n4\n5\n6\n"},
		{"the flattest of equals", []string{"123|", "4.", "5|"}, "123\n"},
		{"beyond the end", []string{"12|77", "34|77", "||777"}, "12\n34\n"},
	} {
		g, err := FromTokens(canvas(test.rows...))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, g.String()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.name, diff)
		}
	}
	if _, err := FromTokens(make([]int32, 899)); !errors.Is(err, ErrFormat) {
		t.Errorf("899 tokens: %v, want ErrFormat", err)
	}
}

func augmentations() *rapid.Generator[Augmentation] {
	return rapid.Custom(func(t *rapid.T) Augmentation {
		return random(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
	})
}

// random draws one of 8 turns and 9! orders of colours.
func random(rng *rand.Rand) Augmentation {
	a := Plain()
	a.Turn = uint8(rng.IntN(8))
	rng.Shuffle(Colors-1, func(i, j int) { a.Colors[i+1], a.Colors[j+1] = a.Colors[j+1], a.Colors[i+1] })
	return a
}

// nameOf is the official name of a disguised task.
func nameOf(a Augmentation, task string) string {
	digits := ""
	for _, c := range a.Colors {
		digits += fmt.Sprint(c)
	}
	return fmt.Sprintf("%s|||t%d|||%s", task, a.Turn, digits)
}

func TestUndoIsTheInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, g := augmentations().Draw(t, "augmentation"), grids().Draw(t, "grid")
		if diff := cmp.Diff(g, a.Undo(a.Apply(g))); diff != "" {
			t.Fatalf("%v (-want +got)\n%s", a, diff)
		}
		name, b, err := ParseName(nameOf(a, "some|task"))
		if err != nil || name != "some|task" || a != b {
			t.Fatalf("%s reads as %s, %v, %v", nameOf(a, "some|task"), name, b, err)
		}
	})
}

// TestTurns holds the eight symmetries to those of dataset/common.py.
func TestTurns(t *testing.T) {
	g := Grid{{1, 2, 3}, {4, 5, 6}}
	for turn, want := range []string{"123\n456\n", "36\n25\n14\n", "654\n321\n", "41\n52\n63\n", "321\n654\n", "456\n123\n", "14\n25\n36\n", "63\n52\n41\n"} {
		a := Plain()
		a.Turn = uint8(turn)
		if got := a.Apply(g).String(); got != want {
			t.Errorf("turn %d: %q, want %q", turn, got, want)
		}
	}
}

func TestParseNameErrors(t *testing.T) {
	for _, bad := range []string{"a|||t1", "a|||t8|||0123456789", "a|||x1|||0123456789", "a|||t1|||012345678", "a|||t1|||0123456788", "a|||t1|||01234567x9", "a|||t1|||0123456789|||"} {
		if _, _, err := ParseName(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", bad, err)
		}
	}
}

func TestBallot(t *testing.T) {
	in, a, b, c := Grid{{1}}, Grid{{2}}, Grid{{3}}, Grid{{4}}
	task := Task{ID: "t", Test: []Pair{{Input: in, Output: b}}}
	var ballot Ballot
	vote := func(g Grid, q ...float64) {
		for _, q := range q {
			ballot.Add("t", in, g, q)
		}
	}
	vote(a, .9)
	vote(b, .1, .1)
	vote(c, .95)
	got := ballot.sorted("t", in)
	want := []candidate{{b, 2, .1}, {c, 1, .95}, {a, 1, .9}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(candidate{})); diff != "" {
		t.Errorf("votes lead, confidence breaks ties (-want +got)\n%s", diff)
	}
	pass, tasks := ballot.PassAt([]Task{task, {ID: "unknown output", Test: []Pair{{Input: in}}}}, 1, 2)
	if pass[1] != 1 || pass[2] != 1 || tasks != 1 {
		t.Errorf("pass %v over %d tasks, want 1, 1 over 1", pass, tasks)
	}
	task.Test[0].Output = a
	if pass, _ = ballot.PassAt([]Task{task}, 1, 2, 3, 1000); pass[1] != 0 || pass[2] != 0 || pass[3] != 1 || pass[1000] != 1 {
		t.Errorf("the third candidate: pass %v", pass)
	}
}

func TestBallotSubmission(t *testing.T) {
	one, two := Grid{{1}}, Grid{{2}}
	tasks := []Task{{ID: "t", Test: []Pair{{Input: Grid{{5}}}, {Input: one}}}}
	var ballot Ballot
	ballot.Add("t", one, two, 1)
	var b bytes.Buffer
	if err := ballot.Submission(tasks).Write(&b); err != nil {
		t.Fatal(err)
	}
	want := `{"t":[{"attempt_1":[],"attempt_2":[]},{"attempt_1":[[2]],"attempt_2":[[2]]}]}` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	back, err := readSubmission(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ballot.Submission(tasks), back); diff != "" {
		t.Errorf("read back (-want +got)\n%s", diff)
	}
}

func TestScore(t *testing.T) {
	solutions, err := readSolutions([]byte(`{"a":[[[1]],[[2]],[[3]]],"b":[[[1,2],[3,4]]],"c":[[[0]]],"d":[[[5]]]}`))
	if err != nil {
		t.Fatal(err)
	}
	submission, err := readSubmission([]byte(`{
		"a":[{"attempt_1":[[1]],"attempt_2":[[9]]},{"attempt_1":[[9]],"attempt_2":[[2]]}],
		"b":[{"attempt_1":[[1,2],[3,4]],"attempt_2":[[1,2],[3,4]]}],
		"c":[{"attempt_1":[[0,0]],"attempt_2":[[0],[0,0]]},{"attempt_1":[[0]]}],
		"z":[{"attempt_1":[[0]]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := submission.Score(solutions)
	if err != nil {
		t.Fatal(err)
	}
	// a: one and two of three pairs; b: right; c: wrong; d: not answered.
	want := Score{Pass1: (1./3 + 1) / 4, Pass2: (2./3 + 1) / 4, Tasks: 4, Pairs: 6, Unanswered: 2, Unscored: 1, Extra: 1, Malformed: 1}
	if math.Abs(got.Pass1-want.Pass1) > 1e-12 || math.Abs(got.Pass2-want.Pass2) > 1e-12 {
		t.Errorf("pass@1 %v, pass@2 %v; want %v, %v", got.Pass1, got.Pass2, want.Pass1, want.Pass2)
	}
	got.Pass1, got.Pass2 = want.Pass1, want.Pass2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestBadFiles(t *testing.T) {
	row := "[" + strings.Repeat("0,", 30) + "0]"
	submission := func(text string) error {
		s, err := readSubmission([]byte(text))
		for _, pair := range s["a"] { // what is no grid counts as wrong, and is named
			err = errors.Join(err, errors.Join(pair.Malformed...))
			if len(pair.Malformed) > 0 && !(pair.First.Empty() && pair.Second.Empty()) {
				t.Errorf("%s leaves a grid", text)
			}
		}
		return err
	}
	solutions := func(text string) error { _, err := readSolutions([]byte(text)); return err }
	tasks := func(text string) error { _, err := readTasks("x", []byte(text)); return err }
	for _, test := range []struct {
		name string
		read func(string) error
		text string
		says string
	}{
		{"no JSON", submission, `{"a":`, "want an object"},
		{"a list", submission, `[]`, "want an object"},
		{"null", submission, `null`, "it is null"},
		{"attempts without a list", submission, `{"a":{"attempt_1":[[1]]}}`, "task a: not in ARC's form: want a list"},
		{"ragged", submission, `{"a":[{"attempt_1":[[1,2],[3]]}]}`, "task a: pair 1: attempt_1: not in ARC's form: row 2 has 1 cells"},
		{"colour", submission, `{"a":[{"attempt_1":[[1]]},{"attempt_2":[[10]]}]}`, "task a: pair 2: attempt_2: not in ARC's form: row 1, column 1 holds 10"},
		{"negative", submission, `{"a":[{"attempt_1":[[-1]]}]}`, "holds -1"},
		{"text", submission, `{"a":[{"attempt_1":"AAAA"}]}`, "list of rows"},
		{"fraction", submission, `{"a":[{"attempt_1":[[1.5]]}]}`, "row 1, column 1 holds 1.5"},
		{"wide", submission, `{"a":[{"attempt_1":[` + row + `]}]}`, "31 columns, at most 30"},
		{"high", submission, `{"a":[{"attempt_1":[` + strings.Repeat("[0],", 30) + `[0]]}]}`, "31 rows"},
		{"no outputs", solutions, `{"a":[]}`, "no test output"},
		{"empty output", solutions, `{"a":[[]]}`, "the grid is empty"},
		{"no solutions", solutions, `{}`, "no task has a solution"},
		{"no test", tasks, `{"a":{"train":[]}}`, "no test pair"},
		{"no input", tasks, `{"a":{"train":[],"test":[{"output":[[1]]}]}}`, "task a: test pair 1: not in ARC's form: it has no input"},
		{"no output", tasks, `{"a":{"train":[{"input":[[1]]}],"test":[{"input":[[1]]}]}}`, "task a: train pair 1"},
		{"wide task", tasks, `{"a":{"train":[],"test":[{"input":[` + row + `]}]}}`, "at most 30"},
	} {
		err := test.read(test.text)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want ErrFormat with %q", test.name, err, test.says)
		}
	}
	more := Submission{"a": {{First: Grid{{1}}}, {}}}
	if got, err := more.Score(Solutions{"a": {{{1}}}}); err != nil || got.Pass1 != 1 || got.Extra != 1 {
		t.Errorf("more answers than pairs: %+v, %v; want the extra one left out", got, err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	task := `{"train":[{"input":[[1]],"output":[[2]]}],"test":[{"input":[[3]],"output":[[4]]}]}`
	for name, text := range map[string]string{"b.json": task, "a.json": task} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fromFolder, err := LoadTasks(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	one, err := LoadTasks(filepath.Join(dir, "b.json"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(fromFolder) != 2 || fromFolder[0].ID != "a" {
		t.Errorf("the folder holds %v", fromFolder)
	}
	if diff := cmp.Diff(fromFolder[1:], one); diff != "" {
		t.Errorf("(-folder +file)\n%s", diff)
	}
	solutions, err := LoadSolutions(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Solutions{"a": {{{4}}}, "b": {{{4}}}}, solutions); diff != "" {
		t.Errorf("solutions (-want +got)\n%s", diff)
	}
	if _, err := LoadTasks(t.TempDir(), ""); !errors.Is(err, ErrFormat) {
		t.Errorf("an empty folder: %v, want ErrFormat", err)
	}
}

// TestSharedData reads every task and votes with the right answers in disguise: all must pass.
func TestSharedData(t *testing.T) {
	if _, err := os.Stat(data); err != nil {
		t.Skip("the shared data are not here: ", err)
	}
	for name, want := range map[string][2]int{"training": {400, 400}, "evaluation": {400, 198}, "evaluation2": {120, 58}, "concept": {160, 160}} {
		file := filepath.Join(data, "arc-agi_"+name+"_solutions.json")
		if strings.HasPrefix(name, "evaluation") {
			file = filepath.Join(data, "arc-agi_"+name+"_solutions_dev.json")
		}
		tasks, err := LoadTasks(filepath.Join(data, "arc-agi_"+name+"_challenges.json"), file)
		if err != nil {
			t.Fatal(err)
		}
		solutions, err := LoadSolutions(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{len(tasks), len(solutions)}; got != want {
			t.Errorf("%s: %d tasks with %d solutions, want %v", name, got[0], got[1], want)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		var ballot Ballot
		for _, task := range tasks {
			if _, ok := solutions[task.ID]; !ok {
				continue
			}
			for range 3 {
				a := random(rng)
				for i, pair := range task.Test {
					tokens, err := a.Apply(pair.Output).Tokens()
					if err != nil {
						t.Fatal(err)
					}
					answer, err := FromTokens(tokens)
					if err != nil {
						t.Fatal(err)
					}
					ballot.Add(task.ID, task.Test[i].Input, a.Undo(answer), .5)
				}
			}
		}
		score, err := ballot.Submission(tasks).Score(solutions)
		if err != nil {
			t.Fatal(err)
		}
		if score.Pass1 != 1 || score.Pass2 != 1 || score.Tasks != want[1] || score.Unscored != want[0]-want[1] {
			t.Errorf("%s: %+v, want everything right", name, score)
		}
	}
}

func TestPictures(t *testing.T) {
	task := Task{ID: "x", Train: []Pair{{Input: Grid{{0, 1}, {2, 0}}, Output: Grid{{1}}}}, Test: []Pair{{Input: Grid{{2, 1}}}}}
	var b bytes.Buffer
	if err := task.SVG(&b); err != nil {
		t.Fatal(err)
	}
	for color, want := range map[int]int{1: 3, 2: 2} {
		p := palette[color]
		if got := strings.Count(b.String(), fmt.Sprintf("#%x", p)); got != want {
			t.Errorf("%d cells of colour %d in the SVG, want %d", got, color, want)
		}
	}
	if err := (Task{}).SVG(&b); !errors.Is(err, ErrFormat) {
		t.Errorf("a task without pairs: %v, want ErrFormat", err)
	}
	if got := (Grid{{1, 0}}).Text(false); got != "1 0 \n" {
		t.Errorf("plain text %q", got)
	}
	if got := (Grid{{4}}).Text(true); !strings.Contains(got, "\x1b[48;2;255;220;0m\x1b[30m4") {
		t.Errorf("coloured text %q", got)
	}
}

func FuzzReadTasks(f *testing.F) {
	f.Add([]byte(`{"a":{"train":[{"input":[[1]],"output":[[2]]}],"test":[{"input":[[3]],"output":[[4]]}]}}`))
	f.Add([]byte(`{"a":[[[1]]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tasks, err := readTasks("x", text)
		if err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("%v, want ErrFormat", err)
		}
		for _, task := range tasks {
			for _, pair := range append(task.Train, task.Test...) {
				if _, err := pair.Input.Tokens(); err != nil {
					t.Fatalf("an input was read that has no tokens: %v", err)
				}
			}
		}
		if _, err := readSolutions(text); err != nil && !errors.Is(err, ErrFormat) {
			t.Fatalf("solutions: %v, want ErrFormat", err)
		}
	})
}

func FuzzReadSubmission(f *testing.F) {
	f.Add([]byte(`{"a":[{"attempt_1":[[1]],"attempt_2":[[2]]}]}`))
	f.Add([]byte(`{"a":[{"attempt_1":null},null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := readSubmission(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("%v, want ErrFormat", err)
			}
			return
		}
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Fatal(err)
		}
		back, err := readSubmission(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if len(back) != len(s) {
			t.Fatalf("%d tasks read back, want %d", len(back), len(s))
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Add("a|||t1|||0213456789")
	f.Fuzz(func(t *testing.T, name string) {
		task, a, err := ParseName(name)
		if err != nil {
			return
		}
		if a != Plain() && nameOf(a, task) != name {
			t.Fatalf("%q reads as %q", name, nameOf(a, task))
		}
	})
}
