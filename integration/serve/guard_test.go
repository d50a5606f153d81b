package serve_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
)

func bearer(secret string) []string { return []string{"Authorization", "Bearer " + secret} }

func TestKeysOpenTheirScopeOnly(t *testing.T) {
	adas, adaKey := serve.NewKey("ada", ada)
	eves, eveKey := serve.NewKey("eve", memory.Scope{User: "eve"})
	nobodys, nobodyKey := serve.NewKey("nobody", memory.Scope{})
	readers, readKey := serve.NewKey("reader", ada)
	readKey.ReadOnly = true
	backends, backendKey := serve.NewKey("backend", memory.Scope{})
	backendKey.AnyUser = true
	scrapers, scrapeKey := serve.NewKey("scraper", memory.Scope{User: "scraper"})
	scrapeKey.Metrics = true
	agents, agentKey := serve.NewKey("agent", memory.Scope{User: "ada", Agent: "cook", Session: "s"})
	m, up := model(t, scripted.Says("Yes."))
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Upstream: up,
		Keys: []serve.Key{adaKey, eveKey, nobodyKey, readKey, backendKey, scrapeKey, agentKey}})
	id := records(t, p.plugin, ada)[0].ID

	for _, headers := range [][]string{nil, {"Authorization", "Basic x"}, bearer(""), {"Authorization", adas}} {
		r := p.send(t, http.MethodGet, "/api/v1/stats", "", headers...)
		r.failure(t, 401, "missing_api_key")
		if r.Header.Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
	}
	for _, secret := range []string{"rfn_wrong", adaKey.Hash, strings.ToUpper(adas), adas + "x"} {
		p.send(t, http.MethodPost, "/v1/chat/completions", chatBody(t, nil, "x"), bearer(secret)...).failure(t, 401, "invalid_api_key")
	}
	if r := p.send(t, http.MethodGet, "/api/v1/memories/"+string(id), "", bearer(adas)...); r.Status != 200 || !strings.Contains(r.Body, "Lisbon") {
		t.Errorf("Ada reads %d %s", r.Status, r.Body)
	}
	// Nobody else sees it, by whatever way.
	for name, headers := range map[string][]string{
		"eve": bearer(eves), "nobody": bearer(nobodys), "scraper": bearer(scrapers), "the agent": bearer(agents), "the backend for eve": append(bearer(backends), "X-User-Id", "eve"),
	} {
		p.send(t, http.MethodGet, "/api/v1/memories/"+string(id), "", headers...).failure(t, 404, "not_found")
		p.send(t, http.MethodGet, "/api/v1/memories/"+string(id)+"/history", "", headers...).failure(t, 404, "not_found")
		p.send(t, http.MethodDelete, "/api/v1/memories/"+string(id), "", headers...).failure(t, 404, "not_found")
		for _, path := range []string{"search", "explain"} {
			if r := p.send(t, http.MethodPost, "/api/v1/"+path, `{"query":"Where did Ruth move?"}`, headers...); r.Status != 200 || strings.Contains(r.Body, "Lisbon") {
				t.Errorf("%s: %s gives %d %s", name, path, r.Status, r.Body)
			}
		}
		if r := p.send(t, http.MethodPost, "/api/v1/ask", `{"question":"Where did Ruth move?"}`, headers...); r.Status != 200 || strings.Contains(r.Body, "Lisbon") {
			t.Errorf("%s: ask gives %d %s", name, r.Status, r.Body)
		}
		if r := p.send(t, http.MethodGet, "/api/v1/memories?state=any", "", headers...); r.Status != 200 || strings.Contains(r.Body, "Lisbon") {
			t.Errorf("%s: list gives %d %s", name, r.Status, r.Body)
		}
		p.chat(t, append(headers, "X-Memory", "read"), "Where did Ruth move?")
		if sent := m.Requests(); strings.Contains(string(sent[len(sent)-1].Body), "Lisbon") {
			t.Errorf("%s: the prompt holds another's memory", name)
		}
	}
	// A scope is not widened or changed by what a request says of itself.
	for _, headers := range [][]string{{"X-User-Id", "ada"}, {"X-User-Id", "*"}} {
		p.send(t, http.MethodGet, "/api/v1/stats", "", append(bearer(eves), headers...)...).failure(t, 403, "outside_scope")
	}
	p.send(t, http.MethodGet, "/api/v1/stats", "", append(bearer(agents), "X-Agent-Id", "nurse")...).failure(t, 403, "outside_scope")
	p.chat(t, append(bearer(agents), "X-Session-Id", "other"), "x").failure(t, 403, "outside_scope")
	p.send(t, http.MethodGet, "/api/v1/memories?session=other", "", bearer(agents)...).failure(t, 403, "outside_scope")
	p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x","session":"other"}]}`, bearer(agents)...).failure(t, 403, "outside_scope")
	p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x","user":"ada"}]}`, bearer(eves)...).failure(t, 400, "invalid_value")
	p.send(t, http.MethodGet, "/api/v1/stats", "", bearer(backends)...).failure(t, 400, "missing_user")
	if r := p.send(t, http.MethodGet, "/api/v1/me", "", append(bearer(backends), "X-User-Id", "ada")...); !strings.Contains(r.Body, `"user":"ada"`) {
		t.Errorf("the backend is %s", r.Body)
	}
	// The key's user is where a chat is written, whatever the body says.
	p.chat(t, bearer(eves), "I am Ada.")
	p.Flush()
	if n := len(records(t, p.plugin, ada)); n != 1 {
		t.Errorf("Ada has %d records, want 1", n)
	}
	// A reader reads.
	for _, x := range [][2]string{{http.MethodPost, "/api/v1/memories"}, {http.MethodDelete, "/api/v1/memories/" + string(id)},
		{http.MethodPost, "/api/v1/memories/" + string(id) + "/undo"}} {
		body := ""
		if x[1] == "/api/v1/memories" {
			body = `{"memories":[{"text":"x"}]}`
		}
		p.send(t, x[0], x[1], body, bearer(readers)...).failure(t, 403, "read_only_key")
	}
	p.send(t, http.MethodPost, "/api/v1/memories/"+string(id)+"/supersede", `{"memory":{"text":"x"}}`, bearer(readers)...).failure(t, 403, "read_only_key")
	p.send(t, http.MethodPost, "/api/v1/ask", `{"question":"x","remember":true}`, bearer(readers)...).failure(t, 403, "read_only_key")
	if r := p.chat(t, bearer(readers), "Where did Ruth move?"); r.Status != 200 {
		t.Errorf("a reader's chat gives %d %s", r.Status, r.Body)
	}
	p.Flush()
	if n := len(records(t, p.plugin, ada)); n != 1 {
		t.Errorf("a reader wrote %d records", n-1)
	}
	// Metrics count over all scopes.
	p.send(t, http.MethodGet, "/metrics", "", bearer(adas)...).failure(t, 403, "not_for_metrics")
	if r := p.send(t, http.MethodGet, "/metrics", "", bearer(scrapers)...); r.Status != 200 || !strings.Contains(r.Body, "refine_store_records") {
		t.Errorf("metrics: %d", r.Status)
	}
	// What everybody may see.
	for _, path := range []string{"/", "/healthz", "/readyz", "/api/v1/openapi.json"} {
		if r := p.send(t, http.MethodGet, path, ""); r.Status != 200 {
			t.Errorf("%s gives %d", path, r.Status)
		}
	}
	if strings.Contains(p.log.String(), adas) || strings.Contains(p.log.String(), "Lisbon") {
		t.Error("the log holds a key or a memory")
	}
}

func TestKeyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, err := serve.LoadKeys(path); !errors.Is(err, serve.ErrKeys) {
		t.Errorf("no file gives %v", err)
	}
	secret, k := serve.NewKey("one", ada)
	if err := serve.AddKey(path, k); err != nil {
		t.Fatal(err)
	}
	if err := serve.AddKey(path, k); !errors.Is(err, serve.ErrKeys) {
		t.Errorf("the same key again gives %v", err)
	}
	_, other := serve.NewKey("two", memory.Scope{Tenant: "t", User: "u"})
	if err := serve.AddKey(path, other); err != nil {
		t.Fatal(err)
	}
	keys, err := serve.LoadKeys(path)
	if err != nil || len(keys) != 2 || keys[0] != k || keys[1] != other {
		t.Errorf("read %v, %v", keys, err)
	}
	text, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	if strings.Contains(string(text), secret) || info.Mode().Perm() != 0o600 {
		t.Errorf("the file (%s) is %s", info.Mode(), text)
	}
	hash := "sha256:" + strings.Repeat("a", 64)
	for _, bad := range []string{``, `{"keys":[{"name":"x","hash":"secret"}]}`, `{"keys":[{"hash":"` + hash + `"}]}`, `{"keys":[{"name":"x","hash":"` + hash + `","usr":"eve"}]}`,
		`{"keys":[{"name":"x","hash":"` + hash + `"},{"name":"y","hash":"` + hash + `"}]}`, `{"keys":[{"name":"x","hash":"` + hash + `","user":"u","any_user":true}]}`, `{"keys":[]} {}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := serve.LoadKeys(path); !errors.Is(err, serve.ErrKeys) {
			t.Errorf("%s gives %v", bad, err)
		}
	}
}

// Keys are replaced while the server runs: the new ones hold at once, those that are gone do not. What cannot be is refused, and
// the keys before hold on.
func TestKeysAreReplaced(t *testing.T) {
	one, first := serve.NewKey("one", ada)
	two, second := serve.NewKey("two", memory.Scope{User: "eve"})
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Keys: []serve.Key{first}})
	status := func(secret string) int {
		return p.send(t, http.MethodGet, "/api/v1/stats", "", bearer(secret)...).Status
	}
	if a, b := status(one), status(two); a != 200 || b != 401 {
		t.Fatalf("the keys give %d and %d", a, b)
	}
	for _, keys := range [][]serve.Key{nil, {{Name: "broken", Hash: "x"}}} {
		if err := p.SetKeys(keys); !errors.Is(err, serve.ErrKeys) || status(one) != 200 {
			t.Errorf("%v: %v", keys, err)
		}
	}
	if err := p.SetKeys([]serve.Key{second}); err != nil {
		t.Fatal(err)
	}
	if a, b := status(one), status(two); a != 401 || b != 200 {
		t.Errorf("then they give %d and %d", a, b)
	}
	open := start(t, newPlugin(t), nil)
	if err := open.SetKeys([]serve.Key{first}); !errors.Is(err, serve.ErrKeys) {
		t.Errorf("a server without keys takes one: %v", err)
	}
}

func TestWithoutKeysOnlyThisMachine(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.9.9.9:1": true,
		"0.0.0.0:1": false, ":1": false, "192.168.1.2:1": false, "[::]:1": false, "example.com:1": false} {
		if err := serve.CheckListen(address, 0); (err == nil) != want || (err != nil && !errors.Is(err, serve.ErrOpen)) {
			t.Errorf("%s: %v", address, err)
		}
		if err := serve.CheckListen(address, 1); err != nil {
			t.Errorf("%s with keys: %v", address, err)
		}
	}
}

// A web page that somebody visits must not be able to use the server through their browser.
func TestForeignPagesAreRefused(t *testing.T) {
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Hosts: []string{"memory.lan"}})
	id := string(records(t, p.plugin, ada)[0].ID)
	// DNS rebinding: their name, our address.
	for _, path := range []string{"/", "/api/v1/memories", "/v1/models", "/metrics"} {
		p.send(t, http.MethodGet, path, "", "Host", "evil.example:8377").failure(t, 403, "unknown_host")
	}
	for _, host := range []string{"localhost:8377", "memory.lan", "[::1]:8377", "127.0.0.1", "MEMORY.lan:80"} {
		if r := p.send(t, http.MethodGet, "/api/v1/me", "", "Host", host); r.Status != 200 {
			t.Errorf("%s gives %d %s", host, r.Status, r.Body)
		}
	}
	// Requests that a foreign page can send.
	for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "null"}} {
		p.send(t, http.MethodDelete, "/api/v1/memories/"+id, "", headers...).failure(t, 403, "cross_origin")
		p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x"}]}`, headers...).failure(t, 403, "cross_origin")
	}
	p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x"}]}`, "Content-Type", "application/x-www-form-urlencoded").failure(t, 415, "not_json")
	if r := p.send(t, http.MethodGet, "/api/v1/memories", "", "Origin", "https://evil.example"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a foreign page may read the memories")
	}
	// Our own page may.
	if r := p.send(t, http.MethodPost, "/api/v1/search", `{"query":"Ruth"}`, "Sec-Fetch-Site", "same-origin"); r.Status != 200 {
		t.Errorf("the page gets %d %s", r.Status, r.Body)
	}
	r := p.send(t, http.MethodGet, "/", "")
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin"} {
		if !strings.Contains(r.Header.Get(name), want) {
			t.Errorf("%s is %q", name, r.Header.Get(name))
		}
	}
	if strings.Contains(r.Header.Get("Content-Security-Policy"), "unsafe") {
		t.Error("the policy allows what is unsafe")
	}
}

