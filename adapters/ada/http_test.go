package ada_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trm-go/refiner/adapters/ada"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/memory"
)

// brain is an Ada with two memories, and one conversation.
type brain struct{ asked *ada.ChatRequest }

func (b *brain) Chat(ctx context.Context, r ada.ChatRequest) iter.Seq2[ada.Event, error] {
	b.asked = &r
	return func(yield func(ada.Event, error) bool) {
		switch r.Question() {
		case "fail":
			yield(ada.Event{}, fmt.Errorf("the question: %w", memory.ErrInvalid))
			return
		case "break":
			if yield(ada.Event{Type: ada.Token, Content: "Hel"}, nil) {
				yield(ada.Event{}, errors.New("secret trouble"))
			}
			return
		}
		for _, e := range []ada.Event{{Type: ada.SpecialistResult, Named: true, Specialist: "grounding", Confidence: .5}, {Type: ada.Token, Content: "You said: "}, {Type: ada.Token, Content: r.Question()},
			{Type: ada.Done, Summary: &ada.Summary{ConversationID: r.ConversationID, RequestID: "12345678", LatencyBreakdown: &ada.Latency{TotalMs: 1}}}} {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (b *brain) Memories(ctx context.Context, q ada.MemoryQuery) ([]ada.Memory, error) {
	id, stars := "m1", ada.Number(4)
	list := []ada.Memory{{ID: &id, Text: "Luna likes tea.", Meta: ada.Meta{Type: "memory", Scope: "global", Importance: &stars, Tags: "food,drink", Timestamp: "2025-12-26T10:00:00.5+00:00"}},
		{Text: fmt.Sprintf("%+v", q), Meta: ada.Meta{Type: "summary", Source: "consolidation"}}}
	return list, nil
}

func (b *brain) AddMemory(ctx context.Context, m ada.NewMemory) (string, error) {
	return fmt.Sprintf("%s/%s/%s/%.3f", m.Text, m.InScope(), m.Tags, ada.Importance(m.Importance)), nil
}

func (b *brain) DeleteMemory(ctx context.Context, id string) error {
	if id != "m/1" {
		return fmt.Errorf("%q: %w", id, memory.ErrNotFound)
	}
	return nil
}

func (b *brain) Recent(ctx context.Context, limit int) ([]ada.Conversation, error) {
	return []ada.Conversation{{ID: "c 1", Preview: "Hello", Timestamp: "2025-12-26T10:00:00+00:00", TurnCount: 2}}[:min(limit, 1)], nil
}

func (b *brain) Conversation(ctx context.Context, id string) ([]ada.Turn, error) {
	if id != "c 1" {
		return nil, nil
	}
	return []ada.Turn{{Role: "user", Text: "Hello", Timestamp: "2025-12-26T10:00:00+00:00"}, {Role: "assistant", Text: "Hi!", Timestamp: ""}, {Role: "user", Text: " "}}, nil
}

func (b *brain) Specialists(context.Context) ([]ada.Specialist, error) {
	return []ada.Specialist{{Name: "grounding", Priority: "high", Enabled: true}}, nil
}

func (b *brain) Info(context.Context) (ada.Info, error) {
	return ada.Info{Service: "ada-brain", Features: map[string]bool{"rag": true}}, nil
}

func (b *brain) Health(context.Context) (ada.Health, error) {
	return ada.Health{OK: true, Service: "brain"}, nil
}

// serve serves a brain, and returns a client of it and its address.
func serve(t *testing.T, b ada.Backend) (*ada.Client, string) {
	t.Helper()
	web := httptest.NewServer(ada.Handler(b, &ada.Options{MaxBody: 10_000}))
	t.Cleanup(web.Close)
	c, err := ada.NewClient(&ada.ClientOptions{BaseURL: web.URL + "/", Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c, web.URL
}

// Both sides, and a brain behind a brain, speak of the same things.
func TestBothSides(t *testing.T) {
	inner := &brain{}
	first, _ := serve(t, inner)
	second, _ := serve(t, first) // a client is a backend
	for name, c := range map[string]*ada.Client{"direct": first, "passed on": second} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			var events []string
			for e, err := range c.Chat(ctx, ada.ChatRequest{Messages: []ada.Message{{Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello"}, {Role: "user", Content: "Where is Ruth?"}}, ConversationID: "c", IncludeThinking: true}) {
				if err != nil {
					t.Fatal(err)
				}
				events = append(events, fmt.Sprintf("%s %v %s%s", e.Type, e.Named, e.Content, e.Specialist))
			}
			if want := []string{"specialist_result true grounding", "token false You said: ", "token false Where is Ruth?", "done false "}; !cmp.Equal(events, want) {
				t.Errorf("events %q", events)
			}
			if len(inner.asked.Before()) != 2 || !inner.asked.IncludeThinking {
				t.Errorf("it was asked %+v", inner.asked)
			}
			text, summary, err := c.Answer(ctx, ada.ChatRequest{Prompt: "Hm?", ConversationID: "d"})
			if err != nil || text != "You said: Hm?" || summary.ConversationID != "d" || summary.RequestID != "12345678" || summary.LatencyBreakdown.TotalMs != 1 {
				t.Errorf("%q, %+v, %v", text, summary, err)
			}
			if _, _, err := c.Answer(ctx, ada.ChatRequest{Message: "fail"}); !errors.Is(err, ada.ErrResponse) || !strings.Contains(err.Error(), "400") || !strings.Contains(err.Error(), "invalid") {
				t.Errorf("a failure is %v", err)
			}
			if text, _, err := c.Answer(ctx, ada.ChatRequest{Message: "break"}); text != "Hel" || !errors.Is(err, ada.ErrResponse) || strings.Contains(err.Error(), "secret") {
				t.Errorf("a break gives %q, %v", text, err)
			}
			list, err := c.Memories(ctx, ada.MemoryQuery{Query: "tea", Entity: "luna", Limit: 500})
			if err != nil || len(list) != 2 || *list[0].ID != "m1" || *list[0].Meta.Importance != 4 || list[0].Meta.Tags != "food,drink" || list[1].ID != nil || list[1].Text != "{Query:tea Scope: Entity:luna Type: Limit:100}" {
				t.Errorf("%+v, %v", list, err)
			}
			stars := ada.Number(5)
			if id, err := c.AddMemory(ctx, ada.NewMemory{Text: "x", Importance: &stars, Entity: "luna", Tags: "a,b"}); err != nil || id != "x/entity:luna/a,b/1.000" {
				t.Errorf("added %q, %v", id, err)
			}
			if err := c.DeleteMemory(ctx, "m/1"); err != nil {
				t.Error(err)
			}
			var status *ada.StatusError
			if err := c.DeleteMemory(ctx, "none"); !errors.As(err, &status) || status.Status != http.StatusNotFound {
				t.Errorf("deleting nothing gives %v", err)
			}
			for _, id := range []string{"", ".", ".."} {
				if err := c.DeleteMemory(ctx, id); !errors.Is(err, memory.ErrInvalid) {
					t.Errorf("deleting %q gives %v", id, err)
				}
			}
			if s, err := c.Specialists(ctx); err != nil || len(s) != 1 || s[0].Name != "grounding" {
				t.Errorf("%+v, %v", s, err)
			}
			if i, err := c.Info(ctx); err != nil || i.Service != "ada-brain" || !i.Features["rag"] {
				t.Errorf("%+v, %v", i, err)
			}
			if h, err := c.Health(ctx); err != nil || !h.OK {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

// The bodies that are sent by what talks to Ada, as they are sent.
func TestHandlerTakesWhatClientsSend(t *testing.T) {
	_, url := serve(t, &brain{})
	for _, test := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{"POST", "/v1/chat/stream", `{"prompt": "Hello", "conversation_id": "cli-default", "stream": true}`, 200, `data: {"type":"token","content":"Hello"}`},
		{"POST", "/v1/chat/stream", `{"message": "Hello"}`, 200, `event: specialist_result` + "\n" + `data: {"specialist":"grounding","confidence":0.5}` + "\n\n"},
		{"POST", "/v1/chat/stream", `{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}], "turns_k": "4", "memory_k": null}`, 200, `"content":"Hello"`},
		{"POST", "/v1/chat/stream", `{"prompt": "  "}`, 400, `{"error":"prompt or message required"}`},
		{"POST", "/v1/chat/stream", `{"prompt"`, 400, `{"error":"invalid json"}`},
		{"POST", "/v1/chat/stream", `{"prompt": "` + strings.Repeat("x", 20_000) + `"}`, 413, `{"error":`},
		{"POST", "/v1/memory", `{"text": "x", "importance": 3}`, 201, `{"id":"x/global//0.500"}`},
		{"POST", "/v1/memory", `{"content": "x", "type": "note", "importance": 0.5, "scope": "user"}`, 201, `{"id":"x/user//0.500"}`},
		{"POST", "/v1/memory", `{"text": "x", "importance": "5", "tags": ["a", "b"], "scope": "entity:y", "entity": "z"}`, 201, `{"id":"x/entity:y/a,b/1.000"}`},
		{"POST", "/v1/memory", `{"text": "x", "importance": "high"}`, 201, `/0.500"}`},
		{"POST", "/v1/memory", `{"text": "", "content": " "}`, 400, `{"error":"text is required"}`},
		{"GET", "/v1/memory?search=tea&limit=nine", "", 200, `Query:tea Scope: Entity: Type: Limit:20`},
		{"GET", "/v1/memory?query=tea&scope=user&type=turn&limit=2", "", 200, `"memories":[{"id":"m1","text":"Luna likes tea."`},
		{"GET", "/v1/memory", "", 200, `{"items":[{"id":"m1"`},
		{"DELETE", "/v1/memory/m%2F1", "", 200, `{"ok":true}`},
		{"DELETE", "/v1/memory/none", "", 404, `{"error":`},
		{"GET", "/v1/conversations/recent?limit=5", "", 200, `[{"id":"c 1","preview":"Hello","timestamp":"2025-12-26T10:00:00+00:00","turn_count":2}]`},
		{"GET", "/v1/conversations/c%201", "", 200, `{"conversation_id":"c 1","turns":[{"role":"user","text":"Hello"`},
		{"GET", "/v1/conversations/none", "", 200, `{"conversation_id":"none","turns":[]}`},
		{"GET", "/v1/specialists", "", 200, `"count":1`},
		{"GET", "/v1/healthz", "", 200, `"ok":true`},
		{"GET", "/v1/nothing", "", 404, ""},
		{"PUT", "/v1/memory", "", 405, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, url+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(w.Body)
		w.Body.Close()
		if err != nil || w.StatusCode != test.status || !strings.Contains(string(text), test.answer) {
			t.Errorf("%s %s %.60s: %d %s, %v", test.method, test.path, test.body, w.StatusCode, text, err)
		}
	}
}

func TestRecords(t *testing.T) {
	c, _ := serve(t, &brain{})
	var got []memory.Record
	full := true
	for r, err := range c.Records(t.Context(), &full) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Created.IsZero() {
			t.Errorf("%+v has no time", r)
		}
		got = append(got, r)
	}
	at := time.Date(2025, 12, 26, 10, 0, 0, 0, time.UTC)
	want := []memory.Record{
		{Scope: memory.Scope{Session: "c 1"}, Kind: memory.KindTurn, Role: "user", Text: "Hello", Key: "ada:c 1:0", Created: at, Importance: .5, Confidence: 1, Origin: memory.Observed},
		{Scope: memory.Scope{Session: "c 1"}, Kind: memory.KindTurn, Role: "assistant", Text: "Hi!", Key: "ada:c 1:1", Position: 1, Created: at, Importance: .5, Confidence: 1, Origin: memory.Observed},
		{Kind: memory.KindFact, Text: "Luna likes tea.", Key: "ada:memory:m1", Position: -1, Created: at.Add(time.Second / 2), Importance: .75, Confidence: 1, Origin: memory.Observed, Meta: map[string]string{"ada_scope": "global", "tags": "food,drink"}},
	}
	if diff := cmp.Diff(want, got[:3], cmpopts.EquateEmpty()); diff != "" || len(got) != 4 || full {
		t.Errorf("%d records, full %v (-want +got):\n%s", len(got), full, diff)
	}
	if s := got[3]; s.Kind != memory.KindSummary || s.Confidence != .5 {
		t.Errorf("a summary is %+v", s)
	}
	for range c.Records(t.Context(), nil) { // leaving early is no trouble
		break
	}
}

func TestClientErrors(t *testing.T) {
	for _, address := range []string{"localhost:7000", "ftp://x", "http://", "http://[::1"} {
		if _, err := ada.NewClient(&ada.ClientOptions{BaseURL: address}); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Client-Type") != "refiner" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("the headers are %v", r.Header)
		}
		switch r.URL.Path {
		case "/ada/v1/info":
			_, _ = io.WriteString(w, "<html>")
		case "/ada/v1/healthz":
			_, _ = io.WriteString(w, `{"status": "healthy", "services": {}}`)
		case "/ada/v1/chat/stream":
			_, _ = io.WriteString(w, "data: {\"type\":\"token\",\"content\":\"a\"}\n\n")
		default:
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"detail": [{"msg": "field required"}]}`)
		}
	}))
	c, err := ada.NewClient(&ada.ClientOptions{BaseURL: web.URL + "/ada/", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Info(t.Context()); !errors.Is(err, ada.ErrResponse) {
		t.Errorf("an answer that cannot be read gives %v", err)
	}
	if h, err := c.Health(t.Context()); err != nil || !h.OK {
		t.Errorf("health by the documents is %+v, %v", h, err)
	}
	if _, _, err := c.Answer(t.Context(), ada.ChatRequest{Prompt: "x"}); !errors.Is(err, ada.ErrStream) {
		t.Errorf("a stream that breaks off gives %v", err)
	}
	if _, err := c.AddMemory(t.Context(), ada.NewMemory{}); !errors.Is(err, ada.ErrResponse) || !strings.Contains(err.Error(), "field required") {
		t.Errorf("a refusal gives %v", err)
	}
	web.Close()
	if _, err := c.Health(t.Context()); !errors.Is(err, ada.ErrConnection) {
		t.Errorf("nobody there gives %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Health(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled request gives %v", err)
	}
}

func TestImportanceScales(t *testing.T) {
	for n, want := range map[ada.Number]float64{1: 0, 3: .5, 5: 1, .5: .5, 0: 0, .999: .999, 7: .7, 10: 1, 11: .5, -1: .5} {
		if got := ada.Importance(&n); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%v is %v, want %v", n, got, want)
		}
	}
	if ada.Importance(nil) != .5 || ada.Stars(0) != 1 || ada.Stars(.5) != 3 || ada.Stars(1) != 5 {
		t.Error("the default or the way back is wrong")
	}
}

func TestFromEnv(t *testing.T) {
	env := map[string]string{}
	s, err := ada.FromEnv(func(name string) string { return env[name] })
	if err != nil || s.Weights != importance.Ada || s.Thresholds != importance.DefaultThresholds || s.Turns != 4 || s.Memories != 3 || !s.Remember || s.Recovery != 24*time.Hour {
		t.Errorf("the defaults are %+v, %v", s, err)
	}
	if d := s.HalfLife - (69*time.Hour + 19*time.Minute); d < -time.Minute || d > time.Minute {
		t.Errorf("the half-life is %v", s.HalfLife)
	}
	env = map[string]string{"IMPORTANCE_WEIGHT_DECAY": "0.4", "IMPORTANCE_WEIGHT_SURPRISE": "0.3", "GRADIENT_THRESHOLD_FULL": "0.8", "MEMORY_DECAY_TIME_SCALE_HOURS": "500",
		"RAG_TOP_K": "7", "RAG_TURNS_TOP_K": "6", "RAG_MEMORY_TOP_K": "9", "RAG_ENABLED": "False", "CONTEXT_HABITUATION_ENABLED": "false", "OLLAMA_MODEL": "qwen"}
	s, err = ada.FromEnv(func(name string) string { return env[name] })
	if err != nil || s.Weights.Decay != .4 || s.Weights.Surprise != .3 || s.Weights.Habituation != 0 || s.Thresholds.Full != .8 || s.Turns != 6 || s.Memories != 9 || s.Remember || s.Model != "qwen" || s.HalfLife < 346*time.Hour || s.HalfLife > 347*time.Hour {
		t.Errorf("%+v, %v", s, err)
	}
	for name, value := range map[string]string{"IMPORTANCE_WEIGHT_DECAY": "-1", "IMPORTANCE_WEIGHT_SURPRISE": "NaN", "GRADIENT_THRESHOLD_CHUNKS": "0.9", "MEMORY_DECAY_TIME_SCALE_HOURS": "0", "RAG_TURN_TOP_K": "4.5", "RAG_MEMORY_TOP_K": "-3"} {
		env = map[string]string{name: value}
		_, err := ada.FromEnv(func(name string) string { return env[name] })
		if prefix, _, _ := strings.Cut(name, "_THRESHOLD_"); err == nil || !strings.Contains(err.Error(), prefix) {
			t.Errorf("%s=%s gives %v", name, value, err)
		}
	}
	seen := map[string]bool{}
	if _, err := ada.FromEnv(func(name string) string { seen[name] = true; return "" }); err != nil {
		t.Fatal(err)
	}
	for _, name := range ada.Variables {
		if !seen[name] {
			t.Errorf("%s is listed and not read", name)
		}
		delete(seen, name)
	}
	if len(seen) > 0 {
		t.Errorf("%v are read and not listed", seen)
	}
}

// A client streams an answer as it comes.
func ExampleClient_Chat() {
	web := httptest.NewServer(ada.Handler(&brain{}, nil)) // in the place of an Ada
	defer web.Close()
	client, err := ada.NewClient(&ada.ClientOptions{BaseURL: web.URL})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.Chat(context.Background(), ada.ChatRequest{Prompt: "Hello", ConversationID: "cli-session-1"}) {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Type {
		case ada.Token:
			fmt.Print(event.Content)
		case ada.Done:
			fmt.Println("\nin", event.Summary.ConversationID)
		}
	}
	// Output:
	// You said: Hello
	// in cli-session-1
}
