package serve

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever a body holds, it is refused or goes on as it was, but for what is put in.
func FuzzChat(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true}`,
		`{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url"}]}],"refine":"off"}`,
		`{"a":1e400,"é":[],"messages":"none"}`, `{"messages":[null,1]}`, `{"messages":[]}`, `{}`, `[]`, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := readAsked(completions{}, body)
		if err != nil {
			return
		}
		before := len(c.messages)
		if c.last >= before {
			t.Fatalf("the last of %d messages is %d", before, c.last)
		}
		if n := len(c.conversation()); c.readable && n != before {
			t.Fatalf("a conversation of %d messages has %d", before, n)
		}
		if !json.Valid(c.body.bytes()) {
			t.Fatalf("not JSON any more: %s", c.body.bytes())
		}
		if !c.readable {
			return
		}
		values := map[string]string{}
		for _, m := range c.body {
			values[m.name] = string(m.raw)
		}
		raws := make([]string, before)
		for i, m := range c.messages {
			raws[i] = string(m.raw)
		}
		completions{}.insert(c, "memories")
		again, err := readAsked(completions{}, c.body.bytes())
		if err != nil || !again.readable || len(again.messages) != before+1 {
			t.Fatalf("%v: %d messages of %d and one: %s", err, len(again.messages), before, c.body.bytes())
		}
		added := 0
		for i, m := range again.messages {
			if m.Text == "memories" && added == 0 && (i-added >= before || string(m.raw) != raws[i-added]) {
				added++
				continue
			}
			if string(m.raw) != raws[i-added] {
				t.Errorf("message %d became %s, was %s", i, m.raw, raws[i-added])
			}
		}
		for _, m := range again.body {
			if m.name != "messages" && values[m.name] != string(m.raw) {
				t.Errorf("%q became %s, was %s", m.name, m.raw, values[m.name])
			}
		}
	})
}

// A stream says the same in whatever pieces it comes, and nothing in it makes the listener fail.
func FuzzStream(f *testing.F) {
	f.Add([]byte("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n"), 3)
	f.Add([]byte("data:{\"choices\":[{\"delta\":{\"tool_calls\":[1]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2}}\r\n\r\n: x\nevent: y\n"), 1)
	f.Add([]byte("data: {\"choices\":[{\"index\":9,\"delta\":null}]}\n"), 7)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 || size > 1<<16 {
			return
		}
		whole, parts := streamListener{api: completions{}}, streamListener{api: completions{}}
		whole.hear(stream)
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			parts.hear(rest[:n])
			rest = rest[n:]
		}
		a, b := whole.end(), parts.end()
		if a.Text != b.Text || a.Complete != b.Complete || a.Tools != b.Tools || a.Usage != b.Usage || !bytes.Equal(a.first, b.first) {
			t.Errorf("in one piece %+v, in pieces of %d %+v", a, size, b)
		}
		if a.first != nil {
			made := completions{}.asStream(a, "some words of an answer that is longer than one event can hold", account{})
			again := streamListener{api: completions{}}
			again.hear(made)
			if got := again.end(); got.Text != "some words of an answer that is longer than one event can hold" || !got.Complete {
				t.Errorf("made anew it says %q", got.Text)
			}
		}
	})
}

// Another text goes into a completion, and all else stays.
func FuzzWithText(f *testing.F) {
	f.Add([]byte(`{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"old","x":1.0},"finish_reason":"stop"}],"usage":{}}`), "new")
	f.Add([]byte(`{"choices":[{"message":{}}]}`), "")
	f.Add([]byte(`{"choices":[]}`), "\x00")
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		got := completions{}.withText(body, text, account{Changed: true})
		if bytes.Equal(got, body) {
			return
		}
		var c completion
		if err := json.Unmarshal(got, &c); err != nil {
			// A completion that could not be read before is not made readable.
			if json.Unmarshal(body, &c) == nil {
				t.Fatalf("%v: %s became %s", err, body, got)
			}
			return
		}
		var want string
		raw, _ := json.Marshal(text)
		_ = json.Unmarshal(raw, &want)
		if c.Choices[0].Message.Content != want {
			t.Errorf("says %q, want %q", c.Choices[0].Message.Content, want)
		}
	})
}

// What an operation takes from a query or a body.
func FuzzDecode(f *testing.F) {
	f.Add("limit=3&kind=fact&kind=faq&since=2025-01-01T00:00:00Z", []byte(`{"memories":[{"text":"x","position":1}]}`))
	f.Add("limit=99999999999999999999&x=%zz", []byte(`{"memories":[{"text":1}]}`))
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		r, err := http.NewRequest(http.MethodGet, "http://x/api/v1/memories", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		var q listRequest
		if err := decode(&sink{}, r, &q); err != nil {
			if f := asFailure(err); f.Status != http.StatusBadRequest {
				t.Errorf("%v", f)
			}
		}
		r, err = http.NewRequest(http.MethodPost, "http://x/api/v1/memories", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var a addRequest
		if err := decode(&sink{}, r, &a); err != nil {
			if f := asFailure(err); f.Status != http.StatusBadRequest {
				t.Errorf("%v", f)
			}
		}
	})
}

type sink struct{ http.ResponseWriter }

func TestPieces(t *testing.T) {
	for text, want := range map[string][]string{
		"":                nil,
		"short":           {"short"},
		"one two three":   {"one two ", "three"},
		"unbreakable-one": {"unbreakable-one"},
	} {
		if diff := cmp.Diff(want, pieces(text, 6)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	long := strings.Repeat("ä ö ü ", 50)
	if got := strings.Join(pieces(long, 7), ""); got != long {
		t.Errorf("pieces make %q", got)
	}
}
