package sudoku

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAll reads a CSV file.
func readAll(text string) ([]Puzzle, error) { return ReadCSV(strings.NewReader(text)) }

func TestCSVRoundTrip(t *testing.T) {
	want := []Puzzle{
		{Source: "first, with a comma", Question: mustParse(t, escargot), Answer: mustParse(t, escargotAnswer), Rating: 12},
		{Source: "no answer", Question: mustParse(t, escargot), Rating: -1},
	}
	var b bytes.Buffer
	err := WriteCSV(&b, func(yield func(Puzzle, error) bool) {
		for _, p := range want {
			if !yield(p, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(b.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadCSVTakesColumnsByName(t *testing.T) {
	got, err := readAll("Rating,question\n7," + strings.ReplaceAll(escargot, ".", "0") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Puzzle{{Question: mustParse(t, escargot), Rating: 7}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestReadCSVErrors(t *testing.T) {
	const header = "source,question,answer,rating\n"
	good := "a," + escargot + "," + escargotAnswer + ",1\n"
	for _, test := range []struct {
		name, text string
		want       error
		says       string
	}{
		{"empty", "", ErrSyntax, "the file is empty"},
		{"no header", good, ErrSyntax, `no column "question"`},
		{"short", header + good + "a,123,,\n", ErrSyntax, "line 3: question: not a Sudoku: 3 cells"},
		{"answer to another", header + "a," + escargot + "," + escargotAnswer[1:] + "1,1\n", ErrConflict, "line 2: answer"},
		{"rating", header + "a," + escargot + ",,-4\n", ErrSyntax, `"-4" is no count`},
		{"fields", header + "a,b\n", nil, "wrong number of fields"},
	} {
		_, err := readAll(test.text)
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error %v, want %v with %q", test.name, err, test.want, test.says)
		}
	}
}

// TestSharedData reads and solves a part of the data that tests may use.
func TestSharedData(t *testing.T) {
	file, err := os.Open("../../../../shared/data/sudoku/test.csv")
	if err != nil {
		t.Skip("the shared data are not here: ", err)
	}
	defer file.Close()
	puzzles, err := ReadCSV(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range puzzles {
		if i%50 != 49 {
			continue
		}
		if got, err := p.Question.Solve(); err != nil || got != p.Answer {
			t.Errorf("%s: %s, %v; want %s", p.Question, got, err, p.Answer)
		}
	}
	if n := len(puzzles); n != 10159 {
		t.Errorf("%d puzzles, want 10159", n)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("source,question,answer,rating\na," + escargot + "," + escargotAnswer + ",1\n")
	f.Add("question\n" + escargot + "\n")
	f.Add("question\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		puzzles, err := readAll(text)
		if err != nil {
			return
		}
		for _, p := range puzzles {
			if p.Answer != (Grid{}) && !p.Answer.Answers(p.Question) {
				t.Fatalf("%s was read as the answer of %s", p.Answer, p.Question)
			}
		}
	})
}
