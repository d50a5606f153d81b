package serve

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/chatwire"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// operations are the REST API. Their description in openapi.json is made from this table too.
func (s *Server) operations() []operation {
	return append([]operation{
		does("GET", http.StatusOK, "/api/v1/me", "whoAmI", "Who is asking, and what they may do", s.me),
		does("GET", http.StatusOK, "/api/v1/stats", "stats", "Count the memories of the scope", s.stats),
		does("GET", http.StatusOK, "/api/v1/memories", "listMemories", "List memories, the last written first", s.list),
		does("POST", http.StatusCreated, "/api/v1/memories", "addMemories", "Remember; all or none", s.add),
		does("GET", http.StatusOK, "/api/v1/memories/{id}", "getMemory", "One memory, live or superseded", s.get),
		does("DELETE", http.StatusOK, "/api/v1/memories/{id}", "deleteMemory", "Delete a memory for privacy, so that no byte of it is left", s.delete),
		does("GET", http.StatusOK, "/api/v1/memories/{id}/history", "history", "All versions of a memory, and what happened to them", s.history),
		does("POST", http.StatusCreated, "/api/v1/memories/{id}/supersede", "supersedeMemory", "Put another memory in the place of one; both stay readable", s.supersede),
		does("POST", http.StatusOK, "/api/v1/memories/{id}/undo", "undoSupersede", "Take back what a memory superseded", s.undo),
		does("POST", http.StatusOK, "/api/v1/search", "search", "Recall the memories that answer a question", s.search),
		does("POST", http.StatusOK, "/api/v1/explain", "explain", "Tell why a question recalls what it does, step by step of the recursion", s.explain),
		s.askOperation(),
	}, s.chats()...)
}

type me struct {
	Name     string       `json:"name" jsonschema:"of the key; local without keys"`
	Scope    memory.Scope `json:"scope" jsonschema:"whose memories the caller sees"`
	ReadOnly bool         `json:"read_only" jsonschema:"the caller may change nothing"`
	Keys     bool         `json:"keys" jsonschema:"the server asks for keys"`
	AnyUser  bool         `json:"any_user" jsonschema:"the key serves any user, named in X-User-Id"`
	Model    string       `json:"model" jsonschema:"what answers: the configured model, or refine-extractive"`
	Refine   string       `json:"refine" jsonschema:"how answers are refined where a request does not say so: off, auto or always"`
}

func (s *Server) me(_ context.Context, c *caller, _ *struct{}) (*me, error) {
	m := &me{Name: c.name, Scope: c.scope, ReadOnly: c.writes() != nil, Keys: s.locked, AnyUser: c.key != nil && c.key.AnyUser, Model: ownModel, Refine: string(s.o.Refine)}
	if s.o.Upstream != nil {
		m.Model = s.o.Upstream.Model
	}
	return m, nil
}

// counts are the stats of a scope, without what concerns the store as a whole.
type counts struct {
	Scope      memory.Scope        `json:"scope"`
	Records    int                 `json:"records" jsonschema:"live and superseded"`
	Live       int                 `json:"live"`
	Superseded int                 `json:"superseded"`
	Derived    int                 `json:"derived" jsonschema:"live, and made by refinement"`
	Kinds      map[memory.Kind]int `json:"kinds" jsonschema:"live records of each kind"`
	Sessions   int                 `json:"sessions"`
	Shown      int                 `json:"shown" jsonschema:"how often memories were shown"`
	Used       int                 `json:"used"`
	Model      string              `json:"model" jsonschema:"of the embeddings"`
	Dim        int                 `json:"dim"`
}

func (s *Server) stats(ctx context.Context, c *caller, _ *struct{}) (*counts, error) {
	st, err := s.plugin.Store.Stats(ctx, c.scope)
	return &counts{c.scope, st.Records, st.Live, st.Superseded, st.Derived, st.Kinds, st.Sessions, st.Shown, st.Used, st.Model, st.Dim}, err
}

