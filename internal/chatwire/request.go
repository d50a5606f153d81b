package chatwire

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// Message is one of a conversation. Its content is what was said: reasoning and the output of tools are not in it.
type Message struct {
	Role, Content, Name string
}

// Request is what is read of a request for an answer.
type Request struct {
	// Messages are the conversation; empty if it cannot be read. One that is no message, as a call of a tool, has no role.
	Messages []Message
	// Readable reports that Messages hold all of the conversation that the request holds.
	Readable bool
	// System are instructions that stand beside the messages.
	System string

	Model, User string
	Stream      bool
	Session     string // the conversation's name, from the body
	// Plain is whether the answer is one text in prose.
	Plain bool
	// Continues is whether the conversation began with what the request does not hold, and After names what it goes on from.
	Continues bool
	After     string
	// MaxTokens bounds the answer; 0: nothing does.
	MaxTokens int
	// Technical is whether it is no conversation by its form: code to be filled in, or a model to be loaded.
	Technical bool

	wire    Wire
	body    []byte
	members map[string]json.RawMessage
	last    int // the last message of the user that has a text; -1: none
}

// Read reads a request of an API. It fails where the body is no JSON object, or has a member twice; what else may be wrong
// with it is for the model's server to tell.
func Read(w Wire, body []byte) (*Request, error) {
	m, err := jsonedit.Members(body)
	if err != nil {
		return nil, err
	}
	q := &Request{wire: w, body: body, members: m, last: -1, Plain: true, Model: textOf(m["model"]), User: textOf(m["user"])}
	_ = json.Unmarshal(m["stream"], &q.Stream)
	var metadata map[string]json.RawMessage
	if json.Unmarshal(m["metadata"], &metadata) == nil {
		for _, name := range []string{"session_id", "conversation_id", "thread_id", "chat_id"} {
			q.Session = cmp.Or(q.Session, textOf(metadata[name]))
		}
	}
	w.read(q)
	for i, m := range q.Messages {
		if m.Role == "user" && m.Content != "" {
			q.last = i
		}
	}
	return q, nil
}

// Asks reports whether there is a message of the user to answer.
func (q *Request) Asks() bool { return q.Readable && q.last >= 0 }

// Question is the last message of the user.
func (q *Request) Question() string {
	if q.last < 0 {
		return ""
	}
	return q.Messages[q.last].Content
}

// Instructions are all that tells the model how to answer.
func (q *Request) Instructions() string {
	texts := []string{q.System}
	for _, m := range q.Messages {
		if m.Role == "system" || m.Role == "developer" {
			texts = append(texts, m.Content)
		}
	}
	return strings.TrimSpace(strings.Join(texts, "\n"))
}

// Body is the request as it goes on to the model's server.
func (q *Request) Body() []byte { return q.body }

// Has reports whether the body has a member.
func (q *Request) Has(name string) bool { return q.members[name] != nil }

// Take removes a member of the body and returns its text. It does so once.
func (q *Request) Take(name string) (text string, found bool) {
	raw, found := q.members[name]
	if found {
		q.body = jsonedit.Remove(q.body, name)
		delete(q.members, name)
	}
	return textOf(raw), found
}

// SetModel names another model.
func (q *Request) SetModel(name string) { q.body = jsonedit.SetText(q.body, name, "model") }

// Insert puts notes behind the words of the last message of the user, and leaves every other byte as it is: no message is
// added, for many models' templates take one system message only, and only as the first; and all that stands before stays a
// prefix that the server of the model may have in its cache.
func (q *Request) Insert(notes string) {
	if !q.Asks() {
		return
	}
	path, kind := q.wire.place(q)
	added, _ := json.Marshal(notes) // a string
	raw := jsonedit.Value(q.body, path...)
	switch {
	case len(raw) > 2 && raw[0] == '"':
		joined := append(bytes.Clone(raw[:len(raw)-1]), `\n\n`...)
		q.body = jsonedit.Set(q.body, append(joined, added[1:]...), path...)
	case len(raw) > 0 && raw[0] == '[':
		part := `{"type":"` + kind + `","text":"\n\n` + string(added[1:]) + `}` // some templates join parts by nothing
		q.body = jsonedit.Push(q.body, []byte(part), path...)
	default: // instructions that are not there, or empty
		q.body = jsonedit.Set(q.body, added, path...)
	}
}

// readMessages reads the messages of a conversation.
func (q *Request) readMessages(raw json.RawMessage) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil || list == nil {
		return
	}
	messages := make([]Message, 0, len(list))
	for _, raw := range list {
		m, err := readMessage(raw)
		if err != nil {
			return
		}
		messages = append(messages, m)
	}
	q.Messages, q.Readable = messages, true
}

// readText reads a conversation that is one text of the user's, and reports whether it is one.
func (q *Request) readText(raw json.RawMessage) bool {
	if len(raw) == 0 || raw[0] != '"' {
		return false
	}
	q.Messages, q.Readable = []Message{{Role: "user", Content: Spoken("user", textOf(raw))}}, true
	return true
}

// readMessage reads a message. What is of a type that is no message, as calls of tools are in the Responses API, has no role.
func readMessage(raw json.RawMessage) (Message, error) {
	var m struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		Name    string          `json:"name"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return Message{}, err
	}
	if m.Type != "" && m.Type != "message" {
		return Message{}, nil
	}
	return Message{Role: m.Role, Name: m.Name, Content: Spoken(m.Role, contentOf(m.Content))}, nil
}

// contentOf is the text of a message: a string, or those of its parts that are text.
func contentOf(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		return textOf(raw)
	}
	var parts []block
	if json.Unmarshal(raw, &parts) != nil {
		return "" // no content, or of a kind that is not known here
	}
	var texts []string
	for _, p := range parts {
		switch p.Type {
		case "", "text", "input_text", "output_text":
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
		}
	}
	return strings.Join(texts, "\n")
}

var (
	reasoning = regexp.MustCompile(`(?s)^\s*(?:<(?:think|thinking|reasoning)>.*?)?</(?:think|thinking|reasoning)>\s*|<(?:think|thinking)>.*?(?:</(?:think|thinking)>\s*|$)`)
	reminders = regexp.MustCompile(`(?s)<system-reminder>.*?</system-reminder>\s*`)
)

// Spoken is a text without what its role did not say: the reasoning that some models write into their answers, and the
// reminders that coding agents write into their users' messages. It is empty if nothing is left.
func Spoken(role, text string) string {
	switch {
	case role == "assistant" && (strings.Contains(text, "<think") || strings.Contains(text, "</think") || strings.Contains(text, "</reasoning")):
		text = reasoning.ReplaceAllString(text, "")
	case role == "user" && strings.Contains(text, "<system-reminder>"):
		text = reminders.ReplaceAllString(text, "")
	}
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return text
}

// textOf is a JSON string; empty of another type, which is the model's server to refuse.
func textOf(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// filled reports whether a value is there and holds something.
func filled(raw json.RawMessage) bool {
	switch string(raw) {
	case "", "null", "[]", "{}", `""`, "false":
		return false
	}
	return true
}
