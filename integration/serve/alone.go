package serve

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/internal/text"
)

// ownModel is the name of what answers where there is no upstream: the memories themselves, with citations.
const ownModel = "refine-extractive"

// answerAlone answers from the memories.
func (x *exchange) answerAlone(w http.ResponseWriter) {
	if !x.Asks() {
		writeFailure(w, x.wire, badField(x.wire.Field(), "there is no message of the user with a text to answer"))
		return
	}
	ctx, span := x.s.tracer.Start(x.r.Context(), "refine")
	defer span.End()
	var answer *integration.Answer
	for event, err := range x.turn.Ask(ctx, integration.Request{}) { // all of it from the memories
		if err != nil {
			x.s.logFailure(x.r, err)
			writeFailure(w, x.wire, err)
			return
		}
		answer = event.Answer
	}
	if x.reads {
		w.Header().Set(headerMemories, strconv.Itoa(len(answer.Memories)))
	}
	x.s.noteAnswer(span, answer)
	body, kind := x.Compose(&chatwire.Own{ID: requestID(ctx), Model: ownModel, Text: answer.Text, Report: reportOf(answer, false),
		Usage: chatwire.Usage{Prompt: text.Tokens(x.Question()), Completion: text.Tokens(answer.Text)}})
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body)
	x.write("")
}

// models answers GET /v1/models without an upstream.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{modelAlone}})
}

// model answers GET /v1/models/{model} without an upstream.
func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	if name := r.PathValue("model"); name != ownModel {
		s.fail(w, r, refuse(http.StatusNotFound, "model_not_found", "there is no model %q: without an upstream only %q answers", name, ownModel))
		return
	}
	writeJSON(w, http.StatusOK, modelAlone)
}

var modelAlone = map[string]any{"id": ownModel, "object": "model", "created": 0, "owned_by": "refine"}

// ollamaTags answers GET /api/tags without an upstream.
func ollamaTags(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"models": []any{map[string]any{"name": ownModel, "model": ownModel, "size": 0, "digest": "", "details": struct{}{}}}})
}

// ollamaVersion answers GET /api/version without an upstream: the version of the API that is spoken.
func ollamaVersion(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"version": "0.6.4"})
}

// mostInputs is the number of texts of one request for embeddings, as OpenAI has it.
const mostInputs = 2048

// embeddings answers POST /v1/embeddings without an upstream, with the store's own embedder.
func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Input      json.RawMessage `json:"input"`
		Format     string          `json:"encoding_format"`
		Dimensions int             `json:"dimensions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		s.fail(w, r, asBody(err))
		return
	}
	var inputs []string
	var one string
	if json.Unmarshal(request.Input, &one) == nil {
		inputs = []string{one}
	} else if json.Unmarshal(request.Input, &inputs) != nil {
		s.fail(w, r, badField("input", "the input must be a text or a list of texts: token numbers belong to another model"))
		return
	}
	if len(inputs) == 0 || len(inputs) > mostInputs {
		s.fail(w, r, badField("input", "there are %d texts: send 1 to %d", len(inputs), mostInputs))
		return
	}
	embedder := s.plugin.Store.Embedder()
	if embedder == nil || embedder.Dim() == 0 {
		s.fail(w, r, refuse(http.StatusNotFound, "model_not_found", "the store has no embedding model: set embedder.type, or an upstream that has one"))
		return
	}
	if d := request.Dimensions; d != 0 && d != embedder.Dim() {
		s.fail(w, r, badField("dimensions", "the store's model %s makes %d dimensions", embedder.Model(), embedder.Dim()))
		return
	}
	vectors, err := embedder.Embed(r.Context(), inputs)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	type item struct {
		Object    string `json:"object"`
		Index     int    `json:"index"`
		Embedding any    `json:"embedding"`
	}
	data := make([]item, len(vectors))
	tokens := 0
	for i, v := range vectors {
		data[i] = item{"embedding", i, v}
		if request.Format == "base64" {
			raw, _ := binary.Append(nil, binary.LittleEndian, v) // numbers
			data[i].Embedding = base64.StdEncoding.EncodeToString(raw)
		}
		tokens += text.Tokens(inputs[i])
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "model": embedder.Model(), "data": data,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}