type listRequest struct {
	Limit   int           `json:"limit,omitempty" jsonschema:"how many; 50 if it is not given, at most 500"`
	Cursor  string        `json:"cursor,omitempty" jsonschema:"next of the page before"`
	Session string        `json:"session,omitempty"`
	Kind    []memory.Kind `json:"kind,omitempty" jsonschema:"turn, fact, summary, persona or faq; more than one may be given"`
	Role    string        `json:"role,omitempty"`
	State   memory.State  `json:"state,omitempty" jsonschema:"live (default), superseded or any"`
	Since   time.Time     `json:"since,omitzero" jsonschema:"only what was said from then on"`
	Until   time.Time     `json:"until,omitzero" jsonschema:"only what was said before then"`
	Pinned  bool          `json:"pinned,omitempty" jsonschema:"only what stands in every prompt; of the other filters session holds"`
}

type listing struct {
	Memories []memory.Record `json:"memories"`
	Next     string          `json:"next,omitempty" jsonschema:"the cursor of the next page; none at the end"`
}

const (
	usualPage = 50
	mostPage  = 500
)

func (s *Server) list(ctx context.Context, c *caller, q *listRequest) (*listing, error) {
	scope, err := within(c.scope, q.Session)
	if err != nil {
		return nil, err
	}
	if err := bounded("limit", q.Limit, mostPage); err != nil {
		return nil, err
	}
	if q.Pinned {
		records, err := s.plugin.Store.Pinned(ctx, scope, cmp.Or(q.Limit, usualPage))
		return &listing{Memories: append([]memory.Record{}, records...)}, err
	}
	o := &memory.ListOptions{Limit: cmp.Or(q.Limit, usualPage), State: q.State, Kinds: q.Kind, Role: q.Role, Since: q.Since, Until: q.Until}
	if q.Cursor != "" {
		if o.Before, err = strconv.ParseInt(q.Cursor, 36, 64); err != nil || o.Before <= 0 {
			return nil, badField("cursor", "%q is no cursor: use next of the page before", q.Cursor)
		}
	}
	records, next, err := s.plugin.Store.List(ctx, scope, o)
	if err != nil {
		return nil, err
	}
	p := &listing{Memories: records}
	if next > 0 {
		p.Next = strconv.FormatInt(next, 36)
	}
	return p, nil
}

// within narrows a scope to a session. A scope that is bound to one allows no other.
func within(scope memory.Scope, session string) (memory.Scope, error) {
	err := narrow(&scope.Session, session, "session")
	return scope, err
}

// bounded refuses a number of a request that is not from 0, which means the usual one, to most.
func bounded(name string, n, most int) error {
	if n >= 0 && n <= most {
		return nil
	}
	return badField(name, "%s is %d: use 0 to %d", name, n, most)
}

// newMemory is a memory as a client gives it. What is left out is filled in.
type newMemory struct {
	Text       string            `json:"text"`
	Kind       memory.Kind       `json:"kind,omitempty" jsonschema:"turn (default), fact, summary, persona or faq"`
	Role       string            `json:"role,omitempty" jsonschema:"user, assistant, system or tool"`
	Speaker    string            `json:"speaker,omitempty" jsonschema:"the name of who said it"`
	Session    string            `json:"session,omitempty" jsonschema:"the conversation that it belongs to"`
	Position   *int              `json:"position,omitempty" jsonschema:"place in the session's order; none if it is not given"`
	Key        string            `json:"key,omitempty" jsonschema:"a key of your own: adding it twice adds nothing, nor does adding it once its memory was deleted"`
	Created    time.Time         `json:"created,omitzero" jsonschema:"when it was said; now if it is not given"`
	ValidFrom  time.Time         `json:"valid_from,omitzero" jsonschema:"from when it is true"`
	ValidUntil time.Time         `json:"valid_until,omitzero" jsonschema:"until when it is true"`
	Importance *float64          `json:"importance,omitempty" jsonschema:"0 to 1; 0.5 if it is not given"`
	Confidence *float64          `json:"confidence,omitempty" jsonschema:"0 to 1; 1 if it is not given"`
	Meta       map[string]string `json:"meta,omitempty"`
}

