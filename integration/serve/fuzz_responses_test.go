package serve

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Whatever a body holds, it is refused or goes on as it was, but for its instructions.
func FuzzResponses(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","input":"hello","stream":true,"instructions":"Be brief."}`,
		`{"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image"}]},{"type":"function_call","name":"f"}],"refine":"off","conversation":{"id":"c"}}`,
		`{"input":"x","instructions":null,"previous_response_id":7,"conversation":"c"}`, `{"input":[null,1]}`, `{"input":""}`, `{"input":"x","instructions":" "}`, `{"input":"x","instructions":[]}`, `{}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := readAsked(responses{}, body)
		if err != nil {
			return
		}
		if q.last >= len(q.messages) {
			t.Fatalf("the last of %d messages is %d", len(q.messages), q.last)
		}
		if n := len(q.conversation()); q.readable && n != len(q.messages) {
			t.Fatalf("a conversation of %d messages has %d", len(q.messages), n)
		}
		if !q.readable {
			return
		}
		was, values := textOf(q.body.value("instructions")), map[string]string{}
		for _, m := range q.body {
			values[m.name] = string(m.raw)
		}
		responses{}.insert(q, "memories")
		again, err := readAsked(responses{}, q.body.bytes())
		if err != nil || !again.readable {
			t.Fatalf("%v: %s", err, q.body.bytes())
		}
		want := "memories"
		if strings.TrimSpace(was) != "" {
			want = was + "\n\n" + want
		}
		if got := textOf(again.body.value("instructions")); got != want {
			t.Errorf("the instructions are %q, want %q", got, want)
		}
		for _, m := range again.body {
			if m.name != "instructions" && values[m.name] != string(m.raw) {
				t.Errorf("%q became %s, was %s", m.name, m.raw, values[m.name])
			}
		}
	})
}

// A stream says the same in whatever pieces it comes, nothing in it makes the listener fail, and what is made anew of it says
// the new text.
func FuzzResponseStream(f *testing.F) {
	const message = `{"id":"m","type":"message","content":[{"type":"output_text","text":"a","annotations":[]}]}`
	f.Add([]byte("data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":["+message+"]}}\n\n"), 3)
	f.Add([]byte("event: x\r\ndata: {\"type\":\"response.output_item.done\",\"item\":"+message+"}\r\n\r\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n"), 1)
	f.Add([]byte("data: {\"type\":\"response.output_text.done\",\"text\":\"a\"}\ndata: {\"type\":\"response.output_text.done\",\"text\":\"b\",\"content_index\":1}\n"), 7)
	f.Add([]byte("data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\"}}\ndata: {\"type\":\"response.completed\",\"response\":7}\n"), 7)
	const text = "some words of an answer that is longer than one event can hold"
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 || size > 1<<16 {
			return
		}
		whole, parts := streamListener{api: responses{}}, streamListener{api: responses{}}
		whole.hear(stream)
		for rest := range slices.Chunk(stream, size) {
			parts.hear(rest)
		}
		a, b := whole.end(), parts.end()
		if a.Text != b.Text || a.Complete != b.Complete || a.Tools != b.Tools || a.Fixed != b.Fixed || a.Usage != b.Usage || !bytes.Equal(a.made, b.made) {
			t.Errorf("in one piece %+v, in pieces of %d %+v", a, size, b)
		}
		if !a.Complete || a.Fixed || a.Tools {
			return
		}
		again := streamListener{api: responses{}}
		again.hear(responses{}.asStream(a, text, account{Changed: true}))
		if got := again.end(); got.Text != text && got.Text != a.Text || !got.Complete { // the old: names that are there twice
			t.Errorf("made anew it says %q, was %q", got.Text, a.Text)
		}
	})
}

// Another text goes into an answer, and all else stays.
func FuzzResponseText(f *testing.F) {
	f.Add([]byte(`{"id":"x","status":"completed","output":[{"type":"reasoning"},{"type":"message","content":[{"type":"output_text","text":"old","x":1.0}]}],"usage":{}}`), "new")
	f.Add([]byte(`{"output":[{"type":"message","content":[]}]}`), "")
	f.Add([]byte(`{"output":[{"type":"message","content":[{"type":"output_text"}]}]}`), "\x00")
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		got := responses{}.withText(body, text, account{Changed: true})
		if bytes.Equal(got, body) {
			return
		}
		var was, is heard
		responses{}.whole(&was, body)
		responses{}.whole(&is, got)
		var want string
		raw, _ := json.Marshal(text)
		_ = json.Unmarshal(raw, &want)
		if !json.Valid(got) || !was.Fixed && (is.Text != want && want != "" || is.Tools != was.Tools || is.Complete != was.Complete || is.Usage != was.Usage) {
			t.Errorf("%s became %s", body, got)
		}
	})
}
