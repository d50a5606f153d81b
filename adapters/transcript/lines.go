package transcript

import (
	"fmt"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// The members of a line that mean something, by all the names they may have. Every other string, number or truth value
// goes into the record's Meta under its own name.
var (
	lineText    = []string{"text", "content", "body", "message"}
	lineRole    = []string{"role"}
	lineSpeaker = []string{"speaker", "name", "from", "author", "sender"}
	lineSession = []string{"session", "session_id", "conversation", "conversation_id", "thread", "thread_id"}
	lineID      = []string{"id", "key", "ref", "uuid"}
	lineKind    = []string{"kind"}
	lineMeta    = []string{"meta", "metadata"}
)

// lineNames holds all of these names.
var lineNames = func() map[string]bool {
	names := map[string]bool{"valid_from": true, "valid_until": true}
	for _, list := range [][]string{lineText, lineRole, lineSpeaker, lineSession, lineID, lineKind, lineMeta, times} {
		for _, name := range list {
			names[name] = true
		}
	}
	return names
}()

// line reads one line of JSON Lines:
//
//	{"text": "We moved to Porto.", "role": "user", "speaker": "Ines", "time": "2024-05-31T18:30:00Z", "session": "may"}
//
// Only the text is needed. The role is user unless it is given; a line without a session belongs to the file's. An id
// makes the key, without one the content does.
func (r *reader) line(v value) bool {
	if !v.is('{') {
		return r.reject(v.line, fmt.Errorf("it is %s, not an object with \"text\"", v.kind()))
	}
	t, err := lineTurn(v.object())
	if err != nil {
		return r.reject(v.line, err)
	}
	if t.session == "" {
		t.session = chatName(r.file)
	}
	if t.key != "" {
		t.key = t.session + "/" + t.key
	}
	return r.emit(v.line, t)
}

func lineTurn(o object) (turn, error) {
	t := turn{meta: map[string]string{}}
	name, v := o.first(lineText...)
	if v.absent() {
		return t, fmt.Errorf("there is no \"text\"")
	}
	var err error
	if t.text, err = content(name, v); err != nil {
		return t, err
	}
	if strings.TrimSpace(t.text) == "" {
		return t, fmt.Errorf("%q is empty", name)
	}
	if t.role, err = o.text(lineRole...); err != nil {
		return t, err
	}
	if name, v := o.first(lineSpeaker...); v.is('{') { // an author with a name of its own
		t.speaker, err = v.object().text("nickname", "display_name", "name", "username")
	} else {
		t.speaker, err = v.text(name)
	}
	if err != nil {
		return t, err
	}
	if t.role = role(t.role); t.role == "" {
		t.role = "user"
		if known := role(t.speaker); known == "user" || known == "assistant" || known == "system" || known == "tool" {
			t.role, t.speaker = known, ""
		}
	}
	if t.session, err = o.text(lineSession...); err != nil {
		return t, err
	}
	if t.key, err = o.text(lineID...); err != nil {
		return t, err
	}
	if t.key != "" {
		t.meta["ref"] = t.key
	}
	kind, err := o.text(lineKind...)
	if err != nil {
		return t, err
	}
	t.kind = memory.Kind(kind)
	if t.created, err = o.time(times...); err != nil {
		return t, err
	}
	if t.from, err = o.time("valid_from"); err != nil {
		return t, err
	}
	if t.until, err = o.time("valid_until"); err != nil {
		return t, err
	}
	scalars(t.meta, o, lineNames)
	_, meta := o.first(lineMeta...)
	scalars(t.meta, meta.object(), nil)
	return t, nil
}

// scalars puts the members of o that are a string, a number or a truth value into meta, except those of the names.
func scalars(meta map[string]string, o object, except map[string]bool) {
	for _, name := range o.names {
		v := o.members[name]
		if except[name] || v.absent() || v.is('{') || v.is('[') {
			continue
		}
		if text, err := v.text(name); err == nil {
			meta[name] = text
		} else {
			meta[name] = string(v.raw) // true or false
		}
	}
}
