package serve_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/integration/serve"
)

// office is an upstream that knows tools, streams, models and embeddings.
type office struct {
	mu      sync.Mutex
	prompts []string
	asked   map[string]int // by path
}

const officeSaid = "You live in Madrid since 2019."

func (o *office) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var q struct {
		Model    string
		Stream   *bool
		Prompt   string
		Tools    []any
		Format   string `json:"encoding_format"`
		Input    any
		Messages []struct {
			Role    string
			Content any
		}
	}
	_ = json.Unmarshal(body, &q)
	stream := q.Stream != nil && *q.Stream
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/api/tags":
		io.WriteString(w, `{"models":[{"name":"scripted","model":"scripted","size":1,"digest":"x","details":{}}]}`)
		return
	case "/api/embed":
		io.WriteString(w, `{"model":"scripted","embeddings":[[1.0,0.5]]}`)
		return
	case "/v1/messages/count_tokens":
		io.WriteString(w, `{"input_tokens":4}`)
		return
	case "/v1/models":
		io.WriteString(w, `{"object":"list","data":[{"id":"scripted","object":"model","created":1,"owned_by":"office"}]}`)
		return
	case "/v1/models/scripted":
		io.WriteString(w, `{"id":"scripted","object":"model","created":1,"owned_by":"office"}`)
		return
	case "/v1/embeddings":
		embedding, count := `[1.0,0.5]`, 1
		if q.Format == "base64" {
			embedding = `"AACAPwAAAD8="`
		}
		if list, ok := q.Input.([]any); ok {
			count = len(list)
		}
		var data []string
		for i := range count {
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, embedding))
		}
		fmt.Fprintf(w, `{"object":"list","model":"scripted","data":[%s],"usage":{"prompt_tokens":2,"total_tokens":2}}`, strings.Join(data, ","))
		return
	}
	o.mu.Lock()
	o.prompts = append(o.prompts, string(body))
	o.asked[r.URL.Path]++
	o.mu.Unlock()
	if q.Model == "busy" {
		w.WriteHeader(http.StatusTooManyRequests)
		if strings.HasPrefix(r.URL.Path, "/api/") {
			io.WriteString(w, `{"error":"slow down"}`)
			return
		}
		io.WriteString(w, `{"error":{"message":"slow down","type":"requests","param":null,"code":"slow"}}`)
		return
	}
	if r.URL.Path == "/v1/responses" {
		respond(w, stream, q.Model == "breaks", len(q.Tools) > 0 && !strings.Contains(string(body), "function_call_output"), len(q.Tools) > 0)
		return
	}
	if own := (script{text: officeSaid, breaks: q.Model == "breaks", stream: stream}); r.URL.Path != "/v1/chat/completions" {
		own.calls = len(q.Tools) > 0
		if strings.Contains(string(body), "tool_result") || strings.Contains(string(body), `"tool_calls"`) { // there is one already
			own.calls, own.text = false, "It has 21 degrees."
		}
		if r.URL.Path == "/v1/messages" {
			own.anthropic(w)
			return
		}
		own.stream = q.Stream == nil || stream
		own.ollama(w, r.URL.Path == "/api/chat")
		return
	}
	text, tool := officeSaid, false
	if last := q.Messages[len(q.Messages)-1]; len(q.Tools) > 0 {
		text, tool = "It has 21 degrees.", last.Role == "user"
	}
	const call = `{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":%q}}`
	const usage = `{"prompt_tokens":4,"completion_tokens":5,"total_tokens":9}`
	if !stream {
		message, finish := fmt.Sprintf(`{"role":"assistant","content":%q,"refusal":null}`, text), "stop"
		if tool {
			message, finish = `{"role":"assistant","content":null,"tool_calls":[`+fmt.Sprintf(call, `{"city":"Lisbon"}`)+`]}`, "tool_calls"
		}
		fmt.Fprintf(w, `{"id":"c1","object":"chat.completion","created":1,"model":"scripted","choices":[{"index":0,"message":%s,"logprobs":null,"finish_reason":%q}],"usage":%s}`, message, finish, usage)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(choices, usage string) {
		fmt.Fprintf(w, "data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"scripted\",\"choices\":[%s],\"usage\":%s}\n\n", choices, usage)
		_ = http.NewResponseController(w).Flush()
	}
	delta := func(d string) { event(`{"index":0,"delta":`+d+`,"finish_reason":null}`, "null") }
	finish := "stop"
	if tool {
		finish = "tool_calls"
		delta(`{"role":"assistant","content":null,"tool_calls":[` + fmt.Sprintf(call, "") + `]}`)
		for _, part := range []string{`{"ci`, `ty":"Lis`, `bon"}`} {
			delta(fmt.Sprintf(`{"tool_calls":[{"index":0,"function":{"arguments":%q}}]}`, part))
		}
	} else {
		delta(`{"role":"assistant","content":""}`)
		for i, word := range strings.SplitAfter(text, " ") {
			if q.Model == "breaks" && i == 2 {
				panic(http.ErrAbortHandler)
			}
			delta(fmt.Sprintf(`{"content":%q}`, word))
		}
	}
	event(`{"index":0,"delta":{},"finish_reason":"`+finish+`"}`, "null")
	event("", usage)
	io.WriteString(w, "data: [DONE]\n\n")
}

