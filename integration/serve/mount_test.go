package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
)

// doors are a server with both doors open, and a key for each of Ada, Eve, a reader of Ada's memories, a backend and a
// conversation of Ada's.
func doors(t *testing.T, more func(*serve.Options)) (p *proxy, secrets map[string]string, id memory.ID) {
	t.Helper()
	o := &serve.Options{Ada: true, MCP: true}
	secrets = map[string]string{}
	for name, scope := range map[string]memory.Scope{"ada": ada, "eve": {User: "eve"}, "reader": ada, "backend": {}, "bound": {User: "ada", Session: "mine"}} {
		secret, key := serve.NewKey(name, scope)
		key.ReadOnly, key.AnyUser = name == "reader", name == "backend"
		secrets[name], o.Keys = secret, append(o.Keys, key)
	}
	if more != nil {
		more(o)
	}
	p = start(t, newPlugin(t, "Ruth moved to Lisbon."), o)
	return p, secrets, records(t, p.plugin, ada)[0].ID
}

// asMCP connects the official client with headers.
func (p *proxy) asMCP(t *testing.T, headers ...string) *sdk.ClientSession {
	t.Helper()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
		&sdk.StreamableClientTransport{Endpoint: p.URL + "/mcp", HTTPClient: &http.Client{Transport: withHeaders{p.client.Transport, headers}}, MaxRetries: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// withHeaders sends headers with each request.
type withHeaders struct {
	http.RoundTripper
	pairs []string
}

func (h withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for i := 0; i < len(h.pairs); i += 2 {
		r.Header.Set(h.pairs[i], h.pairs[i+1])
	}
	return h.RoundTripper.RoundTrip(r)
}

// call calls a tool and returns all that came back, errors of the tool too.
func call(t *testing.T, s *sdk.ClientSession, tool string, args map[string]any) (text string, failed bool) {
	t.Helper()
	result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		return err.Error(), true
	}
	all, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return string(all), result.IsError
}

const whereRuth = "Where did Ruth move?"

func TestMCPDoorKeepsScopesApart(t *testing.T) {
	p, secrets, id := doors(t, nil)
	if text, failed := call(t, p.asMCP(t, bearer(secrets["ada"])...), "recall", map[string]any{"question": whereRuth}); failed || !strings.Contains(text, "Lisbon") {
		t.Errorf("Ada recalls %s", text)
	}
	if text, failed := call(t, p.asMCP(t, append(bearer(secrets["backend"]), "X-User-Id", "ada")...), "recall", map[string]any{"question": whereRuth}); failed || !strings.Contains(text, "Lisbon") {
		t.Errorf("the backend recalls for Ada %s", text)
	}
	for name, headers := range map[string][]string{"eve": bearer(secrets["eve"]), "the backend for eve": append(bearer(secrets["backend"]), "X-User-Id", "eve"), "another conversation": bearer(secrets["bound"])} {
		s := p.asMCP(t, headers...)
		for tool, args := range map[string]map[string]any{
			"recall": {"question": whereRuth}, "explain": {"question": whereRuth}, "ask": {"question": whereRuth}, "history": {"id": string(id)}, "forget": {"ids": []string{string(id)}},
			"remember": {"text": "Ruth lives in Oslo.", "replaces": []string{string(id)}},
		} {
			text, failed := call(t, s, tool, args)
			if strings.Contains(text, "Lisbon") {
				t.Errorf("%s: %s tells %s", name, tool, text)
			}
			if _, byID := args["question"]; !byID && !failed {
				t.Errorf("%s: %s reaches another's memory by its id: %s", name, tool, text)
			}
		}
		if _, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "refine://memory/" + string(id)}); err == nil {
			t.Errorf("%s reads the resource", name)
		}
	}
	reader := p.asMCP(t, bearer(secrets["reader"])...)
	list, err := reader.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range list.Tools {
		if tool.Name == "remember" || tool.Name == "forget" {
			t.Errorf("a key that may only read is offered %s", tool.Name)
		}
	}
	if text, failed := call(t, reader, "recall", map[string]any{"question": whereRuth}); failed || !strings.Contains(text, "Lisbon") {
		t.Errorf("the reader recalls %s", text)
	}
	if text, failed := call(t, reader, "forget", map[string]any{"ids": []string{string(id)}}); !failed {
		t.Errorf("the reader forgets: %s", text)
	}
	p.Flush()
	// Ada's own, and the backend's for her. The reader's does not count.
	if r := records(t, p.plugin, ada); len(r) != 1 || r[0].Text != "Ruth moved to Lisbon." || r[0].Shown != 2 {
		t.Errorf("Ada's memories are %+v", r)
	}
	if text, failed := call(t, p.asMCP(t, bearer(secrets["eve"])...), "remember", map[string]any{"text": "Eve plays chess."}); failed {
		t.Errorf("Eve cannot remember: %s", text)
	}
	if n := len(records(t, p.plugin, ada)); n != 1 || len(records(t, p.plugin, memory.Scope{User: "eve"})) != 1 {
		t.Errorf("Ada has %d records", n)
	}
}

