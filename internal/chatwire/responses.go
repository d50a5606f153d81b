package chatwire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Responses is OpenAI's Responses API.
type Responses struct{}

func (Responses) Path() string  { return "/responses" }
func (Responses) Field() string { return "input" }

func (Responses) read(q *Request) {
	var form struct{ Format struct{ Type string } }
	_ = json.Unmarshal(q.members["text"], &form)
	_ = json.Unmarshal(q.members["max_output_tokens"], &q.MaxTokens)
	// What is made in the background is not in the answer.
	q.Plain = (form.Format.Type == "" || form.Format.Type == "text") && string(q.members["background"]) != "true"
	conversation := q.members["conversation"] // an object with an id, or the id
	var named struct{ ID string }
	_ = json.Unmarshal(conversation, &named)
	named.ID = cmp.Or(named.ID, textOf(conversation))
	q.Session = cmp.Or(q.Session, named.ID)
	q.After = textOf(q.members["previous_response_id"])
	q.Continues = named.ID != "" || q.After != ""
	var instructions *string
	if raw := q.members["instructions"]; raw != nil && json.Unmarshal(raw, &instructions) != nil {
		return
	}
	if instructions != nil {
		q.System = *instructions
	}
	input := q.members["input"]
	if !q.readText(input) {
		q.readMessages(input)
	}
}

// place is the last message of the user, but where the model's server keeps the conversation: there notes in a message would
// be read again with every turn that follows, and stay when a memory is deleted. Instructions hold for one answer.
func (Responses) place(q *Request) ([]any, string) {
	switch input := q.members["input"]; {
	case q.Continues:
		return []any{"instructions"}, ""
	case len(input) > 0 && input[0] == '"':
		return []any{"input"}, ""
	}
	return []any{"input", q.last, "content"}, "input_text"
}

// owned are the parts of an answer's output beside which its text is the model's own: what it thought, and what the server
// looked up for it. All else is for the client to do, or no text.
var owned = map[string]bool{"message": true, "reasoning": true, "compaction": true, "web_search_call": true, "file_search_call": true,
	"code_interpreter_call": true, "mcp_list_tools": true, "mcp_call": true}

