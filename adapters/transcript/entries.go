package transcript

import (
	"cmp"
	"errors"
	"fmt"
	"html"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Formats of which each object is by itself: a message, a memory, or a list of them.

// turns makes a decoder of objects that hold turns of their own. noun and want say what an object is, for the error where it is
// none; without a noun such a value is left out.
func turns(noun, want string, read func(r *reader, o, about object) []turn) func(r *reader, v value, about object) bool {
	return func(r *reader, v value, about object) bool {
		if noun != "" && !v.is('{') {
			return r.reject(v.line, fmt.Errorf("%s is %s, not %s", noun, v.kind(), want))
		}
		o := v.object()
		list := read(r, o, about)
		if err := o.err(); err != nil {
			return r.reject(v.line, err)
		}
		for _, t := range list {
			if !r.emit(v.line, t) {
				return false
			}
		}
		return true
	}
}

// refer keeps the exporter's id of a message, and makes it a key within some place.
func (t *turn) refer(place, id string) {
	if id == "" {
		return
	}
	if t.meta == nil {
		t.meta = map[string]string{}
	}
	t.meta["ref"], t.key = id, place+"/"+id
}

// referred is a turn of the file's format by the exporter's id of the message.
func (r *reader) referred(t turn, id string) []turn {
	t.refer(string(r.info.Name), id)
	return []turn{t}
}

// mark names in the text the files that a list holds, which are not read.
func (t *turn) mark(o object, list string) {
	for range o.each(list) {
		t.text = strings.TrimSpace(t.text + "\n[file]")
	}
}

// speech reads what nearly all messages have: a role, the text under the first of the names that holds some, the id and
// the time.
func speech(o object, roles []string, texts ...string) (t turn) {
	if t.role = role(o.text(roles...)); t.role == "" {
		o.fail(fmt.Errorf("the message has no %q", roles[0]))
	}
	for _, name := range texts {
		if t.text = o.content(name); strings.TrimSpace(t.text) != "" {
			break
		}
	}
	t.key, t.created = o.text("uuid", "messageId", "id"), o.time(times...)
	return t
}

// role brings the names that formats use for a role into one form.
func role(name string) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "human", "customer", "me":
		return "user"
	case "ai", "bot", "model", "gpt", "chatgpt", "agent", "claude", "bing", "bard", "gemini":
		return "assistant"
	case "developer":
		return "system"
	case "function":
		return "tool"
	}
	return name
}

// command is what Claude Code writes in the user's name where a person ran a command of its own.
var command = regexp.MustCompile(`^\s*<(command-name|command-message|local-command-stdout|local-command-caveat|system-reminder)>`)

// claudeCodeLine reads one line of a session of Claude Code: {"type": "user", "sessionId": ..., "message": {...}}. Lines of
// other types are the program's own; a side chain is a conversation between models.
func claudeCodeLine(r *reader, o, _ object) []turn {
	if kind := o.text("type"); kind != "user" && kind != "assistant" || o.yes("isSidechain") || o.yes("isMeta") {
		return nil
	}
	t := speech(o.in("message"), []string{"role"}, "content")
	if t.role == "user" && command.MatchString(t.text) {
		return nil // a command of the program, and what it printed
	}
	t.session, t.created, t.key = cmp.Or(o.text("sessionId"), chatName(r.file)), o.time("timestamp"), ""
	id := o.text("uuid")
	if id != "" {
		id = o.text("sessionId") + "/" + id
	}
	return r.referred(t, id)
}

var (
	tagBreak = regexp.MustCompile(`(?i)<(br|/p|/div|/li|/tr|/h[1-6])\b[^>]*>`) // a tag of HTML at which a line ends
	tag      = regexp.MustCompile(`<[^>]*>`)
)

// geminiEntry reads one entry of Google Takeout's MyActivity.json: a prompt in "title", the answer as HTML. The entries say
// nothing of the chat they belong to, so those of a day are a session.
func geminiEntry(r *reader, o, _ object) []turn {
	at := o.time("time")
	prompt, said := strings.CutPrefix(o.text("title"), "Prompted ")
	var answer []string
	for e := range o.each("safeHtmlItem") {
		text := tag.ReplaceAllString(tagBreak.ReplaceAllString(e.text("html"), "\n"), "")
		answer = append(answer, strings.TrimSpace(html.UnescapeString(text)))
	}
	if !said && len(answer) == 0 {
		return nil // "Used an app", "Gave feedback"
	}
	session := daily("gemini", at)
	return []turn{{session: session, role: "user", text: prompt, created: at}, {session: session, role: "assistant", text: strings.Join(answer, "\n"), created: at}}
}

