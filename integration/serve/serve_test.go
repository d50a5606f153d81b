package serve_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
)

func TestMain(m *testing.M) {
	if child() {
		return
	}
	goleak.VerifyTestMain(m)
}

var ada = memory.Scope{User: "ada"}

// newPlugin makes a store of its own, with Ada's memories.
func newPlugin(t testing.TB, texts ...string) *integration.Plugin {
	t.Helper()
	c := config.Default()
	c.Store.Path = filepath.Join(t.TempDir(), "store.db")
	c.Scope.User = ada.User
	p, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	for i, text := range texts {
		_, err := p.Remember(t.Context(), p.Scope, memory.Record{Scope: memory.Scope{Session: "old"}, Role: "user", Speaker: "Ada", Text: text, Position: i,
			Created: time.Date(2025, 3, 9, 18, i, 0, 0, time.UTC), Importance: .5, Confidence: 1})
		if err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// proxy is a server over real HTTP.
type proxy struct {
	*serve.Server
	URL    string
	plugin *integration.Plugin
	client *http.Client
	log    *bytes.Buffer
}

func start(t testing.TB, p *integration.Plugin, o *serve.Options) *proxy {
	t.Helper()
	if o == nil {
		o = &serve.Options{}
	}
	log := &bytes.Buffer{}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(&locked{w: log}, nil))
	}
	s, err := serve.New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 200}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		h.Close()
		s.Close()
	})
	return &proxy{s, h.URL, p, client, log}
}

// model starts a scripted upstream.
func model(t testing.TB, script scripted.Script) (*scripted.Server, *serve.Upstream) {
	t.Helper()
	m, err := scripted.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, &serve.Upstream{BaseURL: m.URL, Key: "sk-upstream", Model: "scripted"}
}

// wire starts an upstream of which every byte matters.
func wire(t testing.TB, f http.HandlerFunc) *serve.Upstream {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return &serve.Upstream{BaseURL: s.URL + "/v1", Silence: 5 * time.Second}
}

// reply is an answer that was read to its end.
type reply struct {
	Status int
	Header http.Header
	Body   string
	Err    error // of reading the body
}

// send sends a request; headers are pairs.
func (p *proxy) send(t testing.TB, method, path, body string, headers ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(text), err}
}

// chat sends a chat of messages by turns: user, assistant, user...
func (p *proxy) chat(t testing.TB, headers []string, said ...string) reply {
	t.Helper()
	return p.send(t, http.MethodPost, "/v1/chat/completions", chatBody(t, nil, said...), headers...)
}

func chatBody(t testing.TB, more map[string]any, said ...string) string {
	t.Helper()
	body := map[string]any{"model": "scripted", "messages": turns(said...)}
	for name, value := range more {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func turns(said ...string) []map[string]string {
	var messages []map[string]string
	for i, text := range said {
		role := "user"
		if i%2 == 1 {
			role = "assistant"
		}
		messages = append(messages, map[string]string{"role": role, "content": text})
	}
	return messages
}

// content is the text of a chat completion.
func (r reply) content(t testing.TB) string {
	t.Helper()
	var c struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.Unmarshal([]byte(r.Body), &c); err != nil || len(c.Choices) == 0 {
		t.Fatalf("status %d, no completion: %s", r.Status, r.Body)
	}
	return c.Choices[0].Message.Content
}

// streamed is the text of a stream of chunks.
func (r reply) streamed(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, line := range strings.Split(r.Body, "\n") {
		data, found := strings.CutPrefix(line, "data: ")
		if !found || data == "[DONE]" {
			continue
		}
		var c struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		for _, choice := range c.Choices {
			b.WriteString(choice.Delta.Content)
		}
	}
	return b.String()
}

// failure is the error that a reply must be, in OpenAI's shape.
func (r reply) failure(t testing.TB, status int, code string) {
	t.Helper()
	var e struct {
		Error struct {
			Message, Type, Code string
			Param               *string
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &e); err != nil || r.Status != status || e.Error.Code != code || e.Error.Message == "" || e.Error.Type == "" {
		t.Errorf("status %d, %s; want %d and the code %q", r.Status, r.Body, status, code)
	}
}

// records are those of a scope, as they were written.
func records(t testing.TB, p *integration.Plugin, scope memory.Scope) []memory.Record {
	t.Helper()
	var list []memory.Record
	for r, err := range p.Store.All(t.Context(), scope, &memory.AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	return list
}
