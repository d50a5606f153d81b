package transcript

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// value is one JSON value that is known to be well formed, with the line of the file on which it starts.
type value struct {
	raw  []byte
	line int
}

// first is the value's first byte, 0 if it is missing.
func (v value) first() byte {
	if len(v.raw) == 0 {
		return 0
	}
	return v.raw[0]
}

func (v value) is(first byte) bool { return v.first() == first }

// absent reports whether the value is missing or null.
func (v value) absent() bool { return v.is(0) || v.is('n') }

var kinds = map[byte]string{0: "missing", '{': "an object", '[': "a list", '"': "a string", 't': "true or false", 'f': "true or false", 'n': "null"}

// kind names the value's type as a person would.
func (v value) kind() string { return cmp.Or(kinds[v.first()], "a number") }

// text is the value as a string; a number is taken as written.
func (v value) text(name string) (s string, err error) {
	switch {
	case v.absent():
	case v.is('"'):
		err = json.Unmarshal(v.raw, &s)
	case v.kind() == "a number":
		s = string(v.raw)
	default:
		err = fmt.Errorf("%q is %s, not a string", name, v.kind())
	}
	return s, err
}

// children yields the members of an object with their names, or the elements of a list; nothing of another value.
func (v value) children() iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		d := json.NewDecoder(bytes.NewReader(v.raw))
		named := v.is('{')
		line, counted := v.line, int64(0)
		if _, err := d.Token(); err != nil || !named && !v.is('[') {
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

// object is the members of a JSON object in their order. Its readers return zero values for what is missing, and keep the first
// fault that they find, so that a format reads all that it wants and asks for err once.
type object struct {
	names   []string
	members map[string]value
	fault   *error // shared with the objects that are read in it
}

func newObject() object { return object{members: map[string]value{}, fault: new(error)} }

// object returns the members of an object; of several with one name the last. It is empty if the value is no object.
func (v value) object() object {
	o := newObject()
	if v.is('{') {
		for name, e := range v.children() {
			o.set(name, e)
		}
	}
	return o
}

// set adds a member, or changes it.
func (o *object) set(name string, v value) {
	if !o.has(name) {
		o.names = append(o.names, name)
	}
	o.members[name] = v
}

// err is the first fault that was found in what was read.
func (o object) err() error { return *o.fault }

func (o object) fail(err error) { *o.fault = cmp.Or(*o.fault, err) }

// has reports whether there is such a member, null or not.
func (o object) has(name string) bool { _, ok := o.members[name]; return ok }

// yes reports whether a member is true.
func (o object) yes(path string) bool { return o.at(path).is('t') }

// opens reports whether a member begins so. Its end may be missing.
func (o object) opens(name string, first byte) bool { return o.members[name].is(first) }

// holds reports whether a member names another near its beginning. Its end may be missing.
func (o object) holds(name, inner string) bool {
	raw := o.members[name].raw
	return bytes.Contains(raw[:min(len(raw), 4096)], []byte(`"`+inner+`"`))
}

// at returns the member at a path with dots.
func (o object) at(path string) value {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return o.members[name]
	}
	return o.members[name].object().at(rest)
}

// in returns a member that is an object; empty if it is none.
func (o object) in(name string) object { return o.inner(o.members[name]) }

func (o object) inner(v value) object {
	in := v.object()
	in.fault = o.fault
	return in
}

// each yields the elements of a list, as objects; nothing if it is none.
func (o object) each(name string) iter.Seq[object] {
	return func(yield func(object) bool) {
		if list := o.members[name]; list.is('[') {
			for _, e := range list.children() {
				if !yield(o.inner(e)) {
					return
				}
			}
		}
	}
}

// first returns the first of the members at the paths that is there and not null, with its path.
func (o object) first(paths ...string) (string, value) {
	for _, path := range paths {
		if v := o.at(path); !v.absent() {
			return path, v
		}
	}
	return strings.Join(paths[:min(1, len(paths))], ""), value{}
}

// text returns the first of the members at the paths as a string.
func (o object) text(paths ...string) string {
	name, v := o.first(paths...)
	s, err := v.text(name)
	if err != nil {
		o.fail(err)
	}
	return s
}

// time returns the first of the members at the paths as a time.
func (o object) time(paths ...string) time.Time {
	name, v := o.first(paths...)
	t, err := when(name, v)
	if err != nil {
		o.fail(err)
	}
	return t
}

// content returns the first of the members at the paths as the text of a message: a string, or a list of parts that are strings
// or objects with a type. What is not text is named in brackets, so that a reader of the memory knows that it was there.
func (o object) content(paths ...string) string {
	name, v := o.first(paths...)
	if !v.is('[') {
		return o.part(v, fmt.Sprintf("%q", name), "a string or a list of parts")
	}
	var parts []string
	for _, e := range v.children() {
		if text := o.part(e, fmt.Sprintf("a part of %q", name), "a string or an object"); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}

// part reads one part of a message's content. A part of a kind that is not known is left out: it may be the model's
// hidden reasoning, a call of a tool or its output, and those are nobody's words. name and want are for the error.
func (o object) part(v value, name, want string) string {
	switch {
	case v.absent() || v.is('"'):
		text, err := v.text(name)
		if err != nil {
			o.fail(err)
		}
		return text
	case !v.is('{'):
		o.fail(fmt.Errorf("%s is %s, not %s", name, v.kind(), want))
		return ""
	}
	p := o.inner(v)
	switch p.text("type", "content_type") {
	case "", "text", "input_text", "output_text", "audio_transcription":
		return p.text("text.value", "text", "content")
	case "refusal":
		return p.text("refusal")
	case "image_url", "input_image", "image", "image_file", "image_asset_pointer":
		return "[image]"
	case "input_audio", "audio", "audio_asset_pointer", "real_time_user_audio_video_asset_pointer":
		return "[audio]"
	case "file", "input_file", "document":
		return "[file]"
	}
	return ""
}

// scalars puts the members that are a string, a number or a truth value into meta, except those of the names.
func (o object) scalars(meta map[string]string, except map[string]bool) {
	for _, name := range o.names {
		v := o.members[name]
		if except[name] || v.absent() || v.is('{') || v.is('[') {
			continue
		}
		if meta[name] = string(v.raw); v.is('"') {
			meta[name], _ = v.text(name) // it is well formed
		}
	}
}

// times are the names under which transcripts keep the time of a message.
var times = []string{"time", "timestamp", "created", "created_at", "createdAt", "create_time", "date", "ts"}

// when reads a member as a time. A missing value is the zero time.
func when(name string, v value) (time.Time, error) {
	s, err := v.text(name)
	if err != nil || strings.TrimSpace(s) == "" {
		return time.Time{}, err
	}
	t, err := text.ParseStamp(s)
	if err != nil {
		err = fmt.Errorf("%q is %w", name, err)
	}
	return t, err
}
