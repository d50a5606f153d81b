package serve

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/internal/endpoint"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// exchange is one request for an answer on its way.
type exchange struct {
	*chatwire.Request
	wire  chatwire.Wire
	s     *Server
	r     *http.Request
	scope memory.Scope // whose memories are recalled
	turn  *integration.Turn
	start time.Time

	reads, writes bool
	recalled      bool   // for the prompt of an upstream
	added         string // the answer with what memory added to it; empty: nothing
}

// headerMemories tells a client how many memories stood in the prompt.
const headerMemories = "X-Refine-Memories"

// refineField is the body's field that asks for refinement; the upstream does not see it.
const refineField = chatwire.ReportField

// converse answers requests of an API.
func (s *Server) converse(wire chatwire.Wire, w http.ResponseWriter, r *http.Request) {
	s.underway.RLock() // a pending Flush waits for it, as do the chats that come after
	defer s.underway.RUnlock()
	x, err := s.newExchange(wire, w, r)
	if err == nil {
		err = x.recall(r.Context())
	}
	if err != nil {
		writeFailure(w, wire, err)
		return
	}
	if s.o.Upstream == nil {
		x.answerAlone(w)
		return
	}
	response, err := x.ask()
	if err != nil {
		writeFailure(w, wire, err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	if x.recalled {
		w.Header().Set(headerMemories, strconv.Itoa(len(x.turn.Memories)))
	}
	tap := tapOf(wire, response)
	refines := tap != nil && x.Plain && x.turn.Refines() // one text in prose, on the ground of memories
	if refines && !chatwire.IsStream(response.Header.Get("Content-Type")) {
		x.refinedWhole(w, response, tap)
		return
	}
	passHeader(w, response, !refines)
	w.WriteHeader(response.StatusCode)
	var through passer
	switch {
	case refines:
		through = chatwire.NewTail(tap, x.addition)
	case tap != nil:
		through = tap
	}
	if err := relay(w, response.Body, through); err != nil {
		x.breakOff(w, response, tap, err)
	}
	if tap != nil {
		x.answered(tap.End())
	}
}

// newExchange reads a request, and what its headers say about it.
func (s *Server) newExchange(wire chatwire.Wire, w http.ResponseWriter, r *http.Request) (*exchange, error) {
	start := time.Now()
	c := callerOf(r.Context())
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	q, err := chatwire.Read(wire, body)
	if err != nil {
		return nil, badField("", "the body cannot be read: %v", err)
	}
	x := &exchange{Request: q, wire: wire, s: s, r: r, scope: c.scope, start: start}
	o := &integration.TurnOptions{Scope: c.scope, User: q.User, Limit: s.o.Limit, Budget: s.o.Budget,
		Meta: map[string]string{"request": requestID(r.Context())}, Model: q.Model}
	if o.Refine, err = x.refinement(); err != nil {
		return nil, err
	}
	if err := x.memoryUse(c, o); err != nil {
		return nil, err
	}
	o.Session = c.scope.Session
	if err := narrow(&o.Session, r.Header.Get(headerSession), headerSession); err != nil {
		return nil, err
	}
	o.Session = cmp.Or(o.Session, q.Session)
	if o.After = q.After; q.Continues && o.Session != "" && x.writes {
		o.Before = s.before(r.Context(), c.scope, o.Session)
	}
	var conversation []specialists.Message
	for _, m := range q.Messages {
		conversation = append(conversation, specialists.Message(m))
	}
	if x.turn, err = s.of(c).Turn(conversation, o); err != nil {
		return nil, badField(headerSession, "%v", err)
	}
	return x, nil
}

// refinement is how the answer is to be refined: as the header says, else the body, else the settings.
func (x *exchange) refinement() (refine.Refinement, error) {
	how := refine.Refinement(x.r.Header.Get(headerRefine))
	if how != "" && !known(how) {
		return "", badField(headerRefine, noRefinement, how)
	}
	if asked, found := x.Take(refineField); found {
		if !known(refine.Refinement(asked)) {
			return "", badField(refineField, noRefinement, asked)
		}
		how = cmp.Or(how, refine.Refinement(asked))
	}
	if x.s.o.Upstream != nil { // what answers by itself refines as configured
		how = cmp.Or(how, x.s.o.Refine)
	}
	return how, nil
}

const noRefinement = "%q is no way to refine: use off, auto or always"

func known(how refine.Refinement) bool {
	return how == refine.Off || how == refine.Auto || how == refine.Always
}

// memoryUse decides whether memories are recalled for the request, and whether it is remembered.
func (x *exchange) memoryUse(c *caller, o *integration.TurnOptions) error {
	switch how := x.r.Header.Get(headerMemory); how {
	case "", "on":
		if x.s.tasks.is(x.Request) {
			o.Quiet = true
			return nil
		}
		x.reads = true
		x.writes = !x.s.o.Forget && c.writes() == nil
	case "read":
		x.reads, o.Quiet = true, true
	case "off":
		o.Quiet = true
	default:
		return badField(headerMemory, "%q is no way to use the memory: use on, read or off", how)
	}
	return nil
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

// recall finds the memories for the upstream's prompt. A chat does not fail with the memory: it goes on without.
func (x *exchange) recall(ctx context.Context) error {
	if !x.reads || !x.Asks() || x.s.o.Upstream == nil {
		return nil
	}
	err := x.s.recall(ctx, x.turn)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		x.s.log.Error("no memories could be recalled; the chat goes on without", "scope", x.scope.String(), "error", err)
		return nil
	}
	x.recalled = true
	return nil
}

// recall writes the notes of a turn.
func (s *Server) recall(ctx context.Context, t *integration.Turn) error {
	ctx, span := s.tracer.Start(ctx, "recall")
	defer span.End()
	start := time.Now()
	select { // more at once than there are cores would only take longer, and more memory
	case s.recalls <- struct{}{}:
		defer func() { <-s.recalls }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := t.Recall(ctx); err != nil {
		span.SetStatus(codes.Error, err.Error())
		return err
	}
	span.SetAttributes(attribute.Int("refine.memories", len(t.Memories)), attribute.Int("refine.memory_tokens", t.Tokens),
		attribute.Int("refine.steps", t.Certificate.Steps), attribute.String("refine.stop", string(t.Certificate.Stop)))
	s.metrics.recall.Update(time.Since(start).Seconds())
	return nil
}

// ask sends the request to the upstream, with the notes. One that is refused with them is sent again without: it may be too
// long for the model, or of a form in which the upstream takes no more text.
func (x *exchange) ask() (*http.Response, error) {
	unnamed := x.Model == "" && !x.Has("prompt") // a stored prompt has a model of its own
	if (unnamed || x.Model == modelAlias) && x.s.o.Upstream.Model != "" {
		x.SetModel(x.s.o.Upstream.Model)
	}
	without := x.Body()
	if x.turn.Notes != "" {
		x.Insert(x.turn.Notes)
	}
	x.s.metrics.overhead.Update(time.Since(x.start).Seconds())
	response, err := x.s.forward(x.r.Context(), x.r, x.wire.Path(), x.Body())
	if err != nil || x.turn.Notes == "" {
		return response, err
	}
	switch response.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		_ = response.Body.Close()
		x.s.log.Warn("the upstream refuses a request with notes from memory; it is sent without", "status", response.StatusCode, "model", x.Model)
		x.recalled = false
		return x.s.forward(x.r.Context(), x.r, x.wire.Path(), without)
	}
	return response, nil
}

// answered takes note of an answer, and writes the turn back.
func (x *exchange) answered(c *chatwire.Capture) {
	x.s.metrics.count("refine_tokens_total", c.Usage.Prompt, "kind", "prompt")
	x.s.metrics.count("refine_tokens_total", c.Usage.Completion, "kind", "completion")
	switch {
	case !c.Complete && !c.Other || c.Failed: // the client will ask again
	case c.Other || c.Long:
		x.write("") // the answer is still to come, or no text
	default:
		x.write(cmp.Or(x.added, c.Spoken()))
	}
}

// write writes the turn back, behind the answer.
func (x *exchange) write(answer string) {
	if x.writes && x.Asks() {
		x.s.writer.Remember(x.turn, answer)
	}
}

// breakOff ends an answer that cannot be completed, so that the client does not take it for whole. A stream says why. tap may
// be nil, of an answer that was not read along.
func (x *exchange) breakOff(w http.ResponseWriter, response *http.Response, tap *chatwire.Tap, err error) {
	if kind := response.Header.Get("Content-Type"); errors.Is(err, errReading) && chatwire.IsStream(kind) {
		f := refuse(http.StatusBadGateway, "upstream_broke_off", "the upstream broke off in the middle of its answer")
		if errors.Is(err, endpoint.ErrSilent) {
			f = refuse(http.StatusGatewayTimeout, "upstream_timeout", "the upstream fell silent in the middle of its answer")
		}
		number, end := 0, "\n\n" // ends what may have been half written
		if tap != nil {
			number = tap.Next
			if !strings.HasPrefix(kind, chatwire.EventStream) { // lines of JSON are never empty
				end = strings.Repeat("\n", min(1, tap.Len()))
			}
		}
		if send(w, []byte(end)) == nil {
			name, event := x.wire.Failed(f, number)
			_ = sendEvent(w, kind, name, event)
		}
	}
	panic(http.ErrAbortHandler)
}

// sendEvent sends an event of a stream, and sees that it leaves.
func sendEvent(w http.ResponseWriter, kind, name string, v any) error {
	var b bytes.Buffer
	chatwire.WriteEvent(&b, kind, name, v)
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

// tapOf reads an answer along; nil where it cannot be read.
func tapOf(wire chatwire.Wire, response *http.Response) *chatwire.Tap {
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Encoding") != "" {
		return nil
	}
	return chatwire.NewTap(wire, response.Header.Get("Content-Type"), memory.MaxText)
}

// readBody reads a body that is bounded already.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	size := int(max(0, min(r.ContentLength, 1<<20)))
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	err := patient(w, func() error {
		_, err := b.ReadFrom(r.Body)
		return err
	})
	return b.Bytes(), err
}

var buffers = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// stuck is how long a client may take none of what is sent to it.
const stuck = time.Minute

// errReading marks an error of the upstream's answer, not of the client's connection.
var errReading = errors.New("the upstream's answer breaks off")

// passer takes the bytes of an answer, and returns those that may go on; the rest in the end.
type passer interface {
	Pass(p []byte) []byte
	Close() []byte
}

// relay sends an answer on as it comes: what is read is written and flushed before more is read. through may be nil.
func relay(w http.ResponseWriter, body io.Reader, through passer) error {
	buffer := buffers.Get().(*[4 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := body.Read(buffer[:])
		out := buffer[:n]
		if through != nil {
			if out = through.Pass(out); err != nil {
				out = append(bytes.Clone(out), through.Close()...)
			}
		}
		if len(out) > 0 {
			if err := send(w, out); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errors.Join(errReading, err)
		}
	}
}
