package sudoku

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/crillab/gophersat/solver"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// escargot is a hard puzzle with one answer.
const (
	escargot       = "1....7.9..3..2...8..96..5....53..9...1..8...26....4...3......1..4......7..7...3.."
	escargotAnswer = "162857493534129678789643521475312986913586742628794135356478219241935867897261354"
)

func mustParse(t testing.TB, text string) Grid {
	t.Helper()
	g, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestParse(t *testing.T) {
	want := mustParse(t, escargot)
	lines := func(rows string) string {
		var b strings.Builder
		for i := 0; i < 81; i += 9 {
			if i == 27 || i == 54 {
				b.WriteString("------+-------+------\n")
			}
			b.WriteString(rows[i:i+3] + " | " + rows[i+3:i+6] + " | " + rows[i+6:i+9] + "\r\n")
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"zeros":       strings.ReplaceAll(escargot, ".", "0"),
		"underscores": strings.ReplaceAll(escargot, ".", "_"),
		"lines":       lines(escargot),
		"drawing":     strings.ReplaceAll((&Settling{Puzzle: want}).Text(0, false), "·", "."),
		"with spaces": "  " + escargot + "\n",
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got != want {
			t.Errorf("%s: (-want +got)\n%s", name, cmp.Diff(want.String(), got.String()))
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "0 cells, want 81"},
		{"short", escargot[:80], "80 cells, want 81"},
		{"long", escargot + "1", "82 cells, want 81"},
		{"letter", "q" + escargot[1:], "'q' at line 1, column 1"},
	} {
		_, err := Parse(test.text)
		if !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want ErrSyntax with %q", test.name, err, test.want)
		}
	}
}

func TestSolveErrors(t *testing.T) {
	blank := strings.Repeat(".", 81)
	for _, test := range []struct {
		name, text string
		want       error
		says       string
	}{
		{"twice in a row", "5...5" + blank[5:], ErrConflict, "5 stands twice in row 1, at row 1, column 1 and at row 1, column 5"},
		{"twice in a column", "5........5" + blank[10:], ErrConflict, "column 1"},
		{"twice in a box", "5.........5" + blank[11:], ErrConflict, "box 1"},
		{"no place left", "12345678.........9" + blank[18:], ErrUnsolvable, ""},
		{"empty", blank, ErrAmbiguous, " and "},
	} {
		_, err := mustParse(t, test.text).Solve()
		if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v, want %v with %q", test.name, err, test.want, test.says)
		}
	}
}

func TestAmbiguousShowsTwoAnswers(t *testing.T) {
	g := mustParse(t, escargot)
	g[0] = 0 // no longer unique
	shown, err := g.Solve()
	if !errors.Is(err, ErrAmbiguous) {
		t.Fatalf("error %v, want ErrAmbiguous", err)
	}
	fields := strings.Fields(err.Error())
	first, second := mustParse(t, fields[len(fields)-3]), mustParse(t, fields[len(fields)-1])
	if shown != first || first == second || !first.Answers(g) || !second.Answers(g) {
		t.Errorf("%s and %s are not two answers of %s", first, second, g)
	}
}

// satisfiable asks an independent SAT solver for an answer of g; forbid, if full, may not be that answer.
func satisfiable(t testing.TB, g Grid, forbid Grid) (Grid, bool) {
	t.Helper()
	literal := func(cell, digit int) int { return cell*9 + digit }
	var clauses [][]int
	for cell := range 81 {
		some := make([]int, 9)
		for d := 1; d <= 9; d++ {
			some[d-1] = literal(cell, d)
		}
		clauses = append(clauses, some)
		for other := cell + 1; other < 81; other++ {
			if cell/9 == other/9 || cell%9 == other%9 || cell/27 == other/27 && cell%9/3 == other%9/3 {
				for d := 1; d <= 9; d++ {
					clauses = append(clauses, []int{-literal(cell, d), -literal(other, d)})
				}
			}
		}
		if g[cell] != 0 {
			clauses = append(clauses, []int{literal(cell, int(g[cell]))})
		}
	}
	if forbid.Full() {
		var differ []int
		for cell, d := range forbid {
			differ = append(differ, -literal(cell, int(d)))
		}
		clauses = append(clauses, differ)
	}
	s := solver.New(solver.ParseSlice(clauses))
	if s.Solve() != solver.Sat {
		return Grid{}, false
	}
	var answer Grid
	for cell := range 81 {
		for d := 1; d <= 9; d++ {
			if s.Model()[literal(cell, d)-1] {
				answer[cell] = uint8(d)
			}
		}
	}
	return answer, true
}

