package mcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// tools are the handlers of one scope's tools.
type tools struct {
	plugin  *integration.Plugin
	scope   memory.Scope
	budget  int
	timeout time.Duration
	log     *slog.Logger
	schemas map[string]*jsonschema.Schema // of each tool's arguments
}

// The bounds of what a tool takes.
const (
	maxQuestion = 4000  // characters
	maxText     = 20000 // characters of one memory
	maxIDs      = 100
	maxLimit    = 50
	usualLimit  = 10
)

// add adds the tools, the resource and the prompt to a server.
func (t *tools) add(s *sdk.Server, readOnly bool) {
	reads := &sdk.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: new(bool)}
	addTool(t, s, &sdk.Tool{Name: "recall", Title: "Recall memories", Annotations: reads, Description: "Finds what the user's memory holds about a question: " +
		"turns, facts and summaries, best first. Ask a whole sentence with its names, dates and things; ask again in other words if something is missing. " +
		"The nearest come even if they do not answer: if none does, say that nothing is known."},
		t.recall)
	addTool(t, s, &sdk.Tool{Name: "explain", Title: "Explain a recall", Annotations: reads, Description: "Tells for each memory that recall returns why: signals, weight, and where it comes from. " +
		"For when the user asks why something was remembered or missed."}, t.explain)
	addTool(t, s, &sdk.Tool{Name: "history", Title: "History of a memory", Annotations: reads, Description: "Shows all versions of a memory and what replaced what, when. For what was true before, or since when."}, t.history)
	addTool(t, s, &sdk.Tool{Name: "ask", Title: "Answer from memory", Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: new(bool)},
		Description: "Answers from the memories alone, each statement with the memory that supports it. Slower than recall; for " +
			"answers that must hold nothing else."}, t.ask)
	if !readOnly {
		addTool(t, s, &sdk.Tool{Name: "remember", Title: "Remember", Annotations: &sdk.ToolAnnotations{DestructiveHint: new(bool), IdempotentHint: true, OpenWorldHint: new(bool)},
			Description: "Keeps one statement for later conversations, as a whole sentence that is understood without this one: names " +
				"instead of pronouns, dates instead of \"yesterday\". What is known word for word is not added again; what is replaced stays in the history. No passwords or keys."}, t.remember)
		addTool(t, s, &sdk.Tool{Name: "forget", Title: "Forget for good", Annotations: &sdk.ToolAnnotations{DestructiveHint: new(true), IdempotentHint: true, OpenWorldHint: new(bool)},
			Description: "Deletes memories for good, from the store and its snapshots, with what was derived from them. The answer names versions " +
				"that are still kept. Only when the user asks, with ids from recall that you have named to them. To correct a memory, remember with \"replaces\"."}, t.forget)
	}
	t.addResource(s)
	t.addPrompt(s)
}

// schemasOf are the schemas of a tool's input, inferred from the struct: the one that a model is shown, and that with the bounds that
// arguments are held against, which cost a model tokens and tell it nothing.
func schemasOf[T any]() (shown, strict *jsonschema.Schema) {
	shown, err := jsonschema.For[T](nil)
	if err != nil {
		panic(err) // the types are below
	}
	for name, p := range shown.Properties {
		if n := len(p.Types); n > 0 { // what may be left out need not be null as well
			p.Type, p.Types = p.Types[n-1], nil
		}
		switch name {
		case "kind":
			p.Enum = []any{"fact", "turn", "persona", "faq"}
		case "kinds":
			p.Items.Enum = []any{"turn", "fact", "summary", "persona", "faq"}
		}
	}
	strict = shown.CloneSchemas()
	for name, p := range strict.Properties {
		if bound := bounds[name]; bound != nil {
			bound(p)
		}
	}
	return shown, strict
}

// bounds are those of each argument, by its name. An argument of one name means the same in every tool.
var bounds = map[string]func(*jsonschema.Schema){
	"question":     func(s *jsonschema.Schema) { s.MinLength, s.MaxLength = new(1), new(maxQuestion) },
	"text":         func(s *jsonschema.Schema) { s.MinLength, s.MaxLength = new(1), new(maxText) },
	"speaker":      func(s *jsonschema.Schema) { s.MaxLength = new(200) },
	"limit":        func(s *jsonschema.Schema) { s.Minimum, s.Maximum = new(1.), new(float64(maxLimit)) },
	"importance":   func(s *jsonschema.Schema) { s.Minimum, s.Maximum = new(0.), new(1.) },
	"kinds":        func(s *jsonschema.Schema) { s.MaxItems = new(5) },
	"id":           oneID,
	"ids":          func(s *jsonschema.Schema) { manyIDs(s); s.MinItems = new(1) },
	"replaces":     manyIDs,
	"derived_from": manyIDs,
}

func oneID(s *jsonschema.Schema) { s.MinLength, s.MaxLength = new(1), new(100) }

func manyIDs(s *jsonschema.Schema) {
	s.MaxItems = new(maxIDs)
	oneID(s.Items)
}

