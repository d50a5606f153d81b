package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// object is a JSON object as it was written: its members in their order, their values byte for byte. What a client sends
// reaches the upstream untouched but for what is put in or taken out on purpose, whatever it is called.
type object []member

type member struct {
	name string
	raw  json.RawMessage
}

// readObject takes a JSON object apart. A name that is there twice is refused: the upstream might read the other one.
func readObject(body []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	var o object
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: token.(string)} // the decoder gives nothing else here
		if err := d.Decode(&m.raw); err != nil {
			return nil, err
		}
		if seen[m.name] {
			return nil, fmt.Errorf("%q is there twice", m.name)
		}
		seen[m.name] = true
		o = append(o, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more after the JSON object")
	}
	return o, nil
}

// value is the member of a name; nil without one.
func (o object) value(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.raw
		}
	}
	return nil
}

// set replaces the value of a name, or adds it.
func (o *object) set(name string, raw json.RawMessage) {
	for i := range *o {
		if (*o)[i].name == name {
			(*o)[i].raw = raw
			return
		}
	}
	*o = append(*o, member{name, raw})
}

// remove takes a name out.
func (o *object) remove(name string) {
	for i := range *o {
		if (*o)[i].name == name {
			*o = append((*o)[:i], (*o)[i+1:]...)
			return
		}
	}
}

// bytes puts the object together again.
func (o object) bytes() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, _ := json.Marshal(m.name) // a string
		b.Write(name)
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// put replaces what stands at a path of names and positions in a JSON value, and leaves every other byte as it is.
func put(raw, value json.RawMessage, path ...any) (json.RawMessage, error) {
	if len(path) == 0 {
		return value, nil
	}
	if name, ok := path[0].(string); ok {
		o, err := readObject(raw)
		if err != nil {
			return nil, err
		}
		inner, err := put(o.value(name), value, path[1:]...)
		if err != nil {
			return nil, err
		}
		o.set(name, inner)
		return o.bytes(), nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	at, _ := path[0].(int)
	if at >= len(list) {
		return nil, fmt.Errorf("there are %d of them, and no number %d", len(list), at)
	}
	inner, err := put(list[at], value, path[1:]...)
	if err != nil {
		return nil, err
	}
	list[at] = inner
	return array(list), nil
}

// array is a JSON array of values as they stand.
func array(list []json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, raw := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(raw)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// message is what the server understands of a message.
type message struct {
	raw  json.RawMessage
	Role string
	Name string
	Text string // its text parts
}

// asked is what the server understands of a request for an answer. The rest of it is in body.
type asked struct {
	body     object
	messages []message
	readable bool // messages are all of the conversation that the request holds; else the upstream may say what is wrong

	Model   string
	Stream  bool
	User    string
	Session string // from the body
	Refine  refine.Refinement
	// Plain is whether the answer is one text in prose: only such a one is refined.
	Plain bool
	// Continues is whether the conversation began with what the request does not hold, and After names what it goes on from.
	Continues bool
	After     string

	last int // the last message of the user in messages; -1: none
}

// refineField is the body's field that asks for refinement; the upstream does not see it.
const refineField = "refine"

// readAsked reads a request of an API.
func readAsked(a api, body []byte) (*asked, error) {
	o, err := readObject(body)
	if err != nil {
		return nil, badField("", "the body cannot be read: %v", err)
	}
	q := &asked{body: o, last: -1, Plain: true}
	q.Model, q.User = textOf(o.value("model")), textOf(o.value("user"))
	_ = json.Unmarshal(o.value("stream"), &q.Stream)
	var metadata map[string]json.RawMessage
	if json.Unmarshal(o.value("metadata"), &metadata) == nil {
		for _, name := range []string{"session_id", "conversation_id", "thread_id", "chat_id"} {
			if q.Session = textOf(metadata[name]); q.Session != "" {
				break
			}
		}
	}
	if raw := o.value(refineField); raw != nil {
		if q.Refine, err = refinement(textOf(raw)); err != nil {
			return nil, badField(refineField, "%v", err)
		}
		q.body.remove(refineField)
	}
	a.read(q)
	return q, nil
}

// textOf is a JSON string. What is of another type is not understood here, and the upstream's to refuse.
func textOf(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// readMessages reads the messages of a conversation.
func (q *asked) readMessages(list []json.RawMessage) {
	for i, raw := range list {
		m, err := readMessage(raw)
		if err != nil {
			return
		}
		if m.Role == "user" && strings.TrimSpace(m.Text) != "" {
			q.last = i
		}
		q.messages = append(q.messages, m)
	}
	q.readable = true
}

func isTrue(raw json.RawMessage) bool { return string(raw) == "true" }

// refinement reads how an answer is to be refined.
func refinement(s string) (refine.Refinement, error) {
	switch r := refine.Refinement(s); r {
	case refine.Off, refine.Auto, refine.Always:
		return r, nil
	}
	return "", fmt.Errorf("%q is no way to refine: use off, auto or always", s)
}

// readMessage reads a message. Its content is a text, or a list of parts of which those of text are read. What is of a type
// that is no message, as calls of tools are in the Responses API, is nobody's words.
func readMessage(raw json.RawMessage) (message, error) {
	var m struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		Name    string          `json:"name"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return message{}, err
	}
	if m.Type != "" && m.Type != "message" {
		return message{raw: raw}, nil
	}
	out := message{raw: raw, Role: m.Role, Name: m.Name}
	if json.Unmarshal(m.Content, &out.Text) == nil {
		return out, nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(m.Content, &parts); err != nil {
		return out, nil // no content, or of a kind that is not known here
	}
	var texts []string
	for _, p := range parts {
		if p.Text != "" && (p.Type == "text" || p.Type == "input_text" || p.Type == "output_text") {
			texts = append(texts, p.Text)
		}
	}
	out.Text = strings.Join(texts, "\n")
	return out, nil
}

// conversation is what is asked as one that is remembered; nothing if its messages cannot be read.
func (q *asked) conversation() []specialists.Message {
	if !q.readable {
		return nil
	}
	list := make([]specialists.Message, len(q.messages))
	for i, m := range q.messages {
		list[i] = specialists.Message{Role: m.Role, Name: m.Name, Content: m.Text}
	}
	return list
}

// readBody reads a body that is bounded already.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	size := int(max(0, min(r.ContentLength, 1<<20)))
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	err := patient(w, func() error {
		_, err := b.ReadFrom(r.Body)
		return err
	})
	return b.Bytes(), err
}
