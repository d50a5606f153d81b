package serve_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
)

// described is what /api/v1/openapi.json says, as far as answers can be held against it.
type described struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Required bool
		}
		RequestBody struct {
			Content map[string]struct{ Schema *jsonschema.Schema }
		}
		Responses map[string]struct {
			Ref     string `json:"$ref"`
			Content map[string]struct{ Schema *jsonschema.Schema }
		}
	}
	Components struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema *jsonschema.Schema }
		}
	}

	seen map[string]bool // operations that were held against it
}

func description(t *testing.T, p *proxy) *described {
	t.Helper()
	d := &described{seen: map[string]bool{}}
	if err := json.Unmarshal([]byte(p.send(t, http.MethodGet, "/api/v1/openapi.json", "").Body), d); err != nil {
		t.Fatal(err)
	}
	if d.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %q", d.OpenAPI)
	}
	return d
}

func valid(t *testing.T, what string, schema *jsonschema.Schema, text string) {
	t.Helper()
	if schema == nil {
		t.Errorf("%s is not described", what)
		return
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%s is no JSON: %v: %s", what, err, text)
		return
	}
	if err := resolved.Validate(v); err != nil {
		t.Errorf("%s is not as described: %v\n%s", what, err, text)
	}
}

// hold sends a request, and holds request and answer against the description.
func (d *described) hold(t *testing.T, p *proxy, method, path, body string, into any) reply {
	t.Helper()
	r := p.send(t, method, path, body)
	plain, _, _ := strings.Cut(path, "?")
	for template, methods := range d.Paths {
		operation, found := methods[strings.ToLower(method)]
		pattern := "^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), "[^/]+") + "$"
		if !found || !regexp.MustCompile(pattern).MatchString(plain) {
			continue
		}
		what := method + " " + template
		if body != "" && r.Status < 300 {
			valid(t, "the body of "+what, operation.RequestBody.Content["application/json"].Schema, body)
		}
		if r.Status >= 300 {
			valid(t, "the error of "+what, d.Components.Responses["Error"].Content["application/json"].Schema, r.Body)
			return r
		}
		told, found := operation.Responses[fmt.Sprint(r.Status)]
		if !found {
			t.Errorf("%s answers %d, which is not described", what, r.Status)
		}
		d.seen[operation.OperationID] = true
		if kind := r.Header.Get("Content-Type"); kind == "text/event-stream" {
			for _, line := range strings.Split(r.Body, "\n") {
				if data, found := strings.CutPrefix(line, "data: "); found && data != "[DONE]" {
					valid(t, "an event of "+what, told.Content[kind].Schema, data)
				}
			}
			return r
		}
		if kind := r.Header.Get("Content-Type"); kind == "application/x-ndjson" {
			for line := range strings.Lines(r.Body) {
				valid(t, "a line of "+what, told.Content[kind].Schema, line)
			}
			return r
		}
		valid(t, "the answer of "+what, told.Content["application/json"].Schema, r.Body)
		if into != nil {
			if err := json.Unmarshal([]byte(r.Body), into); err != nil {
				t.Error(err)
			}
		}
		return r
	}
	t.Errorf("%s %s is not described", method, path)
	return r
}

type listed struct {
	Memories []struct{ ID, Text, Kind string }
	Next     string
}

func (l listed) texts() []string {
	var list []string
	for _, m := range l.Memories {
		list = append(list, m.Text)
	}
	return list
}

