package serve

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// talk is one chat request on its way.
type talk struct {
	*chat
	s     *Server
	r     *http.Request
	scope memory.Scope // whose memories are recalled
	home  memory.Scope // where the turn is written: scope, with the session
	keys  []string     // of the messages
	start time.Time

	reads, writes bool
	how           refine.Refinement
	counts        bool               // that memories were shown
	memories      *integration.Notes // nil: none were asked for
}

// headerMemories tells a client how many memories stood in the prompt.
const headerMemories = "X-Refine-Memories"

// chatCompletions answers POST /v1/chat/completions.
func (s *Server) chatCompletions(w http.ResponseWriter, r *http.Request) {
	defer s.writer.begin()()
	t, body, err := s.newTalk(w, r)
	if err == nil {
		err = t.recall(r.Context())
	}
	if err != nil {
		asFailure(err).write(w)
		return
	}
	if t.memories != nil {
		w.Header().Set(headerMemories, strconv.Itoa(len(t.memories.Memories)))
	}
	if s.upstream == nil {
		t.answerAlone(w)
		return
	}
	changed := t.body.value(refineField) == nil && t.Refine != ""
	if t.memories != nil && len(t.memories.Memories) > 0 {
		t.insert(prompt(t.memories))
		changed = true
		if t.counts {
			s.plugin.Shown(t.scope, t.memories.IDs()...)
		}
	}
	if (t.Model == "" || t.Model == ModelAlias) && s.upstream.Model != "" {
		name, _ := json.Marshal(s.upstream.Model)
		t.body.set("model", name)
		changed = true
	}
	if changed {
		body = t.body.bytes()
	}
	s.metrics.overhead.Observe(time.Since(t.start).Seconds())
	response, err := s.forward(r.Context(), r, "/chat/completions", body)
	if err != nil {
		asFailure(err).write(w)
		return
	}
	defer func() { _ = response.Body.Close() }()
	l := listen(response)
	if l != nil && t.refines() {
		t.refined(w, response)
		return
	}
	passHeader(w, response, true)
	w.WriteHeader(response.StatusCode)
	if err := relay(w, response.Body, l); err != nil {
		breakOff(w, response, err)
	}
	if l != nil {
		t.heard(l.end())
	}
}

// newTalk reads a chat request, and what its headers say about it.
func (s *Server) newTalk(w http.ResponseWriter, r *http.Request) (*talk, []byte, error) {
	start := time.Now()
	c := callerOf(r.Context())
	body, err := readBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	read, err := readChat(body)
	if err != nil {
		return nil, nil, err
	}
	t := &talk{chat: read, s: s, r: r, scope: c.scope, home: c.scope, start: start}
	t.how = read.Refine
	if asked := r.Header.Get(headerRefine); asked != "" {
		if t.how, err = refinement(asked); err != nil {
			return nil, nil, badField(headerRefine, "%v", err)
		}
	}
	switch {
	case t.how != "":
	case read.Stream && !s.streams:
		t.how = refine.Off
	default:
		t.how = s.refine
	}
	switch how := r.Header.Get(headerMemory); how {
	case "", "on":
		t.reads, t.counts = true, c.writes() == nil
		t.writes = s.remember && t.counts
	case "read":
		t.reads = true
	case "off":
	default:
		return nil, nil, badField(headerMemory, "%q is no way to use the memory: use on, read or off", how)
	}
	session := r.Header.Get(headerSession)
	if c.scope.Session != "" && session != "" && session != c.scope.Session {
		return nil, nil, refuse(http.StatusForbidden, "outside_scope", "the %s of the request is not the one that the key is bound to", headerSession)
	}
	t.home.Session = cmp.Or(c.scope.Session, sessionOf(session, read))
	if len(t.home.Session) > memory.MaxName {
		return nil, nil, badField(headerSession, "the session's name has more than %d bytes", memory.MaxName)
	}
	t.keys = identify(t.home.Session, t.messages)
	return t, body, nil
}

// asks reports whether there is a message of the user to answer.
func (t *talk) asks() bool { return t.readable && t.last >= 0 }