// record is the memory as a record within a scope. What a client writes is observed: only refinement makes the rest.
func (n *newMemory) record(scope memory.Scope) (memory.Record, error) {
	scope, err := within(scope, n.Session)
	r := memory.Record{Scope: scope, Kind: n.Kind, Role: n.Role, Speaker: n.Speaker, Text: n.Text, Position: -1, Key: n.Key, Created: n.Created,
		ValidFrom: n.ValidFrom, ValidUntil: n.ValidUntil, Importance: .5, Confidence: 1, Origin: memory.Observed, Meta: n.Meta}
	if n.Position != nil {
		r.Position = *n.Position
	}
	if n.Importance != nil {
		r.Importance = *n.Importance
	}
	if n.Confidence != nil {
		r.Confidence = *n.Confidence
	}
	if r.Created.IsZero() {
		r.Created = time.Now().UTC()
	}
	return r, err
}

type addRequest struct {
	Memories []newMemory `json:"memories"`
}

type added struct {
	IDs     []memory.ID `json:"ids" jsonschema:"of each memory: its own, or that of the one with its key that was there already or was deleted"`
	Count   int         `json:"added"`
	Skipped int         `json:"skipped" jsonschema:"how many were not added: a memory with their key is there already, or was deleted for good"`
	Deleted int         `json:"deleted" jsonschema:"how many of those skipped have the key of a memory that was deleted for good: use another key"`
}

func (s *Server) add(ctx context.Context, c *caller, q *addRequest) (*added, error) {
	if err := c.writes(); err != nil {
		return nil, err
	}
	if len(q.Memories) == 0 {
		return nil, badField("memories", "no memory is given")
	}
	records := make([]memory.Record, len(q.Memories))
	for i := range q.Memories {
		var err error
		if records[i], err = q.Memories[i].record(c.scope); err != nil {
			return nil, err
		}
	}
	a, err := s.plugin.Store.Add(ctx, c.scope, records...)
	return &added{a.IDs, a.Count, a.Skipped, a.Deleted}, err
}

type byID struct {
	ID memory.ID `json:"id" in:"path"`
}

func (s *Server) get(ctx context.Context, c *caller, q *byID) (*memory.Record, error) {
	r, err := s.plugin.Store.Record(ctx, c.scope, q.ID)
	r.Embedding, r.Model = nil, ""
	return &r, err
}

type deleteRequest struct {
	byID
	Derived bool `json:"derived,omitempty" jsonschema:"also what was made from it; else that is an error, and nothing is deleted"`
	DryRun  bool `json:"dry_run,omitempty" jsonschema:"delete nothing, and tell what would go"`
}

type deleted struct {
	IDs     []memory.ID `json:"ids" jsonschema:"all that was deleted"`
	Derived int         `json:"derived" jsonschema:"how many of them only rested on it"`
}

func (s *Server) delete(ctx context.Context, c *caller, q *deleteRequest) (*deleted, error) {
	if err := c.writes(); err != nil {
		return nil, err
	}
	s.writer.Wait() // an answer that rests on it may be on its way
	if q.DryRun {
		return s.wouldDelete(ctx, c.scope, q.ID)
	}
	d, err := s.plugin.Store.Delete(ctx, c.scope, []memory.ID{q.ID}, &memory.DeleteOptions{Derived: q.Derived})
	return &deleted{d.IDs, d.Derived}, err
}

// wouldDelete tells what a deletion would delete: the memory, and what rests on it. It reads all memories of the scope.
func (s *Server) wouldDelete(ctx context.Context, scope memory.Scope, id memory.ID) (*deleted, error) {
	if _, err := s.plugin.Store.Record(ctx, scope, id); err != nil {
		return nil, err
	}
	resting := map[memory.ID][]memory.ID{} // by what they rest on
	for r, err := range s.plugin.Store.All(ctx, scope, &memory.AllOptions{History: true}) {
		if err != nil {
			return nil, err
		}
		for _, source := range r.DerivedFrom {
			resting[source] = append(resting[source], r.ID)
		}
	}
	d := &deleted{IDs: []memory.ID{id}}
	for i := 0; i < len(d.IDs); i++ {
		for _, on := range resting[d.IDs[i]] {
			if !slices.Contains(d.IDs, on) {
				d.IDs = append(d.IDs, on)
			}
		}
	}
	d.Derived = len(d.IDs) - 1
	return d, nil
}

