package query_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/query"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]query.Query{
		"where is Ann?":        {Plain: "where is Ann?"},
		`"blue kettle" now`:    {Plain: `blue kettle  now`, Must: []string{`"blue kettle"`}},
		`tea -milk`:            {Plain: "tea", Not: []string{`"milk"`}},
		`-"oat milk" tea`:      {Plain: "tea", Not: []string{`"oat milk"`}},
		`kett* -sp*`:           {Plain: "kett", Must: []string{`"kett" *`}, Not: []string{`"sp" *`}},
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
