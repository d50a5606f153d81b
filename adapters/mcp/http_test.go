package mcp_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trm-go/refiner/adapters/mcp"
	"github.com/trm-go/refiner/memory"
)

// bearer sends a key with each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func TestHTTPKeysChooseTheScope(t *testing.T) {
	p := plugin(t)
	servers := map[string]*mcp.Server{"key-of-mara": mcp.New(p, memory.Scope{}, nil), "key-of-eve": mcp.New(p, memory.Scope{User: "eve"}, nil)}
	web := httptest.NewServer(mcp.Handler(func(r *http.Request) *mcp.Server {
		for key, server := range servers {
			if mcp.HasBearer(r, key) {
				return server
			}
		}
		return nil
	}))
	defer web.Close()
	for key, where := range map[string]string{"key-of-mara": "Lisbon", "key-of-eve": "Oslo"} {
		session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
			&sdk.StreamableClientTransport{Endpoint: web.URL, HTTPClient: &http.Client{Transport: bearer(key)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var found memories
		must(t, session, "recall", map[string]any{"question": "Where did Ruth move?", "limit": 1}, &found)
		if len(found.Memories) != 1 || !strings.Contains(found.Memories[0].Text, where) {
			t.Errorf("%s finds %+v", key, found)
		}
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	}
	if session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(),
		&sdk.StreamableClientTransport{Endpoint: web.URL, HTTPClient: &http.Client{Transport: bearer("key-of")}, MaxRetries: -1}, nil); err == nil {
		session.Close()
		t.Error("a wrong key is let in")
	}
}

func TestHTTPRefusesPages(t *testing.T) {
	server := mcp.New(plugin(t), memory.Scope{}, nil)
	web := httptest.NewServer(mcp.Handler(func(*http.Request) *mcp.Server { return server }))
	defer web.Close()
	list := `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for _, test := range []struct {
		name, host, origin, body string
		status                   int
	}{
		{"a client", "", "", list, http.StatusOK},
		{"its own page", "", web.URL, list, http.StatusOK},
		{"another page", "", "https://evil.example", list, http.StatusForbidden},
		{"a page of another port", "", "http://127.0.0.1:1", list, http.StatusForbidden},
		{"a page of no origin", "", "null", list, http.StatusForbidden},
		{"a rebound page", "evil.example", "http://evil.example", list, http.StatusForbidden},
		{"a rebound page without origin", "evil.example:80", "", list, http.StatusForbidden},
		{"too much", "", "", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, http.StatusRequestEntityTooLarge},
		{"no JSON", "", "", "}{", http.StatusBadRequest},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		if test.host != "" {
			r.Host = test.host
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if w.StatusCode != test.status {
			t.Errorf("%s gets %d, want %d", test.name, w.StatusCode, test.status)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:7077": true, "localhost:1": true, "LOCALHOST": true, "[::1]:80": true, "::1": true, "127.8.8.8": true,
		":7077": false, "": false, "0.0.0.0:1": false, "[::]:1": false, "evil.example": false, "127.0.0.1.evil.example": false, "localhost.evil.example:80": false, "192.168.1.2:1": false} {
		if got := mcp.IsLoopback(address); got != want {
			t.Errorf("%q is loopback: %v", address, got)
		}
	}
}

func TestHasBearer(t *testing.T) {
	for header, want := range map[string]bool{"Bearer k3y": true, "bearer k3y": true, "Bearer  k3y ": true, "Bearer k3": false, "Bearer": false, "k3y": false, "Basic k3y": false, "": false} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Authorization", header)
		if got := mcp.HasBearer(r, "k3y"); got != want {
			t.Errorf("%q is let in: %v", header, got)
		}
		if mcp.HasBearer(r, "") {
			t.Error("an empty key lets in")
		}
	}
}
