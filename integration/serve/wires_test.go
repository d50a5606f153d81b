package serve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/memory"
)

// template is an upstream with the rule of a model's template, which refuses what breaks it. It keeps the requests.
type template struct {
	mu     sync.Mutex
	rule   func(roles []string, body string) string
	bodies []string
	answer string
	kind   string
}

func (m *template) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, r.URL.Path+" "+string(body))
	var q struct{ Messages []struct{ Role string } }
	_ = json.Unmarshal(body, &q)
	var roles []string
	for _, x := range q.Messages {
		roles = append(roles, x.Role)
	}
	if m.kind == "" {
		m.kind = "application/json"
	}
	w.Header().Set("Content-Type", m.kind)
	if m.rule != nil {
		if refused := m.rule(roles, string(body)); refused != "" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":{"message":%q}}`, refused)
			return
		}
	}
	if m.answer == "" {
		m.answer = `{"choices":[{"index":0,"message":{"role":"assistant","content":"Fine."},"finish_reason":"stop"}]}`
	}
	io.WriteString(w, m.answer)
}

// Templates that take a system message only once and only as the first, no system beside developer, or none at all, and
// those that want user and assistant in turn, take a chat with memories as they take it without.
func TestStrictTemplatesAreNotBroken(t *testing.T) {
	m := &template{rule: func(roles []string, body string) string {
		count := map[string]int{}
		for i, role := range roles {
			count[role]++
			if i > 0 && (role == "system" || role == "developer") {
				return "System message must be at the beginning."
			}
			if i > 0 && role == roles[i-1] {
				return "roles must alternate"
			}
		}
		if strings.Contains(body, "gemma") && count["system"]+count["developer"] > 0 {
			return "System role not supported"
		}
		if count["system"] > 0 && count["developer"] > 0 {
			return "system and developer cannot be used together"
		}
		return ""
	}}
	p := start(t, newPlugin(t, "I keep the skis in the loft."), &serve.Options{Upstream: wire(t, m.serve)})
	for _, messages := range []string{
		`"model":"qwen","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Where are the skis?"}]`,
		`"model":"qwen","messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Where are the skis?"}]}]`,
		`"model":"gemma","messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi"},{"role":"user","content":"Where are the skis?"}]`,
		`"model":"qwen","messages":[{"role":"user","content":"Where are the skis?"},{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]},{"role":"tool","tool_call_id":"c","content":"in the shed"}]`,
	} {
		before := len(m.bodies)
		r := p.send(t, http.MethodPost, "/v1/chat/completions", "{"+messages+"}", "X-Memory", "read")
		if r.Status != 200 || r.Header.Get("X-Refine-Memories") != "1" {
			t.Errorf("%s: %d %s", messages, r.Status, r.Body)
		}
		if got := m.bodies[before:]; len(got) != 1 || !strings.Contains(got[0], "in the loft") {
			t.Errorf("%s was sent as %v", messages, got)
		}
	}
}