// outputItem is one of an answer's output.
type outputItem struct {
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// textsOf are the texts of an answer's output. other reports that there is something else than the model's own text.
func textsOf(items []json.RawMessage) (texts []string, other bool) {
	for _, raw := range items {
		var item outputItem
		if json.Unmarshal(raw, &item) != nil || !owned[item.Type] {
			other = true
			continue
		}
		if item.Type != "message" {
			continue
		}
		var parts []block
		if json.Unmarshal(item.Content, &parts) != nil {
			other = true
		}
		for _, p := range parts {
			if p.Type != "output_text" {
				other = true
				continue
			}
			texts = append(texts, p.Text)
		}
	}
	return texts, other
}

// response is what is read of an answer.
type response struct {
	Status string            `json:"status"`
	Output []json.RawMessage `json:"output"`
	Usage  inOut             `json:"usage"`
}

func (Responses) whole(c *Capture, body []byte) {
	var a response
	if json.Unmarshal(body, &a) != nil {
		return
	}
	texts, other := textsOf(a.Output)
	if len(texts) > 0 {
		c.Text = strings.Join(texts, apart)
	}
	c.Other = c.Other || other
	c.Complete = a.Status == "completed" || a.Status == "" && len(a.Output) > 0
	c.Usage = Usage{a.Usage.Input, a.Usage.Output}
}

// responseEvent is what is read of an event.
type responseEvent struct {
	Type     string          `json:"type"`
	Number   int             `json:"sequence_number"`
	At       int             `json:"output_index"`
	Part     int             `json:"content_index"`
	Item     json.RawMessage `json:"item"`
	Delta    json.RawMessage `json:"delta"`
	Text     json.RawMessage `json:"text"`
	Response json.RawMessage `json:"response"`
}

func (Responses) event(c *Capture, data []byte) {
	var e responseEvent
	if json.Unmarshal(data, &e) != nil {
		return
	}
	c.Next = e.Number + 1
	place := [2]int{e.At + 1, e.Part + 1}
	switch e.Type {
	case "response.output_item.added":
		var item outputItem
		_ = json.Unmarshal(e.Item, &item) // else its type is none
		c.Other = c.Other || !owned[item.Type]
	case "response.output_text.delta":
		c.sayAt(place, textOf(e.Delta))
	case "response.output_text.done":
		if c.part != place { // no delta was sent before
			c.sayAt(place, textOf(e.Text))
		}
	case "response.refusal.delta":
		c.Other = true
	case "response.output_item.done":
		if c.size += len(e.Item); c.size > maxEvent {
			c.Long = true
			return
		}
		c.items = append(c.items, bytes.Clone(e.Item))
	case "response.completed", "response.incomplete", "response.failed":
		c.endResponse(e.Response)
		c.Complete = e.Type == "response.completed"
	}
}

// endResponse reads the whole answer, which the last event holds. One without its output gets what was said before.
func (c *Capture) endResponse(whole []byte) {
	if _, err := jsonedit.Members(whole); err != nil {
		return
	}
	var list []json.RawMessage
	if _ = json.Unmarshal(jsonedit.Value(whole, "output"), &list); len(list) == 0 && len(c.items) > 0 {
		output := append(append([]byte{'['}, bytes.Join(c.items, []byte{','})...), ']')
		whole = jsonedit.Set(bytes.Clone(whole), output, "output")
	}
	Responses{}.whole(c, whole)
}

func (r Responses) add(body []byte, text string) []byte {
	added, _ := json.Marshal(r.message("memory", "completed", outputText(text)))
	return jsonedit.Push(body, added, "output")
}

// ending puts the text into a message of its own, for the one before has ended.
func (r Responses) ending(c *Capture, e *ending) (before, data []byte) {
	var last struct{ Response response }
	_ = json.Unmarshal(e.data, &last) // it was read before
	number := c.Next - 1
	before = e.events(func(event func(string, any)) {
		r.messageEvents("memory", max(len(last.Response.Output), len(c.items)), e.text, func(kind string, v map[string]any) {
			v["type"], v["sequence_number"] = kind, number
			event(kind, v)
			number++
		})
	})
	data = jsonedit.Set(e.data, []byte(strconv.Itoa(number)), "sequence_number")
	if len(last.Response.Output) > 0 {
		data = jsonedit.Set(data, r.add(jsonedit.Value(data, "response"), e.text), "response")
	}
	return before, e.reported(data, "response", ReportField)
}

// messageEvents are the events of a message of an answer's output.
func (r Responses) messageEvents(id string, at int, text string, event func(kind string, v map[string]any)) {
	event("response.output_item.added", map[string]any{"output_index": at, "item": r.message(id, "in_progress")})
	part := func(kind string, v map[string]any) {
		v["item_id"], v["output_index"], v["content_index"] = "msg_"+id, at, 0
		event(kind, v)
	}
	part("response.content_part.added", map[string]any{"part": outputText("")})
	part("response.output_text.delta", map[string]any{"delta": text, "logprobs": []any{}})
	part("response.output_text.done", map[string]any{"text": text, "logprobs": []any{}})
	part("response.content_part.done", map[string]any{"part": outputText(text)})
	event("response.output_item.done", map[string]any{"output_index": at, "item": r.message(id, "completed", outputText(text))})
}

// message is a message of an answer's output.
func (Responses) message(id, status string, content ...any) map[string]any {
	return map[string]any{"id": "msg_" + id, "type": "message", "status": status, "role": "assistant", "content": append([]any{}, content...)}
}

func (a Responses) compose(q *Request, o *Own) []byte {
	given := func(name, otherwise string) json.RawMessage {
		if raw := q.members[name]; raw != nil && string(raw) != "null" {
			return raw
		}
		return json.RawMessage(otherwise)
	}
	now := time.Now().Unix()
	whole, _ := json.Marshal(map[string]any{ // what was asked is JSON already
		"id": "resp_" + o.ID, "object": "response", "created_at": now, "completed_at": now, "status": "completed", "model": o.Model,
		"output": []any{a.message(o.ID, "completed", outputText(o.Text))},
		"usage": map[string]any{"input_tokens": o.Usage.Prompt, "input_tokens_details": map[string]int{"cached_tokens": 0},
			"output_tokens": o.Usage.Completion, "output_tokens_details": map[string]int{"reasoning_tokens": 0}, "total_tokens": o.Usage.Prompt + o.Usage.Completion},
		"error": nil, "incomplete_details": nil, "background": false, "store": false, // nothing can be asked for again
		"instructions": given("instructions", "null"), "metadata": given("metadata", "{}"), "previous_response_id": given("previous_response_id", "null"),
		"max_output_tokens": given("max_output_tokens", "null"), "parallel_tool_calls": given("parallel_tool_calls", "true"),
		"reasoning": given("reasoning", `{"effort":null,"summary":null}`), "temperature": given("temperature", "1"), "top_p": given("top_p", "1"),
		"text": given("text", `{"format":{"type":"text"}}`), "tool_choice": given("tool_choice", `"auto"`), "tools": given("tools", "[]"),
		"truncation": given("truncation", `"disabled"`), "user": given("user", "null"),
	})
	return whole
}

func outputText(text string) map[string]any {
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

func (a Responses) composeStream(q *Request, o *Own) []byte {
	var b bytes.Buffer
	number := 0
	event := func(kind string, e map[string]any) {
		e["type"], e["sequence_number"] = kind, number
		WriteEvent(&b, EventStream, kind, e)
		number++
	}
	whole := a.compose(q, o)
	begun := jsonedit.Remove(jsonedit.Set(jsonedit.Set(jsonedit.Set(whole, []byte(`"in_progress"`), "status"), []byte("[]"), "output"), []byte("null"), "usage"), "completed_at")
	event("response.created", map[string]any{"response": json.RawMessage(begun)})
	event("response.in_progress", map[string]any{"response": json.RawMessage(begun)})
	a.messageEvents(o.ID, 0, o.Text, event)
	if o.Report != nil {
		whole = jsonedit.Set(whole, o.Report, ReportField)
	}
	event("response.completed", map[string]any{"response": json.RawMessage(whole)})
	return b.Bytes()
}

// Failed tells of the failure as the API does, and in the member "error" to clients that look for it there.
func (Responses) Failed(f *Failure, number int) (string, any) {
	if number < 0 {
		return "", map[string]any{"error": f}
	}
	return "error", map[string]any{"type": "error", "sequence_number": number, "code": f.Code, "message": f.Message, "param": nil, "error": f}
}
