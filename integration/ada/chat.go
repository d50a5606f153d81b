package ada

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// chat is an exchange under way: the answer to POST /v1/chat/stream, as server-sent events.
type chat struct {
	*handler
	w               http.ResponseWriter
	request         chatRequest
	session         string
	turn            *integration.Turn
	begun, recalled time.Time
	started         bool     // an event was sent
	examiners       []string // specialists that found something
}

// chat streams an answer. Errors before its first event have a status; later ones are an event, the last.
func (h *handler) chat(w http.ResponseWriter, r *http.Request) {
	c := &chat{handler: h, w: w, begun: time.Now()}
	if !h.read(w, r, &c.request) {
		return
	}
	if question, _ := c.request.question(); question == "" {
		h.refuse(w, http.StatusBadRequest, "prompt or message required")
		return
	}
	err := c.answer(r.Context())
	if err == nil || err == errGone {
		return
	}
	status, why := h.failure(r, err)
	if !c.started {
		h.refuse(w, status, why)
		return
	}
	_ = c.send("", event{Type: "error", Error: why}) // the last: whether it arrives changes nothing
}

// errGone ends an exchange whose client reads no more.
var errGone = errors.New("the client is gone")

// event is one of the stream. Its type stands in the data, or as the name of the event for a specialist that ran before the
// answer.
type event struct {
	Type       string   `json:"type,omitempty"` // token, thinking, error
	Content    string   `json:"content,omitempty"`
	Specialist string   `json:"specialist,omitempty"`
	Confidence *float64 `json:"confidence,omitempty"`
	Error      string   `json:"error,omitempty"`
}

// send writes an event. Its error is [errGone].
func (c *chat) send(name string, body any) error {
	var b bytes.Buffer
	chatwire.WriteEvent(&b, chatwire.EventStream, name, body)
	if !c.started {
		c.started = true
		c.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		c.w.Header().Set("Cache-Control", "no-cache")
		c.w.Header().Set("X-Accel-Buffering", "no") // a proxy in front must not hold tokens back
	}
	if _, err := c.w.Write(b.Bytes()); err != nil || http.NewResponseController(c.w).Flush() != nil {
		return errGone
	}
	return nil
}

func (c *chat) answer(ctx context.Context) error {
	if c.request.SaveMemory {
		if err := c.plugin.Writes("save the memory"); err != nil {
			return err
		}
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	var answer *integration.Answer
	for e, err := range c.turn.Ask(ctx, integration.Request{}) {
		if err != nil {
			return err
		}
		switch e.Type {
		case integration.EventMemories:
			c.recalled = time.Now()
		case integration.EventRound:
			err = c.round(e.Round)
		case integration.EventToken:
			err = c.send("", event{Type: "token", Content: e.Token})
		case integration.EventAnswer:
			answer = e.Answer
		}
		if err != nil {
			return err
		}
	}
	if err := c.keep(ctx, answer.Text); err != nil {
		return err
	}
	return c.send("", c.summary(answer))
}

// begin reads the conversation: what the client sends of it, or else what is remembered.
func (c *chat) begin(ctx context.Context) error {
	r := &c.request
	c.session = cmp.Or(r.ConversationID, c.scope.Session, strings.ToLower(rand.Text()))
	question, before := r.question()
	var messages []specialists.Message
	for _, m := range before {
		messages = append(messages, specialists.Message{Role: m.Role, Content: string(m.Content)})
	}
	o := &integration.TurnOptions{Scope: c.scope, Session: c.session, At: c.begun, Limit: r.MemoryK.count(0, MaxMemories)}
	if at, ok := text.ParseTime(r.UserTimestamp); ok {
		o.At = at
	}
	if len(messages) == 0 && (r.ConversationID != "" || c.scope.Session != "") {
		turns, err := c.turns(ctx, c.session)
		if err != nil {
			return err
		}
		if n := len(turns); n > 0 {
			o.Before = turns[n-1].Position + 1
		}
		for _, t := range turns[max(0, len(turns)-r.TurnsK.count(usualTurns, 1000)):] {
			messages = append(messages, specialists.Message{Role: t.Role, Content: t.Text})
			o.Before--
		}
	}
	var err error
	c.turn, err = c.plugin.Turn(append(messages, specialists.Message{Role: "user", Content: question}), o)
	return err
}

// round reports a round of refinement as Ada reports specialists and reasoning.
func (c *chat) round(r *refine.Round) error {
	var lines []string
	for _, n := range r.Notes {
		if !slices.Contains(c.examiners, n.Specialist) {
			c.examiners = append(c.examiners, n.Specialist)
			if err := c.send("specialist_result", event{Specialist: n.Specialist, Confidence: &r.Score}); err != nil {
				return err
			}
		}
		lines = append(lines, n.Specialist+": "+n.Why)
	}
	for _, p := range r.Proposals {
		verdict := "rejected"
		if p.Accepted {
			verdict = "accepted"
		}
		lines = append(lines, fmt.Sprintf("%s by %s: %s", verdict, p.By, p.Why))
	}
	if !c.request.IncludeThinking || len(lines) == 0 {
		return nil
	}
	return c.send("", event{Type: "thinking", Content: fmt.Sprintf("round %d\n%s\n", r.N, strings.Join(lines, "\n"))})
}

// keep writes the turn, and the memory that the client asked for. An answer that is kept as a memory names what it was made
// from.
func (c *chat) keep(ctx context.Context, answer string) error {
	if !c.Forget && c.plugin.Writes("") == nil {
		if err := c.turn.Remember(ctx, answer); err != nil {
			return err
		}
	}
	r := &c.request
	if !r.SaveMemory {
		return nil
	}
	record := (&newMemory{Text: r.MemoryText, Importance: r.MemoryImportance, Entity: r.Entity}).record()
	if record.Text == "" {
		record.Text, record.Role = answer, "assistant"
		c.turn.Ground(&record)
	}
	_, err := c.plugin.Remember(ctx, c.scope, record)
	return err
}

// summary is the last event: the context that was used, and where the time went. The names are Ada's.
func (c *chat) summary(a *integration.Answer) map[string]any {
	now := time.Now()
	texts, ids := []string{}, []memory.ID{}
	for _, m := range a.Memories {
		texts, ids = append(texts, m.Text), append(ids, m.ID)
	}
	used := map[string]any{"memories": texts, "ids": ids}
	if c.request.Entity != "" {
		used["entity"] = c.request.Entity
	}
	total := ms(now.Sub(c.begun))
	overhead, inference := total, 0.0
	if c.plugin.Model != nil {
		overhead, inference = ms(c.recalled.Sub(c.begun)), ms(now.Sub(c.recalled))
	}
	return map[string]any{"type": "done", "conversation_id": c.session, "used_context": used, "request_id": strings.ToLower(rand.Text()[:8]),
		"user_timestamp": cmp.Or(c.request.UserTimestamp, stamp(c.begun)), "assistant_timestamp": stamp(now),
		"latency_breakdown": map[string]any{"python_overhead_ms": overhead, "llm_inference_ms": inference, "total_ms": total,
			"llm_percentage": 100 * inference / max(total, 1e-3), "specialists_activated": len(c.examiners), "context_retrieved": len(texts) > 0, "cache_hit_rate": nil}}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
