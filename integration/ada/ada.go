// Package ada lets a plugin take the place of an Ada (github.com/luna-system/ada), an assistant whose brain is a service over
// HTTP: [Handler] answers as the brain does, so that what talks to Ada talks to this memory without a change, and [Import]
// takes over what an Ada remembers. The shapes are those of Ada's code; where its documents have others, both are read.
package ada

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// Endpoints are the paths that a Handler answers, as /v1/info lists them.
var Endpoints = []string{"/v1/chat/stream", "/v1/conversations/recent", "/v1/conversations/{conversation_id}", "/v1/healthz", "/v1/info", "/v1/memory", "/v1/memory/{mem_id}", "/v1/specialists"}

// MaxMemories is the most that one GET /v1/memory returns.
const MaxMemories = 100

// The limits where a request names none.
const (
	usualTurns         = 10 // remembered turns before a question that comes without its history
	usualMemories      = 20
	usualConversations = 10
	mostConversations  = 100_000
	usualBody          = 4 << 20 // bytes: a chat may carry what was read from a picture
)

// Options say how to serve. Nil is the same as a zero Options.
type Options struct {
	Forget  bool         // chats are not remembered
	MaxBody int64        // bytes of a request. Zero: 4 MiB
	Log     *slog.Logger // nil: discard
}

// Handler answers as Ada's brain does, under /v1, from the memories of a scope; the zero Scope is the plugin's. It lets
// everybody in, as Ada does: guard it where others can reach it.
func Handler(p *integration.Plugin, scope memory.Scope, o *Options) http.Handler {
	h := &handler{plugin: p, scope: cmp.Or(scope, p.Scope)}
	if o != nil {
		h.Options = *o
	}
	h.MaxBody = cmp.Or(h.MaxBody, usualBody)
	h.Log = cmp.Or(h.Log, slog.New(slog.DiscardHandler))
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
	plugin *integration.Plugin
	scope  memory.Scope
	Options
}

// read reads a request's JSON. It returns whether there was any; if not, the answer is given.
func (h *handler) read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, h.MaxBody)).Decode(into)
	if tooMuch := (*http.MaxBytesError)(nil); errors.As(err, &tooMuch) {
		h.refuse(w, http.StatusRequestEntityTooLarge, "the request is too large")
	} else if err != nil {
		h.refuse(w, http.StatusBadRequest, "invalid json")
	}
	return err == nil
}

func (h *handler) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		h.Log.Debug("answer was not read", "error", err)
	}
}

func (h *handler) refuse(w http.ResponseWriter, status int, why string) {
	h.answer(w, status, map[string]string{"error": why})
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, why := h.failure(r, err)
	h.refuse(w, status, why)
}

// failure is what a client is told of an error. What is not the client's fault is logged and not told.
func (h *handler) failure(r *http.Request, err error) (int, string) {
	switch {
	case errors.Is(err, memory.ErrInvalid):
		return http.StatusBadRequest, err.Error()
	case errors.Is(err, memory.ErrNotFound):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, memory.ErrReadOnly):
		return http.StatusServiceUnavailable, "this memory is read only"
	case errors.Is(err, memory.ErrLocked):
		return http.StatusServiceUnavailable, "the memory is busy: try again in a moment"
	}
	if r.Context().Err() == nil {
		h.Log.ErrorContext(r.Context(), "request failed", "error", err)
	}
	return http.StatusInternalServerError, "the request failed; the server's log says why"
}

// limit reads the number of things that a request asks for; what is none is the usual one.
func limit(r *http.Request, usual, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(r.URL.Query().Get("limit")))
	if err != nil || n < 1 {
		return usual
	}
	return min(n, most)
}

// examiners are the specialists that examine answers.
func (h *handler) examiners() []specialists.Specialist {
	if list := h.plugin.Specialists; list != nil {
		return list
	}
	return specialists.Default()
}

func (h *handler) specialists(w http.ResponseWriter, _ *http.Request) {
	list := []map[string]any{}
	for _, s := range h.examiners() {
		priority := "low"
		switch p := s.Priority(); {
		case p <= 0:
			priority = "critical"
		case p <= 10:
			priority = "high"
		case p <= 50:
			priority = "medium"
		}
		list = append(list, map[string]any{"name": s.Name(), "description": "examines each draft of an answer against the memories", "icon": "", "version": "1.0.0",
			"priority": priority, "enabled": true, "tags": []string{"answer"}})
	}
	h.answer(w, http.StatusOK, map[string]any{"specialists": list, "count": len(list)})
}

func (h *handler) info(w http.ResponseWriter, r *http.Request) {
	stats, err := h.plugin.Store.Stats(r.Context(), h.scope)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	names := []string{}
	for _, s := range h.examiners() {
		names = append(names, s.Name())
	}
	model := ""
	if m, ok := h.plugin.Model.(interface{ Model() string }); ok {
		model = m.Model()
	}
	version := "dev"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == "github.com/trm-go/refiner" {
		version = info.Main.Version
	}
	h.answer(w, http.StatusOK, map[string]any{"service": "refiner", "version": version, "endpoints": Endpoints,
		"features":     map[string]bool{"rag": true, "specialists": len(names) > 0, "streaming": true, "memory": true, "pause_resume": false},
		"capabilities": map[string]any{"specialist_count": len(names), "enabled_specialists": len(names), "specialist_names": names},
		"models":       map[string]any{"llm": model, "embedding": stats.Model}})
}

func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	stats, err := h.plugin.Store.Stats(r.Context(), h.scope)
	body, status := map[string]any{"ok": err == nil, "service": "brain", "python": runtime.Version(), "config": map[string]any{},
		"persona": map[string]bool{"loaded": stats.Kinds[memory.KindPersona] > 0}, "chroma": map[string]any{"ok": nil, "version": nil, "error": nil}}, http.StatusServiceUnavailable
	if err == nil {
		body["status"], status = "ok", http.StatusOK // where Ada's documents have it
	}
	h.answer(w, status, body)
}
