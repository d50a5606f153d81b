package chatwire

import (
	"cmp"
	"encoding/json"
	"strings"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Any is what chat handlers of one's own speak: a request with "messages", and an answer in OpenAI's, Anthropic's or Ollama's
// form, with a member content, text, answer or response, or as plain text. It composes nothing.
type Any struct{ Completions }

func (Any) read(q *Request) {
	q.readMessages(q.members["messages"])
	for _, m := range q.Messages {
		q.Readable = q.Readable && m.Role != ""
	}
	q.Readable = q.Readable && len(q.Messages) > 0
}

func (w Any) whole(c *Capture, body []byte) {
	if strings.HasPrefix(strings.TrimSpace(string(body)), "{") {
		w.take(c, body)
		c.Complete = true
	}
}

func (w Any) event(c *Capture, data []byte) {
	if strings.HasPrefix(strings.TrimSpace(string(data)), "{") {
		w.take(c, data)
		return
	}
	c.say(string(data))
}

// anyAnswer is an answer, or a piece of one.
type anyAnswer struct {
	Type     string          `json:"type"`
	Error    json.RawMessage `json:"error"`
	Choices  []anyChoice     `json:"choices"`
	Message  json.RawMessage `json:"message"`
	Content  json.RawMessage `json:"content"`
	Delta    json.RawMessage `json:"delta"`
	Text     string          `json:"text"`
	Answer   json.RawMessage `json:"answer"`
	Response json.RawMessage `json:"response"`
}

type anyChoice struct {
	choice
	Text string `json:"text"`
}

func (Any) take(c *Capture, body []byte) {
	var v anyAnswer
	if json.Unmarshal(body, &v) != nil {
		return
	}
	if filled(v.Error) {
		c.Failed = true
		return
	}
	switch v.Type { // others are reasoning, and the like
	case "", "token", "content", "message", "text", "content_block_delta":
	default:
		return
	}
	for _, x := range v.Choices {
		if x.Index == 0 {
			c.Other = c.Other || x.Message.any() || x.Delta.any()
			c.say(x.Text + contentOf(x.Message.Content) + contentOf(x.Delta.Content))
		}
	}
	if len(v.Choices) > 0 {
		return
	}
	var message choiceText
	if json.Unmarshal(v.Message, &message) == nil {
		c.Other = c.Other || message.any()
		c.say(contentOf(message.Content))
		return
	}
	c.say(cmp.Or(contentOf(v.Message), contentOf(v.Content), textOf(jsonedit.Value(v.Delta, "text")), v.Text, contentOf(v.Answer), contentOf(v.Response)))
}
