package transcript

import (
	"fmt"
	"regexp"
	"strings"
)

// chatgptChat is a conversation of ChatGPT's data export. Its messages are a tree, mapping. Left out are messages that
// ChatGPT hides, messages to a tool, the model's thoughts, and tools' output unless Options.System.
var chatgptChat = chatForm{
	session: []string{"conversation_id", "id"}, title: []string{"title"}, list: []string{"mapping"},
	current: []string{"current_node"}, parent: []string{"parent"},
	turn: func(o object) (turn, bool, error) {
		message := o.members["message"]
		if message.absent() {
			return turn{}, false, nil // the root
		}
		return chatgptMessage(message)
	},
}

func (r *reader) chatgpt(v value) bool { return r.chat(&chatgptChat)(v) }

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
	hidden := o.at("metadata.is_visually_hidden_from_conversation").raw0() == 't'
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
