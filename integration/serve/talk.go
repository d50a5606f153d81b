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
)

// talk is one request for an answer on its way.
type talk struct {
	*asked
	api   api
	s     *Server
	r     *http.Request
	scope memory.Scope // whose memories are recalled
	turn  *integration.Turn
	start time.Time

	reads, writes bool
	recalled      bool // for the prompt of an upstream
}

// headerMemories tells a client how many memories stood in the prompt.
const headerMemories = "X-Refine-Memories"

// converse answers requests of an API.
func (s *Server) converse(a api, w http.ResponseWriter, r *http.Request) {
	defer s.talks.begin()()
	t, body, err := s.newTalk(a, w, r)
	if err == nil {
		err = t.recall(r.Context())
	}
	if err != nil {
		asFailure(err).write(w)
		return
	}
	if s.upstream == nil {
		t.answerAlone(w)
		return
	}
	if t.recalled {
		w.Header().Set(headerMemories, strconv.Itoa(len(t.turn.Memories)))
	}
	changed := t.body.value(refineField) == nil && t.Refine != ""
	if t.turn.Notes != "" {
		t.api.insert(t.asked, t.turn.Notes)
		changed = true
	}
	unnamed := t.Model == "" && t.body.value("prompt") == nil // a stored prompt has a model of its own
	if (unnamed || t.Model == ModelAlias) && s.upstream.Model != "" {
		name, _ := json.Marshal(s.upstream.Model)
		t.body.set("model", name)
		changed = true
	}
	if changed {
		body = t.body.bytes()
	}
	s.metrics.overhead.Observe(time.Since(t.start).Seconds())
	response, err := s.forward(r.Context(), r, a.path(), body)
	if err != nil {
		asFailure(err).write(w)
		return
	}
	defer func() { _ = response.Body.Close() }()
	l := listen(a, response)
	if l != nil && t.Plain && t.turn.Refines() { // one text in prose, on the ground of memories
		t.refined(w, response)
		return
	}
	passHeader(w, response, true)
	w.WriteHeader(response.StatusCode)
	if err := relay(w, response.Body, l); err != nil {
		var h *heard
		if l != nil {
			h = l.end()
		}
		t.breakOff(w, response, h, err)
	}
	if l != nil {
		t.heard(l.end())
	}
}

// newTalk reads a request, and what its headers say about it.
func (s *Server) newTalk(a api, w http.ResponseWriter, r *http.Request) (*talk, []byte, error) {
	start := time.Now()
	c := callerOf(r.Context())
	body, err := readBody(w, r)
	if err != nil {
		return nil, nil, err
	}
	read, err := readAsked(a, body)
	if err != nil {
		return nil, nil, err
	}
	t := &talk{asked: read, api: a, s: s, r: r, scope: c.scope, start: start}
	o := &integration.TurnOptions{Scope: c.scope, User: read.User, Limit: s.limit, Budget: s.budget, Refine: read.Refine,
		Meta: map[string]string{"request": requestID(r.Context())}, Model: read.Model}
	if asked := r.Header.Get(headerRefine); asked != "" {
		if o.Refine, err = refinement(asked); err != nil {
			return nil, nil, badField(headerRefine, "%v", err)
		}
	}
	switch {
	case o.Refine != "" || s.upstream == nil: // what answers by itself refines as configured
	case read.Stream && !s.streams:
		o.Refine = refine.Off
	default:
		o.Refine = s.refine
	}
	switch how := r.Header.Get(headerMemory); how {
	case "", "on":
		t.reads = true
		t.writes = s.remember && c.writes() == nil
	case "read":
		t.reads, o.Quiet = true, true
	case "off":
		o.Quiet = true
	default:
		return nil, nil, badField(headerMemory, "%q is no way to use the memory: use on, read or off", how)
	}
	session := r.Header.Get(headerSession)
	if c.scope.Session != "" && session != "" && session != c.scope.Session {
		return nil, nil, refuse(http.StatusForbidden, "outside_scope", "the %s of the request is not the one that the key is bound to", headerSession)
	}
	o.Session = cmp.Or(c.scope.Session, session, read.Session)
	if o.After = read.After; read.Continues && o.Session != "" && t.writes {
		o.Before = s.before(r.Context(), c.scope, o.Session)
	}
	if t.turn, err = s.of(c).Turn(read.conversation(), o); err != nil {
		return nil, nil, badField(headerSession, "%v", err)
	}
	return t, body, nil
}

// before is how many turns a session holds already. A chat does not fail with the memory.
func (s *Server) before(ctx context.Context, scope memory.Scope, session string) int {
	scope.Session = session
	last, err := s.plugin.Store.LastPosition(ctx, scope)
	if err != nil {
		s.log.Error("the place of the turn in its session is not known", "scope", scope.String(), "error", err)
		return 0
	}
	return last + 1
}

// asks reports whether there is a message of the user to answer.
func (t *talk) asks() bool { return t.readable && t.last >= 0 }

// recall finds the memories for the upstream's prompt. A chat does not fail with the memory: it goes on without.
func (t *talk) recall(ctx context.Context) error {
	if !t.reads || !t.asks() || t.s.upstream == nil {
		return nil
	}
	err := t.s.recall(ctx, t.turn)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.s.log.Error("no memories could be recalled; the chat goes on without", "scope", t.scope.String(), "error", err)
		return nil
	}
	t.recalled = true
	return nil
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

// write writes the turn back, behind the answer.
func (t *talk) write(said string) {
	if t.writes && t.asks() {
		t.s.writer.Remember(t.turn, said)
	}
}

// breakOff ends an answer that cannot be completed, so that the client does not take it for whole. A stream says why. h may
// be nil, of an answer that was not read along.
func (t *talk) breakOff(w http.ResponseWriter, response *http.Response, h *heard, err error) {
	if errors.Is(err, errReading) && isStream(response) {
		f := refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer")
		if errors.Is(err, errSilent) {
			f = refuse(http.StatusGatewayTimeout, "upstream_timeout", "the upstream fell silent in the middle of its answer")
		}
		if send(w, []byte("\n\n")) == nil { // ends what may have been half written
			name, event := t.api.broken(h, f)
			_ = sendEvent(w, name, event)
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
	writeEvent(&b, name, data)
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