// addTool adds a tool whose handler returns what it found and the same as text.
func addTool[In, Out any](t *tools, s *sdk.Server, tool *sdk.Tool, handler func(context.Context, In) (Out, string, error)) {
	tool.InputSchema, t.schemas[tool.Name] = schemasOf[In]()
	sdk.AddTool(s, tool, func(ctx context.Context, _ *sdk.CallToolRequest, args In) (*sdk.CallToolResult, Out, error) {
		ctx, stop := context.WithTimeout(ctx, t.timeout)
		defer stop()
		out, text, err := handler(ctx, args)
		if err != nil {
			return nil, out, t.failure(ctx, tool.Name, err)
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}, out, nil
	})
}

type recallIn struct {
	Question string   `json:"question" jsonschema:"as a whole sentence"`
	Limit    int      `json:"limit,omitempty" jsonschema:"default 10"`
	Since    string   `json:"since,omitempty" jsonschema:"only what was said from then on, like 2025-03-09"`
	Until    string   `json:"until,omitempty" jsonschema:"only what was said before then"`
	At       string   `json:"at,omitempty" jsonschema:"what was known and true then"`
	Kinds    []string `json:"kinds,omitempty" jsonschema:"only these"`
}

// query is the question as the memory takes it. Operators of the search are taken out of the text: a model that writes a
// quotation or a dash means no more by it.
func (a *recallIn) query() (memory.Query, error) {
	q := memory.Query{Text: text.Query(a.Question), Limit: cmp.Or(a.Limit, usualLimit)}
	for _, kind := range a.Kinds {
		q.Kinds = append(q.Kinds, memory.Kind(kind))
	}
	return q, errors.Join(when("since", a.Since, &q.Since), when("until", a.Until, &q.Until), when("at", a.At, &q.At))
}

// when reads a time; one that is left out is the zero time, one without a zone is UTC.
func when(name, s string, to *time.Time) error {
	if s == "" {
		return nil
	}
	var ok bool
	if *to, ok = text.ParsePeriod(s); !ok {
		return fmt.Errorf("%w: %s is %.40q, not a time: write it like 2025-03-09 or 2025-03-09T18:30:00Z", memory.ErrInvalid, name, s)
	}
	return nil
}

// recall recalls within the budget, and counts what it shows.
func (t *tools) recall(ctx context.Context, a recallIn) (found, string, error) {
	q, err := a.query()
	if err != nil {
		return found{}, "", err
	}
	r, err := t.plugin.Recall(ctx, t.scope, q)
	if err != nil {
		return found{}, "", err
	}
	notes := integration.Pack(r, q.Text, t.budget, refine.Mark(true), nil)
	t.plugin.Shown(t.scope, integration.IDs(notes.Memories)...)
	out := foundOf(r, notes)
	return out, out.text(r, &notes.Packed), nil
}

type explainIn struct {
	Question string `json:"question" jsonschema:"as for recall"`
	Limit    int    `json:"limit,omitempty" jsonschema:"default 10"`
}

func (t *tools) explain(ctx context.Context, a explainIn) (explained, string, error) {
	q, err := (&recallIn{Question: a.Question, Limit: a.Limit}).query()
	if err != nil {
		return explained{}, "", err
	}
	e, err := t.plugin.Explain(ctx, t.scope, q)
	if err != nil {
		return explained{}, "", err
	}
	return explainedOf(e), explainedText(e), nil
}

type historyIn struct {
	ID string `json:"id" jsonschema:"id of any version of the memory"`
}

func (t *tools) history(ctx context.Context, a historyIn) (versions, string, error) {
	h, err := t.plugin.Store.History(ctx, t.scope, memory.ID(a.ID))
	if err != nil {
		return versions{}, "", err
	}
	out := versions{Versions: []view{}, Events: append([]memory.Event{}, h.Events...)}
	for i := range h.Records {
		out.Versions = append(out.Versions, viewOf(&h.Records[i]))
	}
	return out, historyText(&h), nil
}

type askIn struct {
	Question string `json:"question" jsonschema:"as a whole sentence"`
}

func (t *tools) ask(ctx context.Context, a askIn) (answer, string, error) {
	made, err := t.plugin.Ask(ctx, integration.Request{Scope: t.scope, Question: a.Question})
	if err != nil {
		return answer{}, "", err
	}
	out := answer{Text: made.Text, Claims: append([]claim{}, made.Claims...), Memories: []memory.ID{}, Stop: string(made.Stop), Rounds: len(made.Rounds)}
	for _, m := range made.Memories {
		out.Memories = append(out.Memories, m.ID)
	}
	return out, out.text(), nil
}

