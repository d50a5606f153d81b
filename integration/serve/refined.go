package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/refine"
)

// report is what an answer says about its refinement, in the member "refine".
type report struct {
	Stop       string  `json:"stop"`
	Rounds     int     `json:"rounds"`
	FirstScore float64 `json:"first_score"`
	Score      float64 `json:"score"`
	Changed    bool    `json:"changed"`
}

// reportOf is the report on an answer as it stands in one.
func reportOf(a *integration.Answer, changed bool) json.RawMessage {
	raw, _ := json.Marshal(report{Stop: string(a.Stop), Rounds: len(a.Rounds), FirstScore: a.FirstScore, Score: a.Score, Changed: changed}) // numbers, which the judge bounds, and a word
	return raw
}

// refinedWhole reads an answer in one piece, and sends it with what memory has to add.
func (x *exchange) refinedWhole(w http.ResponseWriter, response *http.Response, tap *chatwire.Tap) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(io.TeeReader(io.LimitReader(response.Body, longestWhole), tap)); err != nil {
		writeFailure(w, x.wire, refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer"))
		return
	}
	said := tap.End()
	passHeader(w, response, false)
	w.WriteHeader(response.StatusCode)
	text, report := x.addition(said)
	if err := send(w, chatwire.Append(x.wire, body.Bytes(), text, report)); err != nil {
		panic(http.ErrAbortHandler)
	}
	if err := relay(w, response.Body, nil); err != nil { // what is longer than is read goes by as it comes
		x.breakOff(w, response, tap, err)
	}
	x.answered(said)
}

// longestWhole bounds what is read of an answer before it goes on, in bytes.
const longestWhole = 8 << 20

// addition is what memory has to add to an answer, and the report on it.
func (x *exchange) addition(c *chatwire.Capture) (text string, report []byte) {
	said := strings.TrimSpace(c.Spoken())
	if !c.Complete || c.Other || c.Long || c.Failed || said == "" {
		return "", nil
	}
	answer := x.refine(said)
	if answer == nil {
		return "", nil
	}
	text, found := strings.CutPrefix(answer.Text, said)
	switch {
	case !found:
		text = "" // nothing is taken from an answer
	case text != "":
		x.added = answer.Text
	}
	return text, reportOf(answer, x.added != "")
}

// refine refines a draft. Where that fails the draft stands: nil.
func (x *exchange) refine(draft string) *integration.Answer {
	ctx, span := x.s.tracer.Start(x.r.Context(), "refine")
	defer span.End()
	var answer *integration.Answer
	for event, err := range x.turn.Ask(ctx, integration.Request{Draft: draft, Open: true}) { // a conversation may say what the memories know nothing of
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			if ctx.Err() == nil {
				x.s.log.Error("an answer could not be refined; the draft stands", "scope", x.scope.String(), "error", err)
			}
			return nil
		}
		switch event.Type {
		case integration.EventRound:
			x.s.roundSpan(ctx, event.Round)
		case integration.EventAnswer:
			answer = event.Answer
		}
	}
	if answer != nil {
		x.s.noteAnswer(span, answer)
	}
	return answer
}

// noteAnswer counts a refinement.
func (s *Server) noteAnswer(span trace.Span, a *integration.Answer) {
	s.metrics.rounds.Update(float64(len(a.Rounds)))
	if a.Stop != "" {
		s.metrics.count("refine_answer_stops_total", 1, "stop", string(a.Stop))
	}
	s.metrics.count("refine_tokens_total", a.Usage.PromptTokens, "kind", "refine_prompt")
	s.metrics.count("refine_tokens_total", a.Usage.CompletionTokens, "kind", "refine_completion")
	span.SetAttributes(attribute.Int("refine.rounds", len(a.Rounds)), attribute.String("refine.stop", string(a.Stop)),
		attribute.Float64("refine.first_score", a.FirstScore), attribute.Float64("refine.score", a.Score))
}

// roundSpan leaves a span for a round that is over.
func (s *Server) roundSpan(ctx context.Context, r *refine.Round) {
	_, span := s.tracer.Start(ctx, "refine.round", trace.WithAttributes(attribute.Int("refine.round", r.N),
		attribute.Float64("refine.score", r.Score), attribute.Int("refine.notes", len(r.Notes)), attribute.String("refine.stop", string(r.Stop))))
	span.End()
}
