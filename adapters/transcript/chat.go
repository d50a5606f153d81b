package transcript

import (
	"fmt"
	"strings"
	"time"
)

// chatForm is how an exporter writes a conversation: an object with a list or a map of messages.
type chatForm struct {
	session, title []string // members of the conversation
	list           []string // paths to the messages, with dots: the first that is there counts
	current        []string // the id of the message that was last on screen
	id, parent     []string // members of a message; without a parent in any message they are read in their order
	children       string   // a member that holds the answers to a message, one inside the other

	// turn reads a message, and reports whether it holds something that a person saw. A message that is none (the root of a
	// tree) has no role.
	turn func(o object) (t turn, keep bool, err error)
}

// maxDepth bounds how deep messages may lie in one another.
const maxDepth = 1000

// chat returns a reader of conversations in one form.
func (r *reader) chat(f *chatForm) func(value) bool {
	return func(v value) bool {
		if !v.is('{') {
			return r.reject(v.line, fmt.Errorf("a conversation is %s, not an object", v.kind()))
		}
		o := v.object()
		var list value
		for _, path := range f.list {
			if list = o.at(path); list.is('[') || list.is('{') {
				break
			}
		}
		if !list.is('[') && !list.is('{') {
			return r.reject(v.line, fmt.Errorf("%q is %s, not the conversation's messages: is this %s?", f.list[0], list.kind(), r.info.File))
		}
		session, err := o.text(f.session...)
		if err != nil {
			return r.reject(v.line, err)
		}
		if session == "" {
			session = fmt.Sprintf("%s/%d", chatName(r.file), r.values)
		}
		title, err := o.text(f.title...)
		if err != nil {
			return r.reject(v.line, err)
		}
		current := ""
		for _, path := range f.current {
			if current, err = o.at(path).text(path); err != nil {
				return r.reject(v.line, err)
			}
			if current != "" {
				break
			}
		}
		begun, err := o.time(times...)
		if err != nil {
			return r.reject(v.line, err)
		}
		nodes, tree := f.nodes(list, nil, "", 0)
		if tree {
			if nodes, err = thread(nodes, current); err != nil {
				return r.reject(v.line, err)
			}
		}
		return r.emitChat(v, session, title, begun, nodes)
	}
}

// nodes reads the messages of a list or a map, and those that lie in them, and reports whether any names a parent.
func (f *chatForm) nodes(list value, nodes []node, parent string, depth int) (all []node, tree bool) {
	for name, v := range list.children() {
		o := v.object()
		n := node{value: v}
		// What is wrong with a message counts only if it is on the path that is read, so it is kept.
		if n.id, n.err = o.text(f.id...); n.id == "" {
			n.id = name
		}
		if n.id == "" {
			n.id = fmt.Sprintf("%s/%d", parent, len(nodes)) // only to tell it apart
		}
		if n.err == nil {
			n.parent, n.err = o.text(f.parent...)
		}
		if n.parent == "" {
			n.parent = parent
		}
		if n.err == nil && !v.is('{') {
			n.err = fmt.Errorf("a message is %s, not an object", v.kind())
		}
		if n.err == nil {
			n.turn, n.keep, n.err = f.turn(o)
		}
		tree = tree || n.parent != ""
		nodes = append(nodes, n)
		if inner := o.members[f.children]; f.children != "" && inner.is('[') && len(inner.raw) > 2 && depth < maxDepth {
			var deeper bool
			nodes, deeper = f.nodes(inner, nodes, n.id, depth+1)
			tree = tree || deeper
		}
	}
	return nodes, tree
}

