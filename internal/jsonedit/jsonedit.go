// Package jsonedit changes JSON texts in place: values are found by their path, and every byte that is not changed on purpose
// stays as it was.
package jsonedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Find returns where the value at a path of names and positions stands in a JSON text: body[from:to]. Of a name that is
// there twice it is the first.
func Find(body []byte, path ...any) (from, to int, found bool) {
	if len(path) == 0 {
		return 0, len(body), true
	}
	d := json.NewDecoder(bytes.NewReader(body))
	open, err := d.Token()
	if err != nil || open != json.Delim('{') && open != json.Delim('[') {
		return 0, 0, false
	}
	for i := 0; d.More(); i++ {
		var at any = i
		if open == json.Delim('{') {
			if at, err = d.Token(); err != nil {
				return 0, 0, false
			}
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return 0, 0, false
		}
		if at == path[0] {
			start := int(d.InputOffset()) - len(raw)
			from, to, found = Find(raw, path[1:]...)
			return start + from, start + to, found
		}
	}
	return 0, 0, false
}

// Value is the JSON text at a path; nil if there is none.
func Value(body []byte, path ...any) json.RawMessage {
	from, to, found := Find(body, path...)
	if !found {
		return nil
	}
	return body[from:to]
}

// Set replaces the value at a path, or adds it to the object that should hold it, and leaves every other byte as it is. A
// body that has neither is returned unchanged.
func Set(body, raw []byte, path ...any) []byte {
	if from, to, found := Find(body, path...); found {
		return Splice(body, from, to, raw)
	}
	last := len(path) - 1
	name, isName := path[last].(string)
	from, to, found := Find(body, path[:last]...)
	if !found || !isName {
		return body
	}
	object := bytes.TrimSpace(body[from:to])
	if len(object) == 0 || object[0] != '{' {
		return body
	}
	end := from + bytes.LastIndexByte(body[from:to], '}')
	key, _ := json.Marshal(name) // a string
	member := append(append(key, ':'), raw...)
	if len(bytes.TrimSpace(object[1:len(object)-1])) > 0 {
		member = append([]byte{','}, member...)
	}
	return Splice(body, end, end, member)
}

// SetText is Set with a string.
func SetText(body []byte, text string, path ...any) []byte {
	raw, _ := json.Marshal(text) // a string
	return Set(body, raw, path...)
}

// Remove takes a member out of the object that the body is.
func Remove(body []byte, name string) []byte {
	from, to, found := Find(body, name)
	if !found {
		return body
	}
	colon := bytes.LastIndexByte(body[:from], ':')
	end := bytes.LastIndexByte(body[:colon], '"')
	from = bytes.LastIndexByte(body[:end], '"') // a name needs no escape to be found here: names are written by programs
	before, after := bytes.TrimRight(body[:from], " \t\r\n"), bytes.TrimLeft(body[to:], " \t\r\n")
	if len(after) > 0 && after[0] == ',' {
		return Splice(body, from, len(body)-len(bytes.TrimLeft(after[1:], " \t\r\n")), nil)
	}
	if len(before) > 0 && before[len(before)-1] == ',' {
		return Splice(body, len(before)-1, to, nil)
	}
	return Splice(body, from, to, nil)
}

func Splice(body []byte, from, to int, with []byte) []byte {
	out := make([]byte, 0, len(body)-(to-from)+len(with))
	out = append(out, body[:from]...)
	out = append(out, with...)
	return append(out, body[to:]...)
}

// Members reads the object that a body must be, by name. A name that is there twice is refused: the model's server might read
// the other one.
func Members(body []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	o := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder gives nothing else here
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("%q is there twice", name)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		o[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more after the JSON object")
	}
	return o, nil
}

// Push puts a value at the end of the list at a path.
func Push(body, raw []byte, path ...any) []byte {
	list := Value(body, path...)
	end := bytes.LastIndexByte(list, ']')
	if end < 0 {
		return body
	}
	if len(bytes.TrimSpace(list[1:end])) > 0 {
		raw = append([]byte{','}, raw...)
	}
	return Set(body, Splice(list, end, end, raw), path...)
}