func TestRates(t *testing.T) {
	one, oneKey := serve.NewKey("one", ada)
	two, twoKey := serve.NewKey("two", ada)
	p := start(t, newPlugin(t), &serve.Options{Keys: []serve.Key{oneKey, twoKey}, Rate: .5, Burst: 3})
	get := func(secret string) reply { return p.send(t, http.MethodGet, "/api/v1/me", "", bearer(secret)...) }
	for range 3 {
		if r := get(one); r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	r := get(one)
	r.failure(t, 429, "rate_limit_exceeded")
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if r := get(two); r.Status != 200 {
		t.Errorf("another key is kept waiting: %d %s", r.Status, r.Body)
	}
	if r := p.send(t, http.MethodGet, "/healthz", ""); r.Status != 200 {
		t.Errorf("health is limited: %d", r.Status)
	}
}

func TestMetricsCount(t *testing.T) {
	_, up := model(t, scripted.Says("Ruth moved to Madrid."))
	p := start(t, newPlugin(t, "Ruth moved to Lisbon."), &serve.Options{Upstream: up, Refine: "always"})
	p.chat(t, nil, "Where did Ruth move?")
	p.send(t, http.MethodGet, "/no/such/page", "")
	p.Flush()
	text := p.send(t, http.MethodGet, "/metrics", "").Body
	for _, want := range []string{
		`refine_http_requests_total{code="200",route="/v1/chat/completions"} 1`, `refine_upstream_requests_total{code="200"} 1`, `refine_recall_seconds_count 1`,
		`refine_proxy_overhead_seconds_count 1`, `refine_answer_rounds_count 1`, `refine_store_records{state="live"} `, `refine_tokens_total{kind="completion"} 4`, "refine_answer_stops_total{stop=",
		"go_goroutines", "process_resident_memory_bytes", `refine_turns_written_total `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"ada`) || strings.Contains(text, "Lisbon") || strings.Contains(text, "no/such") {
		t.Error("metrics tell of users, texts or addresses")
	}
}

// When the store fails, chats go on without memory, and the server says that it is not ready.
func TestTheStoreFails(t *testing.T) {
	m, up := model(t, scripted.Says("Yes."))
	plugin := newPlugin(t, "Ruth moved to Lisbon.")
	p := start(t, plugin, &serve.Options{Upstream: up})
	if err := plugin.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := p.chat(t, nil, "Where did Ruth move?").content(t); got != "Yes." || len(m.Requests()) != 1 {
		t.Errorf("answered %q", got)
	}
	p.send(t, http.MethodPost, "/api/v1/search", `{"query":"x"}`).failure(t, 503, "shutting_down")
	if r := p.send(t, http.MethodGet, "/readyz", ""); r.Status != 503 {
		t.Errorf("ready: %d", r.Status)
	}
	if r := p.send(t, http.MethodGet, "/healthz", ""); r.Status != 200 {
		t.Errorf("healthy: %d", r.Status)
	}
	p.Flush()
	if log := p.log.String(); !strings.Contains(log, "goes on without") || !strings.Contains(log, "could not be written") {
		t.Errorf("the log says %s", log)
	}
}

func TestDeadlinesDoNotCarryOver(t *testing.T) {
	_, up := model(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Text: "a b c", Pause: 20 * time.Millisecond}
	})
	p := start(t, newPlugin(t), &serve.Options{Upstream: up})
	for i := range 3 { // on one connection
		r := p.send(t, http.MethodPost, "/v1/chat/completions", chatBody(t, map[string]any{"stream": true}, fmt.Sprint("number ", i)))
		if r.streamed(t) != "a b c" || r.Err != nil {
			t.Errorf("%d: %q %v", i, r.Body, r.Err)
		}
	}
}
