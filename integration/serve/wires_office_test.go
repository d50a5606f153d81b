package serve_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// script is what an office is to answer in Anthropic's or Ollama's API.
type script struct {
	text           string
	calls          bool // a tool, in the place of a text
	breaks, stream bool
}

// anthropic answers in Anthropic's API, with a thought before the text.
func (s script) anthropic(w http.ResponseWriter) {
	const usage = `{"input_tokens":4,"output_tokens":%d}`
	blocks := []string{`{"type":"thinking","thinking":"Hm.","signature":"x"}`, fmt.Sprintf(`{"type":"text","text":%q}`, s.text)}
	stop := "end_turn"
	if s.calls {
		blocks, stop = []string{`{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Lisbon"}}`}, "tool_use"
	} else if s.text != officeSaid {
		blocks = blocks[1:]
	}
	message := func(content, stop string, output int) string {
		return fmt.Sprintf(`{"id":"msg_1","type":"message","role":"assistant","model":"scripted","content":[%s],"stop_reason":%s,"stop_sequence":null,"usage":%s}`, content, stop, fmt.Sprintf(usage, output))
	}
	if !s.stream {
		io.WriteString(w, message(strings.Join(blocks, ","), `"`+stop+`"`, 5))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(kind, members string) {
		fmt.Fprintf(w, "event: %s\ndata: {\"type\":%q%s}\n\n", kind, kind, members)
		_ = http.NewResponseController(w).Flush()
	}
	event("message_start", `,"message":`+message("", "null", 1))
	event("ping", "")
	if s.calls {
		event("content_block_start", `,"index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}`)
		for _, part := range []string{`{"ci`, `ty":"Lis`, `bon"}`} {
			event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"input_json_delta","partial_json":%q}`, part))
		}
	} else {
		event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
		for i, word := range strings.SplitAfter(s.text, " ") {
			if s.breaks && i == 2 {
				panic(http.ErrAbortHandler)
			}
			event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":%q}`, word))
		}
	}
	event("content_block_stop", `,"index":0`)
	event("message_delta", `,"delta":{"stop_reason":"`+stop+`","stop_sequence":null},"usage":{"output_tokens":5}`)
	event("message_stop", "")
}

// ollama answers in Ollama's API: of chats, or of completions.
func (s script) ollama(w http.ResponseWriter, chat bool) {
	line := func(text string, done bool) string {
		said := fmt.Sprintf(`"response":%q`, text)
		if chat {
			said = fmt.Sprintf(`"message":{"role":"assistant","content":%q}`, text)
		}
		if s.calls && done == !s.stream {
			said = `"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Lisbon"}}}]}`
		}
		end := ""
		if done {
			end = `,"done_reason":"stop","prompt_eval_count":4,"eval_count":5,"total_duration":9`
		}
		return fmt.Sprintf(`{"model":"scripted","created_at":"2026-01-01T00:00:00Z",%s,"done":%v%s}`, said, done, end)
	}
	if !s.stream {
		io.WriteString(w, line(s.text, true))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for i, word := range strings.SplitAfter(s.text, " ") {
		if s.breaks && i == 2 {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, line(word, false)+"\n")
		_ = http.NewResponseController(w).Flush()
	}
	io.WriteString(w, line("", true)+"\n")
}