// emitChat passes on the turns of a conversation, and says so if it has messages but nothing to remember.
func (r *reader) emitChat(v value, session, title string, begun time.Time, nodes []node) bool {
	before, messages := r.records, 0
	for _, n := range nodes {
		if n.err != nil {
			if !r.reject(n.value.line, n.err) {
				return false
			}
			continue
		}
		if n.turn.role == "" {
			continue // the root
		}
		messages++
		if !n.keep {
			continue
		}
		t := n.turn
		t.session = session
		if t.created.IsZero() {
			t.created = begun
		}
		if t.meta == nil {
			t.meta = map[string]string{}
		}
		if title != "" {
			t.meta["title"] = title
		}
		if t.key != "" {
			t.meta["ref"] = t.key
			t.key = string(r.info.Name) + "/" + session + "/" + t.key
		}
		if !r.emit(n.value.line, t) {
			return false
		}
	}
	if messages > 0 && r.records == before {
		return r.report(&Error{File: r.file, Line: v.line, Skipped: true,
			Err: fmt.Errorf("%w: %.60q has %d messages, and none is a text that a person or the assistant wrote", ErrEmpty, session, messages)})
	}
	return true
}

// claudeChat is a conversation of Claude.ai's data export.
var claudeChat = chatForm{
	session: []string{"uuid"}, title: []string{"name"}, list: []string{"chat_messages"},
	current: []string{"current_leaf_message_uuid"}, id: []string{"uuid"}, parent: []string{"parent_message_uuid"},
	turn: func(o object) (t turn, keep bool, err error) {
		if t, err = speech(o, []string{"sender", "role"}, "content", "text"); err != nil {
			return t, false, err
		}
		// A pasted text is an attachment. What it says is what the person gave to the assistant.
		for e := range o.members["attachments"].elements() {
			text, err := e.object().text("extracted_content")
			if err != nil {
				return t, false, err
			}
			if text = strings.TrimSpace(text); text != "" {
				t.text = strings.TrimSpace(t.text + "\n\n" + text)
			}
		}
		for range o.members["files"].elements() {
			t.text = strings.TrimSpace(t.text + "\n[file]")
		}
		return t, true, nil
	},
}

// openWebUIChat is a conversation of Open WebUI. history has the tree; messages, the path on screen when it was saved.
var openWebUIChat = chatForm{
	session: []string{"id"}, title: []string{"title"}, list: []string{"chat.history.messages", "chat.messages"},
	current: []string{"chat.history.currentId"}, id: []string{"id"}, parent: []string{"parentId"},
	turn: func(o object) (turn, bool, error) {
		t, err := speech(o, []string{"role"}, "content")
		return t, true, err
	},
}

// libreChat is a conversation of LibreChat. Its messages name their parents, or lie in them where it exports "recursive".
var libreChat = chatForm{
	session: []string{"conversationId"}, title: []string{"title"}, list: []string{"messages", "messagesTree"},
	id: []string{"messageId"}, parent: []string{"parentMessageId"}, children: "children",
	turn: func(o object) (t turn, keep bool, err error) {
		if t, err = speech(o, []string{"sender"}, "text", "content"); err != nil {
			return t, false, err
		}
		switch o.members["isCreatedByUser"].raw0() {
		case 't':
			t.role = "user"
		case 'f':
			t.role = "assistant"
		}
		return t, true, nil
	},
}

// shareGPT is a conversation in the form that data sets took over from ShareGPT.
var shareGPT = chatForm{
	session: []string{"id"}, list: []string{"conversations"},
	turn: func(o object) (turn, bool, error) {
		t, err := speech(o, []string{"from", "role"}, "value", "content")
		return t, true, err
	},
}

// speech reads what nearly all messages have: a role, the text under the first of the names that holds some, the id and
// the time.
func speech(o object, roles []string, texts ...string) (t turn, err error) {
	if t.role, err = o.text(roles...); err != nil {
		return t, err
	}
	if t.role = role(t.role); t.role == "" {
		return t, fmt.Errorf("the message has no %q", roles[0])
	}
	for _, name := range texts {
		if t.text, err = content(name, o.members[name]); err != nil {
			return t, err
		}
		if strings.TrimSpace(t.text) != "" {
			break
		}
	}
	if t.key, err = o.text("uuid", "messageId", "id"); err != nil {
		return t, err
	}
	t.created, err = o.time(times...)
	return t, err
}
