package chatwire

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// OllamaChat is Ollama's own API of chats.
type OllamaChat struct{}

func (OllamaChat) Path() string  { return "/api/chat" }
func (OllamaChat) Field() string { return "messages" }

func (OllamaChat) read(q *Request) {
	q.readOllama()
	q.readMessages(q.members["messages"])
	q.Technical = q.Technical || q.Readable && len(q.Messages) == 0 // it loads a model
}

// readOllama reads what Ollama's APIs have in common.
func (q *Request) readOllama() {
	q.Stream = string(q.members["stream"]) != "false"
	q.Plain = !filled(q.members["format"]) && string(q.members["logprobs"]) != "true"
	var options struct {
		Predict int `json:"num_predict"`
	}
	_ = json.Unmarshal(q.members["options"], &options)
	q.MaxTokens = max(0, options.Predict)
}

func (OllamaChat) place(q *Request) ([]any, string) {
	return []any{"messages", q.last, "content"}, "text"
}

// ollamaAnswer is what is read of an answer of Ollama, or of a piece of one.
type ollamaAnswer struct {
	Message struct {
		Content string          `json:"content"`
		Calls   json.RawMessage `json:"tool_calls"`
	} `json:"message"`
	Response   string          `json:"response"`
	Done       bool            `json:"done"`
	Reason     string          `json:"done_reason"`
	Error      json.RawMessage `json:"error"`
	Prompt     int             `json:"prompt_eval_count"`
	Completion int             `json:"eval_count"`
}

func (OllamaChat) whole(c *Capture, body []byte) { OllamaChat{}.event(c, body) }

func (OllamaChat) event(c *Capture, data []byte) {
	var a ollamaAnswer
	if json.Unmarshal(data, &a) == nil {
		c.readOllama(&a, a.Message.Content)
	}
}

// readOllama reads an answer, or a piece of one.
func (c *Capture) readOllama(a *ollamaAnswer, text string) {
	c.Failed = c.Failed || filled(a.Error)
	c.Other = c.Other || filled(a.Message.Calls)
	c.say(text)
	if a.Done {
		c.Complete = (a.Reason == "stop" || a.Reason == "") && !c.Failed
		c.Usage = Usage{a.Prompt, a.Completion}
	}
}

func (OllamaChat) add(body []byte, text string) []byte {
	return addText(body, text, "message", "content")
}

func (OllamaChat) ending(_ *Capture, e *ending) (before, data []byte) {
	return ollamaEnding(e, "message", map[string]string{"role": "assistant", "content": e.text}, "message", "content")
}

func ollamaEnding(e *ending, name string, said any, path ...any) (before, data []byte) {
	data = e.reported(e.data, ReportField)
	if textOf(jsonedit.Value(data, path...)) != "" {
		return nil, addText(data, e.text, path...)
	}
	more := ollamaCompose(&Own{Model: textOf(jsonedit.Value(data, "model"))}, name, said, false)
	return e.events(func(event func(string, any)) { event("", more) }), data
}

func (OllamaChat) compose(_ *Request, o *Own) []byte {
	return ollamaCompose(o, "message", map[string]string{"role": "assistant", "content": o.Text}, true)
}

func (OllamaChat) composeStream(_ *Request, o *Own) []byte {
	return ollamaStream(o, "message", func(piece string) any { return map[string]string{"role": "assistant", "content": piece} })
}

func (OllamaChat) Failed(f Failure) (string, any) { return "", map[string]string{"error": f.Message} }

// ollamaCompose is an answer of Ollama, or a piece of one; the last has the counts.
func ollamaCompose(o *Own, name string, said any, last bool) []byte {
	a := map[string]any{"model": o.Model, "created_at": time.Now().UTC().Format(time.RFC3339Nano), name: said, "done": last}
	if last {
		a["done_reason"], a["prompt_eval_count"], a["eval_count"] = "stop", o.Usage.Prompt, o.Usage.Completion
		for _, took := range []string{"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"} {
			a[took] = 1 // in nanoseconds: nothing was loaded, and nothing evaluated
		}
		if o.Report != nil {
			a[ReportField] = o.Report
		}
	}
	text, _ := json.Marshal(a)
	return text
}

func ollamaStream(o *Own, name string, said func(piece string) any) []byte {
	var b bytes.Buffer
	for _, piece := range pieces(o.Text) {
		WriteEvent(&b, JSONLines, "", ollamaCompose(o, name, said(piece), false))
	}
	WriteEvent(&b, JSONLines, "", ollamaCompose(o, name, said(""), true))
	return b.Bytes()
}

// OllamaGenerate is Ollama's own API of completions.
type OllamaGenerate struct{}

func (OllamaGenerate) Path() string  { return "/api/generate" }
func (OllamaGenerate) Field() string { return "prompt" }

func (OllamaGenerate) read(q *Request) {
	q.readOllama()
	q.System = textOf(q.members["system"])
	q.Continues = filled(q.members["context"])
	prompt := q.members["prompt"]
	// A prompt that the client has put into the model's template itself, or that has an end to be reached, is no question.
	q.Technical = !filled(prompt) || filled(q.members["raw"]) || filled(q.members["suffix"])
	if len(prompt) > 0 && prompt[0] == '"' {
		q.Messages, q.Readable = []Message{{Role: "user", Content: Spoken("user", textOf(prompt))}}, true
	}
}

func (OllamaGenerate) place(*Request) ([]any, string) { return []any{"prompt"}, "" }
func (OllamaGenerate) whole(c *Capture, body []byte)  { OllamaGenerate{}.event(c, body) }
func (OllamaGenerate) Failed(f Failure) (string, any) { return OllamaChat{}.Failed(f) }
func (OllamaGenerate) add(b []byte, t string) []byte  { return addText(b, t, "response") }

func (OllamaGenerate) event(c *Capture, data []byte) {
	var a ollamaAnswer
	if json.Unmarshal(data, &a) == nil {
		c.readOllama(&a, a.Response)
	}
}

func (OllamaGenerate) ending(_ *Capture, e *ending) (before, data []byte) {
	return ollamaEnding(e, "response", e.text, "response")
}

func (OllamaGenerate) compose(_ *Request, o *Own) []byte {
	return ollamaCompose(o, "response", o.Text, true)
}

func (OllamaGenerate) composeStream(_ *Request, o *Own) []byte {
	return ollamaStream(o, "response", func(piece string) any { return piece })
}