func TestAdaDoorKeepsScopesApart(t *testing.T) {
	p, secrets, id := doors(t, nil)
	chat := func(headers []string, body string) reply {
		t.Helper()
		return p.send(t, http.MethodPost, "/v1/chat/stream", body, headers...)
	}
	const body = `{"prompt":"Where did Ruth move?","conversation_id":"c1"}`
	adas := bearer(secrets["ada"])
	if r := chat(adas, body); r.Status != 200 || !strings.Contains(r.Body, "Lisbon") || !strings.Contains(r.Body, `"type":"done"`) {
		t.Fatalf("Ada is answered %d %s", r.Status, r.Body)
	}
	if n := len(records(t, p.plugin, ada)); n != 3 {
		t.Errorf("the turn is not remembered: %d records", n)
	}
	for _, path := range []string{"/v1/memory?search=Ruth", "/v1/conversations/c1", "/v1/conversations/recent"} {
		if r := p.send(t, http.MethodGet, path, "", adas...); r.Status != 200 || !strings.Contains(r.Body, "Ruth") {
			t.Errorf("%s gives Ada %d %s", path, r.Status, r.Body)
		}
	}
	for name, headers := range map[string][]string{"eve": bearer(secrets["eve"]), "the backend for eve": append(bearer(secrets["backend"]), "X-User-Id", "eve")} {
		if r := chat(headers, strings.Replace(body, "c1", "c2", 1)); r.Status != 200 || strings.Contains(r.Body, "Lisbon") {
			t.Errorf("%s is answered %d %s", name, r.Status, r.Body)
		}
		for _, path := range []string{"/v1/memory", "/v1/memory?search=Where+did+Ruth+move", "/v1/conversations/c1", "/v1/conversations/recent", "/v1/info", "/v1/healthz", "/v1/specialists"} {
			if r := p.send(t, http.MethodGet, path, "", headers...); r.Status != 200 || strings.Contains(r.Body, "Lisbon") || strings.Contains(r.Body, `"c1","turn_count":`) {
				t.Errorf("%s gives %s %d %s", path, name, r.Status, r.Body)
			}
		}
		if r := p.send(t, http.MethodDelete, "/v1/memory/"+string(id), "", headers...); r.Status != 404 {
			t.Errorf("%s deletes Ada's memory: %d %s", name, r.Status, r.Body)
		}
	}
	if r := chat(bearer(secrets["bound"]), body); r.Status != 400 {
		t.Errorf("a key for one conversation takes part in another: %d %s", r.Status, r.Body)
	}
	for range 2 {
		if r := chat(bearer(secrets["bound"]), `{"prompt":"Where did Ruth move?"}`); r.Status != 200 || strings.Contains(r.Body, "Lisbon") || !strings.Contains(r.Body, `"conversation_id":"mine"`) {
			t.Errorf("the bound key is answered %d %s", r.Status, r.Body)
		}
	}
	for i, r := range records(t, p.plugin, memory.Scope{User: "ada", Session: "mine"}) {
		if r.Position != i {
			t.Errorf("turn %d stands at %d", i, r.Position)
		}
	}
	// A key that may only read is answered, and changes nothing.
	before := records(t, p.plugin, ada)
	reader := bearer(secrets["reader"])
	if r := chat(reader, body); r.Status != 200 || !strings.Contains(r.Body, "Lisbon") || strings.Contains(r.Body, `"type":"error"`) {
		t.Errorf("the reader is answered %d %s", r.Status, r.Body)
	}
	for _, r := range []reply{
		chat(reader, `{"prompt":"Where did Ruth move?","save_memory":true}`),
		p.send(t, http.MethodPost, "/v1/memory", `{"text":"I was here."}`, reader...),
		p.send(t, http.MethodDelete, "/v1/memory/"+string(id), "", reader...),
	} {
		if r.Status != http.StatusServiceUnavailable || !strings.Contains(r.Body, "read only") {
			t.Errorf("the reader writes: %d %s", r.Status, r.Body)
		}
	}
	p.Flush()
	if after := records(t, p.plugin, ada); len(after) != len(before) {
		t.Errorf("%d records became %d", len(before), len(after))
	}
	if r := p.send(t, http.MethodDelete, "/v1/memory/"+string(id), "", adas...); r.Status != 200 {
		t.Errorf("Ada deletes: %d %s", r.Status, r.Body)
	}
	for _, r := range records(t, p.plugin, ada) {
		if strings.Contains(r.Text, "Lisbon") {
			t.Errorf("%q is left", r.Text)
		}
	}
}

