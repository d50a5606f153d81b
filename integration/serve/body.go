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

// message is what the server understands of a chat message.
type message struct {
	raw  json.RawMessage
	Role string
	Name string
	Text string // its text parts
}

// chat is what the server understands of a chat request. The rest of it is in body.
type chat struct {
	body     object
	messages []message
	readable bool // messages is a list of objects; else the upstream may say what is wrong

	Model   string
	Stream  bool
	User    string
	Session string // from metadata
	Refine  refine.Refinement
	// Plain is whether the answer is one text in prose: only such a one is refined.
	Plain bool

	last int // the last message of the user in messages; -1: none
}

// refineField is the body's field that asks for refinement; the upstream does not see it.
const refineField = "refine"

// readChat reads a chat request.
func readChat(body []byte) (*chat, error) {
	o, err := readObject(body)
	if err != nil {
		return nil, badField("", "the body cannot be read: %v", err)
	}
	c := &chat{body: o, last: -1, Plain: true}
	text := func(raw json.RawMessage) string {
		var s string
		_ = json.Unmarshal(raw, &s) // of another type: not understood here, and the upstream's to refuse
		return s
	}
	c.Model, c.User = text(o.value("model")), text(o.value("user"))
	_ = json.Unmarshal(o.value("stream"), &c.Stream)
	var metadata map[string]json.RawMessage
	if json.Unmarshal(o.value("metadata"), &metadata) == nil {
		for _, name := range []string{"session_id", "conversation_id", "thread_id", "chat_id"} {
			if c.Session = text(metadata[name]); c.Session != "" {
				break
			}
		}
	}
	if raw := o.value(refineField); raw != nil {
		if c.Refine, err = refinement(text(raw)); err != nil {
			return nil, badField(refineField, "%v", err)
		}
		c.body.remove(refineField)
	}
	var n int
	var format struct{ Type string }
	_ = json.Unmarshal(o.value("n"), &n)
	_ = json.Unmarshal(o.value("response_format"), &format)
	c.Plain = n <= 1 && (format.Type == "" || format.Type == "text") && !isTrue(o.value("logprobs"))

	var raw []json.RawMessage
	if err := json.Unmarshal(o.value("messages"), &raw); err != nil {
		return c, nil
	}
	for i, r := range raw {
		m, err := readMessage(r)
		if err != nil {
			return c, nil
		}
		if m.Role == "user" && strings.TrimSpace(m.Text) != "" {
			c.last = i
		}
		c.messages = append(c.messages, m)
	}
	c.readable = true
	return c, nil
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

// readMessage reads a message. Its content is a text, or a list of parts of which those of text are read.
func readMessage(raw json.RawMessage) (message, error) {
	var m struct {
		Role    string          `json:"role"`
		Name    string          `json:"name"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return message{}, err
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
		if p.Text != "" && (p.Type == "text" || p.Type == "input_text") {
			texts = append(texts, p.Text)
		}
	}
	out.Text = strings.Join(texts, "\n")
	return out, nil
}

// conversation is the chat as one that is remembered; nothing if its messages cannot be read.
func (c *chat) conversation() []specialists.Message {
	if !c.readable {
		return nil
	}
	list := make([]specialists.Message, len(c.messages))
	for i, m := range c.messages {
		list[i] = specialists.Message{Role: m.Role, Name: m.Name, Content: m.Text}
	}
	return list
}

// insert puts a message behind the system messages at the beginning, and leaves every other byte as it is.
func (c *chat) insert(m specialists.Message) {
	raw, _ := json.Marshal(m) // strings
	at := 0
	for at < len(c.messages) && (c.messages[at].Role == "system" || c.messages[at].Role == "developer") {
		at++
	}
	var b bytes.Buffer
	b.WriteByte('[')
	for i := 0; i <= len(c.messages); i++ {
		if i == at {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(raw)
		}
		if i < len(c.messages) {
			if i > 0 || at == 0 {
				b.WriteByte(',')
			}
			b.Write(c.messages[i].raw)
		}
	}
	b.WriteByte(']')
	c.body.set("messages", b.Bytes())
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
