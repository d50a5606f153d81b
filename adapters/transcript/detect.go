package transcript

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// prefixSize is how many of a file's first bytes [detect] wants to see, where the file has as many.
const prefixSize = 64 << 10

// detect finds the format of a file by its name and its first bytes, which may end anywhere. It looks at the members of
// the first object, for example "mapping" (ChatGPT) or "messages" (OpenAI). The error wraps [ErrFormat], and says what was
// found instead and which format is nearest.
func detect(name string, prefix []byte) (Format, error) {
	text := bytes.TrimLeft(bytes.TrimPrefix(prefix, bom), " \t\r\n")
	ending := strings.ToLower(path.Ext(name))
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("%w: there is nothing in the file", ErrFormat)
	case bytes.HasPrefix(text, []byte{0xff, 0xfe}) || bytes.HasPrefix(text, []byte{0xfe, 0xff}):
		return "", fmt.Errorf("%w: it is UTF-16: save it as UTF-8", ErrFormat)
	case bytes.HasPrefix(text, []byte{0x1f, 0x8b}) || bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return "", fmt.Errorf("%w: it is compressed: name the file instead of sending its content, or unpack it first", ErrFormat)
	case ending == ".md" || ending == ".markdown":
		return markdown, nil
	case len(messageStarts(text, 1)) > 0:
		return whatsApp, nil
	case text[0] == '<':
		return "", fmt.Errorf("%w: it is a page of HTML: choose JSON where you export it", ErrFormat)
	case text[0] != '{' && text[0] != '[':
		return "", fmt.Errorf("%w: it starts with %.20q; JSON starts with { or [, and a chat of WhatsApp with a date", ErrFormat, text)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	arrays := 0 // how many arrays the first object is in
	for {
		token, err := d.Token()
		switch {
		case err == nil && token == json.Delim('[') && arrays < 2:
			arrays++
			continue
		case err != nil || token != json.Delim('{'):
			return "", fmt.Errorf("%w: there is no object at its beginning", ErrFormat)
		}
		break
	}
	first := firstObject(d, text)
	for _, f := range formats {
		if f.is != nil && f.is(first, arrays) {
			return f.Name, nil
		}
	}
	return "", unknown(first)
}

// firstObject reads the members of an object that may end in the middle. The value of its last member is then what is
// there of it, which is no JSON.
func firstObject(d *json.Decoder, text []byte) object {
	o := newObject()
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			break
		}
		var raw json.RawMessage
		if at := d.InputOffset(); d.Decode(&raw) != nil { // the prefix ends within the value
			o.set(name, value{raw: bytes.TrimLeft(text[at:], ": \t\r\n")})
			break
		}
		o.set(name, value{raw: raw})
	}
	return o
}

// unknown says what an unknown file has, and which format asks for the most of it.
func unknown(first object) error {
	nearest, share := formats[0], -1.0
	for _, f := range formats {
		there := 0
		for _, name := range f.members {
			if first.has(name) {
				there++
			}
		}
		if s := float64(there) / float64(len(f.members)); f.is != nil && s > share {
			nearest, share = f, s
		}
	}
	names := first.names
	if len(names) > 8 {
		names = append(names[:8:8], "…")
	}
	if share <= 0 {
		var all []string
		for _, f := range formats {
			all = append(all, string(f.Name))
		}
		return fmt.Errorf("%w: its first object has %q, which none of %s has; bring it into the form of jsonl, one {\"text\": ..., \"role\": ..., \"time\": ...} a line",
			ErrFormat, names, strings.Join(all, ", "))
	}
	return fmt.Errorf("%w: its first object has %q; the nearest is %s (%s), which needs %q", ErrFormat, names, nearest.Name, nearest.File, nearest.members)
}

// linewise reports whether a file holds one value a line, rather than values that span lines.
func linewise(prefix []byte) bool {
	line, _, more := bytes.Cut(bytes.TrimLeft(prefix, " \t\r\n"), []byte("\n"))
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return true
	}
	// A line that is no value goes on in the next, if it ends like that, or is broken.
	return line[0] == '{' && (!more || json.Valid(line) || !bytes.ContainsAny(line[len(line)-1:], "{[,"))
}