type rememberIn struct {
	Text        string   `json:"text" jsonschema:"one sentence or a few"`
	Kind        string   `json:"kind,omitempty" jsonschema:"fact (default); turn: verbatim; persona: who somebody is; faq: a question and its answer"`
	Speaker     string   `json:"speaker,omitempty" jsonschema:"whose statement it is, if not the user's"`
	Said        string   `json:"said,omitempty" jsonschema:"when, like 2025-03-09; default now"`
	ValidFrom   string   `json:"valid_from,omitempty" jsonschema:"since when it is true"`
	ValidUntil  string   `json:"valid_until,omitempty" jsonschema:"until when it is true"`
	Importance  *float64 `json:"importance,omitempty" jsonschema:"0 to 1, default 0.5"`
	Pin         bool     `json:"pin,omitempty" jsonschema:"show it in every conversation: for what must never be missed, like an allergy"`
	Replaces    []string `json:"replaces,omitempty" jsonschema:"ids of what it corrects or brings up to date"`
	DerivedFrom []string `json:"derived_from,omitempty" jsonschema:"ids that this is your own conclusion from"`
}

func (t *tools) remember(ctx context.Context, a rememberIn) (remembered, string, error) {
	r, err := t.record(ctx, &a)
	if err != nil {
		return remembered{}, "", err
	}
	if old := ids(a.Replaces); len(old) > 0 {
		id, err := t.plugin.Supersede(ctx, t.scope, r, old...)
		return remembered{ID: id, Added: true}, fmt.Sprintf("Remembered as %s, in the place of %s.", id, strings.Join(a.Replaces, ", ")), err
	}
	id, err := t.known(ctx, &r)
	if err != nil {
		return remembered{}, "", err
	}
	if id != "" {
		return remembered{ID: id}, fmt.Sprintf("That is known already, word for word, as %s; nothing was added.", id), nil
	}
	added, err := t.plugin.Remember(ctx, t.scope, r)
	if err != nil {
		return remembered{}, "", err
	}
	return remembered{ID: added.IDs[0], Added: true}, fmt.Sprintf("Remembered as %s.", added.IDs[0]), nil
}

// record is what the arguments say to keep.
func (t *tools) record(ctx context.Context, a *rememberIn) (memory.Record, error) {
	r := memory.Record{Kind: cmp.Or(memory.Kind(a.Kind), memory.KindFact), Role: "user", Speaker: a.Speaker, Text: strings.TrimSpace(a.Text), Position: -1,
		Created: time.Now().UTC(), Importance: .5, Confidence: 1, Origin: memory.Observed, Meta: map[string]string{"source": "mcp"}}
	if a.Importance != nil {
		r.Importance = *a.Importance
	}
	if a.Pin {
		r.Importance, r.Meta[memory.MetaPinned] = 1, "true"
	}
	if err := errors.Join(when("said", a.Said, &r.Created), when("valid_from", a.ValidFrom, &r.ValidFrom), when("valid_until", a.ValidUntil, &r.ValidUntil)); err != nil {
		return r, err
	}
	if len(a.DerivedFrom) > 0 {
		r.Origin, r.Role, r.DerivedFrom = memory.Reconstructed, "assistant", ids(a.DerivedFrom)
		for _, id := range r.DerivedFrom {
			source, err := t.plugin.Store.Record(ctx, t.scope, id)
			if err != nil {
				return r, err
			}
			r.Confidence = min(r.Confidence, source.Confidence)
		}
	}
	return r, nil
}

// known is the id of a live memory with the same words, or empty. It keeps what was only recalled from coming back as
// something new. The words are looked up as a phrase, so that no ranking can miss them.
func (t *tools) known(ctx context.Context, r *memory.Record) (memory.ID, error) {
	words := strings.Fields(text.Query(r.Text))
	n := 0
	for i, w := range words { // the words at its beginning find it as well
		if n += len(w) + 1; n > maxQuestion {
			words = words[:i]
			break
		}
	}
	if len(words) == 0 {
		return "", nil
	}
	near, err := t.plugin.Recall(ctx, t.scope, memory.Query{Text: `"` + strings.Join(words, " ") + `"`, Kinds: []memory.Kind{r.Kind}, Limit: maxLimit})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(near.Memories, func(m refine.Recalled) bool {
		return strings.EqualFold(strings.Join(strings.Fields(m.Text), " "), strings.Join(strings.Fields(r.Text), " "))
	})
	if i < 0 {
		return "", nil
	}
	return near.Memories[i].ID, nil
}

type forgetIn struct {
	IDs []string `json:"ids" jsonschema:"as recall returned them"`
}

func (t *tools) forget(ctx context.Context, a forgetIn) (forgotten, string, error) {
	if len(a.IDs) == 0 {
		return forgotten{}, "", fmt.Errorf("%w: name the memories to forget by their ids", memory.ErrInvalid)
	}
	asked := ids(a.IDs)
	var versions []memory.ID // of the same memories
	for _, id := range asked {
		h, err := t.plugin.Store.History(ctx, t.scope, id)
		if err != nil {
			return forgotten{}, "", err
		}
		for _, r := range h.Records {
			versions = append(versions, r.ID)
		}
	}
	deleted, err := t.plugin.Forget(ctx, t.scope, asked...)
	if err != nil {
		return forgotten{}, "", err
	}
	out := forgottenOf(asked, versions, deleted)
	return out, out.text(), nil
}

// ids are the ids of a list, each once.
func ids(list []string) []memory.ID {
	var out []memory.ID
	for _, id := range list {
		if id := memory.ID(strings.TrimSpace(id)); !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
