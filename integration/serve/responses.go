package serve

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/text"
)

// responses is the Responses API.
type responses struct{}

func (responses) path() string  { return "/responses" }
func (responses) field() string { return "input" }

func (responses) read(q *asked) {
	var form struct{ Format struct{ Type string } }
	_ = json.Unmarshal(q.body.value("text"), &form)
	// What is made in the background is not in the answer.
	q.Plain = (form.Format.Type == "" || form.Format.Type == "text") && !isTrue(q.body.value("background"))
	conversation := q.body.value("conversation") // an object with an id, or the id
	var named struct{ ID string }
	_ = json.Unmarshal(conversation, &named)
	named.ID = cmp.Or(named.ID, textOf(conversation))
	q.Session = cmp.Or(q.Session, named.ID)
	q.After = textOf(q.body.value("previous_response_id"))
	q.Continues = named.ID != "" || q.After != ""

	if !isText(q.body.value("instructions")) {
		return // there is no place for notes
	}
	input := q.body.value("input")
	var list []json.RawMessage
	switch {
	case len(input) > 0 && input[0] == '"':
		q.messages = []message{{raw: input, Role: "user", Text: textOf(input)}}
		if q.readable = true; strings.TrimSpace(q.messages[0].Text) != "" {
			q.last = 0
		}
	case len(input) > 0 && input[0] == '[' && json.Unmarshal(input, &list) == nil:
		q.readMessages(list)
	}
}

// isText reports whether a value is a string, null or not there.
func isText(raw json.RawMessage) bool {
	var s *string
	return raw == nil || json.Unmarshal(raw, &s) == nil
}

// insert puts the notes behind the instructions. They hold for this answer alone: a message in the input would stay in the
// conversation that the upstream keeps, and stand there beside the notes of every turn that follows.
func (responses) insert(q *asked, notes string) {
	added, _ := json.Marshal(notes) // a string
	if given := q.body.value("instructions"); strings.TrimSpace(textOf(given)) != "" {
		joined := append([]byte(nil), given[:len(given)-1]...)
		joined = append(joined, `\n\n`...)
		added = append(joined, added[1:]...)
	}
	q.body.set("instructions", added)
}

func (responses) compose(q *asked, id, said string) ([]byte, *heard) {
	given := func(name, otherwise string) json.RawMessage {
		if raw := q.body.value(name); raw != nil && string(raw) != "null" {
			return raw
		}
		return json.RawMessage(otherwise)
	}
	now := time.Now().Unix()
	prompt, completion := text.Tokens(q.messages[q.last].Text), text.Tokens(said)
	part := map[string]any{"type": "output_text", "text": said, "annotations": []any{}, "logprobs": []any{}}
	whole, _ := json.Marshal(map[string]any{ // what was asked is JSON already
		"id": "resp_" + id, "object": "response", "created_at": now, "completed_at": now, "status": "completed", "model": ModelAlone,
		"output": []any{map[string]any{"id": "msg_" + id, "type": "message", "status": "completed", "role": "assistant", "content": []any{part}}},
		"usage": map[string]any{"input_tokens": prompt, "input_tokens_details": map[string]int{"cached_tokens": 0},
			"output_tokens": completion, "output_tokens_details": map[string]int{"reasoning_tokens": 0}, "total_tokens": prompt + completion},
		"error": nil, "incomplete_details": nil, "background": false, "store": false, // nothing can be asked for again
		"instructions": given("instructions", "null"), "metadata": given("metadata", "{}"), "previous_response_id": given("previous_response_id", "null"),
		"max_output_tokens": given("max_output_tokens", "null"), "parallel_tool_calls": given("parallel_tool_calls", "true"),
		"reasoning": given("reasoning", `{"effort":null,"summary":null}`), "temperature": given("temperature", "1"), "top_p": given("top_p", "1"),
		"text": given("text", `{"format":{"type":"text"}}`), "tool_choice": given("tool_choice", `"auto"`), "tools": given("tools", "[]"),
		"truncation": given("truncation", `"disabled"`), "user": given("user", "null"),
	})
	return whole, &heard{made: whole}
}
