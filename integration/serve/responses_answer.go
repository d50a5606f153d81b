package serve

import (
	"bytes"
	"encoding/json"
	"strings"
)

// spoken are the parts of an answer's output beside which its text is the model's own: what it thought, and what the
// upstream looked up for it. All else is for the client to do, or no text.
var spoken = map[string]bool{"message": true, "reasoning": true, "compaction": true, "web_search_call": true, "file_search_call": true,
	"code_interpreter_call": true, "mcp_list_tools": true, "mcp_call": true}

// outputItem is what is read of a part of an answer's output.
type outputItem struct {
	Type    string          `json:"type"`
	Content json.RawMessage `json:"content"`
}

// outputPart is what is read of a part of a message.
type outputPart struct {
	Type        string            `json:"type"`
	Text        string            `json:"text"`
	Annotations []json.RawMessage `json:"annotations"`
	Logprobs    []json.RawMessage `json:"logprobs"`
}

// output is an answer's output as it is read.
type output struct {
	texts  []string
	places [][2]int // of each text: in the output, and in the message
	other  bool     // there is something else than the model's own text
	noted  bool     // something beside the text counts its letters
}

func readOutput(items []json.RawMessage) (o output) {
	for i, raw := range items {
		var item outputItem
		if json.Unmarshal(raw, &item) != nil || !spoken[item.Type] {
			o.other = true
			continue
		}
		var parts []outputPart
		if item.Type != "message" {
			continue
		}
		if json.Unmarshal(item.Content, &parts) != nil {
			o.other = true
			continue
		}
		for j, p := range parts {
			if p.Type != "output_text" {
				o.other = true
				continue
			}
			o.texts, o.places = append(o.texts, p.Text), append(o.places, [2]int{i, j})
			o.noted = o.noted || len(p.Annotations) > 0 || len(p.Logprobs) > 0
		}
	}
	return o
}

// apart stands between the texts of an answer that has several.
const apart = "\n\n"

// answered is what is read of an answer besides its output.
type answered struct {
	Status string            `json:"status"`
	Output []json.RawMessage `json:"output"`
	Usage  struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
	} `json:"usage"`
}

func (responses) whole(h *heard, body []byte) {
	var a answered
	if json.Unmarshal(body, &a) != nil {
		return
	}
	o := readOutput(a.Output)
	if len(o.texts) > 0 {
		h.Text = strings.Join(o.texts, apart)
	}
	h.Tools = h.Tools || o.other
	h.Fixed = len(o.texts) != 1 || o.noted
	h.Complete = a.Status == "completed" || a.Status == "" && len(a.Output) > 0
	h.Usage = usage{a.Usage.Input, a.Usage.Output}
}

// streamed is what is read of an event.
type streamed struct {
	Type     string          `json:"type"`
	Number   int             `json:"sequence_number"`
	At       int             `json:"output_index"`
	Part     int             `json:"content_index"`
	Item     json.RawMessage `json:"item"`
	Delta    json.RawMessage `json:"delta"`
	Text     json.RawMessage `json:"text"`
	Response json.RawMessage `json:"response"`
}

func (responses) event(h *heard, data []byte) {
	var e streamed
	if json.Unmarshal(data, &e) != nil {
		return
	}
	h.next = e.Number + 1
	switch e.Type {
	case "response.output_item.added":
		var item outputItem
		_ = json.Unmarshal(e.Item, &item) // else its type is none
		h.Tools = h.Tools || !spoken[item.Type]
	case "response.output_text.delta":
		h.sayAt(e, e.Delta)
	case "response.output_text.done":
		if h.part != e.place() { // no delta was sent before
			h.sayAt(e, e.Text)
		}
	case "response.refusal.delta":
		h.Tools = true
	case "response.output_item.done":
		if h.size += len(e.Item); h.size > maxEvent {
			h.Long = true
			return
		}
		h.items = append(h.items, bytes.Clone(e.Item))
	case "response.completed", "response.incomplete", "response.failed":
		h.ends(e)
	}
}

// place is where the text is that an event is about, counted from 1.
func (e *streamed) place() [2]int { return [2]int{e.At + 1, e.Part + 1} }

// sayAt takes note of a piece of one of the answer's texts.
func (h *heard) sayAt(e streamed, raw json.RawMessage) {
	if h.part != e.place() && h.Text != "" {
		h.say(apart)
	}
	h.part = e.place()
	h.say(textOf(raw))
}

