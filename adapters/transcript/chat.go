package transcript

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// chatForm is how an assistant's exporter writes a conversation: an object with a list or a map of messages.
type chatForm struct {
	session, title []string // members of the conversation
	list           []string // paths to the messages, with dots: the first that is there counts
	current        []string // the id of the message that was last on screen
	id, parent     []string // members of a message; without a parent in any message they are read in their order
	children       string   // a member that holds the answers to a message, one inside the other

	// turn reads a message, and reports whether it holds something that a person saw. A message that is none (the root of a
	// tree) has no role.
	turn func(o object) (t turn, keep bool)
}

// spoken is a turn function of messages that a person sees.
func spoken(roles []string, texts ...string) func(o object) (turn, bool) {
	return func(o object) (turn, bool) { return speech(o, roles, texts...), true }
}

// claudeChat is a conversation of Claude.ai's data export.
var claudeChat = chatForm{
	session: []string{"uuid"}, title: []string{"name"}, list: []string{"chat_messages"},
	current: []string{"current_leaf_message_uuid"}, id: []string{"uuid"}, parent: []string{"parent_message_uuid"},
	turn: func(o object) (turn, bool) {
		t := speech(o, []string{"sender", "role"}, "content", "text")
		// A pasted text is an attachment. What it says is what the person gave to the assistant.
		for e := range o.each("attachments") {
			t.text = strings.TrimSpace(t.text + "\n\n" + strings.TrimSpace(e.text("extracted_content")))
		}
		t.mark(o, "files")
		return t, true
	},
}

// openWebUIChat is a conversation of Open WebUI. history has the tree; messages, the path on screen when it was saved.
var openWebUIChat = chatForm{
	session: []string{"id"}, title: []string{"title"}, list: []string{"chat.history.messages", "chat.messages"},
	current: []string{"chat.history.currentId"}, id: []string{"id"}, parent: []string{"parentId"}, turn: spoken([]string{"role"}, "content"),
}

// libreChat is a conversation of LibreChat. Its messages name their parents, or lie in them where it exports "recursive".
var libreChat = chatForm{
	session: []string{"conversationId"}, title: []string{"title"}, list: []string{"messages", "messagesTree"},
	id: []string{"messageId"}, parent: []string{"parentMessageId"}, children: "children",
	turn: func(o object) (turn, bool) {
		t := speech(o, []string{"sender"}, "text", "content")
		switch o.members["isCreatedByUser"].first() {
		case 't':
			t.role = "user"
		case 'f':
			t.role = "assistant"
		}
		return t, true
	},
}

// shareGPT is a conversation in the form that data sets took over from ShareGPT.
var shareGPT = chatForm{session: []string{"id"}, list: []string{"conversations"}, turn: spoken([]string{"from", "role"}, "value", "content")}

// citation is what stands in an answer of ChatGPT where the screen shows a link or a picture. It is written in characters for
// private use, and names something that the export does not hold.
var citation = regexp.MustCompile(`\s?\x{E200}[^\x{E200}\x{E201}]*\x{E201}`)

// chatgptChat is a conversation of ChatGPT's data export. Its messages are a tree, mapping. Left out are messages that
// ChatGPT hides, messages to a tool, the model's thoughts, and tools' output unless Options.System.
var chatgptChat = chatForm{
	session: []string{"conversation_id", "id"}, title: []string{"title"}, list: []string{"mapping"},
	current: []string{"current_node"}, parent: []string{"parent"},
	turn: func(o object) (turn, bool) {
		switch v := o.members["message"]; {
		case v.absent():
			return turn{}, false // the root
		case !v.is('{'):
			o.fail(fmt.Errorf("\"message\" is %s, not an object", v.kind()))
			return turn{}, false
		}
		o = o.in("message")
		t := turn{role: role(o.text("author.role")), key: o.text("id"), created: o.time("create_time")}
		if t.role == "" {
			o.fail(fmt.Errorf("the message has no \"author\" with a \"role\""))
		}
		if t.role == "tool" {
			t.speaker = o.text("author.name")
		}
		weight := string(o.members["weight"].raw)
		if o.yes("metadata.is_visually_hidden_from_conversation") || weight == "0" || weight == "0.0" || cmp.Or(o.text("recipient"), "all") != "all" {
			return t, false
		}
		if c := o.members["content"]; !c.is('{') {
			o.fail(fmt.Errorf("\"content\" is %s, not an object with \"parts\"", c.kind()))
		}
		body := o.in("content")
		switch body.text("content_type") {
		case "thoughts", "reasoning_recap", "user_editable_context", "model_editable_context":
			return t, false
		}
		t.text = strings.TrimSpace(citation.ReplaceAllString(body.content("parts", "text", "result"), ""))
		return t, t.text != ""
	},
}

