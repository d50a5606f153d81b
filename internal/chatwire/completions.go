package chatwire

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Completions is OpenAI's API of chat completions.
type Completions struct{}

func (Completions) Path() string  { return "/chat/completions" }
func (Completions) Field() string { return "messages" }

func (Completions) read(q *Request) {
	var n int
	var format struct{ Type string }
	_ = json.Unmarshal(q.members["n"], &n)
	_ = json.Unmarshal(q.members["response_format"], &format)
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		_ = json.Unmarshal(q.members[name], &q.MaxTokens)
	}
	q.Plain = n <= 1 && (format.Type == "" || format.Type == "text") && string(q.members["logprobs"]) != "true"
	q.readMessages(q.members["messages"])
}

func (Completions) place(q *Request) ([]any, string) {
	return []any{"messages", q.last, "content"}, "text"
}

// beside is what may stand beside a text, or in its place.
type beside struct {
	Refusal   string          `json:"refusal"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Function  json.RawMessage `json:"function_call"`
	Audio     json.RawMessage `json:"audio"`
}

func (b *beside) any() bool {
	return b.Refusal != "" || filled(b.ToolCalls) || filled(b.Function) || filled(b.Audio)
}

// choice is what is read of an answer of a completion, or of a piece of one.
type choice struct {
	Index   int        `json:"index"`
	Message choiceText `json:"message"`
	Delta   choiceText `json:"delta"`
	Finish  string     `json:"finish_reason"`
}

type choiceText struct {
	Content json.RawMessage `json:"content"`
	beside
}

type completion struct {
	Choices []choice `json:"choices"`
	Usage   *Usage   `json:"usage"`
}

func (Completions) whole(c *Capture, body []byte) {
	var a completion
	if json.Unmarshal(body, &a) != nil || len(a.Choices) == 0 {
		return
	}
	m := a.Choices[0].Message
	c.Text = textOf(m.Content)
	c.Other = m.any() || len(a.Choices) > 1
	c.Complete = a.Choices[0].Finish == "stop" || a.Choices[0].Finish == ""
	if a.Usage != nil {
		c.Usage = *a.Usage
	}
}

func (Completions) event(c *Capture, data []byte) {
	var a completion
	if json.Unmarshal(data, &a) != nil {
		return
	}
	if a.Usage != nil {
		c.Usage = *a.Usage
	}
	for _, x := range a.Choices {
		if x.Index != 0 {
			c.Other = true
			continue
		}
		c.Other = c.Other || x.Delta.any()
		c.say(textOf(x.Delta.Content))
		if x.Finish != "" {
			c.Complete = x.Finish == "stop"
		}
	}
}

func (Completions) add(body []byte, text string) []byte {
	return addText(body, text, "choices", 0, "message", "content")
}

// addText puts a text behind the one at a path.
func addText(body []byte, text string, path ...any) []byte {
	return jsonedit.SetText(body, textOf(jsonedit.Value(body, path...))+text, path...)
}

func (Completions) ending(_ *Capture, e *ending) (before, data []byte) {
	var a completion
	_ = json.Unmarshal(e.data, &a) // it was read before
	at := 0
	for i, x := range a.Choices {
		if x.Index == 0 {
			at = i
		}
	}
	data = e.reported(e.data, ReportField)
	if textOf(a.Choices[at].Delta.Content) != "" {
		return nil, addText(data, e.text, "choices", at, "delta", "content")
	}
	added, _ := json.Marshal(map[string]string{"content": e.text})
	more := jsonedit.Set(jsonedit.Set(e.data, added, "choices", at, "delta"), []byte("null"), "choices", at, "finish_reason")
	if a.Usage != nil {
		more = jsonedit.Set(more, []byte("null"), "usage")
	}
	return e.events(func(event func(string, any)) { event("", more) }), data
}

func (Completions) compose(_ *Request, o *Own) []byte {
	whole, _ := json.Marshal(map[string]any{
		"id": "chatcmpl-" + o.ID, "object": "chat.completion", "created": time.Now().Unix(), "model": o.Model,
		"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": o.Text, "refusal": nil}, "logprobs": nil, "finish_reason": "stop"}},
		"usage":   map[string]int{"prompt_tokens": o.Usage.Prompt, "completion_tokens": o.Usage.Completion, "total_tokens": o.Usage.Prompt + o.Usage.Completion},
	})
	return whole
}

func (Completions) composeStream(_ *Request, o *Own) []byte {
	var b bytes.Buffer
	created := time.Now().Unix()
	event := func(delta any, finish any, report json.RawMessage) {
		e := map[string]any{"id": "chatcmpl-" + o.ID, "object": "chat.completion.chunk", "created": created, "model": o.Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}}
		if report != nil {
			e[ReportField] = report
		}
		WriteEvent(&b, EventStream, "", e)
	}
	event(map[string]string{"role": "assistant", "content": ""}, nil, nil)
	event(map[string]string{"content": o.Text}, nil, nil)
	event(struct{}{}, "stop", o.Report)
	WriteEvent(&b, EventStream, "", []byte("[DONE]"))
	return b.Bytes()
}

func (Completions) Failed(f *Failure, _ int) (string, any) { return "", map[string]any{"error": f} }
