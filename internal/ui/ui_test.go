package ui

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// settling is a made-up ranking: b overtakes a after one step, c climbs more slowly.
func settling(lines, steps int) *Settling {
	s := &Settling{Query: "What did Caroline decide about the adoption agency after the summer?", Certificate: "fixed point after 9 steps · residual 4.1e-07 · error at most 8.2e-07", Epsilon: 1e-6}
	for i := range lines {
		start, end := 1-float64((i*7)%lines)/float64(lines), 1-float64(i)/float64(lines)*.8
		l := Line{Label: fmt.Sprintf("%s · memory %d: I looked at the adoption agencies again, and the one that supports everybody it is", []string{"Caroline", "Melanie"}[i%2], i)}
		for step := range steps + 1 {
			l.Weights = append(l.Weights, end+(start-end)*math.Pow(.4, float64(step)))
		}
		s.Lines = append(s.Lines, l)
	}
	for step := range steps {
		s.Residuals = append(s.Residuals, .6*math.Pow(.4, float64(step)))
	}
	return s
}

func plain() (*Terminal, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &Terminal{In: strings.NewReader(""), Out: &out, Err: &err}, &out, &err
}

func TestPictureIsWhole(t *testing.T) {
	s := settling(10, 14)
	var svg strings.Builder
	if err := s.SVG(&svg); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{s.Query, "fixed point after 9 steps", "memory 0", "Arial", "on a log axis", ">start<", ">1e-6<", "</svg>"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the SVG does not say %q", want)
		}
	}
	if n := strings.Count(svg.String(), "<polyline"); n < 20 {
		t.Errorf("%d lines are drawn, want a line and its label's for each memory", n)
	}
}

func TestPictureOfOddRankings(t *testing.T) {
	flat := &Settling{Query: "flat", Lines: []Line{{"a", []float64{1, 1}}, {"b", []float64{1, 1}}}, Residuals: []float64{0}}
	uneven := &Settling{Query: "<uneven> & \xff", Lines: []Line{{"a\x1b[31m", []float64{1, .5, .4}}, {"b", []float64{.2}}}, Residuals: []float64{.5, math.NaN()}}
	for name, s := range map[string]*Settling{"flat": flat, "uneven": uneven, "many": settling(60, 40), "one": settling(1, 1)} {
		var svg bytes.Buffer
		if err := s.SVG(&svg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bytes.Contains(svg.Bytes(), []byte("NaN")) || bytes.Contains(svg.Bytes(), []byte("Inf")) {
			t.Errorf("%s: a place is no number", name)
		}
		decoder := xml.NewDecoder(&svg)
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s is no XML: %v", name, err)
			}
		}
	}
	if err := (&Settling{}).SVG(io.Discard); err == nil {
		t.Error("nothing can be drawn")
	}
}

func TestLabelsStayApart(t *testing.T) {
	for _, at := range [][]float64{
		{100}, {10, 10, 10, 10}, {0, 0, 200, 200}, {50, 55, 60, 150}, {199, 198, 197, 196, 195}, {100, 90, 80, 70, 60, 50},
	} {
		got := apart(at, 13, 0, 200)
		sorted := slices.Clone(got)
		slices.Sort(sorted)
		for i := 1; i < len(sorted); i++ {
			if sorted[i]-sorted[i-1] < 13-1e-9 {
				t.Errorf("%v becomes %v: labels overlap", at, got)
			}
		}
		for i := range at {
			if got[i] < -1e-9 || got[i] > 200+1e-9 {
				t.Errorf("%v becomes %v: out of bounds", at, got)
			}
			for j := range at {
				if at[i] < at[j] && got[i] > got[j] {
					t.Errorf("%v becomes %v: the order changes", at, got)
				}
			}
		}
	}
}

