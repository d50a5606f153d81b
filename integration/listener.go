package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
)

// listener passes an answer on and keeps it.
type listener struct {
	http.ResponseWriter
	most   int
	status int
	kept   bytes.Buffer
	over   bool // it is longer than what is kept
}

// Unwrap lets http.ResponseController flush, and the rest of it.
func (l *listener) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// Flush implements http.Flusher, for handlers that look for one.
func (l *listener) Flush() { _ = http.NewResponseController(l.ResponseWriter).Flush() }

// WriteHeader implements http.ResponseWriter.
func (l *listener) WriteHeader(status int) {
	if l.status == 0 && status >= 200 {
		l.status = status
	}
	l.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (l *listener) Write(p []byte) (int, error) {
	l.status = cmp.Or(l.status, http.StatusOK)
	n, err := l.ResponseWriter.Write(p)
	if l.over = l.over || l.kept.Len()+n > l.most; !l.over {
		l.kept.Write(p[:n])
	}
	return n, err
}

// answer is the text of the answer. It is not ok if there is nothing to remember: an error, an unknown form, a call of
// tools, or more than is kept.
func (l *listener) answer() (string, bool) {
	if l.over || l.status < 200 || l.status > 299 || l.Header().Get("Content-Encoding") != "" {
		return "", false
	}
	kind, _, _ := mime.ParseMediaType(l.Header().Get("Content-Type"))
	var heard answerText
	switch kind {
	case "application/json":
		heard.take(l.kept.Bytes())
	case "text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-lines":
		for line := range bytes.Lines(l.kept.Bytes()) {
			line = bytes.TrimRight(line, "\r\n")
			if kind == "text/event-stream" {
				var data bool
				if line, data = bytes.CutPrefix(line, []byte("data:")); !data {
					continue
				}
				line = bytes.TrimPrefix(line, []byte(" "))
			}
			switch {
			case bytes.Equal(bytes.TrimSpace(line), []byte("[DONE]")):
			case bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")):
				heard.take(line)
			case kind == "text/event-stream":
				heard.text.Write(line)
			}
		}
	case "text/plain":
		heard.text.Write(l.kept.Bytes())
	}
	text := strings.TrimSpace(heard.text.String())
	return text, text != "" && !heard.tools && !heard.failed
}

// answerText gathers an answer from JSON.
type answerText struct {
	text          strings.Builder
	tools, failed bool
}

// said is a piece of an answer, or the whole of one, in the forms that chat servers have.
type said struct {
	Content   json.RawMessage `json:"content"`
	ToolCalls []any           `json:"tool_calls"`
}

func (a *answerText) take(body []byte) {
	var v struct {
		Type    string          `json:"type"`
		Error   json.RawMessage `json:"error"`
		Choices []struct {
			Index          int
			Message, Delta *said
			Text           string
		} `json:"choices"`
		Message  json.RawMessage `json:"message"`
		Content  json.RawMessage `json:"content"`
		Text     string          `json:"text"`
		Answer   json.RawMessage `json:"answer"`
		Response json.RawMessage `json:"response"`
	}
	if json.Unmarshal(body, &v) != nil {
		return
	}
	if len(v.Error) > 0 && string(v.Error) != "null" {
		a.failed = true
		return
	}
	if v.Type != "" && v.Type != "token" && v.Type != "content" && v.Type != "message" && v.Type != "text" { // reasoning, and the like
		return
	}
	for _, c := range v.Choices {
		if c.Index != 0 {
			continue
		}
		a.text.WriteString(c.Text)
		for _, s := range []*said{c.Message, c.Delta} {
			if s != nil {
				a.tools = a.tools || len(s.ToolCalls) > 0
				a.text.WriteString(contentOf(s.Content))
			}
		}
	}
	if len(v.Choices) > 0 {
		return
	}
	var message said
	if json.Unmarshal(v.Message, &message) == nil {
		a.tools = a.tools || len(message.ToolCalls) > 0
		a.text.WriteString(contentOf(message.Content))
		return
	}
	a.text.WriteString(cmp.Or(contentOf(v.Message), contentOf(v.Content), v.Text, contentOf(v.Answer), contentOf(v.Response)))
}
