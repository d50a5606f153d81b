package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// PrefixSize is how many of a file's first bytes [Detect] wants to see, where the file has as many.
const PrefixSize = 64 << 10

// Detect finds the format from a file's first bytes; they may end anywhere. It looks at the names in the first object,
// for example "mapping" (ChatGPT) or "messages" (OpenAI). The error wraps [ErrFormat] and says what was found instead.
func Detect(prefix []byte) (Format, error) {
	prefix = bytes.TrimPrefix(prefix, bom)
	text := bytes.TrimLeft(prefix, " \t\r\n")
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("%w: there is nothing in the file", ErrFormat)
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return "", fmt.Errorf("%w: it is UTF-16: save it as UTF-8", ErrFormat)
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte("PK")):
		return "", fmt.Errorf("%w: it is compressed: unpack it first", ErrFormat)
	case text[0] != '{' && text[0] != '[':
		return "", fmt.Errorf("%w: it starts with %.20q, and JSON starts with { or [", ErrFormat, text)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	array := 0 // how many arrays the first object is in
	for {
		token, err := d.Token()
		switch {
		case err != nil:
			return "", fmt.Errorf("%w: there is no object at its beginning", ErrFormat)
		case token == json.Delim('[') && array < 2:
			array++
			continue
		case token != json.Delim('{'):
			return "", fmt.Errorf("%w: there is no object at its beginning", ErrFormat)
		}
		break
	}
	return detectObject(d, array)
}

// detectObject finds the format from the members of the first object, which lies in so many arrays.
func detectObject(d *json.Decoder, arrays int) (Format, error) {
	var names []string
	var role, content bool
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			break
		}
		names = append(names, name)
		var raw json.RawMessage
		cut := d.Decode(&raw) != nil // the prefix ends within the value
		v := value{raw: raw}
		switch {
		case name == "mapping" || name == "current_node":
			return ChatGPT, nil
		case name == "qa" || name == "conversation" && (cut || v.is('{')) || name == "session_1":
			return LoCoMo, nil
		case name == "turns" || name == "batch_number":
			return BEAM, nil
		case name == "messages" && (cut || v.is('[')):
			return OpenAI, nil
		case name == "text":
			return Lines, nil
		}
		role = role || name == "role"
		content = content || name == "content"
		if cut {
			break
		}
	}
	switch {
	case arrays > 0 && role && content:
		return OpenAI, nil
	case content:
		return Lines, nil
	}
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return "", fmt.Errorf("%w: its first object has %q; expected one of \"messages\" (%s), \"mapping\" (%s), \"conversation\" (%s), \"turns\" (%s) or \"text\" (%s)",
		ErrFormat, names, OpenAI, ChatGPT, LoCoMo, BEAM, Lines)
}

// linewise reports whether a file holds one value a line, rather than values that span lines.
func linewise(prefix []byte) bool {
	text := bytes.TrimLeft(prefix, " \t\r\n")
	line, _, more := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSpace(line)
	switch {
	case len(line) == 0:
		return true
	case !more:
		return line[0] == '{'
	case json.Valid(line):
		return line[0] == '{'
	}
	// Either a value that goes on in the next line, or a broken line.
	last := line[len(line)-1]
	return line[0] == '{' && last != '{' && last != '[' && last != ','
}