// ends reads the last event, which holds the whole answer. One without its output gets what was said before.
func (h *heard) ends(e streamed) {
	o, err := readObject(e.Response)
	if err != nil {
		h.Fixed, h.Complete = true, e.Type == "response.completed"
		return
	}
	var list []json.RawMessage
	if _ = json.Unmarshal(o.value("output"), &list); len(list) == 0 && len(h.items) > 0 {
		o.set("output", array(h.items))
	}
	h.made = o.bytes()
	responses{}.whole(h, h.made)
	h.Complete = e.Type == "response.completed"
}

func (responses) withText(body []byte, text string, about account) []byte {
	changed := json.RawMessage(body)
	var err error
	if about.Changed {
		var a answered
		if json.Unmarshal(body, &a) != nil {
			return body
		}
		o := readOutput(a.Output)
		if len(o.places) == 0 {
			return body
		}
		said, _ := json.Marshal(text)
		if changed, err = put(changed, said, "output", o.places[0][0], "content", o.places[0][1], "text"); err != nil {
			return body
		}
	}
	if changed, err = put(changed, about.json(), refineField); err != nil {
		return body
	}
	return changed
}

// asStream makes the events of an answer from it as a whole.
func (a responses) asStream(h *heard, text string, about account) []byte {
	made := a.withText(h.made, text, about)
	s := events{}
	begun, err := readObject(made)
	if err != nil { // it could be read when it was heard
		return nil
	}
	begun.set("status", json.RawMessage(`"in_progress"`))
	begun.set("output", json.RawMessage(`[]`))
	begun.set("usage", json.RawMessage(`null`))
	begun.remove("completed_at")
	begun.remove(refineField)
	s.send("response.created", nil, "response", begun.bytes())
	s.send("response.in_progress", nil, "response", begun.bytes())
	var all answered
	_ = json.Unmarshal(made, &all) // so it was when it was heard
	for i, item := range all.Output {
		s.item(i, item)
	}
	s.send("response.completed", nil, "response", made)
	return s.b.Bytes()
}

// events are those of a stream that is made anew.
type events struct {
	b    bytes.Buffer
	next int
}

// send adds an event: its type, its number, its place and, as they stand, pairs of a name and a value.
func (s *events) send(kind string, at map[string]any, pairs ...any) {
	var o object
	add := func(name string, value any) {
		raw, ok := value.([]byte)
		if !ok {
			raw, _ = json.Marshal(value) // texts, numbers and JSON
		}
		o = append(o, member{name, raw})
	}
	add("type", kind)
	add("sequence_number", s.next)
	for _, name := range []string{"item_id", "output_index", "content_index"} {
		if value, found := at[name]; found {
			add(name, value)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		add(pairs[i].(string), pairs[i+1])
	}
	writeEvent(&s.b, kind, o.bytes())
	s.next++
}

// item adds the events of a part of the output.
func (s *events) item(i int, raw json.RawMessage) {
	at := map[string]any{"output_index": i}
	begun, err := readObject(raw)
	var item struct {
		outputItem
		ID string `json:"id"`
	}
	var parts []json.RawMessage
	if err == nil && json.Unmarshal(raw, &item) == nil && item.Type == "message" && json.Unmarshal(item.Content, &parts) == nil {
		begun.set("status", json.RawMessage(`"in_progress"`))
		begun.set("content", json.RawMessage(`[]`))
		s.send("response.output_item.added", at, "item", begun.bytes())
		for j, part := range parts {
			s.text(map[string]any{"item_id": item.ID, "output_index": i, "content_index": j}, part)
		}
	} else {
		s.send("response.output_item.added", at, "item", []byte(raw))
	}
	s.send("response.output_item.done", at, "item", []byte(raw))
}

// text adds the events of a part of a message.
func (s *events) text(at map[string]any, raw json.RawMessage) {
	var part outputPart
	begun, err := readObject(raw)
	if err == nil && json.Unmarshal(raw, &part) == nil && part.Type == "output_text" {
		begun.set("text", json.RawMessage(`""`))
		s.send("response.content_part.added", at, "part", begun.bytes())
		for _, said := range pieces(part.Text, piece) {
			s.send("response.output_text.delta", at, "delta", said, "logprobs", []any{})
		}
		s.send("response.output_text.done", at, "text", part.Text, "logprobs", []any{})
	} else {
		s.send("response.content_part.added", at, "part", []byte(raw))
	}
	s.send("response.content_part.done", at, "part", []byte(raw))
}

// broken tells of the failure as the API does, and in the member "error" to clients that look for it there.
func (responses) broken(h *heard, f *failure) (string, any) {
	number := 0
	if h != nil {
		number = h.next
	}
	return "error", struct {
		Type    string   `json:"type"`
		Number  int      `json:"sequence_number"`
		Code    string   `json:"code"`
		Message string   `json:"message"`
		Param   *string  `json:"param"`
		Error   *failure `json:"error"`
	}{"error", number, f.Code, f.Message, nil, f}
}
