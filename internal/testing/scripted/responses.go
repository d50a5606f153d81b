package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// readResponses reads a request of the Responses API as a chat: its instructions, and what is said in its input.
func readResponses(body []byte) (Request, error) {
	var r Request
	var q struct {
		Model        string          `json:"model"`
		Stream       bool            `json:"stream"`
		MaxTokens    int             `json:"max_output_tokens"`
		Instructions string          `json:"instructions"`
		Input        json.RawMessage `json:"input"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return r, err
	}
	r.Model, r.Stream, r.MaxTokens = q.Model, q.Stream, q.MaxTokens
	if q.Instructions != "" {
		r.Messages = append(r.Messages, Message{"system", q.Instructions})
	}
	var said string
	if json.Unmarshal(q.Input, &said) == nil {
		r.Messages = append(r.Messages, Message{"user", said})
		return r, nil
	}
	var items []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(q.Input, &items); err != nil {
		return r, err
	}
	for _, item := range items {
		if item.Role == "" {
			continue
		}
		m := Message{Role: item.Role}
		var parts []struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(item.Content, &m.Content) != nil && json.Unmarshal(item.Content, &parts) == nil {
			for _, p := range parts {
				m.Content += p.Text
			}
		}
		r.Messages = append(r.Messages, m)
	}
	return r, nil
}

func responseText(text string) map[string]any {
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}

func responseItem(status string, content ...any) map[string]any {
	return map[string]any{"id": "msg_scripted", "type": "message", "status": status, "role": "assistant", "content": append([]any{}, content...)}
}

func response(request Request, status string, usage any, output ...any) map[string]any {
	return map[string]any{"id": "resp_scripted", "object": "response", "created_at": 0, "status": status, "model": request.Model, "error": nil,
		"incomplete_details": nil, "instructions": nil, "metadata": map[string]any{}, "output": append([]any{}, output...), "parallel_tool_calls": true,
		"temperature": 1, "tool_choice": "auto", "tools": []any{}, "top_p": 1, "usage": usage}
}

// responseUsed are the tokens of an answer as this API has them.
func responseUsed(request Request, reply Reply) any {
	prompt, written := counts(request, reply)
	return map[string]any{"input_tokens": prompt, "input_tokens_details": map[string]any{"cached_tokens": 0}, "output_tokens": written,
		"output_tokens_details": map[string]any{"reasoning_tokens": 0}, "total_tokens": prompt + written}
}

func wholeResponse(request Request, reply Reply) any {
	return response(request, "completed", responseUsed(request, reply), responseItem("completed", responseText(reply.Text)))
}

// streamResponse writes a reply word by word as the events of the Responses API.
func streamResponse(w http.ResponseWriter, r *http.Request, request Request, reply Reply) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	number := 0
	send := func(kind string, event map[string]any) bool {
		event["type"], event["sequence_number"] = kind, number
		number++
		text, err := json.Marshal(event)
		if err != nil {
			return false
		}
		_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, text)
		return err == nil && flush.Flush() == nil
	}
	of := func(more map[string]any) map[string]any {
		more["output_index"] = 0
		if more["item"] == nil {
			more["item_id"], more["content_index"] = "msg_scripted", 0
		}
		return more
	}
	if !send("response.created", map[string]any{"response": response(request, "in_progress", nil)}) ||
		!send("response.in_progress", map[string]any{"response": response(request, "in_progress", nil)}) ||
		!send("response.output_item.added", of(map[string]any{"item": responseItem("in_progress")})) ||
		!send("response.content_part.added", of(map[string]any{"part": responseText("")})) {
		return
	}
	if !reply.pieces(r, func(word string) bool {
		return send("response.output_text.delta", of(map[string]any{"delta": word, "logprobs": []any{}}))
	}) {
		return
	}
	_ = send("response.output_text.done", of(map[string]any{"text": reply.Text, "logprobs": []any{}})) &&
		send("response.content_part.done", of(map[string]any{"part": responseText(reply.Text)})) &&
		send("response.output_item.done", of(map[string]any{"item": responseItem("completed", responseText(reply.Text))})) &&
		send("response.completed", map[string]any{"response": wholeResponse(request, reply)})
}
