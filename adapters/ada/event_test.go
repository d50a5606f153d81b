package ada

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// golden are streams in the forms that Ada's code and Ada's documents have.
var golden = []struct {
	name, stream string
	events       []Event
	broken       bool
}{
	{"a brain's", "event: specialist_result\ndata: {\"specialist\": \"web_search\", \"confidence\": 0.7}\n\n" +
		"data: {\"type\": \"thinking\", \"content\": \"hm\"}\n\ndata: {\"type\": \"token\", \"content\": \"Hel\"}\n\ndata: {\"type\": \"token\", \"content\": \"lo \\ud83c\\udf19\"}\n\n" +
		"data: {\"type\": \"specialist_result\", \"content\": \"[SPECIALIST_RESULT: ocr]x[/SPECIALIST_RESULT]\"}\n\n" +
		"data: {\"type\": \"done\", \"conversation_id\": \"c\", \"used_context\": {\"cache\": {\"hits\": 1}}, \"user_timestamp\": \"2025-12-26T10:00:00+00:00\", \"assistant_timestamp\": \"2025-12-26T10:00:05+00:00\", \"request_id\": \"ab12cd34\", \"latency_breakdown\": {\"python_overhead_ms\": 12.5, \"llm_inference_ms\": 80, \"total_ms\": 92.5, \"llm_percentage\": 86.5, \"specialists_activated\": 1, \"context_retrieved\": true, \"cache_hit_rate\": null}}\n\n",
		[]Event{{Type: SpecialistResult, Named: true, Specialist: "web_search", Confidence: .7}, {Type: Thinking, Content: "hm"}, {Type: Token, Content: "Hel"}, {Type: Token, Content: "lo 🌙"},
			{Type: SpecialistResult, Content: "[SPECIALIST_RESULT: ocr]x[/SPECIALIST_RESULT]"},
			{Type: Done, Summary: &Summary{ConversationID: "c", UsedContext: json.RawMessage(`{"cache": {"hits": 1}}`), UserTimestamp: "2025-12-26T10:00:00+00:00", AssistantTimestamp: "2025-12-26T10:00:05+00:00", RequestID: "ab12cd34",
				LatencyBreakdown: &Latency{OverheadMs: 12.5, InferenceMs: 80, TotalMs: 92.5, Percentage: 86.5, Specialists: 1, Retrieved: true}}}}, false},
	{"the contract's", "data: Hello\n\ndata:  world\n\ndata: [DONE]\n\ndata: not heard\n\n", []Event{{Type: Token, Content: "Hello"}, {Type: Token, Content: " world"}}, false},
	{"raw without an end", "data: Hello\n\ndata: world", []Event{{Type: Token, Content: "Hello"}, {Type: Token, Content: "world"}}, false},
	{"raw of two lines", "data: one\ndata: {two\n\ndata: [DONE]\n\n", []Event{{Type: Token, Content: "one\n{two"}}, false},
	{"other ends of lines", "data: {\"content\": \"a\"}\r\n\r\n: a comment\rid: 7\rretry: 10\rdata: {\"content\": \"b\"}\r\rdata: [DONE]\r\r", []Event{{Type: Token, Content: "a"}, {Type: Token, Content: "b"}}, false},
	{"without empty lines", "data: {\"type\":\"token\",\"content\":\"a\"}\ndata: {\"type\":\"token\",\"content\":\"b\"}\ndata: {\"type\":\"done\"}\n", []Event{{Type: Token, Content: "a"}, {Type: Token, Content: "b"}, {Type: Done, Summary: &Summary{}}}, false},
	{"JSON over two lines", "data: {\"type\": \"token\",\ndata: \"content\": \"a\"}\n\ndata: {\"type\": \"done\"}\n\n", []Event{{Type: Token, Content: "a"}, {Type: Done, Summary: &Summary{}}}, false},
	{"a number", "data: 42\n\ndata: [DONE]\n\n", []Event{{Type: Token, Content: "42"}}, false},
	{"an error", "data: {\"type\": \"error\", \"error\": \"Ollama is not there\"}\n\ndata: {\"type\": \"token\", \"content\": \"x\"}\n\n", []Event{{Type: Failed, Err: "Ollama is not there"}}, false},
	{"an error without a type", "data: {\"error\": {\"code\": 7}}\n\n", []Event{{Type: Failed, Err: `{"code": 7}`}}, false},
	{"named raw", "event: notice\ndata: the sky falls\n\ndata: [DONE]\n\n", []Event{{Type: "notice", Named: true, Content: "the sky falls"}}, false},
	{"the reasoning's", "data: {\"type\": \"tool_result\", \"content\": {\"rows\": 3}}\n\ndata: {\"type\": \"done\"}\n\n", []Event{{Type: "tool_result"}, {Type: Done, Summary: &Summary{}}}, false},
	{"broken off", "data: {\"type\": \"token\", \"content\": \"Hel\"}\n\ndata: {\"type\": \"tok", []Event{{Type: Token, Content: "Hel"}}, true},
	{"ended early", "data: {\"type\": \"token\", \"content\": \"Hel\"}\n\n", []Event{{Type: Token, Content: "Hel"}}, true},
	{"empty", "", nil, true},
	{"a line without end", "data: " + strings.Repeat("x", maxLine+1), nil, true},
	{"an event without end", strings.Repeat("data: "+strings.Repeat("x", maxLine/2)+"\n", 9), nil, true},
}