// Both doors are behind the guard: keys, hosts, origins, kinds of body, sizes and rates.
func TestDoorsAreGuarded(t *testing.T) {
	p, secrets, _ := doors(t, func(o *serve.Options) { o.MaxBody = 2000 })
	adas := bearer(secrets["ada"])
	const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	mcp := append([]string{"Accept", "application/json, text/event-stream"}, adas...)
	long := strings.Repeat("x", 3000)
	for _, door := range []struct{ path, body string }{{"/mcp", ping}, {"/v1/chat/stream", `{"prompt":"x"}`}, {"/v1/memory", `{"text":"x"}`}} {
		p.send(t, http.MethodPost, door.path, door.body).failure(t, 401, "missing_api_key")
		p.send(t, http.MethodPost, door.path, door.body, bearer("rfn_wrong")...).failure(t, 401, "invalid_api_key")
		p.send(t, http.MethodPost, door.path, door.body, append(bearer(secrets["eve"]), "X-User-Id", "ada")...).failure(t, 403, "outside_scope")
		p.send(t, http.MethodPost, door.path, door.body, bearer(secrets["backend"])...).failure(t, 400, "missing_user")
		p.send(t, http.MethodPost, door.path, door.body, append(mcp, "Origin", "https://evil.example")...).failure(t, 403, "cross_origin")
		p.send(t, http.MethodPost, door.path, door.body, append(mcp, "Content-Type", "text/plain")...).failure(t, 415, "not_json")
		p.send(t, http.MethodPost, door.path, `{"x":"`+long+`"}`, mcp...).failure(t, 413, "request_too_large")
	}
	// Behind a reverse proxy on this machine the Host is a name of the outside; with keys that is no danger.
	if r := p.send(t, http.MethodPost, "/mcp", ping, append(mcp, "Host", "memory.example.com")...); r.Status != 200 {
		t.Errorf("behind a proxy: %d %s", r.Status, r.Body)
	}
	open := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Ada: true, MCP: true})
	for _, path := range []string{"/mcp", "/v1/memory", "/v1/info"} {
		open.send(t, http.MethodGet, path, "", "Host", "evil.example").failure(t, 403, "unknown_host")
	}
	if text, failed := call(t, open.asMCP(t), "recall", map[string]any{"question": whereRuth}); failed || !strings.Contains(text, "Lisbon") {
		t.Errorf("without keys the machine recalls %s", text)
	}
	if r := open.send(t, http.MethodPost, "/v1/chat/stream", `{"prompt": "`+whereRuth+`"}`, "Content-Type", "application/json"); r.Status != 200 || !strings.Contains(r.Body, "Lisbon") {
		t.Errorf("Ada's client reads %d %s", r.Status, r.Body)
	}
	limited, keys, _ := doors(t, func(o *serve.Options) { o.Rate, o.Burst = .001, 2 })
	for range 2 {
		limited.send(t, http.MethodGet, "/v1/specialists", "", bearer(keys["ada"])...)
	}
	limited.send(t, http.MethodPost, "/mcp", ping, append(bearer(keys["ada"]), "Accept", "application/json, text/event-stream")...).failure(t, 429, "rate_limit_exceeded")
	limited.send(t, http.MethodGet, "/v1/memory", "", bearer(keys["ada"])...).failure(t, 429, "rate_limit_exceeded")
	closed := start(t, newPlugin(t), nil) // neither is open unless it is asked for
	closed.send(t, http.MethodGet, "/v1/memory", "").failure(t, 404, "unknown_url")
	if r := closed.send(t, http.MethodPost, "/mcp", ping); r.Status == 200 {
		t.Errorf("MCP is served unasked: %s", r.Body)
	}
}

