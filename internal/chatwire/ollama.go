package chatwire

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Ollama is Ollama's own API of chats, or of completions.
type Ollama struct {
	Generate bool // of completions
}

func (o Ollama) Path() string {
	if o.Generate {
		return "/api/generate"
	}
	return "/api/chat"
}

func (o Ollama) Field() string {
	if o.Generate {
		return "prompt"
	}
	return "messages"
}

func (o Ollama) read(q *Request) {
	q.Stream = string(q.members["stream"]) != "false"
	q.Plain = !filled(q.members["format"]) && string(q.members["logprobs"]) != "true"
	var options struct {
		Predict int `json:"num_predict"`
	}
	_ = json.Unmarshal(q.members["options"], &options)
	q.MaxTokens = max(0, options.Predict)
	if !o.Generate {
		q.readMessages(q.members["messages"])
		q.Technical = q.Readable && len(q.Messages) == 0 // it loads a model
		return
	}
	q.System = textOf(q.members["system"])
	q.Continues = filled(q.members["context"])
	prompt := q.members["prompt"]
	// A prompt that the client has put into the model's template itself, or that has an end to be reached, is no question.
	q.Technical = !filled(prompt) || filled(q.members["raw"]) || filled(q.members["suffix"])
	q.readText(prompt)
}

func (o Ollama) place(q *Request) ([]any, string) {
	if o.Generate {
		return []any{"prompt"}, ""
	}
	return []any{"messages", q.last, "content"}, "text"
}

func (o Ollama) whole(c *Capture, body []byte) { o.event(c, body) }

// event reads an answer, or a piece of one.
func (o Ollama) event(c *Capture, data []byte) {
	var a struct {
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
	if json.Unmarshal(data, &a) != nil {
		return
	}
	c.Failed = c.Failed || filled(a.Error)
	c.Other = c.Other || filled(a.Message.Calls)
	if o.Generate {
		c.say(a.Response)
	} else {
		c.say(a.Message.Content)
	}
	if a.Done {
		c.Complete = (a.Reason == "stop" || a.Reason == "") && !c.Failed
		c.Usage = Usage{a.Prompt, a.Completion}
	}
}

// text is where an answer has its text.
func (o Ollama) text() []any {
	if o.Generate {
		return []any{"response"}
	}
	return []any{"message", "content"}
}

func (o Ollama) add(body []byte, text string) []byte { return addText(body, text, o.text()...) }

func (o Ollama) ending(_ *Capture, e *ending) (before, data []byte) {
	data = e.reported(e.data, ReportField)
	if textOf(jsonedit.Value(data, o.text()...)) != "" {
		return nil, o.add(data, e.text)
	}
	more := o.piece(&Own{Model: textOf(jsonedit.Value(data, "model")), Text: e.text}, false)
	return e.events(func(event func(string, any)) { event("", more) }), data
}

func (o Ollama) compose(_ *Request, own *Own) []byte { return o.piece(own, true) }

func (o Ollama) composeStream(_ *Request, own *Own) []byte {
	var b bytes.Buffer
	last := *own
	last.Text = ""
	WriteEvent(&b, JSONLines, "", o.piece(own, false))
	WriteEvent(&b, JSONLines, "", o.piece(&last, true))
	return b.Bytes()
}

// piece is an answer, or a piece of one; the last has the counts.
func (o Ollama) piece(own *Own, last bool) []byte {
	a := map[string]any{"model": own.Model, "created_at": time.Now().UTC().Format(time.RFC3339Nano), "done": last}
	if o.Generate {
		a["response"] = own.Text
	} else {
		a["message"] = map[string]string{"role": "assistant", "content": own.Text}
	}
	if last {
		a["done_reason"], a["prompt_eval_count"], a["eval_count"] = "stop", own.Usage.Prompt, own.Usage.Completion
		for _, took := range []string{"total_duration", "load_duration", "prompt_eval_duration", "eval_duration"} {
			a[took] = 1 // in nanoseconds: nothing was loaded, and nothing evaluated
		}
		if own.Report != nil {
			a[ReportField] = own.Report
		}
	}
	text, _ := json.Marshal(a)
	return text
}

func (Ollama) Failed(f *Failure, _ int) (string, any) {
	return "", map[string]string{"error": f.Message}
}
