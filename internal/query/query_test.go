package query_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/query"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]query.Query{
		"where is Ann?":        {Plain: "where is Ann?"},
		`"blue kettle" now`:    {Plain: `blue kettle  now`, Must: []query.Phrase{{Text: "blue kettle"}}},
		`tea -milk`:            {Plain: "tea", Not: []query.Phrase{{Text: "milk"}}},
		`-"oat milk" tea`:      {Plain: "tea", Not: []query.Phrase{{Text: "oat milk"}}},
		`kett* -sp*`:           {Plain: "kett", Must: []query.Phrase{{Text: "kett", Prefix: true}}, Not: []query.Phrase{{Text: "sp", Prefix: true}}},
		"well-known a-b":       {Plain: "well-known a-b"},
		"it was -5 outside - ": {Plain: "it was -5 outside -"},
		`say ""`:               {Plain: "say"},
		`an "open quote`:       {Plain: `an "open quote`},
		"a* of b":              {Plain: "a of b"},
		"2*3":                  {Plain: "23"},
	} {
		got, err := query.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}

func TestPhrasesAreFoundByTheirWords(t *testing.T) {
	for _, c := range []struct {
		phrase query.Phrase
		text   string
		want   bool
	}{
		{query.Phrase{Text: "blue kettle"}, "The blue kettles whistle.", true},
		{query.Phrase{Text: "blue kettle"}, "The kettle is blue.", false},
		{query.Phrase{Text: "blue kettle"}, "It is blue, and the kettle is red.", false},
		{query.Phrase{Text: "cafe"}, "at the Café", true},
		{query.Phrase{Text: "日本語"}, "彼は日本語を話す", true},
		{query.Phrase{Text: "日本語"}, "日本の語", false},
		{query.Phrase{Text: "kett", Prefix: true}, "two kettles", true},
		{query.Phrase{Text: "kett", Prefix: true}, "a teakettle", false},
		{query.Phrase{Text: "runn", Prefix: true}, "she was running", true},
		{query.Phrase{Text: "Zür", Prefix: true}, "in Zurich", true},
		{query.Phrase{Text: "!"}, "anything!", false},
	} {
		if got := c.phrase.In(c.text); got != c.want {
			t.Errorf("%+v in %q: %v", c.phrase, c.text, got)
		}
	}
}