// Chats that are not to be remembered are not remembered by Ada's door either.
func TestAdaDoorForgets(t *testing.T) {
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Ada: true, Forget: true})
	if r := p.send(t, http.MethodPost, "/v1/chat/stream", `{"prompt":"Where did Ruth move?"}`); r.Status != 200 || !strings.Contains(r.Body, "Lisbon") {
		t.Errorf("answered %d %s", r.Status, r.Body)
	}
	if n := len(records(t, p.plugin, ada)); n != 1 {
		t.Errorf("%d records", n)
	}
}

// What stands in a chat's prompt, or is found or asked over REST, is counted once each; what may only be read is not.
func TestServeCountsWhatItShows(t *testing.T) {
	p, secrets, _ := doors(t, nil)
	count := func() int {
		t.Helper()
		p.Flush()
		for _, r := range records(t, p.plugin, ada) {
			if r.Text == "Ruth moved to Lisbon." {
				return r.Shown
			}
		}
		return -1
	}
	adas, reader := bearer(secrets["ada"]), bearer(secrets["reader"])
	for i, show := range []func(headers []string) reply{
		func(h []string) reply { return p.chat(t, h, whereRuth) },
		func(h []string) reply {
			return p.send(t, http.MethodPost, "/api/v1/search", `{"query":"Where did Ruth move?","budget":300}`, h...)
		},
		func(h []string) reply {
			return p.send(t, http.MethodPost, "/api/v1/ask", `{"question":"Where did Ruth move?"}`, h...)
		},
		func(h []string) reply { return p.send(t, http.MethodGet, "/v1/memory?search=Ruth", "", h...) },
	} {
		for _, headers := range [][]string{adas, reader} {
			if r := show(headers); r.Status != 200 {
				t.Fatalf("%d: %d %s", i, r.Status, r.Body)
			}
			if n := count(); n != i+1 {
				t.Errorf("way %d, %v: shown %d times", i, headers[1] == reader[1], n)
			}
		}
		p.chat(t, append(adas, "X-Memory", "read"), whereRuth)
		if n := count(); n != i+1 {
			t.Errorf("a chat that writes nothing counts: %d", n)
		}
	}
}

// The prompt of a chat with an upstream counts too, once, also where its answer is refined.
func TestPromptsAreCounted(t *testing.T) {
	_, up := model(t, scripted.Says("Ruth moved to Oslo."))
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Upstream: up, Refine: "always"})
	p.chat(t, nil, whereRuth)
	p.Flush()
	for _, r := range records(t, p.plugin, ada) {
		if r.Text == "Ruth moved to Lisbon." && r.Shown != 1 {
			t.Errorf("shown %d times", r.Shown)
		}
	}
}
