package ada_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/ada"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/specialists"
)

func create(t testing.TB, set func(*config.Config)) *integration.Plugin {
	t.Helper()
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(t.TempDir(), "store.db"), "ada"
	if set != nil {
		set(&c)
	}
	p, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	for i, text := range []string{"My sister Ruth moved to Lisbon.", "I bake rye bread."} {
		if _, err := p.Remember(t.Context(), p.Scope, memory.Record{Scope: memory.Scope{Session: "1"}, Role: "user", Speaker: "Ada", Text: text, Position: i,
			Created: time.Date(2025, 3, 9, 18, 30+i, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// brain is a plugin served as an Ada over real HTTP.
type brain struct {
	*testing.T
	url string
}

func serve(t *testing.T, p *integration.Plugin, scope memory.Scope) brain {
	t.Helper()
	web := httptest.NewServer(ada.Handler(p, scope, &ada.Options{MaxBody: 10_000}))
	t.Cleanup(web.Close)
	return brain{t, web.URL}
}

func (b brain) ask(method, path, body string) (int, string) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		b.Fatal(err)
	}
	return w.StatusCode, string(text)
}

// get reads a JSON answer.
func (b brain) get(path string, into any) {
	b.Helper()
	if status, text := b.ask("GET", path, ""); status != 200 || json.Unmarshal([]byte(text), into) != nil {
		b.Fatalf("%s: %d %s", path, status, text)
	}
}

func (b brain) add(body string) string {
	b.Helper()
	var made struct{ ID string }
	if status, text := b.ask("POST", "/v1/memory", body); status != 201 || json.Unmarshal([]byte(text), &made) != nil || made.ID == "" {
		b.Fatalf("%s: %d %s", body, status, text)
	}
	return made.ID
}

// done is the last event of an answer.
type done struct {
	ConversationID string `json:"conversation_id"`
	RequestID      string `json:"request_id"`
	UserTimestamp  string `json:"user_timestamp"`
	UsedContext    struct{ Memories []string }
	Latency        struct {
		Total     float64 `json:"total_ms"`
		Inference float64 `json:"llm_inference_ms"`
		Retrieved bool    `json:"context_retrieved"`
	} `json:"latency_breakdown"`
}

// chat returns the tokens of an answer and its last event.
func (b brain) chat(body string) (string, done) {
	b.Helper()
	status, stream := b.ask("POST", "/v1/chat/stream", body)
	if status != 200 || !strings.HasSuffix(stream, "\n\n") {
		b.Fatalf("%s: %d %s", body, status, stream)
	}
	text := ""
	for block := range strings.SplitSeq(strings.TrimSuffix(stream, "\n\n"), "\n\n") {
		name, data, found := strings.Cut(block, "data: ")
		var e struct {
			Type, Content, Error string
			UsedContext          struct{ Memories []string } `json:"used_context"`
			done
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil || !found || e.Error != "" {
			b.Fatalf("%q: %v", block, err)
		}
		switch {
		case e.Type == "token":
			text += e.Content
		case e.Type == "done":
			e.done.UsedContext = e.UsedContext
			return text, e.done
		case e.Type != "thinking" && name != "event: specialist_result\n":
			b.Errorf("an event is %q", block)
		}
	}
	b.Fatalf("no end: %s", stream)
	return "", done{}
}

type item struct {
	ID   *string
	Text string
	Meta struct {
		Type, Scope, Tags, Origin string
		Importance                float64
	}
}

func (b brain) memories(query string) []item {
	b.Helper()
	var answer struct{ Items, Memories []item }
	b.get("/v1/memory?"+query, &answer)
	if diff := gocmp.Diff(answer.Items, answer.Memories); diff != "" {
		b.Errorf("items and memories differ:\n%s", diff)
	}
	return answer.Items
}

func stored(t *testing.T, p *integration.Plugin) []memory.Record {
	t.Helper()
	var list []memory.Record
	for r, err := range p.Store.All(t.Context(), p.Scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Scope.Session != "1" {
			list = append(list, r)
		}
	}
	return list
}

func TestChat(t *testing.T) {
	p := create(t, nil)
	b := serve(t, p, memory.Scope{})
	text, end := b.chat(`{"prompt": "Where did Ruth move?", "user_timestamp": "2025-04-01T10:00:00+00:00", "stream": true, "memory_k": null, "include_thinking": true}`)
	if !strings.Contains(text, "Lisbon") || end.ConversationID == "" || len(end.RequestID) != 8 || end.UserTimestamp != "2025-04-01T10:00:00+00:00" || end.Latency.Total <= 0 ||
		!end.Latency.Retrieved || len(end.UsedContext.Memories) == 0 || end.UsedContext.Memories[0] != "My sister Ruth moved to Lisbon." {
		t.Fatalf("%q, %+v", text, end)
	}
	// The next question goes on with the conversation, whose turns are remembered.
	if _, again := b.chat(fmt.Sprintf(`{"message": "And what do I bake?", "conversation_id": %q}`, end.ConversationID)); again.ConversationID != end.ConversationID {
		t.Errorf("%+v", again)
	}
	var conversation struct {
		ID    string `json:"conversation_id"`
		Turns []struct{ Role, Text, Timestamp string }
	}
	b.get("/v1/conversations/"+end.ConversationID, &conversation)
	if turns := conversation.Turns; len(turns) != 4 || turns[0].Text != "Where did Ruth move?" || turns[0].Role != "user" || !strings.HasPrefix(turns[0].Timestamp, "2025-04-01T10:00:00") ||
		turns[1].Role != "assistant" || turns[2].Text != "And what do I bake?" {
		t.Errorf("the turns are %+v", turns)
	}
	records := stored(t, p)
	for i, r := range records {
		if r.Position != i || r.Scope.Session != end.ConversationID {
			t.Errorf("record %d is at %d of %s", i, r.Position, r.Scope.Session)
		}
	}
	if a := records[1]; a.Origin != memory.Reconstructed || len(a.DerivedFrom) == 0 {
		t.Errorf("an answer from memories is %s", a.Origin)
	}
	var list []struct {
		ID, Preview string
		TurnCount   int `json:"turn_count"`
	}
	b.get("/v1/conversations/recent?limit=10", &list)
	if len(list) != 2 || list[0].ID != end.ConversationID || list[0].TurnCount != 4 || list[0].Preview != "Where did Ruth move?" || list[1].ID != "1" {
		t.Errorf("the conversations are %+v", list)
	}
}

// With a model, the conversation that Ada's client sends, or that is remembered, reaches it.
func TestChatWithModel(t *testing.T) {
	server, err := scripted.New(scripted.Says("Ruth moved to Lisbon. [1]"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b := serve(t, create(t, func(c *config.Config) { c.Model.Type, c.Model.Model, c.Model.BaseURL = "openai", "m", server.URL }), memory.Scope{})
	for _, body := range []string{
		`{"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}, {"role": "user", "content": [{"type": "text", "text": "Where did Ruth move?"}]}], "conversation_id": "c"}`,
		`{"prompt": "Where did Ruth move?", "conversation_id": "c"}`,
	} {
		if text, end := b.chat(body); !strings.Contains(text, "Lisbon") || end.Latency.Inference <= 0 {
			t.Errorf("%q, %+v", text, end)
		}
	}
	requests := server.Requests()
	has := func(r scripted.Request, text string) bool {
		return slices.ContainsFunc(r.Messages, func(m scripted.Message) bool { return strings.Contains(m.Content, text) })
	}
	if len(requests) < 2 || !has(requests[0], "Hi!") || !has(requests[0], "moved to Lisbon") {
		t.Fatalf("the model read %+v", requests)
	}
	if last := requests[len(requests)-1]; !has(last, "Ruth moved to Lisbon. [1]") {
		t.Errorf("the remembered turn is not before the question: %+v", last.Messages)
	}
}

func TestMemories(t *testing.T) {
	p := create(t, nil)
	b, eve := serve(t, p, memory.Scope{}), serve(t, p, memory.Scope{User: "eve"})
	tea := b.add(`{"text": "Luna likes green tea.", "importance": 5, "entity": "luna", "tags": ["food", "drink"]}`)
	rain := b.add(`{"content": "It rains in Graz.", "importance": "high"}`)
	if r, err := p.Store.Record(t.Context(), p.Scope, memory.ID(tea)); err != nil || r.Importance != 1 || r.Kind != memory.KindFact || r.Origin != memory.Observed {
		t.Errorf("stored %+v, %v", r, err)
	}
	list := b.memories("")
	if len(list) != 2 || *list[0].ID != rain || *list[1].ID != tea || list[1].Meta.Importance != 5 || list[1].Meta.Scope != "entity:luna" || list[1].Meta.Tags != "food,drink" || list[1].Meta.Type != "memory" ||
		list[0].Meta.Scope != "global" || list[0].Meta.Importance != 3 {
		t.Errorf("the memories are %+v", list)
	}
	for _, test := range []struct {
		query, want string // the first; empty: none
		n           int
	}{
		{"limit=1", "It rains in Graz.", 1},
		{"entity=luna&limit=nine", "Luna likes green tea.", 1},
		{"scope=global", "It rains in Graz.", 1},
		{"scope=entity:none", "", 0},
		{"type=turn", "I bake rye bread.", 2},
		{"search=What+does+Luna+drink,+%22tea%22+-or+coffee%3F&limit=1", "Luna likes green tea.", 1},
		{"query=tea&entity=luna", "Luna likes green tea.", 1},
		{"query=Graz&scope=global&type=memory", "It rains in Graz.", 1},
		{"query=Where+did+Ruth+move%3F&limit=1", "My sister Ruth moved to Lisbon.", 1},
	} {
		if got := b.memories(test.query); len(got) != test.n || test.n > 0 && (got[0].Text != test.want || got[0].ID == nil) {
			t.Errorf("%s gives %+v", test.query, got)
		}
	}
	if got := eve.memories("query=tea"); len(got) != 0 {
		t.Errorf("eve sees %+v", got)
	}
	if status, text := eve.ask("DELETE", "/v1/memory/"+tea, ""); status != 404 {
		t.Errorf("eve deletes: %d %s", status, text)
	}
	if status, text := b.ask("DELETE", "/v1/memory/"+tea, ""); status != 200 || !strings.Contains(text, `"ok":true`) || len(b.memories("")) != 1 {
		t.Errorf("deleted: %d %s", status, text)
	}

	// What a chat is asked to keep: a text of the user's, or the answer, which names what it was made from.
	b.chat(`{"prompt": "Hello there", "save_memory": true, "memory_text": "Luna has a cat.", "memory_importance": 5}`)
	b.chat(`{"prompt": "Where did Ruth move?", "save_memory": true}`)
	if list = b.memories("limit=2"); len(list) != 2 || list[1].Text != "Luna has a cat." || list[1].Meta.Origin != "observed" || !strings.Contains(list[0].Text, "Lisbon") || list[0].Meta.Origin != "reconstructed" {
		t.Errorf("kept %+v", list)
	}
}

// idle is a specialist that finds nothing.
type idle struct{}

func (idle) Name() string  { return "idle" }
func (idle) Priority() int { return 10 }
func (idle) Examine(context.Context, *specialists.Task, specialists.Draft) (specialists.Finding, error) {
	return specialists.Finding{}, nil
}

// The answers as Ada's clients read them, and what is refused.
func TestShapes(t *testing.T) {
	p := create(t, nil)
	p.Specialists = []specialists.Specialist{idle{}}
	b := serve(t, p, memory.Scope{})
	for _, test := range []struct {
		method, path, body string
		status             int
		answer             string // a regular expression
	}{
		{"POST", "/v1/chat/stream", `{"prompt": "  "}`, 400, `^{"error":"prompt or message required"}`},
		{"POST", "/v1/chat/stream", `{"messages": [{"role": "assistant", "content": "x"}]}`, 400, `required`},
		{"POST", "/v1/chat/stream", `{"prompt"`, 400, `^{"error":"invalid json"}`},
		{"POST", "/v1/chat/stream", `{"prompt": "` + strings.Repeat("x", 20_000) + `"}`, 413, `^{"error":`},
		{"POST", "/v1/memory", `{"text": "", "content": " "}`, 400, `^{"error":"text is required"}`},
		{"DELETE", "/v1/memory/none", "", 404, `^{"error":`},
		{"GET", "/v1/conversations/1", "", 200, `^{"conversation_id":"1","turns":\[{"role":"user","text":"My sister Ruth moved to Lisbon.","timestamp":"2025-03-09T18:30:00.000000\+00:00"}`},
		{"GET", "/v1/conversations/none", "", 200, `^{"conversation_id":"none","turns":\[\]}`},
		{"GET", "/v1/specialists", "", 200, `"count":1,"specialists":\[{.*"enabled":true,.*"name":"idle","priority":"high"`},
		{"GET", "/v1/info", "", 200, `"endpoints":\["/v1/chat/stream".*"memory":true.*"embedding":"`},
		{"GET", "/v1/healthz", "", 200, `"ok":true,"persona":{"loaded":false},.*"service":"brain","status":"ok"`},
		{"GET", "/v1/nothing", "", 404, ""},
		{"PUT", "/v1/memory", "", 405, ""},
	} {
		if status, text := b.ask(test.method, test.path, test.body); status != test.status || !regexp.MustCompile(test.answer).MatchString(text) {
			t.Errorf("%s %s %.60s: %d %s", test.method, test.path, test.body, status, text)
		}
	}
	p.Close()
	if status, text := b.ask("GET", "/v1/healthz", ""); status != 503 || !strings.Contains(text, `"ok":false`) {
		t.Errorf("without a store: %d %s", status, text)
	}
	if status, text := b.ask("POST", "/v1/chat/stream", `{"message": "Hi"}`); status != 500 || strings.Contains(text, "closed") {
		t.Errorf("without a store it answers %d %s", status, text)
	}
}

// An Ada is read once and only once, whoever serves it.
func TestImport(t *testing.T) {
	from := serve(t, create(t, nil), memory.Scope{})
	for i := range 120 {
		from.add(fmt.Sprintf(`{"text": "Fact %d of Luna."}`, i))
	}
	p, luna := create(t, nil), memory.Scope{User: "luna"}
	added, full, err := ada.Import(t.Context(), p, luna, ada.Source{BaseURL: from.url + "/"})
	if err != nil || added.Count != 2+ada.MaxMemories || !full {
		t.Errorf("added %d, full %v, %v", added.Count, full, err)
	}
	if again, _, err := ada.Import(t.Context(), p, luna, ada.Source{BaseURL: from.url}); err != nil || again.Count != 0 {
		t.Errorf("again it added %d, %v", again.Count, err)
	}
	r, err := p.Recall(t.Context(), luna, memory.Query{Text: "Where did Ruth move?", Limit: 1})
	if err != nil || len(r.Memories) != 1 || r.Memories[0].Text != "My sister Ruth moved to Lisbon." || r.Memories[0].Scope.Session != "1" {
		t.Errorf("recalled %+v, %v", r, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := ada.Import(ctx, p, memory.Scope{User: "x"}, ada.Source{BaseURL: from.url}); err == nil {
		t.Error("a cancelled import ends well")
	}
}

// An Ada of its documents' forms, and one that fails.
func TestImportForms(t *testing.T) {
	answers := map[string]string{
		"/ada/v1/conversations/recent": `[{"id": "c 1", "timestamp": "2025-12-26T10:00:00+00:00"}]`,
		"/ada/v1/conversations/c%201":  `{"turns": [{"role": "user", "content": "Hello", "timestamp": "2025-12-26 10:00:00"}, {"role": "assistant", "text": "Hi!"}, {"role": "user", "text": " "}]}`,
		"/ada/v1/memory":               `{"memories": [{"id": "m1", "content": "Luna likes tea.", "meta": {"type": "memory", "scope": "global", "importance": "4", "tags": "food,drink", "timestamp": "2025-12-26T10:00:00.5+00:00"}}, {"text": "In short.", "meta": {"type": "summary", "source": "consolidation", "timestamp": "?"}}]}`,
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Client-Type") != "refiner" || r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("the headers are %v", r.Header)
		}
		if strings.HasPrefix(r.URL.Path, "/ada/") {
			_, _ = io.WriteString(w, answers[cmp.Or(r.URL.EscapedPath())])
			return
		}
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"detail": [{"msg": "field required"}]}`)
	}))
	defer web.Close()
	p, luna := create(t, nil), memory.Scope{User: "luna"}
	if _, full, err := ada.Import(t.Context(), p, luna, ada.Source{BaseURL: web.URL + "/ada/", Key: "k"}); err != nil || full {
		t.Fatal(full, err)
	}
	var got []memory.Record
	for r, err := range p.Store.All(t.Context(), luna, nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	at := time.Date(2025, 12, 26, 10, 0, 0, 0, time.UTC)
	inC := memory.Scope{User: "luna", Session: "c 1"}
	want := []memory.Record{
		{Scope: inC, Kind: memory.KindTurn, Role: "user", Text: "Hello", Key: "ada:c 1:0", Created: at, Importance: .5, Confidence: 1, Origin: memory.Observed},
		{Scope: inC, Kind: memory.KindTurn, Role: "assistant", Text: "Hi!", Key: "ada:c 1:1", Position: 1, Created: at, Importance: .5, Confidence: 1, Origin: memory.Observed},
		{Scope: luna, Kind: memory.KindFact, Text: "Luna likes tea.", Key: "ada:memory:m1", Position: -1, Created: at.Add(time.Second / 2), Importance: .75, Confidence: 1, Origin: memory.Observed, Meta: map[string]string{"ada_scope": "global", "tags": "food,drink"}},
		{Scope: luna, Kind: memory.KindSummary, Text: "In short.", Position: -1, Created: time.Unix(0, 0).UTC(), Importance: .5, Confidence: .5, Origin: memory.Observed, Meta: map[string]string{"source": "consolidation"}},
	}
	if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(memory.Record{}, "ID", "Recorded", "Shown", "Position")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, _, err := ada.Import(t.Context(), p, luna, ada.Source{BaseURL: web.URL, Key: "k"}); !errors.Is(err, ada.ErrResponse) || !strings.Contains(err.Error(), "field required") {
		t.Errorf("a refusal gives %v", err)
	}
	for _, address := range []string{"localhost:7000", "ftp://x", "http://", "http://[::1"} {
		if _, _, err := ada.Import(t.Context(), p, luna, ada.Source{BaseURL: address}); !errors.Is(err, memory.ErrInvalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
