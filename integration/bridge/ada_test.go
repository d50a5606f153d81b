package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/adapters/ada"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/bridge"
	"github.com/trm-go/refiner/internal/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

// asAda serves a plugin as an Ada over real HTTP.
func asAda(t *testing.T, p *integration.Plugin, scope memory.Scope, s *ada.Settings) *ada.Client {
	t.Helper()
	web := httptest.NewServer(ada.Handler(bridge.Ada(p, scope, s), nil))
	t.Cleanup(web.Close)
	c, err := ada.NewClient(&ada.ClientOptions{BaseURL: web.URL, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAdaChat(t *testing.T) {
	p := known(t)
	c := asAda(t, p, memory.Scope{}, nil)
	text, summary, err := c.Answer(t.Context(), ada.ChatRequest{Prompt: "Where did Ruth move?", UserTimestamp: "2025-04-01T10:00:00+00:00"})
	if err != nil || !strings.Contains(text, "Lisbon") {
		t.Fatalf("%q, %v", text, err)
	}
	if summary.ConversationID == "" || len(summary.RequestID) != 8 || summary.UserTimestamp != "2025-04-01T10:00:00+00:00" || summary.LatencyBreakdown.TotalMs <= 0 || !summary.LatencyBreakdown.Retrieved {
		t.Errorf("the summary is %+v", summary)
	}
	var context struct{ Memories []string }
	if err := json.Unmarshal(summary.UsedContext, &context); err != nil || len(context.Memories) == 0 || context.Memories[0] != "My sister Ruth moved to Lisbon." {
		t.Errorf("the context is %s, %v", summary.UsedContext, err)
	}
	// The next question goes on with the conversation, whose turns are remembered.
	if _, again, err := c.Answer(t.Context(), ada.ChatRequest{Message: "And what do I bake?", ConversationID: summary.ConversationID}); err != nil || again.ConversationID != summary.ConversationID {
		t.Errorf("%+v, %v", again, err)
	}
	turns, err := c.Conversation(t.Context(), summary.ConversationID)
	if err != nil || len(turns) != 4 || turns[0].Text != "Where did Ruth move?" || turns[0].Role != "user" || !strings.HasPrefix(turns[0].Timestamp, "2025-04-01T10:00:00") ||
		turns[1].Role != "assistant" || turns[2].Text != "And what do I bake?" {
		t.Errorf("the turns are %+v, %v", turns, err)
	}
	records := stored(t, p, p.Scope)
	for i, r := range records {
		if r.Position != i || r.Scope.Session != summary.ConversationID {
			t.Errorf("record %d is at %d of %s", i, r.Position, r.Scope.Session)
		}
	}
	if a := records[1]; a.Origin != memory.Reconstructed || len(a.DerivedFrom) == 0 {
		t.Errorf("an answer from memories is %s", a.Origin)
	}
	list, err := c.Recent(t.Context(), 10)
	if err != nil || len(list) != 2 || list[0].ID != summary.ConversationID || list[0].TurnCount != 4 || list[0].Preview != "Where did Ruth move?" || list[1].ID != "1" {
		t.Errorf("the conversations are %+v, %v", list, err)
	}
	for _, r := range []ada.ChatRequest{{Prompt: ""}, {Messages: []ada.Message{{Role: "assistant", Content: "x"}}}} {
		if _, _, err := c.Answer(t.Context(), r); !errors.Is(err, ada.ErrResponse) {
			t.Errorf("no question gives %v", err)
		}
	}
}

// With a model, the conversation that Ada's client sends, or that is remembered, reaches it.
func TestAdaChatWithModel(t *testing.T) {
	server, err := scripted.New(scripted.Says("Ruth moved to Lisbon. [1]"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	set := settings(t)
	set.Model.Type, set.Model.Model, set.Model.BaseURL = "openai", "m", server.URL
	p := create(t, set)
	if _, err := p.Remember(t.Context(), turn(0, "My sister Ruth moved to Lisbon.")); err != nil {
		t.Fatal(err)
	}
	c := asAda(t, p, memory.Scope{}, nil)
	for _, r := range []ada.ChatRequest{
		{Messages: []ada.Message{{Role: "user", Content: "Hello"}, {Role: "assistant", Content: "Hi!"}, {Role: "user", Content: "Where did Ruth move?"}}, ConversationID: "c"},
		{Prompt: "Where did Ruth move?", ConversationID: "c"},
	} {
		text, summary, err := c.Answer(t.Context(), r)
		if err != nil || !strings.Contains(text, "Lisbon") || summary.LatencyBreakdown.InferenceMs <= 0 {
			t.Errorf("%q, %+v, %v", text, summary, err)
		}
	}
	requests := server.Requests()
	if len(requests) < 2 {
		t.Fatalf("the model was asked %d times", len(requests))
	}
	has := func(r scripted.Request, text string) bool {
		for _, m := range r.Messages {
			if strings.Contains(m.Content, text) {
				return true
			}
		}
		return false
	}
	if !has(requests[0], "Hi!") || !has(requests[0], "moved to Lisbon") {
		t.Errorf("it read %+v", requests[0].Messages)
	}
	if last := requests[len(requests)-1]; !has(last, "Ruth moved to Lisbon. [1]") {
		t.Errorf("the remembered turn is not before the question: %+v", last.Messages)
	}
}

func TestAdaMemories(t *testing.T) {
	p := known(t)
	c := asAda(t, p, memory.Scope{}, nil)
	eve := asAda(t, p, memory.Scope{User: "eve"}, nil)
	ctx := t.Context()
	five := ada.Number(5)
	tea, err := c.AddMemory(ctx, ada.NewMemory{Text: "Luna likes green tea.", Importance: &five, Entity: "luna", Tags: "food"})
	if err != nil {
		t.Fatal(err)
	}
	rain, err := c.AddMemory(ctx, ada.NewMemory{Text: "It rains in Graz."})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Store.Record(ctx, p.Scope, memory.ID(tea))
	if err != nil || r.Importance != 1 || r.Kind != memory.KindFact || r.Origin != memory.Observed {
		t.Errorf("stored %+v, %v", r, err)
	}
	list, err := c.Memories(ctx, ada.MemoryQuery{})
	if err != nil || len(list) != 2 || *list[0].ID != rain || *list[1].ID != tea || *list[1].Meta.Importance != 5 || list[1].Meta.Scope != "entity:luna" || list[1].Meta.Tags != "food" || list[1].Meta.Type != "memory" || list[0].Meta.Scope != "global" {
		t.Errorf("the memories are %+v, %v", list, err)
	}
	for _, test := range []struct {
		q    ada.MemoryQuery
		want string // the first; empty: none
		n    int
	}{
		{ada.MemoryQuery{Limit: 1}, "It rains in Graz.", 1},
		{ada.MemoryQuery{Entity: "luna"}, "Luna likes green tea.", 1},
		{ada.MemoryQuery{Scope: "global"}, "It rains in Graz.", 1},
		{ada.MemoryQuery{Scope: "entity:none"}, "", 0},
		{ada.MemoryQuery{Type: "turn"}, "I bake rye bread.", 2},
		{ada.MemoryQuery{Query: "What does Luna drink, \"tea\" -or coffee?", Limit: 1}, "Luna likes green tea.", 1},
		{ada.MemoryQuery{Query: "tea", Entity: "luna"}, "Luna likes green tea.", 1},
		{ada.MemoryQuery{Query: "Graz", Scope: "global", Type: "memory"}, "It rains in Graz.", 1},
		{ada.MemoryQuery{Query: "Where did Ruth move?", Limit: 1}, "My sister Ruth moved to Lisbon.", 1},
	} {
		got, err := c.Memories(ctx, test.q)
		if err != nil || len(got) != test.n || test.n > 0 && (got[0].Text != test.want || got[0].ID == nil) {
			t.Errorf("%+v gives %+v, %v", test.q, got, err)
		}
	}
	if got, err := eve.Memories(ctx, ada.MemoryQuery{Query: "tea"}); err != nil || len(got) != 0 {
		t.Errorf("eve sees %+v, %v", got, err)
	}
	var status *ada.StatusError
	if err := eve.DeleteMemory(ctx, tea); !errors.As(err, &status) || status.Status != http.StatusNotFound {
		t.Errorf("eve deletes: %v", err)
	}
	if err := c.DeleteMemory(ctx, tea); err != nil {
		t.Error(err)
	}
	if list, err := c.Memories(ctx, ada.MemoryQuery{}); err != nil || len(list) != 1 {
		t.Errorf("after it there are %+v, %v", list, err)
	}

	// What a chat is asked to keep: a text of the user's, or the answer, which says where it is from.
	if _, _, err := c.Answer(ctx, ada.ChatRequest{Prompt: "Hello there", SaveMemory: true, MemoryText: "Luna has a cat.", MemoryImportance: &five}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Answer(ctx, ada.ChatRequest{Prompt: "Where did Ruth move?", SaveMemory: true}); err != nil {
		t.Fatal(err)
	}
	list, err = c.Memories(ctx, ada.MemoryQuery{Limit: 2})
	if err != nil || len(list) != 2 || list[1].Text != "Luna has a cat." || list[1].Meta.Origin != "observed" || !strings.Contains(list[0].Text, "Lisbon") || list[0].Meta.Origin != "reconstructed" {
		t.Errorf("kept %+v, %v", list, err)
	}
}

// idle is a specialist that finds nothing.
type idle struct{}

func (idle) Name() string  { return "idle" }
func (idle) Priority() int { return 10 }
func (idle) Examine(context.Context, *specialists.Task, specialists.Draft) (specialists.Finding, error) {
	return specialists.Finding{}, nil
}

func TestAdaTells(t *testing.T) {
	p := known(t)
	p.Specialists = []specialists.Specialist{idle{}}
	c := asAda(t, p, memory.Scope{}, nil)
	if h, err := c.Health(t.Context()); err != nil || !h.OK || h.Service != "brain" || h.Persona.Loaded {
		t.Errorf("%+v, %v", h, err)
	}
	if i, err := c.Info(t.Context()); err != nil || !i.Features["memory"] || len(i.Endpoints) == 0 || i.Models["embedding"] == "" {
		t.Errorf("%+v, %v", i, err)
	}
	if s, err := c.Specialists(t.Context()); err != nil || len(s) != 1 || s[0].Name != "idle" || s[0].Priority != "high" || !s[0].Enabled {
		t.Errorf("%+v, %v", s, err)
	}
	p.Close()
	if h, err := c.Health(t.Context()); err == nil || h.OK {
		t.Errorf("without a store it is %+v, %v", h, err)
	}
}

// The settings of an Ada's environment reach the recursion of its backend, and no other.
func TestAdaSettings(t *testing.T) {
	p := known(t)
	s, err := ada.FromEnv(func(name string) string {
		return map[string]string{"IMPORTANCE_WEIGHT_DECAY": "100", "MEMORY_DECAY_TIME_SCALE_HOURS": "0.001", "RAG_MEMORY_TOP_K": "1", "RAG_ENABLE_TURN": "false"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	c := asAda(t, p, memory.Scope{}, &s)
	_, summary, err := c.Answer(t.Context(), ada.ChatRequest{Prompt: "Where did Ruth move?"})
	if err != nil {
		t.Fatal(err)
	}
	var context struct{ Memories []string }
	if err := json.Unmarshal(summary.UsedContext, &context); err != nil || len(context.Memories) != 1 {
		t.Errorf("one memory was to be recalled: %s, %v", summary.UsedContext, err)
	}
	if got := stored(t, p, p.Scope); len(got) != 0 {
		t.Errorf("remembered %+v", got)
	}
	if o := p.Options(); o.Weights != importance.Default || o.Times.HalfLife != 0 {
		t.Errorf("the plugin's own options are %+v", o)
	}
}

// An Ada is read once and only once, whoever serves it.
func TestImportAda(t *testing.T) {
	source := known(t)
	from := asAda(t, source, memory.Scope{}, nil)
	for i := range 120 {
		if _, err := from.AddMemory(t.Context(), ada.NewMemory{Text: fmt.Sprintf("Fact %d of Luna.", i)}); err != nil {
			t.Fatal(err)
		}
	}
	p := create(t, settings(t))
	added, full, err := bridge.ImportAda(t.Context(), p, memory.Scope{User: "luna"}, from)
	if err != nil || added.Count != 2+ada.MaxMemories || !full {
		t.Errorf("added %d, full %v, %v", added.Count, full, err)
	}
	if again, _, err := bridge.ImportAda(t.Context(), p, memory.Scope{User: "luna"}, from); err != nil || again.Count != 0 {
		t.Errorf("again it added %d, %v", again.Count, err)
	}
	r, err := p.RecallIn(t.Context(), memory.Scope{User: "luna"}, memory.Query{Text: "Where did Ruth move?", Limit: 1})
	if err != nil || len(r.Memories) != 1 || r.Memories[0].Text != "My sister Ruth moved to Lisbon." || r.Memories[0].Scope.Session != "1" {
		t.Errorf("recalled %+v, %v", r, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := bridge.ImportAda(ctx, p, memory.Scope{User: "x"}, from); err == nil {
		t.Error("a cancelled import ends well")
	}
}
