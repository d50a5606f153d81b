package ada

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/memory"
)

// Backend is what an Ada does. A [Client] is one too: a [Handler] of it passes everything on to another Ada.
//
// An error that wraps [memory.ErrNotFound] or [memory.ErrInvalid] is the caller's fault and is told; what else goes wrong is
// logged.
type Backend interface {
	// Chat answers a question. The last event is Done.
	Chat(ctx context.Context, r ChatRequest) iter.Seq2[Event, error]
	Memories(ctx context.Context, q MemoryQuery) ([]Memory, error)
	AddMemory(ctx context.Context, m NewMemory) (id string, err error)
	DeleteMemory(ctx context.Context, id string) error
	Recent(ctx context.Context, limit int) ([]Conversation, error)
	Conversation(ctx context.Context, id string) ([]Turn, error)
	Specialists(ctx context.Context) ([]Specialist, error)
	Info(ctx context.Context) (Info, error)
	Health(ctx context.Context) (Health, error)
}

var _ Backend = (*Client)(nil)

// Options say how to serve. Nil is the same as a zero Options.
type Options struct {
	MaxBody int64        // bytes of a request. Zero: DefaultMaxBody
	Logger  *slog.Logger // nil: discard
}

// DefaultMaxBody is the default of Options.MaxBody: a chat may carry what was read from a picture.
const DefaultMaxBody = 4 << 20

// The limits of lists that Ada has where none is asked for.
const (
	usualMemories      = 20
	usualConversations = 10
	mostRecent         = 100_000
)

// Endpoints are the paths that a Handler answers, as /v1/info lists them.
var Endpoints = []string{"/v1/chat/stream", "/v1/conversations/recent", "/v1/conversations/{conversation_id}", "/v1/healthz", "/v1/info", "/v1/memory", "/v1/memory/{mem_id}", "/v1/specialists"}

// Handler answers as Ada's brain does, under /v1. It lets everybody in, as Ada does: guard it where others can reach it.
func Handler(b Backend, o *Options) http.Handler {
	if o == nil {
		o = &Options{}
	}
	h := &handler{backend: b, most: o.MaxBody, log: o.Logger}
	if h.most <= 0 {
		h.most = DefaultMaxBody
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/stream", h.chat)
	mux.HandleFunc("GET /v1/memory", h.memories)
	mux.HandleFunc("POST /v1/memory", h.addMemory)
	mux.HandleFunc("DELETE /v1/memory/{id}", h.deleteMemory)
	mux.HandleFunc("GET /v1/conversations/recent", h.recent)
	mux.HandleFunc("GET /v1/conversations/{id}", h.conversation)
	mux.HandleFunc("GET /v1/specialists", h.specialists)
	mux.HandleFunc("GET /v1/info", h.info)
	mux.HandleFunc("GET /v1/healthz", h.health)
	return mux
}

type handler struct {
	backend Backend
	most    int64
	log     *slog.Logger
}

// read reads a request's JSON. It returns whether there was any; if not, the answer is given.
func (h *handler) read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, h.most)).Decode(into)
	if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
		h.refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
		return false
	}
	if err != nil {
		h.refuse(w, http.StatusBadRequest, "invalid json")
		return false
	}
	return true
}

func (h *handler) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.log.Debug("answer was not read", "error", err)
	}
}

func (h *handler) refuse(w http.ResponseWriter, status int, why string) {
	h.answer(w, status, map[string]string{"error": why})
}

// fail answers with an error.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, why := h.failure(r.Context(), err)
	h.refuse(w, status, why)
}

