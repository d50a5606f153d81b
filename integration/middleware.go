package integration

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/internal/chatwire"
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
	// Log gets what went wrong with the memory; the answer comes all the same. Nil disables it.
	Log *slog.Logger
}

// longest is the largest request that is looked into, and how much of an answer is kept to be remembered, in bytes; a larger one
// passes as it is.
const longest = 4 << 20

// Middleware gives a chat handler a memory, whatever it is written with: a POST of JSON with "messages" reaches the handler
// with the memories behind the last message of its user, and its answer is remembered as it passes. All else passes
// untouched.
//
// An answer is read from JSON (in OpenAI's, Anthropic's or Ollama's form, or a member content, text, answer or response), from
// SSE and from JSON lines with pieces of the same, and from plain text. It is not refined: what a handler streams is gone
// before it is whole. For that there are [Plugin.Ask] and [Chat].
func Middleware(p *Plugin, o *MiddlewareOptions) func(http.Handler) http.Handler {
	m := &middleware{plugin: p}
	if o != nil {
		m.MiddlewareOptions = *o
	}
	m.Log = cmp.Or(m.Log, slog.New(slog.DiscardHandler))
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
	body, err := io.ReadAll(io.LimitReader(r.Body, longest+1))
	original := r.Body
	with := func(body []byte) *http.Request {
		r := r.Clone(r.Context())
		r.Body = readCloser{io.MultiReader(bytes.NewReader(body), original), original}
		return r
	}
	if err != nil || len(body) > longest { // the handler sees what came, and its error
		next.ServeHTTP(w, with(body))
		return
	}
	request, err := chatwire.Read(chatwire.Any{}, body)
	if err != nil || !request.Readable {
		next.ServeHTTP(w, with(body))
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
	turn, err := m.plugin.Begin(r.Context(), conversationOf(request), &options)
	if err != nil {
		m.Log.ErrorContext(r.Context(), "answering without a memory", "error", err)
		next.ServeHTTP(w, with(body))
		return
	}
	if turn.Notes != "" {
		request.Insert(turn.Notes)
		body = request.Body()
	}
	r = with(body)
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Header.Del("Accept-Encoding") // what is compressed cannot be read on its way
	tapped := &tappedWriter{ResponseWriter: w}
	next.ServeHTTP(tapped, r)
	answer := tapped.answer()
	if answer == "" || r.Context().Err() != nil { // nobody got the end of it
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(r.Context()), rememberTime)
	defer stop()
	if err := turn.Remember(ctx, answer); err != nil {
		m.Log.ErrorContext(ctx, "a turn is not remembered", "error", err)
	}
}

// conversationOf is what a request asks as a conversation that is remembered.
func conversationOf(q *chatwire.Request) []specialists.Message {
	list := make([]specialists.Message, len(q.Messages))
	for i, m := range q.Messages {
		list[i] = specialists.Message(m)
	}
	return list
}

// readCloser reads from one thing and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}

// tappedWriter passes an answer on and reads it on its way.
type tappedWriter struct {
	http.ResponseWriter
	status int
	tap    *chatwire.Tap // nil: it cannot be read, or has not begun
}

func (w *tappedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements http.Flusher, for handlers that look for one.
func (w *tappedWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *tappedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type"))
		readable := kind == "application/json" || kind == "text/plain" || chatwire.IsStream(kind)
		if status <= 299 && readable && w.Header().Get("Content-Encoding") == "" {
			w.tap = chatwire.NewTap(chatwire.Any{}, kind, longest)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *tappedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	if w.tap != nil {
		_, _ = w.tap.Write(p[:n])
	}
	return n, err
}

// answer is the text of the answer; empty if there is nothing to remember: an error, an unknown form, a call of tools, or
// more than is kept.
func (w *tappedWriter) answer() string {
	if w.tap == nil {
		return ""
	}
	c := w.tap.End()
	if c.Other || c.Failed || c.Long {
		return ""
	}
	return strings.TrimSpace(c.Spoken())
}