// read reads a conversation.
func (f *chatForm) read(r *reader, v value, _ object) bool {
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
	session := cmp.Or(o.text(f.session...), fmt.Sprintf("%s/%d", chatName(r.file), r.values))
	title, current, begun, err := o.text(f.title...), o.text(f.current...), o.time(times...), o.err()
	nodes, tree := f.nodes(list, nil, "", 0)
	if tree && err == nil {
		nodes, err = thread(nodes, current)
	}
	if err != nil {
		return r.reject(v.line, err)
	}
	return r.emitChat(v, session, title, begun, nodes)
}

// node is one message of a conversation, which may be a tree: an edited question or a second try of an answer is a branch.
type node struct {
	id, parent string
	line       int
	turn       turn
	keep       bool  // a person saw it
	err        error // what is wrong with it; it counts only if the message is on the path that is read
}

// maxDepth bounds how deep messages may lie in one another.
const maxDepth = 1000

// nodes reads the messages of a list or a map, and those that lie in them, and reports whether any names a parent.
func (f *chatForm) nodes(list value, nodes []node, parent string, depth int) (all []node, tree bool) {
	for name, v := range list.children() {
		o := v.object()
		if !v.is('{') {
			o.fail(fmt.Errorf("a message is %s, not an object", v.kind()))
		}
		n := node{line: v.line, id: cmp.Or(o.text(f.id...), name, fmt.Sprintf("%s/%d", parent, len(nodes))), parent: cmp.Or(o.text(f.parent...), parent)}
		n.turn, n.keep = f.turn(o)
		n.err = o.err()
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

// thread returns the messages that were last on screen, from the first to the last: the path up from the current message.
// Where that is not named, or is not there, it is the path from the latest message that has no answer. Exports leave links
// out, so the walk uses parents alone, and a parent that is not there is above the first message.
func thread(nodes []node, current string) ([]node, error) {
	index := make(map[string]int, len(nodes))
	answered := make(map[string]bool, len(nodes))
	for i, n := range nodes {
		index[n.id] = i
		answered[n.parent] = true
	}
	at, ok := index[current]
	if !ok {
		at = -1
		for i, n := range nodes {
			if !answered[n.id] && (at < 0 || !n.turn.created.Before(nodes[at].turn.created)) {
				at = i
			}
		}
		if at < 0 && len(nodes) > 0 {
			return nil, fmt.Errorf("the messages go round in a circle at %.60q", nodes[0].id)
		}
	}
	var path []node
	for at >= 0 {
		if len(path) == len(nodes) {
			return nil, fmt.Errorf("the messages go round in a circle at %.60q", nodes[at].id)
		}
		path = append(path, nodes[at])
		if at, ok = index[nodes[at].parent]; !ok {
			break
		}
	}
	slices.Reverse(path)
	return path, nil
}

// emitChat passes on the turns of a conversation, and says so if it has messages but nothing to remember.
func (r *reader) emitChat(v value, session, title string, begun time.Time, nodes []node) bool {
	before, messages := r.records, 0
	for _, n := range nodes {
		if n.err != nil {
			if !r.reject(n.line, n.err) {
				return false
			}
			continue
		}
		if n.turn.role == "" {
			continue // the root
		}
		if messages++; !n.keep {
			continue
		}
		t := n.turn
		t.session, t.meta = session, map[string]string{}
		if t.created.IsZero() {
			t.created = begun
		}
		if title != "" {
			t.meta["title"] = title
		}
		t.refer(string(r.info.Name)+"/"+session, t.key)
		if !r.emit(n.line, t) {
			return false
		}
	}
	if messages > 0 && r.records == before {
		return r.report(&Error{File: r.file, Line: v.line, Skipped: true,
			Err: fmt.Errorf("%w: %.60q has %d messages, and none is a text that a person or the assistant wrote", ErrEmpty, session, messages)})
	}
	return true
}