func TestStreams(t *testing.T) {
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(test.stream), oneByOne{strings.NewReader(test.stream)}} {
				var events []Event
				var failed error
				for e, err := range decodeStream(r) {
					if err != nil {
						failed = err
						break
					}
					events = append(events, e)
				}
				if diff := cmp.Diff(test.events, events, cmpopts.IgnoreFields(Event{}, "Data")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if errors.Is(failed, ErrStream) != test.broken {
					t.Errorf("the error is %v", failed)
				}
				if len(test.stream) > 10_000 {
					break // one by one takes long
				}
			}
		})
	}
}

// oneByOne reads a byte at a time, as the worst of networks.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

// FuzzStream: any bytes give an end, and what is decoded comes back from what it is encoded to.
func FuzzStream(f *testing.F) {
	for _, test := range golden {
		if len(test.stream) < 10_000 {
			f.Add([]byte(test.stream))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for e, err := range decodeStream(bytes.NewReader(stream)) {
			if err != nil {
				return
			}
			if strings.ContainsAny(e.Type, "\r\n") || e.Named && strings.TrimSpace(e.Type) != e.Type || math.IsNaN(e.Confidence) {
				continue // no server of ours makes such a name
			}
			var out bytes.Buffer
			if err := e.encode(&out); err != nil {
				t.Fatal(err)
			}
			want := e
			if e.Named {
				want.Err, want.Summary = "", nil
			}
			if e.Type == Done {
				want = Event{Type: Done, Summary: e.Summary}
				if want.Summary == nil {
					want.Summary = &Summary{}
				}
			}
			for again, err := range decodeStream(&out) {
				if err != nil {
					break
				}
				if again.Type != want.Type && !(e.Named && e.Type == "message") || again.Content != strings.ToValidUTF8(want.Content, "\uFFFD") && want.Type != Done && !strings.Contains(want.Content, "\uFFFD") && e.Data != nil {
					t.Errorf("%+v comes back as %+v", want, again)
				}
				break
			}
		}
	})
}

// FuzzRequests: any JSON is read or refused, and what is read can be written and read again.
func FuzzRequests(f *testing.F) {
	for _, seed := range []string{
		`{"prompt":"a","conversation_id":"c","turns_k":"4","memory_importance":2.5}`, `{"message":"b","media":{"x":1}}`,
		`{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"c"},{"type":"image_url"}]}]}`,
		`{"text":"x","importance":0.5,"tags":["a","b"],"scope":"user"}`, `{"content":"x","importance":"4","tags":"a,b","entity":"luna"}`,
		`{"text":null,"importance":null,"tags":null}`, `{"importance":1e400}`, `[]`, `{"messages":[{"content":null}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r ChatRequest
		if json.Unmarshal(body, &r) == nil {
			q := r.Question()
			if len(r.Before()) > len(r.Messages) {
				t.Error("there is more before the question than there is")
			}
			r.TurnsK.Count(4, 100)
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var again ChatRequest
			if err := json.Unmarshal(text, &again); err != nil || again.Question() != strings.TrimSpace(strings.ToValidUTF8(q, "\uFFFD")) {
				t.Errorf("%q becomes %q, %v", q, again.Question(), err)
			}
		}
		var m NewMemory
		if json.Unmarshal(body, &m) == nil {
			if x := Importance(m.Importance); !(x >= 0 && x <= 1) {
				t.Errorf("the importance is %v", x)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		for _, into := range []any{&Memory{}, &Turn{}, &Conversation{}, &Health{}, &Info{}, &Specialist{}} {
			_ = json.Unmarshal(body, into)
		}
	})
}
