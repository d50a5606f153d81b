package transcript

import (
	"fmt"
	"strings"
)

// messages reads transcripts in the form of the OpenAI API: objects with "messages", one in the file, one a line or an
// array of them; arrays of messages; or bare messages, which then are one conversation.
type messages struct {
	*reader
	file string
}

func newMessages(r *reader) *messages { return &messages{reader: r, file: chatName(r.file)} }

func (m *messages) value(v value) bool {
	switch {
	case v.is('['):
		return m.conversation(v, fmt.Sprintf("%s/%d", m.file, m.values), object{})
	case !v.is('{'):
		return m.reject(v.line, fmt.Errorf("a conversation is %s, not an object with \"messages\"", v.kind()))
	}
	o := v.object()
	list, ok := o.members["messages"]
	if !ok && o.has("role") {
		return m.message(v, m.file, object{})
	}
	if !list.is('[') {
		return m.reject(v.line, fmt.Errorf("\"messages\" is %s, not a list", list.kind()))
	}
	session, err := o.text("session", "session_id", "conversation_id", "thread_id", "id")
	if err != nil {
		return m.reject(v.line, err)
	}
	if session == "" {
		session = fmt.Sprintf("%s/%d", m.file, m.values)
	}
	return m.conversation(list, session, o)
}

// conversation reads a list of messages; about holds what the conversation says of itself.
func (m *messages) conversation(list value, session string, about object) bool {
	for v := range list.elements() {
		if !m.message(v, session, about) {
			return false
		}
	}
	return true
}

func (m *messages) message(v value, session string, about object) bool {
	if !v.is('{') {
		return m.reject(v.line, fmt.Errorf("a message is %s, not an object", v.kind()))
	}
	o := v.object()
	t := turn{session: session}
	var err error
	if t.role, err = o.text("role"); err != nil {
		return m.reject(v.line, err)
	}
	if t.role = role(t.role); t.role == "" {
		return m.reject(v.line, fmt.Errorf("the message has no \"role\": give it user or assistant"))
	}
	if t.speaker, err = o.text("name"); err != nil {
		return m.reject(v.line, err)
	}
	name, c := o.first("content", "parts")
	if t.text, err = content(name, c); err != nil {
		return m.reject(v.line, err)
	}
	if t.created, err = o.time(times...); err != nil {
		return m.reject(v.line, err)
	}
	if t.created.IsZero() {
		if t.created, err = about.time(times...); err != nil {
			return m.reject(v.line, err)
		}
	}
	if id, err := o.text("id"); err != nil {
		return m.reject(v.line, err)
	} else if id != "" {
		t.key = session + "/" + id
		t.meta = map[string]string{"ref": id}
	}
	if _, other := o.first("tool_calls", "function_call", "refusal"); other.absent() && !o.has("content") && !o.has("parts") {
		return m.reject(v.line, fmt.Errorf("the message has no \"content\""))
	}
	return m.emit(v.line, t)
}

// role brings the names that formats use for a role into one form.
func role(name string) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "human", "customer", "me":
		return "user"
	case "ai", "bot", "model", "gpt", "chatgpt", "agent", "claude", "bing", "bard", "gemini":
		return "assistant"
	case "developer":
		return "system"
	case "function":
		return "tool"
	}
	return name
}
