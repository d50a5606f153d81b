package chatwire

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Anthropic is Anthropic's API of messages.
type Anthropic struct{}

func (Anthropic) Path() string  { return "/messages" }
func (Anthropic) Field() string { return "messages" }

func (Anthropic) read(q *Request) {
	q.System = contentOf(q.members["system"])
	q.User = textOf(jsonedit.Value(q.members["metadata"], "user_id"))
	_ = json.Unmarshal(q.members["max_tokens"], &q.MaxTokens)
	q.Plain = !filled(q.members["output_format"])
	q.readMessages(q.members["messages"])
}

func (Anthropic) place(q *Request) ([]any, string) {
	return []any{"messages", q.last, "content"}, "text"
}

// block is a part of an answer.
type block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// own reports whether beside such a block the answer's text is the model's own: what it thought, and what the server looked
// up for it. All else is for the client to do.
func (b *block) own() bool {
	switch b.Type {
	case "text", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result":
		return true
	}
	return false
}

// inOut are tokens by the names that Anthropic and the Responses API have for them.
type inOut struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
}

func (Anthropic) whole(c *Capture, body []byte) {
	var a struct {
		Type    string  `json:"type"`
		Content []block `json:"content"`
		Stop    string  `json:"stop_reason"`
		Usage   inOut   `json:"usage"`
	}
	if json.Unmarshal(body, &a) != nil || a.Type == "error" {
		return
	}
	for i, b := range a.Content {
		c.readBlock(i, &b)
	}
	c.Complete = ended(a.Stop)
	c.Usage = Usage{a.Usage.Input, a.Usage.Output}
}

// readBlock reads a part of an answer, or the beginning of one.
func (c *Capture) readBlock(i int, b *block) {
	c.Other = c.Other || !b.own()
	if b.Type == "text" && b.Text != "" {
		c.sayAt([2]int{i + 1}, b.Text)
	}
}

func ended(stop string) bool { return stop == "end_turn" || stop == "stop_sequence" }

// anthropicEvent is what is read of an event of a stream.
type anthropicEvent struct {
	Type    string `json:"type"`
	Index   int    `json:"index"`
	Message struct {
		Usage inOut `json:"usage"`
	} `json:"message"`
	Block block `json:"content_block"`
	Delta struct {
		Type string `json:"type"`
		Text string `json:"text"`
		Stop string `json:"stop_reason"`
	} `json:"delta"`
	Usage inOut `json:"usage"`
}

func (Anthropic) event(c *Capture, data []byte) {
	var e anthropicEvent
	if json.Unmarshal(data, &e) != nil {
		return
	}
	switch e.Type {
	case "message_start":
		c.Usage = Usage{e.Message.Usage.Input, e.Message.Usage.Output}
	case "content_block_start":
		c.Next = max(c.Next, e.Index+1)
		c.readBlock(e.Index, &e.Block)
	case "content_block_delta":
		if e.Delta.Type == "text_delta" {
			c.sayAt([2]int{e.Index + 1}, e.Delta.Text)
		}
	case "message_delta":
		if e.Delta.Stop != "" {
			c.Complete = ended(e.Delta.Stop)
		}
		c.Usage.Completion = max(c.Usage.Completion, e.Usage.Output)
	case "error":
		c.Complete, c.Failed = false, true
	}
}

func (Anthropic) add(body []byte, text string) []byte {
	added, _ := json.Marshal(block{"text", text})
	return jsonedit.Push(body, added, "content")
}

func (Anthropic) ending(c *Capture, e *ending) (before, data []byte) {
	before = e.events(func(event func(string, any)) {
		textBlock(c.Next, e.text, func(kind string, v map[string]any) { event(kind, v) })
	})
	return before, e.reported(e.data, ReportField)
}

// textBlock are the events of a part of an answer that is a text.
func textBlock(index int, text string, event func(kind string, v map[string]any)) {
	send := func(kind string, v map[string]any) {
		v["type"], v["index"] = kind, index
		event(kind, v)
	}
	send("content_block_start", map[string]any{"content_block": block{Type: "text"}})
	send("content_block_delta", map[string]any{"delta": map[string]string{"type": "text_delta", "text": text}})
	send("content_block_stop", map[string]any{})
}

func (Anthropic) message(o *Own) map[string]any {
	return map[string]any{"id": "msg_" + o.ID, "type": "message", "role": "assistant", "model": o.Model, "stop_reason": "end_turn", "stop_sequence": nil,
		"content": []any{map[string]string{"type": "text", "text": o.Text}},
		"usage":   map[string]int{"input_tokens": o.Usage.Prompt, "output_tokens": o.Usage.Completion}}
}

func (a Anthropic) compose(_ *Request, o *Own) []byte {
	whole, _ := json.Marshal(a.message(o))
	return whole
}

func (a Anthropic) composeStream(_ *Request, o *Own) []byte {
	var b bytes.Buffer
	event := func(kind string, e map[string]any) {
		e["type"] = kind
		WriteEvent(&b, EventStream, kind, e)
	}
	begun := a.message(o)
	begun["content"], begun["stop_reason"] = []any{}, nil
	event("message_start", map[string]any{"message": begun})
	textBlock(0, o.Text, event)
	last := map[string]any{"delta": map[string]any{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": map[string]int{"output_tokens": o.Usage.Completion}}
	if o.Report != nil {
		last[ReportField] = o.Report
	}
	event("message_delta", last)
	event("message_stop", map[string]any{})
	return b.Bytes()
}

// Failed tells of a failure by the names that Anthropic's errors have.
func (Anthropic) Failed(f *Failure, _ int) (string, any) {
	kinds := map[int]string{http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
		http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error", http.StatusGatewayTimeout: "timeout_error"}
	kind := kinds[f.Status]
	switch {
	case kind != "":
	case f.Status >= 500:
		kind = "api_error"
	default:
		kind = "invalid_request_error"
	}
	return "error", map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": f.Message, "code": f.Code}}
}