// The whole of the REST API, every answer held against its description.
func TestREST(t *testing.T) {
	p := start(t, newPlugin(t), nil)
	d := description(t, p)

	var a struct {
		IDs            []string
		Added, Skipped int
	}
	add := `{"memories":[{"text":"Ruth lives in Madrid.","kind":"fact","key":"home","created":"2024-01-02T10:00:00Z","valid_from":"2024-01-01T00:00:00Z","importance":0,"meta":{"city":"Madrid"}},
		{"text":"Ruth bakes rye bread.","session":"s1","position":0,"role":"user","speaker":"Ada"},{"text":"With caraway.","session":"s1","position":1,"role":"user"}]}`
	if r := d.hold(t, p, http.MethodPost, "/api/v1/memories", add, &a); r.Status != 201 || a.Added != 3 || len(a.IDs) != 3 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	home := a.IDs[0]
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"again","key":"home"}]}`, &a)
	if a.Added != 0 || a.Skipped != 1 || a.IDs[0] != home {
		t.Errorf("the same key again: %+v", a)
	}
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"  "}]}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x"},{"text":"y","kind":"rumour"}]}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[]}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memoirs":[]}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"x"}]} trailing`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/memories", ``, nil).failure(t, 400, "invalid_value")

	var one struct {
		ID, Text, Kind string
		Importance     float64
		Embedding      []float32
		Meta           map[string]string
	}
	d.hold(t, p, http.MethodGet, "/api/v1/memories/"+home, "", &one)
	if one.Text != "Ruth lives in Madrid." || one.Importance != 0 || one.Embedding != nil || one.Meta["city"] != "Madrid" {
		t.Errorf("got %+v", one)
	}
	d.hold(t, p, http.MethodGet, "/api/v1/memories/01ARZ3NDEKTSV4RRFFQ69G5FAV", "", nil).failure(t, 404, "not_found")

	var s struct{ ID string }
	if r := d.hold(t, p, http.MethodPost, "/api/v1/memories/"+home+"/supersede", `{"memory":{"text":"Ruth lives in Lisbon.","kind":"fact","valid_from":"2025-02-01T00:00:00Z"}}`, &s); r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	d.hold(t, p, http.MethodPost, "/api/v1/memories/"+home+"/supersede", `{"memory":{"text":"x"}}`, nil).failure(t, 400, "invalid_value")
	var h struct {
		Records []struct{ ID, Text string }
		Events  []struct{ What, ID, By string }
	}
	d.hold(t, p, http.MethodGet, "/api/v1/memories/"+home+"/history", "", &h)
	if len(h.Records) != 2 || len(h.Events) != 3 || h.Events[1].By != s.ID {
		t.Errorf("history %+v", h)
	}

	var l listed
	d.hold(t, p, http.MethodGet, "/api/v1/memories?limit=2", "", &l)
	if want := []string{"Ruth lives in Lisbon.", "With caraway."}; !slices.Equal(l.texts(), want) || l.Next == "" {
		t.Errorf("listed %v, next %q", l.texts(), l.Next)
	}
	next := l.Next
	l = listed{}
	d.hold(t, p, http.MethodGet, "/api/v1/memories?limit=2&cursor="+next, "", &l)
	if want := []string{"Ruth bakes rye bread."}; !slices.Equal(l.texts(), want) || l.Next != "" {
		t.Errorf("listed %v, next %q", l.texts(), l.Next)
	}
	for query, want := range map[string][]string{
		"session=s1": {"With caraway.", "Ruth bakes rye bread."}, "kind=fact&kind=faq": {"Ruth lives in Lisbon."}, "state=superseded": {"Ruth lives in Madrid."},
		"role=user&limit=1": {"With caraway."}, "until=2024-06-01T00:00:00Z&state=any": {"Ruth lives in Madrid."}, "since=2024-06-01T00:00:00Z&kind=fact": {"Ruth lives in Lisbon."},
	} {
		l = listed{}
		d.hold(t, p, http.MethodGet, "/api/v1/memories?"+query, "", &l)
		if !slices.Equal(l.texts(), want) {
			t.Errorf("%s lists %v, want %v", query, l.texts(), want)
		}
	}
	for _, query := range []string{"limit=x", "limit=501", "limit=-1", "cursor=-", "state=dead", "since=yesterday", "colour=red", "limit=1&limit=2"} {
		d.hold(t, p, http.MethodGet, "/api/v1/memories?"+query, "", nil).failure(t, 400, "invalid_value")
	}

	var f struct {
		Memories []struct {
			Text   string
			Weight float64
		}
		Certificate struct{ Stop string }
		Packed      struct{ Tokens int }
	}
	d.hold(t, p, http.MethodPost, "/api/v1/search", `{"query":"Where does Ruth live?","limit":1,"budget":50}`, &f)
	if len(f.Memories) != 1 || f.Memories[0].Text != "Ruth lives in Lisbon." || f.Certificate.Stop != "max steps" || f.Packed.Tokens == 0 {
		t.Errorf("found %+v", f)
	}
	d.hold(t, p, http.MethodPost, "/api/v1/search", `{"query":"bread","session":"s1","kinds":["turn"]}`, &f)
	d.hold(t, p, http.MethodPost, "/api/v1/search", `{"query":"x","limit":501}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/search", `{"query":"`+strings.Repeat("x", 70<<10)+`"}`, nil).failure(t, 400, "invalid_value")
	var e struct {
		Residuals []float64
		Memories  []struct {
			Steps []float64
			Lifts []struct{ Reason string }
		}
	}
	d.hold(t, p, http.MethodPost, "/api/v1/explain", `{"query":"Does Ruth bake with caraway?"}`, &e)
	if len(e.Memories) == 0 || len(e.Memories[0].Steps) != len(e.Residuals)+1 || len(e.Memories[0].Lifts) == 0 {
		t.Errorf("explained %+v", e)
	}

	var q struct {
		Text       string
		Remembered []string
	}
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"Where does Ruth live?","session":"s2","remember":true}`, &q)
	if !strings.Contains(q.Text, "Lisbon") || len(q.Remembered) != 2 {
		// A question in a session of its own finds nothing there: the scope is narrowed.
		if len(q.Remembered) != 2 {
			t.Errorf("asked %+v", q)
		}
	}
	r := d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"Where does Ruth live?","stream":true}`, nil)
	for _, name := range []string{"memories", "token", "answer"} {
		if !strings.Contains(r.Body, "event: "+name+"\n") {
			t.Errorf("no event %s in %s", name, r.Body)
		}
	}
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":" "}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":" ","stream":true}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"x","refine":"hard"}`, nil).failure(t, 400, "invalid_value")
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"x","rounds":1000}`, nil).failure(t, 400, "invalid_value")

	for _, stream := range []string{"false", "true"} {
		d.hold(t, p, http.MethodPost, "/v1/chat/completions", `{"messages":[{"role":"user","content":"Where does Ruth live?"}],"odd":1,"stream":`+stream+`}`, nil)
		d.hold(t, p, http.MethodPost, "/v1/responses", `{"input":"Where does Ruth live?","odd":1,"stream":`+stream+`}`, nil)
		d.hold(t, p, http.MethodPost, "/v1/messages", `{"max_tokens":100,"messages":[{"role":"user","content":"Where does Ruth live?"}],"stream":`+stream+`}`, nil)
		d.hold(t, p, http.MethodPost, "/api/chat", `{"messages":[{"role":"user","content":"Where does Ruth live?"}],"stream":`+stream+`}`, nil)
		d.hold(t, p, http.MethodPost, "/api/generate", `{"prompt":"Where does Ruth live?","stream":`+stream+`}`, nil)
	}
	d.hold(t, p, http.MethodPost, "/v1/chat/completions", `{"messages":[]}`, nil).failure(t, 400, "invalid_value")
	p.Flush()

	d.hold(t, p, http.MethodPost, "/api/v1/memories/"+s.ID+"/undo", "", &h)
	if len(h.Events) != 5 {
		t.Errorf("after undo %+v", h)
	}
	d.hold(t, p, http.MethodPost, "/api/v1/memories/"+s.ID+"/undo", "", nil).failure(t, 400, "invalid_value")

	var c struct{ Live, Records int }
	d.hold(t, p, http.MethodGet, "/api/v1/stats", "", &c)
	d.hold(t, p, http.MethodGet, "/api/v1/me", "", nil)
	before := c.Records
	var gone struct{ IDs []string }
	d.hold(t, p, http.MethodDelete, "/api/v1/memories/"+home+"?derived=true&dry_run=true", "", &gone)
	if d.hold(t, p, http.MethodGet, "/api/v1/stats", "", &c); !slices.Contains(gone.IDs, home) || c.Records != before {
		t.Errorf("tried to delete %v: %d records of %d are left", gone.IDs, c.Records, before)
	}
	d.hold(t, p, http.MethodDelete, "/api/v1/memories/"+home+"?derived=true", "", &gone)
	if !slices.Contains(gone.IDs, home) {
		t.Errorf("deleted %v", gone.IDs)
	}
	var back struct{ Added, Skipped, Deleted int }
	d.hold(t, p, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"Ruth lives in Rome.","key":"home"}]}`, &back)
	if back.Added != 0 || back.Skipped != 1 || back.Deleted != 1 {
		t.Errorf("the key of what was deleted: %+v", back)
	}
	d.hold(t, p, http.MethodGet, "/api/v1/memories/"+home, "", nil).failure(t, 404, "not_found")
	d.hold(t, p, http.MethodGet, "/api/v1/stats", "", &c)
	if c.Records != before-len(gone.IDs) {
		t.Errorf("%d records, want %d", c.Records, before-len(gone.IDs))
	}
	p.send(t, http.MethodGet, "/api/v1/nothing", "").failure(t, 404, "unknown_url")
	p.send(t, http.MethodPut, "/api/v1/memories", "{}").failure(t, 404, "unknown_url")

	for path, methods := range d.Paths {
		for method, operation := range methods {
			if !d.seen[operation.OperationID] {
				t.Errorf("%s %s was never answered", method, path)
			}
		}
	}
}

func TestAskWithAModelTellsItsRounds(t *testing.T) {
	_, up := model(t, scripted.Says("x"))
	p := start(t, newPlugin(t, "Ruth lives in Lisbon since 2021."), &serve.Options{Upstream: up})
	d := description(t, p)
	r := d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"Where does Ruth live?","draft":"Ruth lives in Madrid since 2019.","refine":"always","stream":true}`, nil)
	if !strings.Contains(r.Body, "event: round\n") || !strings.Contains(r.Body, `"proposals"`) {
		t.Errorf("no rounds in %s", r.Body)
	}
	var a struct{ Text string }
	d.hold(t, p, http.MethodPost, "/api/v1/ask", `{"question":"Where does Ruth live?","draft":"Ruth lives in Madrid since 2019.","refine":"always"}`, &a)
	if strings.Contains(a.Text, "Madrid") {
		t.Errorf("still %q", a.Text)
	}
}
