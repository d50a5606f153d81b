package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/internal/ui"
)

// The command as a whole: it makes its store, finds its upstream, answers, traces, and stops when it is told to.
func TestServe(t *testing.T) {
	var mu sync.Mutex
	var sent []span
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var batch struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []span }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("X-Token") != "a b" {
			t.Errorf("the collector got %s %v: %v", r.URL, r.Header, err)
		}
		for _, resource := range batch.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				sent = append(sent, scope.Spans...)
			}
		}
	}))
	defer collector.Close()
	model, err := scripted.New(scripted.Says("In Lisbon."))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "X-Token=a%20b")
	t.Setenv("REFINER_API_KEY", "a-key-that-nobody-will-guess")
	hooked := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		hooked <- r.Header.Get("X-Refiner-Signature") + " " + string(text)
	}))
	defer hook.Close()
	t.Setenv("HOOK_SECRET", "whsec")
	t.Setenv("REFINE_SERVE_WEBHOOKS", `[{"url": "`+hook.URL+`", "secret_env": "HOOK_SECRET", "events": ["remembered"]}]`)

	keys := filepath.Join(dir, "keys.json")
	makeKey := func(name string) string {
		var out strings.Builder
		if code := run(t.Context(), &ui.Terminal{In: strings.NewReader(""), Out: &out, Err: io.Discard}, []string{"serve", "key", name, "--user", "ada", "--keys-file", keys}); code != ui.ExitOK {
			t.Fatalf("no key: %d", code)
		}
		return strings.TrimSpace(out.String())
	}
	first := makeKey("first")

	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, &ui.Terminal{Out: io.Discard, Err: in, In: strings.NewReader("")}, []string{"serve", "--listen", "127.0.0.1:0",
			"--store", filepath.Join(dir, "store.db"), "--user", "ada", "--keys-file", keys, "--upstream", model.URL, "--model", "small", "--ada"})
		in.Close()
	}()
	var said strings.Builder
	address := ""
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if found := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(lines.Text()); found != "" && strings.Contains(lines.Text(), "the page") {
			address = found
		}
	}
	if address == "" {
		t.Fatalf("it does not start: %s", said.String())
	}
	rest := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(out)
		rest <- string(text)
	}()
	ask := func(key string) (int, string) {
		t.Helper()
		request, _ := http.NewRequest(http.MethodPost, address+"/v1/chat/completions", strings.NewReader(`{"model":"refine","messages":[{"role":"user","content":"Where did Ruth move?"}]}`))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+key)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	if status, text := ask("a-key-that-nobody-will-guess"); status != 200 || !strings.Contains(text, "In Lisbon.") {
		t.Errorf("answered %d %s", status, text)
	}
	select {
	case text := <-hooked:
		if !strings.HasPrefix(text, "t=") || !strings.Contains(text, `"event":"remembered"`) || !strings.Contains(text, "Where did Ruth move?") {
			t.Errorf("the webhook was told %s", text)
		}
	case <-time.After(20 * time.Second):
		t.Error("the webhook was told nothing")
	}
	for path, want := range map[string]int{"/v1/info": 200, "/mcp": 405} { // which is for a POST alone
		request, _ := http.NewRequest(http.MethodGet, address+path, nil)
		request.Header.Set("Authorization", "Bearer a-key-that-nobody-will-guess")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers %d %s", path, response.StatusCode, text)
		}
	}
	if status, _ := ask("another key that is long enough"); status != 401 {
		t.Errorf("a wrong key gives %d", status)
	}
	// A key that is added is read without a restart, and so is that one is gone.
	second := makeKey("second")
	for status, until := 0, time.Now().Add(time.Minute); status != 200; status, _ = ask(second) {
		if time.Now().After(until) {
			t.Fatal("a new key is not read")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if status, _ := ask(first); status != 200 {
		t.Errorf("the key that was there gives %d", status)
	}
	if got := model.Requests(); len(got) != 3 || got[0].Model != "small" {
		t.Errorf("the upstream got %+v", got)
	}
	health := func() int {
		return run(t.Context(), &ui.Terminal{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard},
			[]string{"serve", "health", "--listen", strings.TrimPrefix(address, "http://")})
	}
	if code := health(); code != ui.ExitOK {
		t.Errorf("the health of a server that runs gives %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if code := <-ended; code != ui.ExitOK {
		t.Errorf("exit code %d: %s", code, <-rest)
	}
	if code := health(); code != ui.ExitError {
		t.Errorf("the health of a server that has ended gives %d", code)
	}
	said.WriteString(<-rest)
	for _, want := range []string{"made the store", "upstream: " + model.URL} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it does not say %q but %s", want, said.String())
		}
	}
	mu.Lock()
	defer mu.Unlock()
	byName := map[string]span{}
	for _, s := range sent {
		byName[s.Name] = s
	}
	request := byName["POST /v1/chat/completions"]
	if request.TraceID == "" || request.Kind != 2 || request.Start == "" || request.End < request.Start {
		t.Errorf("the request's span is %+v", request)
	}
	for _, name := range []string{"recall", "upstream"} {
		if s := byName[name]; s.ParentSpanID == "" || s.SpanID == s.ParentSpanID {
			t.Errorf("the span %q is %+v, of %d", name, s, len(sent))
		}
	}
}

// span is one as a collector reads it.
type span struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Start                               string `json:"startTimeUnixNano"`
	End                                 string `json:"endTimeUnixNano"`
}
