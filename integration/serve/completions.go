package serve

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/specialists"
)

// completions is the API of chat completions.
type completions struct{}

func (completions) path() string  { return "/chat/completions" }
func (completions) field() string { return "messages" }

func (completions) read(q *asked) {
	var n int
	var format struct{ Type string }
	_ = json.Unmarshal(q.body.value("n"), &n)
	_ = json.Unmarshal(q.body.value("response_format"), &format)
	q.Plain = n <= 1 && (format.Type == "" || format.Type == "text") && !isTrue(q.body.value("logprobs"))
	var list []json.RawMessage
	if json.Unmarshal(q.body.value("messages"), &list) == nil {
		q.readMessages(list)
	}
}

// insert puts a system message behind those at the beginning.
func (completions) insert(q *asked, notes string) {
	raw, _ := json.Marshal(specialists.Message{Role: "system", Content: notes}) // strings
	at := 0
	for at < len(q.messages) && (q.messages[at].Role == "system" || q.messages[at].Role == "developer") {
		at++
	}
	list := make([]json.RawMessage, len(q.messages))
	for i, m := range q.messages {
		list[i] = m.raw
	}
	q.body.set("messages", array(slices.Insert(list, at, raw)))
}

// beside is what may stand beside a text, or in its place.
type beside struct {
	Refusal   string          `json:"refusal"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Function  json.RawMessage `json:"function_call"`
	Audio     json.RawMessage `json:"audio"`
}

// any reports whether something does.
func (b *beside) any() bool {
	filled := func(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" && string(raw) != "[]" }
	return b.Refusal != "" || filled(b.ToolCalls) || filled(b.Function) || filled(b.Audio)
}

// completion is what is read of a chat completion.
type completion struct {
	Choices []struct {
		Index   int `json:"index"`
		Message struct {
			Content any `json:"content"`
			beside
		} `json:"message"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage usage `json:"usage"`
}

func (completions) whole(h *heard, body []byte) {
	var c completion
	if json.Unmarshal(body, &c) != nil || len(c.Choices) == 0 {
		return
	}
	m := c.Choices[0].Message
	h.Text, _ = m.Content.(string)
	h.Tools = m.any() || len(c.Choices) > 1
	h.Complete = c.Choices[0].Finish == "stop" || c.Choices[0].Finish == ""
	h.Usage = c.Usage
}

// chunk is what is read of one event.
type chunk struct {
	Choices []struct {
		Index int `json:"index"`
		Delta struct {
			Content string `json:"content"`
			beside
		} `json:"delta"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage *usage `json:"usage"`
}

func (completions) event(h *heard, data []byte) {
	var c chunk
	if json.Unmarshal(data, &c) != nil {
		return
	}
	if h.first == nil {
		h.first = bytes.Clone(data)
	}
	if c.Usage != nil {
		h.Usage = *c.Usage
		if len(c.Choices) == 0 {
			h.lastly = bytes.Clone(data)
		}
	}
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			h.Tools = true
			continue
		}
		d := choice.Delta
		h.Tools = h.Tools || d.any()
		h.say(d.Content)
		if choice.Finish != "" {
			h.Complete = choice.Finish == "stop"
		}
	}
}

func (completions) withText(body []byte, text string, about account) []byte {
	changed := json.RawMessage(body)
	var err error
	if about.Changed {
		content, _ := json.Marshal(text)
		if changed, err = put(changed, content, "choices", 0, "message", "content"); err != nil {
			return body
		}
	}
	if changed, err = put(changed, about.json(), refineField); err != nil {
		return body
	}
	return changed
}

func (completions) asStream(h *heard, text string, about account) []byte {
	var b bytes.Buffer
	event := func(o object) { writeEvent(&b, "", o.bytes()) }
	with := func(delta any, finish *string) object {
		o, _ := readObject(h.first) // it was read before
		choices, _ := json.Marshal([]any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}})
		o.set("choices", choices)
		return o
	}
	event(with(map[string]string{"role": "assistant", "content": ""}, nil))
	for _, part := range pieces(text, piece) {
		event(with(map[string]string{"content": part}, nil))
	}
	stop := "stop"
	last := with(struct{}{}, &stop)
	last.set(refineField, about.json())
	event(last)
	if h.lastly != nil {
		writeEvent(&b, "", h.lastly)
	}
	writeEvent(&b, "", []byte("[DONE]"))
	return b.Bytes()
}

func (completions) broken(_ *heard, f *failure) (string, any) { return "", envelope{f} }

func (completions) compose(q *asked, id, said string) ([]byte, *heard) {
	id = "chatcmpl-" + id
	now := time.Now().Unix()
	prompt, completion := text.Tokens(q.messages[q.last].Text), text.Tokens(said)
	whole, _ := json.Marshal(map[string]any{
		"id": id, "object": "chat.completion", "created": now, "model": ModelAlone,
		"choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": said, "refusal": nil}, "logprobs": nil, "finish_reason": "stop"}},
		"usage":   map[string]int{"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
	})
	first, _ := json.Marshal(map[string]any{"id": id, "object": "chat.completion.chunk", "created": now, "model": ModelAlone})
	return whole, &heard{first: first}
}
