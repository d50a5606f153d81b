package transcript

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// chatgpt reads one conversation of ChatGPT's data export. Its messages are a tree, mapping, in which an edited question
// or a second try of an answer is a branch; what the user sees is the path from the root to current_node. Left out are
// messages that ChatGPT hides, messages to a tool, the model's thoughts, and tools' output unless Options.System.
func (r *reader) chatgpt(v value) bool {
	if !v.is('{') {
		return r.reject(v.line, fmt.Errorf("a conversation is %s, not an object", v.kind()))
	}
	o := v.object()
	if !o.members["mapping"].is('{') {
		return r.reject(v.line, fmt.Errorf("\"mapping\" is %s, not an object: is this conversations.json?", o.members["mapping"].kind()))
	}
	id, err := o.text("conversation_id", "id")
	if err != nil {
		return r.reject(v.line, err)
	}
	if id == "" {
		id = fmt.Sprintf("%s/%d", stem(r.file), r.values)
	}
	title, err := o.text("title")
	if err != nil {
		return r.reject(v.line, err)
	}
	current, err := o.text("current_node")
	if err != nil {
		return r.reject(v.line, err)
	}
	begun, err := o.time("create_time")
	if err != nil {
		return r.reject(v.line, err)
	}
	nodes, err := thread(o.members["mapping"].object(), current)
	if err != nil {
		return r.reject(v.line, err)
	}
	for _, node := range nodes {
		message := node.members["message"]
		if message.absent() {
			continue // the root
		}
		t, keep, err := chatgptMessage(message)
		if err != nil {
			if !r.reject(message.line, err) {
				return false
			}
			continue
		}
		if !keep {
			continue
		}
		if t.created.IsZero() {
			t.created = begun
		}
		t.session = id
		t.meta = map[string]string{}
		if title != "" {
			t.meta["title"] = title
		}
		if t.key != "" {
			t.meta["ref"] = t.key
			t.key = "chatgpt/" + id + "/" + t.key
		}
		if !r.emit(message.line, t) {
			return false
		}
	}
	return true
}

// thread is the path from the root to the current node, or, where that is not named, to the last child of the last
// child.
func thread(mapping object, current string) ([]object, error) {
	nodes := map[string]object{}
	at := func(id string) (object, bool) {
		v, ok := mapping.members[id]
		if !ok {
			return object{}, false
		}
		if _, twice := nodes[id]; !twice {
			nodes[id] = v.object()
		}
		return nodes[id], true
	}
	if current == "" {
		var err error
		if current, err = leaf(mapping, at); err != nil {
			return nil, err
		}
	}
	var path []object
	for id := current; id != ""; {
		node, ok := at(id)
		if !ok {
			return nil, fmt.Errorf("the message %.60q is not in \"mapping\"", id)
		}
		if len(path) > len(mapping.members) {
			return nil, fmt.Errorf("the messages go round in a circle at %.60q", id)
		}
		path = append(path, node)
		var err error
		if id, err = node.text("parent"); err != nil {
			return nil, err
		}
	}
	slices.Reverse(path)
	return path, nil
}

// leaf follows the last children down from the root.
func leaf(mapping object, at func(string) (object, bool)) (string, error) {
	root := ""
	for _, id := range mapping.names {
		if node, _ := at(id); node.members["parent"].absent() {
			root = id
			break
		}
	}
	if root == "" {
		return "", fmt.Errorf("no message of \"mapping\" is without a parent, and there is no \"current_node\"")
	}
	for steps := 0; steps <= len(mapping.members); steps++ {
		node, _ := at(root)
		last := ""
		for child := range node.members["children"].elements() {
			id, err := child.text("children")
			if err != nil {
				return "", err
			}
			if _, ok := at(id); ok {
				last = id
			}
		}
		if last == "" {
			return root, nil
		}
		root = last
	}
	return "", fmt.Errorf("the messages go round in a circle at %.60q", root)
}

// chatgptMessage reads a message, and reports whether it is one that the user sees.
func chatgptMessage(v value) (t turn, keep bool, err error) {
	if !v.is('{') {
		return t, false, fmt.Errorf("\"message\" is %s, not an object", v.kind())
	}
	o := v.object()
	author := o.members["author"].object()
	if t.role, err = author.text("role"); err != nil {
		return t, false, err
	}
	if t.role = role(t.role); t.role == "" {
		return t, false, fmt.Errorf("the message has no \"author\" with a \"role\"")
	}
	if t.role == "tool" {
		if t.speaker, err = author.text("name"); err != nil {
			return t, false, err
		}
	}
	if t.key, err = o.text("id"); err != nil {
		return t, false, err
	}
	if t.created, err = o.time("create_time"); err != nil {
		return t, false, err
	}
	recipient, err := o.text("recipient")
	if err != nil {
		return t, false, err
	}
	hidden := string(o.members["metadata"].object().members["is_visually_hidden_from_conversation"].raw) == "true"
	weight := string(o.members["weight"].raw)
	if hidden || weight == "0" || weight == "0.0" || recipient != "" && recipient != "all" {
		return t, false, nil
	}
	c := o.members["content"]
	if !c.is('{') {
		return t, false, fmt.Errorf("\"content\" is %s, not an object with \"parts\"", c.kind())
	}
	body := c.object()
	kind, err := body.text("content_type")
	if err != nil {
		return t, false, err
	}
	switch kind {
	case "thoughts", "reasoning_recap", "user_editable_context", "model_editable_context":
		return t, false, nil
	}
	name, text := body.first("parts", "text", "result")
	if t.text, err = content(name, text); err != nil {
		return t, false, err
	}
	t.text = strings.TrimSpace(citation.ReplaceAllString(t.text, ""))
	return t, t.text != "", nil
}

// citation is what stands in an answer where the screen shows a link or a picture. It is written in characters for
// private use, and names something that the export does not hold.
var citation = regexp.MustCompile(`\s?\x{E200}[^\x{E200}\x{E201}]*\x{E201}`)
