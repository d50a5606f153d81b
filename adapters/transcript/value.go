package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// value is one JSON value that is known to be well formed, with the line of the file on which it starts.
type value struct {
	raw  []byte
	line int
}

// kind names the value's type as a person would.
func (v value) kind() string {
	if len(v.raw) == 0 {
		return "missing"
	}
	switch v.raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// absent reports whether the value is missing or null.
func (v value) absent() bool { return len(v.raw) == 0 || v.raw[0] == 'n' }

func (v value) is(first byte) bool { return v.raw0() == first }

// raw0 is the first byte, 0 if there is none: t and f are true and false.
func (v value) raw0() byte {
	if len(v.raw) == 0 {
		return 0
	}
	return v.raw[0]
}

// text is the value as a string; a number is taken as written.
func (v value) text(name string) (string, error) {
	switch {
	case v.absent():
		return "", nil
	case v.is('"'):
		var s string
		if err := json.Unmarshal(v.raw, &s); err != nil {
			return "", err
		}
		return s, nil
	case v.kind() == "a number":
		return string(v.raw), nil
	}
	return "", fmt.Errorf("%q is %s, not a string", name, v.kind())
}

// elements yields the elements of a list; nothing if it is none.
func (v value) elements() iter.Seq[value] {
	return func(yield func(value) bool) {
		if !v.is('[') {
			return
		}
		for _, e := range v.children() {
			if !yield(e) {
				return
			}
		}
	}
}

// object returns the members of an object; of several with one name the last. It is empty if the value is no object.
func (v value) object() object {
	o := object{}
	if v.is('{') {
		for name, e := range v.children() {
			o.set(name, e)
		}
	}
	return o
}

// children yields the members of an object with their names, or the elements of a list.
func (v value) children() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		d := json.NewDecoder(bytes.NewReader(v.raw))
		named := v.is('{')
		line, counted := v.line, int64(0)
		if _, err := d.Token(); err != nil {
			return
		}
		for d.More() {
			var name string
			if named {
				token, err := d.Token()
				if err != nil {
					return
				}
				name, _ = token.(string)
			}
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return
			}
			start := d.InputOffset() - int64(len(raw))
			line += bytes.Count(v.raw[counted:start], []byte("\n"))
			counted = start
			if !yield(name, value{raw: raw, line: line}) {
				return
			}
		}
	}
}

// object is the members of a JSON object in their order.
type object struct {
	names   []string
	members map[string]value
}

// set adds a member, or changes it.
func (o *object) set(name string, v value) {
	if _, twice := o.members[name]; !twice {
		o.names = append(o.names, name)
	}
	if o.members == nil {
		o.members = map[string]value{}
	}
	o.members[name] = v
}

// at returns the member at a path with dots.
func (o object) at(path string) value {
	name, rest, deeper := strings.Cut(path, ".")
	v := o.members[name]
	if !deeper {
		return v
	}
	return v.object().at(rest)
}

// opens reports whether a member begins so. Its end may be missing.
func (o object) opens(name string, first byte) bool { return o.members[name].is(first) }

// start is the beginning of a member as it is written.
func (o object) start(name string) string {
	raw := o.members[name].raw
	return string(raw[:min(len(raw), 4096)])
}

// first returns the first of the named members that is there and not null, with its name.
func (o object) first(names ...string) (string, value) {
	for _, name := range names {
		if v, ok := o.members[name]; ok && !v.absent() {
			return name, v
		}
	}
	if len(names) == 0 {
		return "", value{}
	}
	return names[0], value{}
}

// has reports whether there is such a member, null or not.
func (o object) has(name string) bool {
	_, ok := o.members[name]
	return ok
}

// text returns the first of the named members as a string; the empty string if there is none.
func (o object) text(names ...string) (string, error) {
	name, v := o.first(names...)
	return v.text(name)
}

// content reads the text of a message: a string, or a list of parts that are strings or objects with a type. What is not
// text is named in brackets, so that a reader of the memory knows that it was there.
func content(name string, v value) (string, error) {
	if v.absent() || v.is('"') {
		return v.text(name)
	}
	if v.is('{') {
		return part(name, v)
	}
	if !v.is('[') {
		return "", fmt.Errorf("%q is %s, not a string or a list of parts", name, v.kind())
	}
	var parts []string
	for e := range v.elements() {
		text, err := part(name, e)
		if err != nil {
			return "", err
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n"), nil
}

// part reads one part of a message's content. A part of a kind that is not known is left out: it may be the model's
// hidden reasoning, a call of a tool or its output, and those are nobody's words.
func part(name string, v value) (string, error) {
	switch {
	case v.absent() || v.is('"'):
		return v.text(name)
	case !v.is('{'):
		return "", fmt.Errorf("a part of %q is %s, not a string or an object", name, v.kind())
	}
	o := v.object()
	kind, err := o.text("type", "content_type")
	if err != nil {
		return "", err
	}
	switch kind {
	case "", "text", "input_text", "output_text", "audio_transcription":
		name, text := o.first("text", "content")
		if text.is('{') { // {"text": {"value": ...}}
			name, text = text.object().first("value")
		}
		return text.text(name)
	case "refusal":
		return o.text("refusal")
	case "image_url", "input_image", "image", "image_file", "image_asset_pointer":
		return "[image]", nil
	case "input_audio", "audio", "audio_asset_pointer", "real_time_user_audio_video_asset_pointer":
		return "[audio]", nil
	case "file", "input_file", "document":
		return "[file]", nil
	}
	return "", nil
}

// thoughts are the tags in which models write their reasoning before an answer.
var thoughts = []string{"think", "thinking", "thought", "reasoning"}

// withoutThoughts leaves the reasoning out that an answer begins with. Reasoning that does not end is all there is.
func withoutThoughts(text string) string {
	for {
		rest := strings.TrimSpace(text)
		tag := ""
		for _, name := range thoughts {
			if strings.HasPrefix(rest, "<"+name+">") {
				tag = name
			}
		}
		if tag == "" {
			return text
		}
		_, after, ended := strings.Cut(rest, "</"+tag+">")
		if !ended {
			return ""
		}
		text = strings.TrimSpace(after)
	}
}
