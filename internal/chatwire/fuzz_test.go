package chatwire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// bodies are requests of every API, in good and in bad order.
var bodies = []string{
	`{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":true}`,
	`{ "messages" : [{"role":"system","content":"s"},{"role":"user","content":[ {"type":"text","text":"a"},{"type":"image_url"} ]}],"refine":"off"}`,
	`{"model":"m","input":"hello","stream":true,"instructions":"Be brief."}`,
	`{"input":[{"role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"function_call","name":"f"}],"refine":"off","conversation":{"id":"c"}}`,
	`{"input":"x","instructions":null,"previous_response_id":"r"}`, `{"input":"x","instructions":[]}`, `{"input":[null,1]}`,
	`{"model":"m","prompt":"hello","stream":false,"context":[1,2]}`, `{"prompt":"def f(","suffix":")"}`,
	`{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"tool_result","content":"x"}]}],"max_tokens":1}`,
	`{"a":1e400,"é":[],"messages":"none"}`, `{"messages":[null,1]}`, `{"messages":[]}`, `{}`, `[]`, `{"a":1,"a":2}`, `{"messages":[{"role":"user","content":"a","content":"b"}]}`,
}

// Whatever a body holds, it is refused or goes on as it was, but for the notes behind the words of its user.
func FuzzRequest(f *testing.F) {
	for i, s := range bodies {
		f.Add([]byte(s), i)
	}
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		for _, w := range append(slices.Clone(Wires), Any{}) {
			q, err := Read(w, body)
			if err != nil {
				continue
			}
			if q.last >= len(q.Messages) {
				t.Fatalf("the last of %d messages is %d", len(q.Messages), q.last)
			}
			if q.Insert("a note"); !q.Asks() {
				if !bytes.Equal(q.Body(), body) {
					t.Errorf("%T: what nobody asks became %s", w, q.Body())
				}
				continue
			}
			at := bytes.Index(q.Body(), []byte("a note"))
			if at < 0 || !json.Valid(q.Body()) {
				t.Fatalf("%T: %s became %s", w, body, q.Body())
			}
			again, err := Read(w, q.Body())
			if err != nil || !again.Readable || len(again.Messages) != len(q.Messages) {
				t.Fatalf("%T: %v: %s became %s", w, err, body, q.Body())
			}
			if !q.Continues && !strings.Contains(again.Question(), "a note") && !bytes.Contains(body, []byte("reminder")) && bytes.Count(body, []byte(`"content"`)) <= len(q.Messages) {
				t.Errorf("%T: the question is %q", w, again.Question())
			}
			// What was put in is one run of bytes.
			added := len(q.Body()) - len(body)
			head := 0
			for head < len(body) && body[head] == q.Body()[head] {
				head++
			}
			if added > 0 && !bytes.Equal(body[head:], q.Body()[head+added:]) && !q.Continues {
				t.Errorf("%T: %s became %s", w, body, q.Body())
			}
			q.SetModel("other")
			if _, found := q.Take("refine"); found && q.Has("refine") || !json.Valid(q.Body()) || textOf(jsonedit.Value(q.Body(), "model")) != "other" {
				t.Errorf("%T: %s", w, q.Body())
			}
		}
	})
}

// streams are answers of every API, as events and as lines.
var streams = []string{
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
	"data:{\"choices\":[{\"delta\":{\"tool_calls\":[1]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2}}\r\n\r\n: x\nevent: y\n",
	"data: {\"choices\":[{\"index\":9,\"delta\":null}]}\n",
	"data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[" + message + "]}}\n\n",
	"event: x\r\ndata: {\"type\":\"response.output_item.done\",\"item\":" + message + "}\r\n\r\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n",
	"data: {\"type\":\"response.output_text.done\",\"text\":\"a\"}\ndata: {\"type\":\"response.output_text.done\",\"text\":\"b\",\"content_index\":1}\n",
	"data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\"}}\ndata: {\"type\":\"response.completed\",\"response\":7}\n",
	"{\"message\":{\"content\":\"a\"}}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}",
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
}