func (s *Server) history(ctx context.Context, c *caller, q *byID) (*memory.History, error) {
	h, err := s.plugin.Store.History(ctx, c.scope, q.ID)
	return &h, err
}

type supersedeRequest struct {
	byID
	Memory newMemory   `json:"memory" jsonschema:"what takes its place"`
	Also   []memory.ID `json:"also,omitempty" jsonschema:"others that it takes the place of"`
}

type made struct {
	ID memory.ID `json:"id"`
}

func (s *Server) supersede(ctx context.Context, c *caller, q *supersedeRequest) (*made, error) {
	if err := c.writes(); err != nil {
		return nil, err
	}
	r, err := q.Memory.record(c.scope)
	if err != nil {
		return nil, err
	}
	id, err := s.plugin.Store.Supersede(ctx, c.scope, r, append([]memory.ID{q.ID}, q.Also...)...)
	return &made{id}, err
}

func (s *Server) undo(ctx context.Context, c *caller, q *byID) (*memory.History, error) {
	if err := c.writes(); err != nil {
		return nil, err
	}
	if err := s.plugin.Store.Undo(ctx, c.scope, q.ID); err != nil {
		return nil, err
	}
	return s.history(ctx, c, q)
}

// question is what recall is asked.
type question struct {
	Query   string            `json:"query" jsonschema:"words in double quotes must occur as a phrase, word* as a beginning, and -word must not occur"`
	Limit   int               `json:"limit,omitempty" jsonschema:"how many; the configured number if it is not given, at most 500"`
	Session string            `json:"session,omitempty"`
	At      time.Time         `json:"at,omitzero" jsonschema:"what was known and true then; now if it is not given"`
	Since   time.Time         `json:"since,omitzero" jsonschema:"only what was said from then on"`
	Until   time.Time         `json:"until,omitzero" jsonschema:"only what was said before then"`
	Kinds   []memory.Kind     `json:"kinds,omitempty"`
	Where   map[string]string `json:"where,omitempty" jsonschema:"only with this metadata"`
}

// query is the question in a scope.
func (q *question) query(c *caller) (memory.Scope, memory.Query, error) {
	scope, err := within(c.scope, q.Session)
	if err == nil {
		err = bounded("limit", q.Limit, mostPage)
	}
	return scope, memory.Query{Text: q.Query, Limit: q.Limit, At: q.At, Since: q.Since, Until: q.Until, Kinds: q.Kinds, Where: q.Where}, err
}

type searchRequest struct {
	question
	Budget int `json:"budget,omitempty" jsonschema:"pack the memories into so many tokens, ready for a prompt"`
}

type found struct {
	Query       string             `json:"query"`
	Scope       memory.Scope       `json:"scope"`
	Memories    []refine.Recalled  `json:"memories" jsonschema:"best first"`
	Certificate refine.Certificate `json:"certificate" jsonschema:"how near to its fixed point the ranking is"`
	Packed      *refine.Packed     `json:"packed,omitempty"`
	Ms          float64            `json:"ms"`
}

func (s *Server) search(ctx context.Context, c *caller, q *searchRequest) (*found, error) {
	start := time.Now()
	scope, query, err := q.query(c)
	if err != nil {
		return nil, err
	}
	r, err := s.plugin.Recall(ctx, scope, query)
	if err != nil {
		return nil, err
	}
	f := &found{Query: q.Query, Scope: scope, Memories: r.Memories, Certificate: r.Certificate}
	shown := integration.IDs(r.Memories)
	if q.Budget > 0 {
		notes := integration.Pack(r, q.Query, q.Budget, nil, nil)
		f.Packed, shown = &notes.Packed, append(shown, integration.IDs(notes.Memories)...)
	}
	slices.Sort(shown)
	s.of(c).Shown(scope, slices.Compact(shown)...) // what was packed was recalled, but for what summaries were opened into
	f.Ms = float64(time.Since(start).Microseconds()) / 1000
	return f, nil
}