func TestPlacesShowWhatChanges(t *testing.T) {
	term, _, _ := plain()
	s := &Settling{Lines: []Line{
		{"b", []float64{.5, .9, .9, .9}},
		{"a", []float64{.8, .7, .7, .7}},
		{"c", []float64{.1, .2, .2, .2}},
	}}
	want := `place  start   1   2
    1      b  ›a   a
    2      a  ›b   b
    3      c   c   c
the order stood from step 1 to step 3, the last
`
	if diff := cmp.Diff(want, s.Places(term)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := []int{s.Climb(0), s.Climb(1), s.Climb(2)}; !slices.Equal(got, []int{1, -1, 0}) {
		t.Errorf("climbs are %v", got)
	}
}

func TestSpark(t *testing.T) {
	for _, test := range []struct {
		values    []float64
		low, high float64
		width     int
		want      string
	}{
		{[]float64{0, .5, 1}, 0, 1, 0, "▁▅█"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 0, 7, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 0, 7, 2, "▁█"},
		{[]float64{math.NaN(), 5, -5, math.Inf(1)}, 0, 1, 0, " █▁█"},
		{[]float64{3}, 3, 3, 4, "▁"},
		{nil, 0, 1, 4, ""},
	} {
		if got := Spark(test.values, test.low, test.high, test.width); got != test.want {
			t.Errorf("Spark(%v) = %q, want %q", test.values, got, test.want)
		}
	}
	if got := Bar(.5, 4) + Bar(math.NaN(), 2) + Bar(9, 2); got != "██░░░░██" {
		t.Errorf("bars are %q", got)
	}
}

func TestCleanDisarms(t *testing.T) {
	for in, want := range map[string]string{
		"two\n  lines\t here ":                "two lines here",
		"\x1b[31mred\x07":                     "·[31mred·",
		"a\u202eb":                            "a·b",
		"bad \xff byte":                       "bad \uFFFD byte",
		"family \U0001F468\u200d\U0001F469 é": "family \U0001F468\u200d\U0001F469 é",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Short("a long sentence", 8); got != "a long …" {
		t.Errorf("Short = %q", got)
	}
}

func TestTable(t *testing.T) {
	term, out, _ := plain()
	table := &Table{Columns: []string{"name", "count"}, Right: []string{"count"}}
	table.Print(term)
	if out.Len() > 0 {
		t.Errorf("an empty table prints %q", out)
	}
	table.Add("turns", 12)
	table.Add("x", 3456)
	table.Print(term)
	want := "name   count\nturns     12\nx       3456\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTableWraps(t *testing.T) {
	var out bytes.Buffer
	table := &Table{Columns: []string{"what", "value"}, Wrap: true}
	table.Add("note", "which cells exclude each other is built in")
	table.Print(&Terminal{Out: &out, Width: 32})
	want := "what  value\nnote  which cells exclude each\n      other is built in\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestColourOnlyWhereItIsWanted(t *testing.T) {
	term, _, errs := plain()
	if got := term.Paint(Bold, "x"); got != "x" {
		t.Errorf("without colour Paint gives %q", got)
	}
	term.Color = true
	if got := term.Paint(Bold, "x"); got != "\x1b[1mx\x1b[0m" {
		t.Errorf("with colour Paint gives %q", got)
	}
	bar := term.Progress("work", "turns", 10)
	bar.Add(3)
	bar.Set(7)
	bar.Done()
	if errs.Len() > 0 {
		t.Errorf("progress on no terminal writes %q", errs)
	}
	term.Live = true
	bar = term.Progress("work", "turns", 10)
	bar.Set(5)
	bar.Done()
	if got := errs.String(); !strings.Contains(got, "work "+strings.Repeat("█", 15)) || !strings.Contains(got, " 50% (5 of 10, ") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("progress on a terminal writes %q", got)
	}
}

func TestReport(t *testing.T) {
	term, out, errs := plain()
	cause := errors.New("no store")
	err := fmt.Errorf("search: %w", Fail(ExitNoStore, "run `refine init`", "open x: %w", cause))
	if code := term.Report(err); code != ExitNoStore || !errors.Is(err, cause) {
		t.Errorf("the code is %d", code)
	}
	want := "error: search: open x: no store\n  fix: run `refine init`\n"
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	errs.Reset()
	if code := term.Report(errors.Join(errors.New("one"), errors.New("two"))); code != ExitError || errs.String() != "error: one; two\n" {
		t.Errorf("code %d, %q", code, errs)
	}
	if code := term.Report(nil); code != ExitOK || out.Len() > 0 {
		t.Errorf("no error: code %d, %q", code, out)
	}
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "YES\n": true, "\n": false, "no\n": false, "": false, "yep\n": false} {
		term, _, _ := plain()
		term.In, term.Ask = strings.NewReader(answer), true
		if got := term.Confirm("Delete?"); got != want {
			t.Errorf("%q: %v, want %v", answer, got, want)
		}
	}
	term, _, errs := plain()
	term.In = strings.NewReader("y\n")
	if term.Confirm("Delete?") || errs.Len() > 0 {
		t.Error("without a terminal nobody can agree")
	}
}

func TestJSON(t *testing.T) {
	term, out, _ := plain()
	if err := term.JSON(map[string]any{"text": "a < b"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"text\": \"a < b\"\n}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out, want)
	}
}