// recall finds the memories for the prompt. A chat does not fail with the memory: it goes on without.
func (t *talk) recall(ctx context.Context) error {
	if !t.reads || !t.asks() {
		return nil
	}
	m, err := t.s.recall(ctx, t.scope, t.chat)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.s.log.Error("no memories could be recalled; the chat goes on without", "scope", t.scope.String(), "error", err)
		return nil
	}
	t.memories = m
	return nil
}

// refines reports whether the answer is to be refined: one text in prose, on the ground of memories.
func (t *talk) refines() bool {
	return t.how != refine.Off && t.Plain && t.asks() && t.memories != nil && (len(t.memories.Memories) > 0 || t.how == refine.Always)
}

// question is what the user said last.
func (t *talk) question() string { return t.messages[t.last].Text }

// before are the messages before the question.
func (t *talk) before() []specialists.Message {
	var list []specialists.Message
	for _, m := range t.messages[:t.last] {
		if m.Text != "" {
			list = append(list, specialists.Message{Role: m.Role, Name: m.Name, Content: m.Text})
		}
	}
	return list
}

// heard takes note of an answer, and writes the turn back.
func (t *talk) heard(h *heard) {
	t.s.metrics.tokens.WithLabelValues("prompt").Add(float64(h.Usage.Prompt))
	t.s.metrics.tokens.WithLabelValues("completion").Add(float64(h.Usage.Completion))
	if !h.Complete && !h.Tools {
		return // the client will ask again
	}
	if h.Tools || h.Long {
		t.write("") // the answer is still to come, or no text
		return
	}
	t.write(h.Text)
}

// write writes back what was observed: the question, and the answer if it is the model's own words. What was refined or
// recalled is not written: it says nothing that the memories do not hold, and would come back as if somebody had said it.
func (t *talk) write(said string) {
	if !t.writes || !t.asks() {
		return
	}
	position := 0
	for _, m := range t.messages[:t.last] {
		if spoken(m) {
			position++
		}
	}
	asked := t.messages[t.last]
	base := memory.Record{Kind: memory.KindTurn, Origin: memory.Observed, Importance: .5, Confidence: 1,
		Created: time.Now().UTC(), Meta: map[string]string{"source": "chat", "request": requestID(t.r.Context())}}
	out := turn{asker: t.scope, scope: t.home, question: base, answer: base}
	out.question.Role, out.question.Speaker, out.question.Text = asked.Role, asked.Name, asked.Text
	out.question.Position, out.question.Key = position, t.keys[t.last]
	if said != "" {
		out.answer.Role, out.answer.Text = "assistant", said
		out.answer.Position, out.answer.Key = position+1, turnKey(t.home.Session, asked.Text, "assistant", said)
		if t.Model != "" && len(t.Model) < memory.MaxName {
			out.answer.Meta = map[string]string{"source": "chat", "request": base.Meta["request"], "model": t.Model}
		}
	}
	if t.memories != nil {
		for _, m := range t.memories.Memories {
			out.evidence = append(out.evidence, m.Record)
		}
	}
	t.s.writer.put(out)
}

// breakOff ends an answer that cannot be completed, so that the client does not take it for whole. A stream says why.
func breakOff(w http.ResponseWriter, response *http.Response, err error) {
	if errors.Is(err, errReading) && isStream(response) {
		f := refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer")
		if errors.Is(err, errSilent) {
			f = refuse(http.StatusGatewayTimeout, "upstream_timeout", "the upstream fell silent in the middle of its answer")
		}
		if send(w, []byte("\n\n")) == nil { // ends what may have been half written
			_ = sendEvent(w, "", envelope{f})
		}
	}
	panic(http.ErrAbortHandler)
}

// sendEvent sends a server-sent event, and sees that it leaves.
func sendEvent(w http.ResponseWriter, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return send(w, b.Bytes())
}

// send writes, and sees that it leaves.
func send(w http.ResponseWriter, p []byte) error {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(stuck))
	if _, err := w.Write(p); err != nil {
		return err
	}
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// ask is what the plugin is asked about a talk. A conversation may say what the memories know nothing of. What stood in the
// prompt is counted already.
func (t *talk) ask(draft string) integration.Request {
	return integration.Request{Scope: t.scope, Question: t.question(), Messages: t.before(), Draft: draft, Refine: t.how, Open: true, Quiet: true, Budget: t.s.budget}
}
