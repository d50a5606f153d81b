package align

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// exchanges are invented people with what they said, and answers that contradict it, repeat it, or have nothing to do with
// it though they share names, words and numbers with it.
type exchanges struct {
	Stores      map[string][][2]string // day, text
	Contradicts [][4]string            // store, question, answer, what the note must hold
	Repeats     [][3]string            // store, question, answer
	General     [][2]string            // question, answer
}

func load(t testing.TB) (exchanges, map[string]*Corpus) {
	t.Helper()
	var x exchanges
	raw, err := os.ReadFile("testdata/exchanges.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		t.Fatal(err)
	}
	corpora := map[string]*Corpus{}
	for name, said := range x.Stores {
		var list []Statement
		for _, s := range said {
			at, err := time.Parse(time.DateOnly, s[0])
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, Statement{Text: s[1], At: at})
		}
		corpora[name] = NewCorpus(list)
	}
	return x, corpora
}

// judge is the surest conflict of an answer.
func judge(c *Corpus, question, answer string) *Conflict {
	q := &Query{Question: question, Answer: answer}
	if !Read(question).Asks {
		q.Said = []string{question}
	}
	var best *Conflict
	for _, s := range text.Sentences(answer) {
		if f := c.Contradicts(s, q); f != nil && (best == nil || f.P > best.P) {
			best = f
		}
	}
	return best
}

func TestConflicts(t *testing.T) {
	x, corpora := load(t)
	found := 0
	for _, e := range x.Contradicts {
		f := judge(corpora[e[0]], e[1], e[2])
		switch {
		case f == nil || f.P < Sure:
			t.Logf("missed: %s: %+v", e[2], f)
		case !strings.Contains(f.Line.Text, e[3]):
			t.Errorf("%s: %q, %q is expected", e[2], f.Line.Text, e[3])
		default:
			found++
		}
	}
	if t.Logf("%d of %d contradictions", found, len(x.Contradicts)); found < 44 {
		t.Errorf("%d of %d contradictions are found", found, len(x.Contradicts))
	}
	for _, e := range x.Repeats {
		if f := judge(corpora[e[0]], e[1], e[2]); f != nil && f.P > Sure {
			t.Errorf("a repetition: %s: %.3f %s for %s", e[2], f.P, f.Line.Text, e[2][f.Start:])
		}
	}
	for name, c := range corpora {
		for _, e := range x.General {
			if f := judge(c, e[0], e[1]); f != nil && f.P > Sure {
				t.Errorf("of no concern to %s: %s: %.3f %s", name, e[1], f.P, f.Line.Text)
			}
		}
	}
}
