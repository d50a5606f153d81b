package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

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

// keepAlive is how often a client that waits for a refined stream is told that it is being worked on.
const keepAlive = 10 * time.Second

// draft is an answer of the upstream that is read before it goes on to the client.
type draft struct {
	body   bytes.Buffer
	said   *chatwire.Capture
	answer *integration.Answer // refined; nil: it stands as it came
	ended  bool                // it was read to its end
	err    error               // of reading
}

// refined reads an answer to its end, refines it, and sends it: as it came if nothing was to be changed.
func (x *exchange) refined(w http.ResponseWriter, response *http.Response) {
	kind := response.Header.Get("Content-Type")
	stream := chatwire.IsStream(kind)
	passHeader(w, response, false)
	if stream {
		w.WriteHeader(response.StatusCode)
	}
	var d draft
	tap := tapOf(x.wire, response)
	comments := make(chan string)
	done := make(chan struct{})
	go func() { // ends with the answer or the request, and is waited for
		defer close(done)
		d.ended, d.err = gather(&d.body, response.Body, tap)
		if d.ended || d.err != nil {
			d.said = tap.End()
		}
		if d.said == nil || d.err != nil || !d.said.Complete || d.said.Other || d.said.Fixed || d.said.Long || strings.TrimSpace(d.said.Text) == "" {
			return
		}
		d.answer = x.refine(d.said.Text, comments)
	}()
	if !x.await(w, strings.HasPrefix(kind, chatwire.EventStream), comments, done) {
		return
	}
	if d.err != nil && !stream {
		writeFailure(w, x.wire, refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer"))
		return
	}
	x.sendDraft(w, response, &d, tap)
}

// sendDraft sends a draft: refined, or as it came.
func (x *exchange) sendDraft(w http.ResponseWriter, response *http.Response, d *draft, tap *chatwire.Tap) {
	kind, body := response.Header.Get("Content-Type"), d.body.Bytes()
	text, changed := tap.Text, false
	if d.answer != nil {
		if changed = d.answer.Text != text; changed {
			text = d.answer.Text
		}
		if changed || !chatwire.IsStream(kind) { // a stream that stays as it is gets no report either
			body = chatwire.Rewrite(x.wire, kind, body, text, changed, reportOf(d.answer, changed))
		}
	}
	if err := send(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	if !d.ended && d.err == nil { // longer, or calling a tool: the rest goes by as it comes
		if err := relay(w, response.Body, tap); err != nil {
			x.breakOff(w, response, tap, err)
		}
		d.said, text = tap.End(), tap.Text
	} else if d.err != nil && !d.said.Complete {
		x.breakOff(w, response, tap, d.err)
	}
	x.answered(d.said, text)
}

// await lets a stream tell of the rounds, and now and then that the work goes on, until it is done. It reports whether the
// client is still there.
func (x *exchange) await(w http.ResponseWriter, tells bool, comments <-chan string, done <-chan struct{}) bool {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	there := true
	tell := func(comment string) {
		if tells && there {
			there = send(w, []byte(": "+comment+"\n\n")) == nil
		}
	}
	tell("the answer is being refined")
	for {
		select {
		case c := <-comments:
			tell(c)
		case <-tick.C:
			tell("still at it")
		case <-done:
			return there && x.r.Context().Err() == nil
		}
	}
}

// gather reads an answer to its end, or to where it is clear that it is not one to be refined: then it has not ended.
func gather(into *bytes.Buffer, from io.Reader, tap *chatwire.Tap) (ended bool, err error) {
	buffer := buffers.Get().(*[4 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		into.Write(buffer[:n])
		_, _ = tap.Write(buffer[:n])
		switch {
		case err == io.EOF:
			return true, nil
		case err != nil:
			return false, errors.Join(errReading, err)
		case tap.Settled():
			return false, nil
		}
	}
}

// refine refines a draft. Where that fails the draft stands: nil.
func (x *exchange) refine(draft string, comments chan<- string) *integration.Answer {
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
			select {
			case comments <- roundComment(event.Round):
			case <-ctx.Done():
			}
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
	s.metrics.rounds.Observe(float64(len(a.Rounds)))
	if a.Stop != "" {
		s.metrics.stops.WithLabelValues(string(a.Stop)).Inc()
	}
	s.metrics.tokens.WithLabelValues("refine_prompt").Add(float64(a.Usage.PromptTokens))
	s.metrics.tokens.WithLabelValues("refine_completion").Add(float64(a.Usage.CompletionTokens))
	span.SetAttributes(attribute.Int("refine.rounds", len(a.Rounds)), attribute.String("refine.stop", string(a.Stop)),
		attribute.Float64("refine.first_score", a.FirstScore), attribute.Float64("refine.score", a.Score))
}

// roundSpan leaves a span for a round that is over.
func (s *Server) roundSpan(ctx context.Context, r *refine.Round) {
	_, span := s.tracer.Start(ctx, "refine.round", trace.WithAttributes(attribute.Int("refine.round", r.N),
		attribute.Float64("refine.score", r.Score), attribute.Int("refine.notes", len(r.Notes)), attribute.String("refine.stop", string(r.Stop))))
	span.End()
}

// roundComment tells of a round in a comment, which clients that know nothing of refinement pass over.
func roundComment(r *refine.Round) string {
	accepted := 0
	for _, p := range r.Proposals {
		if p.Accepted {
			accepted++
		}
	}
	return fmt.Sprintf("round %d: score %.3f, %d of %d proposals accepted", r.N, r.Score, accepted, len(r.Proposals))
}
