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
	"github.com/trm-go/refiner/refine"
)

// account is what an answer says about its refinement, in the member "refine".
type account struct {
	Stop       string  `json:"stop"`
	Rounds     int     `json:"rounds"`
	FirstScore float64 `json:"first_score"`
	Score      float64 `json:"score"`
	Changed    bool    `json:"changed"`
}

// json is the account as it stands in an answer.
func (a account) json() json.RawMessage {
	raw, _ := json.Marshal(a) // numbers, which the judge bounds, and a word
	return raw
}

// alive is how often a client that waits for a refined stream hears that it is being worked on.
const alive = 10 * time.Second

// refined reads an answer to its end, refines it, and sends it: as it came if nothing was to be changed.
func (t *talk) refined(w http.ResponseWriter, response *http.Response) {
	stream := isStream(response)
	passHeader(w, response, false)
	if stream {
		w.WriteHeader(response.StatusCode)
	}
	type draft struct {
		body   bytes.Buffer // what came
		heard  *heard
		answer *integration.Answer
		ended  bool  // it was read to its end
		err    error // of reading
	}
	var d draft
	l := listen(t.api, response)
	comments := make(chan string)
	done := make(chan struct{})
	go func() { // ends with the answer or the request, and is waited for
		defer close(done)
		d.ended, d.err = gather(&d.body, response.Body, l)
		d.heard = l.end()
		if d.err != nil || !d.heard.Complete || d.heard.Tools || d.heard.Fixed || d.heard.Long || strings.TrimSpace(d.heard.Text) == "" {
			return
		}
		d.answer = t.refine(d.heard.Text, comments)
	}()
	if !t.await(w, stream, comments, done) {
		return
	}
	if d.err != nil && !stream {
		asFailure(refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer")).write(w)
		return
	}
	said := d.heard.Text
	body := d.body.Bytes()
	if d.answer != nil {
		about := account{Stop: string(d.answer.Stop), Rounds: len(d.answer.Rounds), FirstScore: d.answer.FirstScore, Score: d.answer.Score,
			Changed: d.answer.Text != said}
		if about.Changed {
			said = d.answer.Text
		}
		switch {
		case !stream:
			body = t.api.withText(body, said, about)
		case about.Changed:
			body = t.api.asStream(d.heard, said, about)
		}
	}
	if err := send(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	if !d.ended && d.err == nil { // longer, or calling a tool: the rest goes by as it comes
		if err := relay(w, response.Body, l); err != nil {
			t.breakOff(w, response, l.end(), err)
		}
	} else if d.err != nil && !d.heard.Complete {
		t.breakOff(w, response, d.heard, d.err)
	}
	d.heard.Text = said
	t.heard(d.heard)
}

// await lets a stream hear of the rounds, and now and then that the work goes on, until it is done. It reports whether the
// client is still there.
func (t *talk) await(w http.ResponseWriter, stream bool, comments <-chan string, done <-chan struct{}) bool {
	tick := time.NewTicker(alive)
	defer tick.Stop()
	there := true
	say := func(comment string) {
		if stream && there {
			there = send(w, []byte(": "+comment+"\n\n")) == nil
		}
	}
	if stream {
		say("the answer is being refined")
	}
	for {
		select {
		case c := <-comments:
			say(c)
		case <-tick.C:
			say("still at it")
		case <-done:
			return there && t.r.Context().Err() == nil
		}
	}
}

// gather reads an answer to its end, or to where it is clear that it is not one to be refined: then it has not ended.
func gather(into *bytes.Buffer, from io.Reader, l listener) (ended bool, err error) {
	buffer := buffers.Get().(*[4 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		into.Write(buffer[:n])
		l.hear(buffer[:n])
		if s, ok := l.(*streamListener); ok && (s.Tools || s.Long) && err == nil {
			return false, nil
		}
		if w, ok := l.(*wholeListener); ok && w.long && err == nil {
			return false, nil
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, errors.Join(errReading, err)
		}
	}
}

// refine refines a draft. Where that fails the draft stands: nil.
func (t *talk) refine(draft string, comments chan<- string) *integration.Answer {
	ctx, span := t.s.tracer.Start(t.r.Context(), "refine")
	defer span.End()
	var answer *integration.Answer
	for event, err := range t.turn.Ask(ctx, integration.Request{Draft: draft, Open: true}) { // a conversation may say what the memories know nothing of
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			if ctx.Err() == nil {
				t.s.log.Error("an answer could not be refined; the draft stands", "scope", t.scope.String(), "error", err)
			}
			return nil
		}
		switch event.Type {
		case integration.EventRound:
			t.s.roundSpan(ctx, event.Round)
			select {
			case comments <- roundComment(event.Round):
			case <-ctx.Done():
			}
		case integration.EventAnswer:
			answer = event.Answer
		}
	}
	if answer != nil {
		t.s.noteAnswer(span, answer)
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

// piece is the length of one event's text, in bytes, of a stream that is made anew.
const piece = 48

// writeEvent writes a server-sent event; most have no name.
func writeEvent(b *bytes.Buffer, name string, data []byte) {
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
}

// pieces cuts a text behind spaces, into parts of about so many bytes.
func pieces(text string, size int) []string {
	var list []string
	for len(text) > size {
		cut := strings.IndexByte(text[size:], ' ')
		if cut < 0 {
			break
		}
		list = append(list, text[:size+cut+1])
		text = text[size+cut+1:]
	}
	if text != "" {
		list = append(list, text)
	}
	return list
}