// respond answers in the Responses API.
func respond(w http.ResponseWriter, stream, breaks, calls, tools bool) {
	const call = `{"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Lisbon\"}","status":"completed"}`
	text := officeSaid
	if tools {
		text = "It has 21 degrees."
	}
	part := func(text string) string {
		return fmt.Sprintf(`{"type":"output_text","text":%q,"annotations":[],"logprobs":[]}`, text)
	}
	message := func(status, content string) string {
		return fmt.Sprintf(`{"type":"message","id":"msg_1","status":%q,"role":"assistant","content":[%s]}`, status, content)
	}
	item := message("completed", part(text))
	if calls {
		item = call
	}
	whole := func(status, output, usage string) string {
		return fmt.Sprintf(`{"id":"resp_1","object":"response","created_at":1,"status":%q,"model":"scripted","error":null,"incomplete_details":null,"instructions":null,"metadata":{},`+
			`"output":[%s],"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"usage":%s}`, status, output, usage)
	}
	done := whole("completed", item, `{"input_tokens":4,"input_tokens_details":{"cached_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":9}`)
	if !stream {
		io.WriteString(w, done)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	number := 0
	event := func(kind, members string) {
		fmt.Fprintf(w, "event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", kind, kind, number, members)
		number++
		_ = http.NewResponseController(w).Flush()
	}
	const item0, part0 = `"output_index":0,"item":`, `"item_id":"msg_1","output_index":0,"content_index":0,`
	event("response.created", `"response":`+whole("in_progress", "", "null"))
	event("response.in_progress", `"response":`+whole("in_progress", "", "null"))
	if calls {
		event("response.output_item.added", item0+strings.Replace(call, `{\"city\":\"Lisbon\"}`, "", 1))
		event("response.function_call_arguments.delta", `"item_id":"fc_1","output_index":0,"delta":"{\"city\":\"Lisbon\"}"`)
		event("response.function_call_arguments.done", `"item_id":"fc_1","output_index":0,"name":"weather","arguments":"{\"city\":\"Lisbon\"}"`)
	} else {
		event("response.output_item.added", item0+message("in_progress", ""))
		event("response.content_part.added", part0+`"part":`+part(""))
		for i, word := range strings.SplitAfter(text, " ") {
			if breaks && i == 2 {
				panic(http.ErrAbortHandler)
			}
			event("response.output_text.delta", part0+fmt.Sprintf(`"delta":%q,"logprobs":[]`, word))
		}
		event("response.output_text.done", part0+fmt.Sprintf(`"text":%q,"logprobs":[]`, text))
		event("response.content_part.done", part0+`"part":`+part(text))
	}
	event("response.output_item.done", item0+item)
	event("response.completed", `"response":`+done)
}

// counter is a proxy in front of an office, which knows where Ada lives.
func counter(t *testing.T) (*proxy, *office, string) {
	o := &office{asked: map[string]int{}}
	up := wire(t, o.serve)
	secret, key := serve.NewKey("client", ada)
	return start(t, newPlugin(t, "I live in Lisbon since 2021."), &serve.Options{Upstream: up, Keys: []serve.Key{key}}), o, secret
}

// told reports whether every prompt about where Ada lives held the memory.
func (o *office) told(t *testing.T) {
	t.Helper()
	asked := 0
	for _, prompt := range o.prompts {
		if strings.Contains(prompt, "Where do I live?") {
			asked++
			if !strings.Contains(prompt, "I live in Lisbon since 2021.") {
				t.Errorf("a prompt without the memory: %s", prompt)
			}
		}
	}
	if asked == 0 {
		t.Error("nobody asked")
	}
}

func TestGoOpenAI(t *testing.T) {
	p, o, secret := counter(t)
	config := openai.DefaultConfig(secret)
	config.BaseURL, config.HTTPClient = p.URL+"/v1", p.client
	client := openai.NewClientWithConfig(config)
	ask := openai.ChatCompletionRequest{Model: "scripted", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "Where do I live?"}}}
	answer, err := client.CreateChatCompletion(t.Context(), ask)
	if err != nil || answer.Choices[0].Message.Content != officeSaid || answer.Usage.TotalTokens != 9 {
		t.Errorf("%v, %v", answer, err)
	}
	stream := func(q openai.ChatCompletionRequest) (text, arguments string, err error) {
		s, err := client.CreateChatCompletionStream(t.Context(), q)
		if err != nil {
			return "", "", err
		}
		defer s.Close()
		for {
			c, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return text, arguments, nil
			}
			if err != nil {
				return text, arguments, err
			}
			for _, choice := range c.Choices {
				text += choice.Delta.Content
				for _, call := range choice.Delta.ToolCalls {
					arguments += call.Function.Arguments
				}
			}
		}
	}
	if text, _, err := stream(ask); err != nil || text != officeSaid {
		t.Errorf("%q, %v", text, err)
	}
	weather := ask
	weather.Messages = []openai.ChatCompletionMessage{{Role: "user", MultiContent: []openai.ChatMessagePart{{Type: "text", Text: "Which weather?"}, {Type: "image_url", ImageURL: &openai.ChatMessageImageURL{URL: "data:image/png;base64,AAAA"}}}}}
	weather.Tools = []openai.Tool{{Type: "function", Function: &openai.FunctionDefinition{Name: "weather", Parameters: map[string]any{}}}}
	if answer, err = client.CreateChatCompletion(t.Context(), weather); err != nil || answer.Choices[0].Message.ToolCalls[0].Function.Name != "weather" {
		t.Errorf("%v, %v", answer, err)
	}
	if _, arguments, err := stream(weather); err != nil || arguments != `{"city":"Lisbon"}` {
		t.Errorf("%q, %v", arguments, err)
	}
	ask.Model = "busy"
	_, err = client.CreateChatCompletion(t.Context(), ask)
	if failure := (*openai.APIError)(nil); !errors.As(err, &failure) || failure.HTTPStatusCode != 429 || failure.Code != "slow" {
		t.Errorf("%v", err)
	}
	ask.Model = "breaks"
	if text, _, err := stream(ask); err == nil {
		t.Errorf("a stream that breaks off looks whole: %q", text)
	}
	if models, err := client.ListModels(t.Context()); err != nil || len(models.Models) != 1 {
		t.Errorf("%v, %v", models, err)
	}
	vectors, err := client.CreateEmbeddings(t.Context(), openai.EmbeddingRequestStrings{Input: []string{"a"}, Model: "scripted"})
	if err != nil || vectors.Data[0].Embedding[1] != .5 {
		t.Errorf("%v, %v", vectors, err)
	}
	o.told(t)
}