// TestSolverAgreesWithSAT draws grids with no, one and many answers.
func TestSolverAgreesWithSAT(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	counts := map[int]int{}
	for n := range 60 {
		puzzle := randomGrid(rng)
		for _, cell := range rng.Perm(81)[:45+n%14] {
			puzzle[cell] = 0
		}
		if n%4 == 0 { // most likely without answer
			for _, cell := range rng.Perm(81) {
				if puzzle[cell] == 0 {
					for d := uint8(1); d <= 9; d++ {
						puzzle[cell] = d
						if puzzle.Check() == nil {
							break
						}
						puzzle[cell] = 0
					}
					break
				}
			}
		}
		s := search{limit: 2}
		s.run(newBoard(puzzle))
		found := s.found
		counts[len(found)]++
		first, ok := satisfiable(t, puzzle, Grid{})
		want := 0
		if ok {
			want = 1
			if _, second := satisfiable(t, puzzle, first); second {
				want = 2
			}
		}
		if len(found) != want {
			t.Errorf("%s: %d answers, the SAT solver finds %d", puzzle, len(found), want)
		}
		for _, answer := range found {
			if !answer.Answers(puzzle) {
				t.Errorf("%s does not answer %s", answer, puzzle)
			}
		}
	}
	for want := range 3 {
		if counts[want] == 0 {
			t.Errorf("no puzzle with %d answers was drawn: the test shows less than it says", want)
		}
	}
}

func transforms() *rapid.Generator[Transform] {
	return rapid.Custom(func(t *rapid.T) Transform {
		return RandomTransform(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
	})
}

func TestTransformInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := transforms().Draw(t, "transform")
		g := Grid(rapid.SliceOfN(rapid.Uint8Range(0, 9), 81, 81).Draw(t, "grid"))
		if got := x.Inverse().Apply(x.Apply(g)); got != g {
			t.Fatalf("the inverse gives %s, want %s", got, g)
		}
		if got := x.Apply(x.Inverse().Apply(g)); got != g {
			t.Fatalf("after the inverse: %s, want %s", got, g)
		}
	})
}

func TestTransformKeepsRules(t *testing.T) {
	puzzle, answer := mustParse(t, escargot), mustParse(t, escargotAnswer)
	rapid.Check(t, func(t *rapid.T) {
		x := transforms().Draw(t, "transform")
		got, err := x.Apply(puzzle).Solve()
		if err != nil || got != x.Apply(answer) {
			t.Fatalf("the image's answer is %s (%v), want %s", got, err, x.Apply(answer))
		}
	})
}

// guesses rates a puzzle that must have one answer.
func guesses(t testing.TB, g Grid) int {
	t.Helper()
	s := search{limit: 2}
	if s.run(newBoard(g)); len(s.found) != 1 {
		t.Fatalf("%s has %d answers", g, len(s.found))
	}
	return s.guesses
}

func TestGuesses(t *testing.T) {
	if got := guesses(t, mustParse(t, escargotAnswer)); got != 0 {
		t.Errorf("a full grid rates %d, want 0", got)
	}
	if got := guesses(t, mustParse(t, escargot)); got < 20 {
		t.Errorf("a hard puzzle rates %d, want at least 20", got)
	}
}

func TestTokens(t *testing.T) {
	g := mustParse(t, escargot)
	tokens := g.Tokens()
	if diff := cmp.Diff([]int32{2, 1, 1, 1, 1, 8, 1, 10, 1}, tokens[:9]); diff != "" {
		t.Errorf("first row (-want +got)\n%s", diff)
	}
	if got, err := FromTokens(tokens); err != nil || got != g {
		t.Errorf("back: %s, %v; want %s", got, err, g)
	}
	for _, bad := range [][]int32{nil, tokens[:80], append([]int32{11}, tokens[1:]...), append([]int32{-1}, tokens[1:]...)} {
		if _, err := FromTokens(bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("%d tokens from %v: %v, want ErrSyntax", len(bad), bad[:min(1, len(bad))], err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(escargot)
	f.Add((&Settling{Puzzle: mustParse(f, escargot)}).Text(0, false))
	f.Add("")
	f.Add(strings.Repeat("9", 81))
	f.Fuzz(func(t *testing.T, text string) {
		g, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Fatalf("error %v, want ErrSyntax", err)
			}
			return
		}
		if again, err := Parse(g.String()); err != nil || again != g {
			t.Fatalf("%s reads back as %s, %v", g, again, err)
		}
		if g.Clues() < 20 {
			return // a search for two answers is quick, a proof that there is none need not be
		}
		answer, err := g.Solve()
		if errors.Is(err, ErrConflict) != (g.Check() != nil) {
			t.Fatalf("Solve says %v, Check says %v", err, g.Check())
		}
		if (err == nil || errors.Is(err, ErrAmbiguous)) && !answer.Answers(g) {
			t.Fatalf("%s does not answer %s", answer, g)
		}
	})
}

// TestSolveContext holds that a search without an answer in sight ends when it is told to.
func TestSolveContext(t *testing.T) {
	hard := mustParse(t, ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4.........")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := hard.SolveContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v, want the deadline", err)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("it took %s after a deadline of 20 ms", d)
	}
}