// An upstream that refuses a request with notes gets it without them, as it came.
func TestRefusedNotesAreLeftOut(t *testing.T) {
	m := &template{rule: func(_ []string, body string) string {
		if strings.Contains(body, "memories") {
			return "the prompt is too long"
		}
		return ""
	}}
	p := start(t, newPlugin(t, "I keep the skis in the loft."), &serve.Options{Upstream: wire(t, m.serve)})
	body := `{"model":"m", "messages":[{"role":"user","content":"Where are the skis?"}]}`
	r := p.send(t, http.MethodPost, "/v1/chat/completions", body)
	if r.Status != 200 || r.Header.Get("X-Refine-Memories") != "" || len(m.bodies) != 2 || m.bodies[1] != "/v1/chat/completions "+body {
		t.Errorf("%d %v: %v", r.Status, r.Header, m.bodies)
	}
	if r := p.chat(t, nil, "nothing known, and memories"); r.Status != 400 { // a request that is refused without notes too stays refused
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// The notes stand behind the history: over 20 turns, at least nine tenths of what the client sent before is the beginning of
// what is sent next, in every API, so that the caches of providers and servers hold.
func TestPromptsKeepTheirPrefix(t *testing.T) {
	var texts []string
	for i := range 20 {
		texts = append(texts, fmt.Sprintf("On day %d I walked to the lake with Ruth and we saw %d herons.", i, 10+i))
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages", "/api/chat"} {
		t.Run(path, func(t *testing.T) {
			m := &template{}
			p := start(t, newPlugin(t, texts...), &serve.Options{Upstream: wire(t, m.serve), Limit: 10})
			field := "messages"
			if path == "/v1/responses" {
				field = "input"
			}
			history := []map[string]string{{"role": "system", "content": strings.Repeat("You are a helpful assistant. ", 20)}}
			if path == "/v1/messages" {
				history = nil
			}
			before := ""
			for i := range 20 {
				history = append(history, map[string]string{"role": "user", "content": fmt.Sprintf("How many herons did Ruth and I see on day %d?", i)})
				raw, _ := json.Marshal(map[string]any{field: history})
				client := string(raw[:len(raw)-2]) // up to the end of the last message, without its brackets
				p.send(t, http.MethodPost, path, string(raw), "X-Memory", "read")
				sent := m.bodies[len(m.bodies)-1]
				sent = sent[strings.IndexByte(sent, '{'):]
				if !strings.Contains(sent, "herons") || !strings.Contains(sent, "emories") {
					t.Fatalf("turn %d has no notes: %s", i, sent)
				}
				same := 0
				for same < len(before) && same < len(sent) && before[same] == sent[same] {
					same++
				}
				if share := float64(same) / float64(max(1, len(before))); before != "" && share < .9 {
					t.Errorf("turn %d: %.2f of the history before can be used again", i, share)
				}
				before = client
				history = append(history, map[string]string{"role": "assistant", "content": "You saw some. " + strings.Repeat("Here is a longer answer about it. ", 5)})
			}
		})
	}
}

// Anthropic's and Ollama's APIs have memory, streamed or not, and go through byte for byte.
func TestOtherWiresHaveMemory(t *testing.T) {
	anthropicStream := "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7}}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"A secret.\"}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"It rains\"}}\n\n" +
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\" today.\"}}\n\n" +
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":3}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
	for name, x := range map[string]struct{ path, body, kind, answer, want string }{
		"anthropic": {"/v1/messages", `{"model":"m","max_tokens":9,"system":"Be brief.","messages":[{"role":"user","content":[{"type":"text","text":"Where are the skis?"}]}]}`, "application/json",
			`{"type":"message","content":[{"type":"thinking","thinking":"A secret."},{"type":"text","text":"It rains today."}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":3}}`, "It rains today."},
		"anthropic stream": {"/v1/messages", `{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Where are the skis?"}]}`, "text/event-stream", anthropicStream, "It rains today."},
		"anthropic tools": {"/v1/messages", `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Where are the skis?"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"A secret."}]}]}`, "application/json",
			`{"type":"message","content":[{"type":"tool_use","id":"u","name":"f","input":{}}],"stop_reason":"tool_use"}`, ""},
		"ollama":          {"/api/chat", `{"model":"m","stream":false,"messages":[{"role":"user","content":"Where are the skis?","images":["AAAA"]}]}`, "application/json", `{"message":{"role":"assistant","content":"It rains today.","thinking":"A secret."},"done":true,"done_reason":"stop"}`, "It rains today."},
		"ollama stream":   {"/api/chat", `{"model":"m","messages":[{"role":"user","content":"Where are the skis?"}]}`, "application/x-ndjson", "{\"message\":{\"role\":\"assistant\",\"content\":\"It rains\"}}\n{\"message\":{\"content\":\" today.\"},\"done\":false}\n{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n", "It rains today."},
		"ollama tools":    {"/api/chat", `{"model":"m","messages":[{"role":"user","content":"Where are the skis?"},{"role":"tool","content":"A secret."}]}`, "application/x-ndjson", "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]},\"done\":true}\n", ""},
		"ollama generate": {"/api/generate", `{"model":"m","prompt":"Where are the skis?","system":"Be brief."}`, "application/x-ndjson", "{\"response\":\"It rains\",\"done\":false}\n{\"response\":\" today.\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1]}\n", "It rains today."},
		"think in text":   {"/v1/chat/completions", `{"messages":[{"role":"user","content":"Where are the skis?"}]}`, "application/json", `{"choices":[{"message":{"role":"assistant","content":"<think>A secret.</think>\n\nIt rains today."},"finish_reason":"stop"}]}`, "It rains today."},
		"a coding agent":  {"/v1/messages", `{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>A secret.</system-reminder>"},{"type":"text","text":"Where are the skis?"}]}]}`, "application/json", `{"type":"message","content":[{"type":"text","text":"It rains today."}],"stop_reason":"end_turn"}`, "It rains today."},
	} {
		t.Run(name, func(t *testing.T) {
			m := &template{kind: x.kind, answer: x.answer}
			p := start(t, newPlugin(t, "I keep the skis in the loft."), &serve.Options{Upstream: wire(t, m.serve), Refine: "auto"})
			r := p.send(t, http.MethodPost, x.path, x.body, "X-Session-Id", "s", "X-Refine", "off")
			if r.Status != 200 || r.Body != x.answer || r.Header.Get("X-Refine-Memories") != "1" {
				t.Errorf("%d %v %s", r.Status, r.Header, r.Body)
			}
			path, sent, _ := strings.Cut(m.bodies[0], " ")
			if path != x.path || !strings.Contains(sent, "in the loft") || !json.Valid([]byte(sent)) {
				t.Errorf("sent %s to %s", sent, path)
			}
			if head := x.body[:strings.Index(x.body, "Where are the skis?")]; !strings.HasPrefix(sent, head) {
				t.Errorf("what stands before the notes is another: %s", sent)
			}
			p.Flush()
			list := records(t, p.plugin, memory.Scope{User: "ada", Session: "s"})
			said := ""
			for _, r := range list {
				if strings.Contains(r.Text, "secret") {
					t.Errorf("wrote %+v", r)
				}
				if r.Role == "assistant" {
					said = r.Text
				}
			}
			if len(list) == 0 || list[0].Text != "Where are the skis?" || said != x.want {
				t.Errorf("wrote %v, want the answer %q", list, x.want)
			}
		})
	}
}

// A note follows an answer in every API, and nothing else of it changes.
func TestOtherWiresAreRefined(t *testing.T) {
	for name, x := range map[string]struct{ path, body, kind, answer string }{
		"anthropic": {"/v1/messages", `{"max_tokens":9,"messages":[{"role":"user","content":"When did Ruth move, and where?"}]}`, "application/json", `{"type":"message","content":[{"type":"text","text":"Ruth moved to Madrid in 2019."}],"stop_reason":"end_turn","odd":1.0}`},
		"anthropic stream": {"/v1/messages", `{"max_tokens":9,"stream":true,"messages":[{"role":"user","content":"When did Ruth move, and where?"}]}`, "text/event-stream",
			"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
				"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Ruth moved to Madrid in 2019.\"}}\n\nevent: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
				"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"odd\":1.0}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
		"ollama stream":   {"/api/chat", `{"messages":[{"role":"user","content":"When did Ruth move, and where?"}]}`, "application/x-ndjson", "{\"message\":{\"content\":\"Ruth moved to Madrid\"}}\n{\"message\":{\"content\":\" in 2019.\"}}\n{\"message\":{\"content\":\"\"},\"done\":true,\"odd\":1.0}\n"},
		"ollama generate": {"/api/generate", `{"stream":false,"prompt":"When did Ruth move, and where?"}`, "application/json", `{"response":"Ruth moved to Madrid in 2019.","done":true,"odd":1.0}`},
	} {
		t.Run(name, func(t *testing.T) {
			m := &template{kind: x.kind, answer: x.answer}
			p := start(t, newPlugin(t, "Ruth moved to Lisbon in 2021."), &serve.Options{Upstream: wire(t, m.serve)})
			r := p.send(t, http.MethodPost, x.path, x.body, "X-Refine", "always")
			if !strings.Contains(r.Body, "Lisbon in 2021.") || !strings.Contains(r.Body, `"changed":true`) || strings.Count(r.Body, `"refine":`) != 1 {
				t.Errorf("%s", r.Body)
			}
			if !strings.Contains(r.Body, `"odd":1.0`) {
				t.Errorf("something is gone: %s", r.Body)
			}
			if name == "anthropic stream" { // the note is a block of its own, between whole events
				begun, note, ended := strings.Index(r.Body, `"index":0,"type":"content_block_stop"`)+strings.Index(r.Body, `"type":"content_block_stop","index":0`), strings.Index(r.Body, `"index":1`), strings.Index(r.Body, "event: message_delta\ndata:")
				if note < begun || ended < note {
					t.Errorf("the note stands in the wrong place: %s", r.Body)
				}
			}
		})
	}
}

// Errors have the form of the API that was asked, and a key may come as Anthropic's clients send it.
func TestOtherWiresAreGuarded(t *testing.T) {
	secret, key := serve.NewKey("ada", ada)
	m := &template{kind: "application/json", answer: `{"type":"message","content":[]}`}
	p := start(t, newPlugin(t), &serve.Options{Upstream: wire(t, m.serve), Keys: []serve.Key{key}})
	p.send(t, http.MethodPost, "/v1/messages", `{}`, "X-Api-Key", "rfn_wrong").failure(t, 401, "invalid_api_key")
	if r := p.send(t, http.MethodPost, "/api/chat", `{}`); r.Status != 401 || !strings.HasPrefix(r.Body, `{"error":"there is no API key`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for path, want := range map[string]string{"/v1/messages": `{"error":{"code":"invalid_value","message":"the body cannot be read: it is not a JSON object","type":"invalid_request_error"},"type":"error"}`,
		"/api/chat": `{"error":"the body cannot be read: it is not a JSON object"}`} {
		if r := p.send(t, http.MethodPost, path, `[]`, "X-Api-Key", secret); r.Status != 400 || strings.TrimSpace(r.Body) != want {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	for _, path := range []string{"/v1/messages/count_tokens", "/api/show", "/api/embed"} {
		if r := p.send(t, http.MethodPost, path, `{}`, "X-Api-Key", secret); r.Status != 200 || m.bodies[len(m.bodies)-1] != path+" {}" {
			t.Errorf("%s: %d, %v", path, r.Status, m.bodies)
		}
	}
	if r := p.send(t, http.MethodPost, "/api/pull", `{}`, "X-Api-Key", secret); r.Status != 404 || !strings.HasPrefix(r.Body, `{"error":"POST /api/pull is not served`) {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