// facts reads what another memory exports: objects with one memory each, or with a list of them under one of the names.
// They are facts, not turns: nobody said them in these words. Zep's valid_at and invalid_at say from when until when.
func facts(lists ...string) func(*reader, value, object) bool {
	one := turns("a memory", "an object", func(r *reader, o, _ object) []turn {
		t := turn{role: "user", kind: memory.KindFact, session: string(r.info.Name), meta: map[string]string{},
			text: o.text("memory", "fact"), created: o.time("created_at", "valid_at"), from: o.time("valid_at"),
			until: o.time("invalid_at", "expired_at", "expiration_date")}
		if strings.TrimSpace(t.text) == "" {
			o.fail(fmt.Errorf("there is no %q", r.info.members[0]))
		}
		o.in("metadata").scalars(t.meta, nil)
		return r.referred(t, o.text("id", "uuid"))
	})
	return func(r *reader, v value, about object) bool {
		if _, list := v.object().first(lists...); list.is('[') {
			return r.all(list, func(e value) bool { return one(r, e, about) })
		}
		return one(r, v, about)
	}
}

// all decodes the elements of a list, and reports whether to go on.
func (r *reader) all(list value, decode func(value) bool) bool {
	for _, e := range list.children() {
		if !decode(e) {
			return false
		}
	}
	return true
}

// The members of a line that mean something, by all the names they may have. Every other string, number or truth value
// goes into the record's Meta under its own name.
var (
	lineText    = []string{"text", "content", "body", "message"}
	lineRole    = []string{"role"}
	lineSpeaker = []string{"speaker", "name", "from", "author", "sender"}
	lineSession = []string{"session", "session_id", "conversation", "conversation_id", "thread", "thread_id"}
	lineID      = []string{"id", "key", "ref", "uuid"}

	lineNames = func() map[string]bool {
		names := map[string]bool{"kind": true, "meta": true, "metadata": true, "valid_from": true, "valid_until": true}
		for _, name := range slices.Concat(lineText, lineRole, lineSpeaker, lineSession, lineID, times) {
			names[name] = true
		}
		return names
	}()
)

// line reads one line of JSON Lines:
//
//	{"text": "We moved to Porto.", "role": "user", "speaker": "Ines", "time": "2024-05-31T18:30:00Z", "session": "may"}
//
// Only the text is needed. The role is user unless it is given; a line without a session belongs to the file's. An id
// makes the key, without one the content does.
func line(r *reader, o, _ object) []turn {
	t := turn{meta: map[string]string{}}
	if name, v := o.first(lineText...); v.absent() {
		o.fail(errors.New("there is no \"text\""))
	} else if t.text = o.content(name); strings.TrimSpace(t.text) == "" {
		o.fail(fmt.Errorf("%q is empty", name))
	}
	t.role = role(o.text(lineRole...))
	if name, v := o.first(lineSpeaker...); v.is('{') { // an author with a name of its own
		t.speaker = o.in(name).text("nickname", "display_name", "name", "username")
	} else {
		t.speaker = o.text(name)
	}
	if t.role == "" {
		t.role = "user"
		if known := role(t.speaker); slices.Contains([]string{"user", "assistant", "system", "tool"}, known) {
			t.role, t.speaker = known, ""
		}
	}
	t.session, t.kind = cmp.Or(o.text(lineSession...), chatName(r.file)), memory.Kind(o.text("kind"))
	t.created, t.from, t.until = o.time(times...), o.time("valid_from"), o.time("valid_until")
	t.refer(t.session, o.text(lineID...))
	o.scalars(t.meta, lineNames)
	_, meta := o.first("meta", "metadata")
	meta.object().scalars(t.meta, nil)
	return []turn{t}
}

// transcripts reads those of APIs: objects with "messages", one in the file, one a line or an array of them; arrays of messages;
// or bare messages, which then are one conversation.
func transcripts(r *reader, v value, _ object) bool {
	o, list := v.object(), v
	session := fmt.Sprintf("%s/%d", chatName(r.file), r.values)
	switch {
	case v.is('['):
	case !v.is('{'):
		return r.reject(v.line, fmt.Errorf("a conversation is %s, not an object with \"messages\"", v.kind()))
	case !o.has("messages") && o.has("role"):
		return message(chatName(r.file))(r, v, newObject())
	default:
		if list = o.members["messages"]; !list.is('[') {
			return r.reject(v.line, fmt.Errorf("\"messages\" is %s, not a list", list.kind()))
		}
		session = cmp.Or(o.text("session", "session_id", "conversation_id", "thread_id", "id"), session)
		if err := o.err(); err != nil {
			return r.reject(v.line, err)
		}
	}
	one := message(session)
	return r.all(list, func(e value) bool { return one(r, e, o) })
}

// message makes a decoder of the messages of a session; about is what its conversation says of itself.
func message(session string) func(*reader, value, object) bool {
	return turns("a message", "an object", func(r *reader, o, about object) []turn {
		t := turn{session: session, role: role(o.text("role")), speaker: o.text("name"), text: o.content("content", "parts"), created: o.time(times...)}
		if t.role == "" {
			o.fail(errors.New("the message has no \"role\": give it user or assistant"))
		}
		if t.created.IsZero() {
			t.created = about.time(times...)
		}
		t.refer(session, o.text("id"))
		if _, other := o.first("tool_calls", "function_call", "refusal"); other.absent() && !o.has("content") && !o.has("parts") {
			o.fail(errors.New("the message has no \"content\""))
		}
		return []turn{t}
	})
}