const message = `{"id":"m","type":"message","content":[{"type":"output_text","text":"a","annotations":[]}]}`

// A stream says the same in whatever pieces it comes, and may get a text behind its own.
func FuzzStream(f *testing.F) {
	for i, s := range streams {
		f.Add([]byte(s), 1+i)
	}
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 || size > 1<<16 {
			return
		}
		for _, w := range append(slices.Clone(Wires), Any{}) {
			for _, kind := range []string{EventStream, JSONLines} {
				whole, parts := NewTap(w, kind, 1<<20), NewTap(w, kind, 1<<20)
				_, _ = whole.Write(stream)
				for rest := range slices.Chunk(stream, size) {
					_, _ = parts.Write(rest)
				}
				a, b := whole.End(), parts.End()
				if a.Text != b.Text || a.Complete != b.Complete || a.Other != b.Other || a.Usage != b.Usage {
					t.Errorf("%T: in one piece %+v, in pieces of %d %+v", w, a, size, b)
				}
				if w == (Any{}) {
					continue
				}
				// What is added stands behind the text, and everything else goes on as it came.
				tail, asked := NewTail(NewTap(w, kind, 1<<20), nil), ""
				tail.more = func(c *Capture) (string, []byte) {
					if asked = c.Text; c.Other || asked == "" {
						return "", nil
					}
					return added, []byte(`{"changed":true}`)
				}
				var out []byte
				for rest := range slices.Chunk(stream, size) {
					out = append(out, tail.Pass(rest)...)
				}
				out = append(out, tail.Close()...)
				if !tail.over || tail.Long || tail.Other || asked == "" {
					if !bytes.Equal(out, stream) {
						t.Errorf("%T: %q became %q", w, stream, out)
					}
					continue
				}
				again := NewTap(w, kind, 1<<20)
				_, _ = again.Write(out)
				if got := again.End(); !strings.Contains(got.Text, strings.TrimSpace(added)) && !bytes.Contains(stream, []byte("\\u")) || !bytes.Contains(out, []byte(`"refine":{"changed":true}`)) && bytes.Count(stream, []byte("refine")) == 0 {
					t.Errorf("%T: %s became %s: it says %q, was %q", w, stream, out, got.Text, asked)
				}
			}
		}
	})
}

const added = "\n\n(Memory: “some words of a note”)"

// A text goes behind that of an answer, and all else stays.
func FuzzAppend(f *testing.F) {
	f.Add([]byte(`{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"old","x":1.0},"finish_reason":"stop"}],"usage":{}}`), "new")
	f.Add([]byte(`{"choices":[{"message":{}}]}`), "")
	f.Add([]byte(`{"id":"x","status":"completed","output":[{"type":"reasoning"},{"type":"message","content":[{"type":"output_text","text":"old","x":1.0}]}],"usage":{}}`), "new")
	f.Add([]byte(`{"output":[{"type":"message","content":[]}]}`), "\x00")
	f.Add([]byte(`{"type":"message","content":[{"type":"thinking"},{"type":"text","text":"old"}],"stop_reason":"end_turn"}`), "new")
	f.Add([]byte(`{"model":"m","response":"old","done":true}`), "new")
	f.Fuzz(func(t *testing.T, body []byte, text string) {
		for _, w := range Wires {
			was, is := NewTap(w, "application/json", 1<<20), NewTap(w, "application/json", 1<<20)
			_, _ = was.Write(body)
			before := was.End()
			if !before.Complete || before.Other || before.Text == "" {
				continue
			}
			got := Append(w, body, text, []byte(`{"changed":true}`))
			_, _ = is.Write(got)
			after := is.End()
			var want string
			raw, _ := json.Marshal(text)
			_ = json.Unmarshal(raw, &want)
			if !json.Valid(got) || !strings.HasPrefix(after.Text, strings.TrimRight(before.Text, "\ufffd")) || !strings.HasSuffix(after.Text, want) || after.Other != before.Other || after.Complete != before.Complete || after.Usage != before.Usage {
				t.Errorf("%T: %s became %s", w, body, got)
			}
		}
	})
}