// The other clients, unchanged. make test-clients sets them up, and names their folder in REFINER_CLIENTS.
func TestClients(t *testing.T) {
	folder := os.Getenv("REFINER_CLIENTS")
	if folder == "" {
		t.Skip("the clients are not set up: run make test-clients")
	}
	for name, command := range map[string][]string{
		"openai-python": {filepath.Join(folder, "venv", "bin", "python"), filepath.Join("testdata", "clients", "client.py")},
		"openai-node":   {"node", filepath.Join(folder, "node", "client.mjs")},
		"openai-go":     {filepath.Join(folder, "openai-go")},
		"others-python": {filepath.Join(folder, "venv", "bin", "python"), filepath.Join("testdata", "clients", "others.py")},
		"others-node":   {"node", filepath.Join(folder, "node", "others.mjs")},
	} {
		t.Run(name, func(t *testing.T) {
			p, o, secret := counter(t)
			out, err := exec.CommandContext(t.Context(), command[0], append(command[1:], p.URL+"/v1", secret)...).CombinedOutput()
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "ok") {
				t.Errorf("%v\n%s", err, out)
			}
			o.told(t)
			used := []string{"/v1/chat/completions", "/v1/responses"}
			if strings.HasPrefix(name, "others") {
				used = []string{"/v1/messages", "/api/chat", "/api/generate"}
			}
			for _, path := range used {
				if o.asked[path] == 0 {
					t.Errorf("%s was not used", path)
				}
			}
		})
	}
}
