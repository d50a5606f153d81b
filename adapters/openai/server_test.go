package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// server speaks the embeddings protocol. The vector of a text is (its bytes, its first byte, 1).
type server struct {
	*httptest.Server
	// before may answer a request itself, and then returns true. n counts the requests from 1.
	before func(n int, w http.ResponseWriter, r *http.Request) bool
	// change may change an answer.
	change func(*response)

	mu       sync.Mutex
	requests []request
	now, top int // requests under way, and the most there were
}

type request struct {
	Input []string `json:"input"`
	Model string   `json:"model"`

	path, key string
}

type response struct {
	Object string `json:"object"`
	Data   []item `json:"data"`
	Model  string `json:"model"`
	Usage  any    `json:"usage"`
}

type item struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"`
}

func newServer(t testing.TB) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	q := request{path: r.Method + " " + r.URL.Path, key: r.Header.Get("Authorization")}
	err := json.NewDecoder(r.Body).Decode(&q)
	s.mu.Lock()
	s.requests = append(s.requests, q)
	n := len(s.requests)
	s.now++
	s.top = max(s.top, s.now)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.now--; s.mu.Unlock() }()
	if s.before != nil && s.before(n, w, r) {
		return
	}
	if err != nil || len(q.Input) == 0 || q.Model == "" {
		fail(w, http.StatusBadRequest, fmt.Sprintf("bad request: %v", err))
		return
	}
	a := response{Object: "list", Model: q.Model, Usage: map[string]int{"prompt_tokens": 1, "total_tokens": 1}}
	for i, text := range q.Input {
		v := vector(text)
		a.Data = append(a.Data, item{"embedding", i, v})
	}
	slices.Reverse(a.Data) // the index says which is which
	if s.change != nil {
		s.change(&a)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a)
}

func vector(text string) []float32 { return []float32{float32(len(text)), float32(text[0]), 1} }

// fail answers as OpenAI does.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "error", "code": nil, "param": nil}})
}

// options are for a server on this machine: impatient.
func (s *server) options() *EmbedderOptions {
	return &EmbedderOptions{
		Endpoint: Endpoint{BaseURL: s.URL + "/v1", Key: "sk-secret", Timeout: 5 * time.Second, minWait: time.Millisecond, maxWait: 20 * time.Millisecond},
		Model:    "m",
	}
}

func (s *server) seen() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}
