// Package scripted is a language model for tests and studies: a server that speaks the OpenAI API, chat completions and
// responses, over real HTTP and answers as a script says.
//
//	server, err := scripted.New(scripted.Says("Hello."))
//	defer server.Close()
//	// point a client at server.URL
//
// A [Script] sees each request and says what becomes of it: an answer, an error, silence. hostile.go has scripts that do
// what bad models and bad networks do.
package scripted

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Script says what becomes of a request. It may be called by several goroutines at once.
type Script func(r Request) Reply

// Request is what a client asked.
type Request struct {
	N         int             `json:"-"` // 1 for the first of a server
	Key       string          `json:"-"` // the bearer token
	Body      json.RawMessage `json:"-"`
	Model     string          `json:"model"`
	Messages  []Message       `json:"messages"`
	Stream    bool            `json:"stream"`
	MaxTokens int             `json:"max_tokens"`
}

// Message is one of a chat.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Last is the content of the last message of a role.
func (r *Request) Last(role string) string {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == role {
			return r.Messages[i].Content
		}
	}
	return ""
}

// Reply is what the server does.
type Reply struct {
	Text   string        // of the answer
	Pause  time.Duration // before each further piece of a stream
	Status int           // not 0: an error of this status instead, with Text as its message
	Header http.Header
	Raw    string // not empty: the body as it stands
	Break  int    // > 0: a stream breaks off after so many pieces; else the body does after so many bytes
	Hang   bool   // no answer until the client gives up
	// Prompt and Completion are the tokens that the answer says it used. Zero: a word is a token.
	Prompt, Completion int
}

// Server is a scripted endpoint.
type Server struct {
	URL string // the base URL, with the version

	http   *http.Server
	script Script

	working sync.RWMutex // held for reading by every answer under way
	gone    sync.WaitGroup

	mu       sync.Mutex
	requests []Request
}

// New starts a server on a free port of this machine.
func New(script Script) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the scripted model: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String() + "/v1", script: script}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.answer(readChat, completion, stream))
	mux.HandleFunc("POST /v1/responses", s.answer(readResponses, wholeResponse, streamResponse))
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"object": "list", "data": []any{map[string]any{"id": "scripted", "object": "model", "owned_by": "refiner"}}})
	})
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	s.gone.Go(func() { s.http.Serve(listener) })
	return s, nil
}

// Close ends the server and whatever it still does.
func (s *Server) Close() {
	s.http.Close()
	s.gone.Wait()
	s.working.Lock() // until the last answer has noticed
	defer s.working.Unlock()
}

// Requests are those that came, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func readChat(body []byte) (r Request, err error) {
	err = json.Unmarshal(body, &r)
	return r, err
}

// answer answers the requests of an API: how one is read, and what an answer looks like, whole and as a stream.
func (s *Server) answer(read func([]byte) (Request, error), whole func(Request, Reply) any,
	stream func(http.ResponseWriter, *http.Request, Request, Reply)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.working.RLock()
		defer s.working.RUnlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		request, err := read(body)
		if err != nil {
			fail(w, http.StatusBadRequest, "the request is no JSON: "+err.Error())
			return
		}
		request.Body, request.Key = body, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		request.N = len(s.requests) + 1
		s.requests = append(s.requests, request)
		s.mu.Unlock()

		reply := s.script(request)
		if reply.Hang {
			<-r.Context().Done()
			return
		}
		for name, values := range reply.Header {
			w.Header()[name] = values
		}
		switch {
		case reply.Status != 0:
			fail(w, reply.Status, reply.Text)
		case reply.Raw != "":
			io.WriteString(w, reply.Raw)
		case request.Stream:
			stream(w, r, request, reply)
		default:
			text, err := json.Marshal(whole(request, reply))
			if err != nil {
				return
			}
			w.Header().Set("Content-Type", "application/json")
			if reply.Break > 0 && reply.Break < len(text) {
				w.Header().Set("Content-Length", fmt.Sprint(len(text)))
				text = text[:reply.Break]
			}
			w.Write(text)
		}
	}
}

// stream writes a reply word by word as server-sent events.
func stream(w http.ResponseWriter, r *http.Request, request Request, reply Reply) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	send := func(choices []any, usage any) bool {
		piece := map[string]any{"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": request.Model, "choices": choices}
		if usage != nil {
			piece["usage"] = usage
		}
		text, err := json.Marshal(piece)
		if err != nil {
			return false
		}
		_, err = fmt.Fprintf(w, "data: %s\n\n", text)
		return err == nil && flush.Flush() == nil
	}
	choice := func(delta map[string]any, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
	}
	if !reply.pieces(r, func(word string) bool { return send(choice(map[string]any{"content": word}, nil), nil) }) {
		return
	}
	_ = send(choice(map[string]any{}, "stop"), nil) && send([]any{}, used(request, reply))
	io.WriteString(w, "data: [DONE]\n\n")
}

// pieces sends a text word by word, and reports whether the client is still there.
func (reply Reply) pieces(r *http.Request, send func(word string) bool) bool {
	for i, word := range strings.SplitAfter(reply.Text, " ") {
		if reply.Break > 0 && i == reply.Break {
			panic(http.ErrAbortHandler) // the connection is lost
		}
		if i > 0 && reply.Pause > 0 {
			select {
			case <-time.After(reply.Pause):
			case <-r.Context().Done():
			}
		}
		if r.Context().Err() != nil || !send(word) {
			return false
		}
	}
	return true
}

func completion(request Request, reply Reply) any {
	return map[string]any{
		"id": "scripted", "object": "chat.completion", "created": 0, "model": request.Model, "usage": used(request, reply),
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": reply.Text}}},
	}
}

func used(request Request, reply Reply) any {
	prompt, written := counts(request, reply)
	return map[string]any{"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
}

// counts are the tokens of a prompt and of its answer.
func counts(request Request, reply Reply) (prompt, written int) {
	prompt, written = reply.Prompt, reply.Completion
	if prompt == 0 {
		for _, m := range request.Messages {
			prompt += len(strings.Fields(m.Content))
		}
	}
	if written == 0 {
		written = len(strings.Fields(reply.Text))
	}
	return prompt, written
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "scripted", "code": nil}})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}