// locomo reads one conversation of LoCoMo (snap-research/LoCoMo): sample_id, and in conversation the
// lists session_1, session_2, ... with session_1_date_time, ... Every turn has speaker, dia_id ("D3:12"), text and, where
// it shares a picture, the caption that a model gave it.
func locomo(r *reader, v value, _ object) bool {
	o := v.object()
	id := cmp.Or(o.text("sample_id"), fmt.Sprintf("%s-%d", stem(r.file), r.values))
	if err := o.err(); err != nil {
		return r.reject(v.line, err)
	}
	if o.members["conversation"].is('{') {
		o = o.members["conversation"].object()
	}
	var numbers []int
	for _, name := range o.names {
		if n, ok := strings.CutPrefix(name, "session_"); ok {
			if n, err := strconv.Atoi(n); err == nil && o.members[name].is('[') {
				numbers = append(numbers, n)
			}
		}
	}
	if len(numbers) == 0 {
		return r.reject(v.line, fmt.Errorf("the conversation %q has no list session_1", id))
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		name := fmt.Sprintf("session_%d", n)
		created, err := when(name+"_date_time", o.members[name+"_date_time"])
		if err != nil && !r.reject(o.members[name+"_date_time"].line, err) {
			return false
		}
		one := turns("a turn", "an object", func(r *reader, o, _ object) []turn {
			t := turn{session: id + "/" + name, role: "user", created: created, speaker: o.text("speaker"), text: o.text("text"), meta: map[string]string{"conversation": id}}
			t.refer("locomo/"+id, o.text("dia_id"))
			if caption := o.text("blip_caption"); caption != "" {
				t.text = strings.TrimSpace(t.text + "\n[image: " + caption + "]")
			}
			return []turn{t}
		})
		if !r.all(o.members[name], func(e value) bool { return one(r, e, o) }) {
			return false
		}
	}
	return true
}

// planMark is what BEAM's generator leaves at the end of a message, "->-> 1,2": where in the plan it belongs.
var planMark = regexp.MustCompile(`\s*->->[\s\d,.()-]*$`)

// beam reads a batch of BEAM's chat.json, each with a time_anchor ("March-03-2024", on the batch or on a message) and
// turns, each turn a list of messages with id, role and content. A batch is a session.
func beam(r *reader, v value, _ object) bool {
	if !v.is('{') {
		return r.reject(v.line, fmt.Errorf("a batch is %s, not an object", v.kind()))
	}
	chat, o := chatName(r.file), v.object()
	number := cmp.Or(o.text("batch_number"), fmt.Sprint(r.values))
	switch list := o.members["turns"]; {
	case o.err() != nil:
		return r.reject(v.line, o.err())
	case !list.is('['):
		return r.reject(v.line, fmt.Errorf("\"turns\" of batch %s is %s, not a list", number, list.kind()))
	}
	// A bad time is reported; the last one then holds on.
	anchor := func(v value) bool {
		t, err := when("time_anchor", v)
		if err != nil {
			return r.reject(v.line, err)
		}
		if !t.IsZero() {
			r.anchor = t
		}
		return true
	}
	one := turns("a message", "an object", func(_ *reader, o, _ object) []turn {
		t := turn{session: chat + "/batch_" + number, created: r.anchor, meta: map[string]string{"conversation": chat}, role: role(o.text("role")), text: planMark.ReplaceAllString(o.text("content"), "")}
		if id := o.text("id"); id != "" {
			t.meta["ref"] = id // no key: chats of different sizes have the same folder and the same ids
		}
		return []turn{t}
	})
	message := func(v value) bool {
		return anchor(v.object().members["time_anchor"]) && one(r, v, o)
	}
	return anchor(o.members["time_anchor"]) && r.all(o.members["turns"], func(t value) bool {
		switch {
		case t.is('{'): // a message that is not in a list of its own
			return message(t)
		case t.is('['):
			return r.all(t, message)
		}
		return r.reject(t.line, fmt.Errorf("a turn is %s, not a list of messages", t.kind()))
	})
}

// stem is a file's name without folder and ending.
func stem(file string) string {
	base := path.Base(strings.ReplaceAll(file, "\\", "/"))
	if base == "." || base == "/" {
		return "conversation"
	}
	if i := strings.IndexByte(base, '.'); i > 0 {
		base = base[:i]
	}
	return base
}

// chatName is the name of a file, or that of its folder where the file is called chat.json as in BEAM.
func chatName(file string) string {
	name := stem(file)
	if folder := stem(path.Dir(strings.ReplaceAll(file, "\\", "/"))); name == "chat" && folder != "conversation" {
		return folder
	}
	return name
}

// daily makes the session of a message of a chat that goes on for years: its name and the day, in the zone in which it was said.
func daily(chat string, at time.Time) string {
	if chat = cmp.Or(chat, "chat"); at.IsZero() {
		return chat
	}
	return chat + "/" + at.Format(time.DateOnly)
}
