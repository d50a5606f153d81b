package transcript

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// beam reads BEAM's chat.json: batches, each with a time_anchor ("March-03-2024", on the batch or on a message) and
// turns, each turn a list of messages with id, role and content. A batch is a session.
type beam struct {
	*reader
	chat string    // names the chat: the file does not
	last time.Time // the last anchor
}

func newBeam(r *reader) *beam { return &beam{reader: r, chat: chatName(r.file)} }

// chatName is the name of a file, or that of its folder where the file is called chat.json as in BEAM.
func chatName(file string) string {
	name := stem(file)
	if folder := stem(path.Dir(strings.ReplaceAll(file, "\\", "/"))); name == "chat" && folder != "conversation" {
		return folder
	}
	return name
}

func (b *beam) batch(v value) bool {
	if !v.is('{') {
		return b.reject(v.line, fmt.Errorf("a batch is %s, not an object", v.kind()))
	}
	o := v.object()
	number, err := o.text("batch_number")
	if err != nil {
		return b.reject(v.line, err)
	}
	if number == "" {
		number = fmt.Sprint(b.values)
	}
	if !o.members["turns"].is('[') {
		return b.reject(v.line, fmt.Errorf("\"turns\" of batch %s is %s, not a list", number, o.members["turns"].kind()))
	}
	if !b.anchor(o) {
		return false
	}
	session := b.chat + "/batch_" + number
	for t := range o.members["turns"].elements() {
		messages := t.elements()
		if t.is('{') { // a message that is not in a list of its own
			messages = func(yield func(value) bool) { yield(t) }
		} else if !t.is('[') {
			if !b.reject(t.line, fmt.Errorf("a turn is %s, not a list of messages", t.kind())) {
				return false
			}
			continue
		}
		for m := range messages {
			if !b.message(m, session) {
				return false
			}
		}
	}
	return true
}

func (b *beam) message(v value, session string) bool {
	if !v.is('{') {
		return b.reject(v.line, fmt.Errorf("a message is %s, not an object", v.kind()))
	}
	o := v.object()
	if !b.anchor(o) {
		return false
	}
	t := turn{session: session, created: b.last, meta: map[string]string{"conversation": b.chat}}
	id, err := o.text("id")
	if err != nil {
		return b.reject(v.line, err)
	}
	if id != "" {
		t.meta["ref"] = id // no key: chats of different sizes have the same folder and the same ids
	}
	if t.role, err = o.text("role"); err != nil {
		return b.reject(v.line, err)
	}
	t.role = role(t.role)
	text, err := o.text("content")
	if err != nil {
		return b.reject(v.line, err)
	}
	t.text = planMark.ReplaceAllString(text, "")
	return b.emit(v.line, t)
}

// anchor notes the time that a batch or message names. A bad one is reported; the last one then holds on.
func (b *beam) anchor(o object) bool {
	v := o.members["time_anchor"]
	t, err := when("time_anchor", v)
	if err != nil {
		return b.reject(v.line, err)
	}
	if !t.IsZero() {
		b.last = t
	}
	return true
}

// planMark is what BEAM's generator leaves at the end of a message, "->-> 1,2": where in the plan it belongs.
var planMark = regexp.MustCompile(`\s*->->[\s\d,.()-]*$`)