func (s *Server) explain(ctx context.Context, c *caller, q *question) (*integration.Explanation, error) {
	scope, query, err := q.query(c)
	if err != nil {
		return nil, err
	}
	return s.plugin.Explain(ctx, scope, query)
}

type askRequest struct {
	Question  string                `json:"question"`
	Messages  []specialists.Message `json:"messages,omitempty" jsonschema:"the conversation before the question"`
	Draft     string                `json:"draft,omitempty" jsonschema:"an answer that somebody else wrote, to be refined"`
	Session   string                `json:"session,omitempty"`
	Limit     int                   `json:"limit,omitempty" jsonschema:"memories that are recalled"`
	Budget    int                   `json:"budget,omitempty" jsonschema:"tokens of memories in the prompt"`
	Refine    refine.Refinement     `json:"refine,omitempty" jsonschema:"off, auto (unless the first draft passes) or always"`
	Rounds    int                   `json:"rounds,omitempty" jsonschema:"most rounds"`
	MaxTokens int                   `json:"max_tokens,omitempty" jsonschema:"of all prompts and completions together"`
	At        time.Time             `json:"at,omitzero" jsonschema:"the moment of the question; now if it is not given"`
	Remember  bool                  `json:"remember,omitempty" jsonschema:"write the question and the answer back"`
	Stream    bool                  `json:"stream,omitempty" jsonschema:"answer with server-sent events: memories, token, round, answer; error if it fails"`
	Eager     bool                  `json:"eager,omitempty" jsonschema:"stream the first draft as it is written, before it is refined"`
}

// mostRounds bounds what a request may ask for.
const mostRounds = 20

func (s *Server) askRequest(c *caller, q *askRequest) (integration.Request, error) {
	var none integration.Request
	scope, err := within(c.scope, q.Session)
	if err != nil {
		return none, err
	}
	if q.Remember {
		if err := c.writes(); err != nil {
			return none, err
		}
	}
	if q.Refine != "" && !known(q.Refine) {
		return none, badField("refine", noRefinement, q.Refine)
	}
	if err := cmp.Or(bounded("limit", q.Limit, mostPage), bounded("budget", q.Budget, 1<<20), bounded("rounds", q.Rounds, mostRounds), bounded("max_tokens", q.MaxTokens, 1<<30)); err != nil {
		return none, err
	}
	return integration.Request{Scope: scope, Question: q.Question, Messages: q.Messages, Draft: q.Draft, Limit: q.Limit, Budget: q.Budget,
		Refine: q.Refine, Remember: q.Remember, Eager: q.Eager, At: q.At, Rounds: q.Rounds, MaxTokens: q.MaxTokens}, nil
}

// ask answers a question, as one piece of JSON or as a stream of events.
func (s *Server) ask(w http.ResponseWriter, r *http.Request) error {
	var q askRequest
	if err := decode(w, r, &q); err != nil {
		return err
	}
	request, err := s.askRequest(callerOf(r.Context()), &q)
	if err != nil {
		return err
	}
	ctx, span := s.tracer.Start(r.Context(), "refine")
	defer span.End()
	var answer *integration.Answer
	for event, err := range s.of(callerOf(r.Context())).AskStream(ctx, request) {
		if err != nil {
			if q.Stream && w.Header().Get("Content-Type") != "" {
				return sendEvent(w, chatwire.EventStream, "error", map[string]any{"error": asFailure(err)})
			}
			return err
		}
		if event.Type == integration.EventRound {
			s.roundSpan(ctx, event.Round)
		}
		if event.Type == integration.EventAnswer {
			answer = event.Answer
			s.noteAnswer(span, answer)
		}
		if q.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
			if err := sendEvent(w, chatwire.EventStream, event.Type, event); err != nil {
				return nil // the client is gone
			}
		}
	}
	if !q.Stream && answer != nil {
		writeJSON(w, http.StatusOK, answer)
	}
	return nil
}
