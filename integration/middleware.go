package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// MiddlewareOptions say how a chat handler remembers. Nil is the same as a zero MiddlewareOptions.
type MiddlewareOptions struct {
	// Scope tells whose memories a request is about; an error, or a scope of nobody, is answered with 403. Nil: the
	// plugin's. A scope's session is where the turn is written; recall goes over all sessions of the user.
	Scope func(r *http.Request) (memory.Scope, error)
	// Limit is the number of memories, Budget the tokens they may take. Zero: what is configured.
	Limit, Budget int
	// MaxBody is the largest request that is looked into, and MaxAnswer how much of an answer is kept to be remembered, in
	// bytes; a larger one passes as it is. Zero: DefaultMaxBody, DefaultMaxAnswer.
	MaxBody, MaxAnswer int
	// Log hears what went wrong with the memory; the answer comes all the same. Nil: nobody does.
	Log *slog.Logger
}

// The defaults of MiddlewareOptions.
const (
	DefaultMaxBody   = 4 << 20
	DefaultMaxAnswer = 4 << 20
)

// Middleware gives a chat handler a memory, whatever it is written with: a POST of JSON with "messages" reaches the handler
// with the memories added to its first system message, and its answer is remembered as it passes. All else passes
// untouched.
//
// An answer is read from JSON (OpenAI's choices, Ollama's message, or a member content, text, answer or response), from
// SSE and from JSON lines with pieces of the same, and from plain text. It is not refined: what a handler streams is gone
// before it is whole. For that there are [Plugin.Ask] and [Chat].
func Middleware(p *Plugin, o *MiddlewareOptions) func(http.Handler) http.Handler {
	if o == nil {
		o = &MiddlewareOptions{}
	}
	m := &middleware{plugin: p, MiddlewareOptions: *o}
	if m.MaxBody <= 0 {
		m.MaxBody = DefaultMaxBody
	}
	if m.MaxAnswer <= 0 {
		m.MaxAnswer = DefaultMaxAnswer
	}
	if m.Log == nil {
		m.Log = slog.New(slog.DiscardHandler)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, next) })
	}
}

type middleware struct {
	plugin *Plugin
	MiddlewareOptions
}

func (m *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || kind != "application/json" || r.Body == nil {
		next.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(m.MaxBody)+1))
	original := r.Body
	restored := func(body []byte) {
		r = r.Clone(r.Context())
		r.Body = readCloser{io.MultiReader(bytes.NewReader(body), original), original}
	}
	if err != nil || len(body) > m.MaxBody { // the handler sees what came, and its error
		restored(body)
		next.ServeHTTP(w, r)
		return
	}
	request, conversation := readChat(body)
	if conversation == nil {
		restored(body)
		next.ServeHTTP(w, r)
		return
	}
	options := TurnOptions{Limit: m.Limit, Budget: m.Budget}
	if m.Scope != nil {
		scope, err := m.Scope(r)
		if err == nil {
			err = options.within(scope)
		}
		if err != nil {
			m.Log.WarnContext(r.Context(), "request refused", "error", err)
			http.Error(w, "this server does not know whose memories are meant", http.StatusForbidden)
			return
		}
	}
	turn, err := m.plugin.Begin(r.Context(), conversation, &options)
	if err != nil {
		m.Log.ErrorContext(r.Context(), "answering without a memory", "error", err)
		restored(body)
		next.ServeHTTP(w, r)
		return
	}
	if turn.Notes != "" {
		if enriched, err := request.with(turn.Notes); err != nil {
			m.Log.ErrorContext(r.Context(), "answering without memories", "error", err)
		} else {
			body = enriched
		}
	}
	restored(body)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Header.Del("Accept-Encoding") // what is compressed cannot be read on its way
	heard := &listener{ResponseWriter: w, most: m.MaxAnswer}
	next.ServeHTTP(heard, r)
	answer, ok := heard.answer()
	if !ok || r.Context().Err() != nil { // nobody heard the end of it
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
	defer stop()
	if err := turn.Remember(ctx, answer); err != nil {
		m.Log.ErrorContext(ctx, "a turn is not remembered", "error", err)
	}
}

// readCloser reads from one thing and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}

// chatBody is a chat request whose other members stay as they came.
type chatBody struct {
	members  map[string]json.RawMessage
	messages []json.RawMessage
}

// readChat reads a chat request; the conversation is nil if it is none.
func readChat(body []byte) (*chatBody, []specialists.Message) {
	b := &chatBody{}
	if json.Unmarshal(body, &b.members) != nil || json.Unmarshal(b.members["messages"], &b.messages) != nil || len(b.messages) == 0 {
		return nil, nil
	}
	conversation := make([]specialists.Message, len(b.messages))
	for i, raw := range b.messages {
		var m struct {
			Role, Name string
			Content    json.RawMessage
		}
		if json.Unmarshal(raw, &m) != nil || m.Role == "" {
			return nil, nil
		}
		conversation[i] = specialists.Message{Role: m.Role, Name: m.Name, Content: contentOf(m.Content)}
	}
	return b, conversation
}

// contentOf is a message's text: a string, or the texts of its parts.
func contentOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var parts []struct{ Text string }
	var texts []string
	if json.Unmarshal(raw, &parts) == nil {
		for _, p := range parts {
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
		}
	}
	return strings.Join(texts, "\n")
}

// with is the request with notes behind its first system message, or before everything if there is none.
func (b *chatBody) with(notes string) ([]byte, error) {
	messages := b.messages
	first := map[string]json.RawMessage{}
	if err := json.Unmarshal(messages[0], &first); err != nil {
		return nil, err
	}
	role := ""
	_ = json.Unmarshal(first["role"], &role)
	var content string
	var parts []json.RawMessage
	var err error
	switch {
	case role != "system" && role != "developer":
		first = map[string]json.RawMessage{"role": json.RawMessage(`"system"`)}
		first["content"], err = json.Marshal(notes)
	case json.Unmarshal(first["content"], &parts) == nil && parts != nil:
		part, _ := json.Marshal(map[string]string{"type": "text", "text": notes})
		first["content"], err = json.Marshal(append(parts, part))
		messages = messages[1:]
	case json.Unmarshal(first["content"], &content) == nil:
		first["content"], err = json.Marshal(strings.TrimSpace(content + "\n\n" + notes))
		messages = messages[1:]
	default:
		err = fmt.Errorf("the first message has a content that cannot be read")
	}
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(first)
	if err != nil {
		return nil, err
	}
	if b.members["messages"], err = json.Marshal(append([]json.RawMessage{head}, messages...)); err != nil {
		return nil, err
	}
	return json.Marshal(b.members)
}