// failure is an error as the caller may see it.
func (h *handler) failure(ctx context.Context, err error) (status int, why string) {
	passed := (*StatusError)(nil)
	switch {
	case errors.As(err, &passed):
		return passed.Status, passed.Message
	case errors.Is(err, memory.ErrInvalid):
		return http.StatusBadRequest, err.Error()
	case errors.Is(err, memory.ErrNotFound):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, memory.ErrReadOnly):
		return http.StatusServiceUnavailable, "this memory is read only"
	case errors.Is(err, memory.ErrLocked):
		return http.StatusServiceUnavailable, "the memory is busy: try again in a moment"
	}
	if ctx.Err() == nil {
		h.log.ErrorContext(ctx, "request failed", "error", err)
	}
	return http.StatusInternalServerError, "the request failed; the server's log says why"
}

// chat streams an answer. Errors before its first event have a status; later ones are an event, the last.
func (h *handler) chat(w http.ResponseWriter, r *http.Request) {
	var request ChatRequest
	if !h.read(w, r, &request) {
		return
	}
	if request.Question() == "" {
		h.refuse(w, http.StatusBadRequest, "prompt or message required")
		return
	}
	out, begun := http.NewResponseController(w), false
	for e, err := range h.backend.Chat(r.Context(), request) {
		if err != nil {
			status, why := h.failure(r.Context(), err)
			if !begun {
				h.refuse(w, status, why)
				return
			}
			e = Event{Type: Failed, Err: why}
		}
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not hold tokens back
		}
		if e.encode(w) != nil || out.Flush() != nil || err != nil {
			return // nobody listens any more, or there is no more
		}
	}
}

func (h *handler) memories(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	query := MemoryQuery{Query: strings.TrimSpace(q.Get("search")), Scope: strings.TrimSpace(q.Get("scope")), Entity: strings.TrimSpace(q.Get("entity")),
		Type: strings.TrimSpace(q.Get("type")), Limit: limit(q.Get("limit"), usualMemories, MaxMemories)}
	if query.Query == "" {
		query.Query = strings.TrimSpace(q.Get("query"))
	}
	list, err := h.backend.Memories(r.Context(), query)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if list == nil {
		list = []Memory{}
	}
	// Ada's brain calls them items, its own tools look for memories.
	h.answer(w, http.StatusOK, map[string][]Memory{"items": list, "memories": list})
}

// limit reads a number of things; what is none is the usual one.
func limit(text string, usual, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return usual
	}
	return min(n, most)
}

func (h *handler) addMemory(w http.ResponseWriter, r *http.Request) {
	var m NewMemory
	if !h.read(w, r, &m) {
		return
	}
	if m.Text == "" {
		h.refuse(w, http.StatusBadRequest, "text is required")
		return
	}
	id, err := h.backend.AddMemory(r.Context(), m)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusCreated, map[string]string{"id": id})
}

func (h *handler) deleteMemory(w http.ResponseWriter, r *http.Request) {
	if err := h.backend.DeleteMemory(r.Context(), r.PathValue("id")); err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, map[string]bool{"ok": true})
}

func (h *handler) recent(w http.ResponseWriter, r *http.Request) {
	list, err := h.backend.Recent(r.Context(), limit(r.URL.Query().Get("limit"), usualConversations, mostRecent))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if list == nil {
		list = []Conversation{}
	}
	h.answer(w, http.StatusOK, list)
}

func (h *handler) conversation(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	turns, err := h.backend.Conversation(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if turns == nil {
		turns = []Turn{}
	}
	h.answer(w, http.StatusOK, map[string]any{"conversation_id": id, "turns": turns})
}

func (h *handler) specialists(w http.ResponseWriter, r *http.Request) {
	list, err := h.backend.Specialists(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if list == nil {
		list = []Specialist{}
	}
	h.answer(w, http.StatusOK, map[string]any{"specialists": list, "count": len(list)})
}

func (h *handler) info(w http.ResponseWriter, r *http.Request) {
	info, err := h.backend.Info(r.Context())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.answer(w, http.StatusOK, info)
}

func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	health, err := h.backend.Health(r.Context())
	status := http.StatusOK
	if err != nil || !health.OK {
		status, health.OK = http.StatusServiceUnavailable, false
	}
	h.answer(w, status, health)
}
