package mcp

import (
	"strings"
	"testing"
)

func TestArgumentsOfRealClients(t *testing.T) {
	_, remember := schemasOf[rememberIn]()
	_, recall := schemasOf[recallIn]()
	tests := []struct {
		name, raw string
		recall    bool
		want      string // or, after "!", a part of the error
	}{
		{name: "as it should be", raw: `{"text":"a","importance":0.9,"replaces":["x"]}`, want: `{"importance":0.9,"replaces":["x"],"text":"a"}`},
		{name: "null is left out", raw: `{"text":"a","kind":null,"replaces":null,"importance":null}`, want: `{"text":"a"}`},
		{name: "a list in a string", raw: `{"text":"a","replaces":"[\"x\",\"y\"]"}`, want: `{"replaces":["x","y"],"text":"a"}`},
		{name: "an empty list in a string", raw: `{"text":"a","replaces":"[]"}`, want: `{"replaces":[],"text":"a"}`},
		{name: "an empty string for a list", raw: `{"text":"a","replaces":""}`, want: `{"text":"a"}`},
		{name: "one element", raw: `{"text":"a","replaces":"x"}`, want: `{"replaces":["x"],"text":"a"}`},
		{name: "a number in a string", raw: `{"text":"a","importance":"0.9"}`, want: `{"importance":0.9,"text":"a"}`},
		{name: "an object in a string", raw: `"{\"text\":\"a\"}"`, want: `{"text":"a"}`},
		{name: "the word null", raw: `{"question":"q","since":"null","until":null}`, recall: true, want: `{"question":"q"}`},
		{name: "kinds in a string", raw: `{"question":"q","kinds":"[\"turn\"]","limit":"5"}`, recall: true, want: `{"kinds":["turn"],"limit":5,"question":"q"}`},
		{name: "the text is null", raw: `{"text":"null"}`, want: `{"text":"null"}`},

		{name: "no number", raw: `{"text":"a","importance":"high"}`, want: `!/properties/importance`},
		{name: "no kind", raw: `{"text":"a","kind":"dream"}`, want: `!/properties/kind`},
		{name: "another name", raw: `{"content":"a"}`, want: `!["content"]`},
		{name: "nothing", raw: ``, want: `!missing properties: ["text"]`},
		{name: "an empty list", raw: `[]`, want: `!missing properties: ["text"]`},
		{name: "a text", raw: `"text"`, want: "!the arguments are not an object"},
		{name: "a number for a list", raw: `{"text":"a","replaces":7}`, want: `!/properties/replaces`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema := remember
			if tt.recall {
				schema = recall
			}
			got, err := normalize([]byte(tt.raw), schema)
			if part, failing := strings.CutPrefix(tt.want, "!"); failing {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%s, %v; want the error %q", got, err, part)
				}
			} else if err != nil || string(got) != tt.want {
				t.Errorf("%s, %v; want %s", got, err, tt.want)
			}
		})
	}
	if text := usage("remember", remember); !strings.HasPrefix(text, "remember needs text (a string); it may have derived_from (a list of strings), importance (a number), kind (one of [fact turn persona faq])") {
		t.Error(text)
	}
}

func FuzzArguments(f *testing.F) {
	for _, raw := range []string{`{"text":"a","replaces":"[]"}`, `"{}"`, `[]`, `{"importance":"1e999","text":" "}`, `{"text":null}`} {
		f.Add([]byte(raw))
	}
	_, schema := schemasOf[rememberIn]()
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := normalize(raw, schema)
		if err != nil {
			return
		}
		if again, err := normalize(got, schema); err != nil || string(again) != string(got) {
			t.Fatalf("%s becomes %s, and that %s, %v", raw, got, again, err)
		}
	})
}
