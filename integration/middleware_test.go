package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
)

// post sends a body to a handler over real HTTP and returns the status and the answer.
func post(t *testing.T, url, kind, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("X-User", "eve")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.StatusCode, string(text)
}

const question = `{"model":"m","temperature":0.5,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Where did Ruth move?"}],"x":{"y":[1]}}`

// The handler sees the memories, the client gets the handler's bytes, and the turn is remembered, in every form of answer.
func TestMiddlewareForms(t *testing.T) {
	for _, test := range []struct{ name, kind, answer, want string }{
		{"openai", "application/json", `{"choices":[{"index":0,"message":{"role":"assistant","content":"She moved to Lisbon."}},{"index":1,"message":{"content":"No."}}]}`, "She moved to Lisbon."},
		{"parts", "application/json; charset=utf-8", `{"choices":[{"message":{"content":[{"type":"text","text":"She moved to Lisbon."}]}}]}`, "She moved to Lisbon."},
		{"ollama", "application/json", `{"message":{"role":"assistant","content":"She moved to Lisbon."},"done":true}`, "She moved to Lisbon."},
		{"plain member", "application/json", `{"answer":"She moved to Lisbon."}`, "She moved to Lisbon."},
		{"openai stream", "text/event-stream", "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"She moved\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\" to Lisbon.\"}}]}\n\ndata: [DONE]\n\n", "She moved to Lisbon."},
		{"token stream", "text/event-stream", "data: {\"type\":\"thinking\",\"content\":\"Hm\"}\r\n\r\ndata: {\"type\":\"token\",\"content\":\"She moved to Lisbon.\"}\r\n\r\n", "She moved to Lisbon."},
		{"raw stream", "text/event-stream", ": hello\nevent: x\ndata: She moved\n\ndata:  to Lisbon.\n\n", "She moved to Lisbon."},
		{"anthropic", "application/json", `{"type":"message","content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"She moved to Lisbon."}]}`, "She moved to Lisbon."},
		{"anthropic stream", "text/event-stream", "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"She moved to Lisbon.\"}}\n\n", "She moved to Lisbon."},
		{"reasoning in the text", "application/json", `{"message":{"role":"assistant","content":"<think>A secret wish.</think>\n\nShe moved to Lisbon."},"done":true}`, "She moved to Lisbon."},
		{"json lines", "application/x-ndjson", "{\"message\":{\"content\":\"She moved\"}}\n{\"message\":{\"content\":\" to Lisbon.\"},\"done\":true}\n", "She moved to Lisbon."},
		{"text", "text/plain", "She moved to Lisbon.", "She moved to Lisbon."},
		{"tools", "application/json", `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c"}]}}]}`, ""},
		{"error", "application/json", `{"error":{"message":"no"}}`, ""},
		{"html", "text/html", "<p>no", ""},
		{"no json", "application/json", "}{", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := known(t)
			var seen map[string]any
			web := httptest.NewServer(integration.Middleware(p, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || int64(len(body)) != r.ContentLength || json.Unmarshal(body, &seen) != nil {
					t.Errorf("the handler reads %s, %v", body, err)
				}
				w.Header().Set("Content-Type", test.kind)
				for piece := range strings.SplitAfterSeq(test.answer, " ") { // pieces end anywhere
					_, _ = io.WriteString(w, piece)
					w.(http.Flusher).Flush()
				}
			})))
			defer web.Close()
			if status, text := post(t, web.URL, "application/json", question); status != http.StatusOK || text != test.answer {
				t.Errorf("the client gets %d %s", status, text)
			}
			messages := seen["messages"].([]any)
			system, asked := messages[0].(map[string]any)["content"], messages[1].(map[string]any)["content"].(string)
			if len(messages) != 2 || system != "Be brief." || !strings.HasPrefix(asked, "Where did Ruth move?\n\n") || !strings.Contains(asked, "moved to Lisbon.</memory>") || seen["temperature"] != .5 || fmt.Sprint(seen["x"]) != "map[y:[1]]" {
				t.Errorf("the handler sees %v", seen)
			}
			web.Close() // waits for the handler, which writes the turn
			got := stored(t, p, p.Scope)
			switch {
			case test.want == "" && len(got) != 0:
				t.Errorf("remembered %+v", got)
			case test.want != "" && (len(got) != 2 || got[0].Text != "Where did Ruth move?" || got[1].Text != test.want):
				t.Errorf("remembered %+v", got)
			}
		})
	}
}

// What is no chat passes as it is, and so does what is too large to look into.
func TestMiddlewarePassesOthers(t *testing.T) {
	p := known(t)
	web := httptest.NewServer(integration.Middleware(p, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		body, err := io.ReadAll(r.Body) // all of it: what is answered ends what is read
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
		if bytes.Contains(body, []byte("Lisbon")) {
			_, _ = w.Write(bytes.Repeat([]byte("x"), 5<<20))
		}
	})))
	defer web.Close()
	for _, test := range []struct{ name, kind, body string }{
		{"a form", "application/x-www-form-urlencoded", "messages=x"},
		{"no JSON", "application/json", `{"messages":`},
		{"no messages", "application/json", `{"messages":[]}`},
		{"messages of strings", "application/json", `{"messages":["Where is Ruth?"]}`},
		{"a list", "application/json", `[{"role":"user","content":"Where is Ruth?"}]`},
		{"null", "application/json", `null`},
		{"no role", "application/json", `{"messages":[{"content":"Where is Ruth?"}]}`},
		{"nobody asks", "application/json", `{"messages":[{"role":"assistant","content":"Where is Ruth?"}]}`},
		{"too large", "application/json", `{"messages":[{"role":"user","content":"Where is Ruth? ` + strings.Repeat("x", 5<<20) + `"}]}`},
		{"nothing", "application/json", ""},
	} {
		if status, text := post(t, web.URL, test.kind, test.body); status != http.StatusOK || text != test.body {
			t.Errorf("%s: %d %.100s", test.name, status, text)
		}
	}
	if status, text := post(t, web.URL, "application/json", `{"messages":[{"role":"user","content":"Where is Ruth?"}]}`); status != http.StatusOK || !strings.Contains(text, "Lisbon") {
		t.Errorf("a chat: %d %.200s", status, text)
	}
	if got := stored(t, p, p.Scope); len(got) != 0 {
		t.Errorf("an answer that is too long is remembered: %+v", got)
	}
}

func TestMiddlewareScopes(t *testing.T) {
	p := known(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("Lisbon")) {
			t.Errorf("the handler of eve's request sees %s", body)
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "I do not know.")
	})
	for _, test := range []struct {
		scope  func(r *http.Request) (memory.Scope, error)
		status int
	}{
		{func(r *http.Request) (memory.Scope, error) {
			return memory.Scope{User: r.Header.Get("X-User")}, nil
		}, http.StatusOK},
		{func(r *http.Request) (memory.Scope, error) { return memory.Scope{Session: "only"}, nil }, http.StatusForbidden},
		{func(r *http.Request) (memory.Scope, error) { return memory.Scope{}, errors.New("no") }, http.StatusForbidden},
	} {
		web := httptest.NewServer(integration.Middleware(p, &integration.MiddlewareOptions{Scope: test.scope})(handler))
		if status, text := post(t, web.URL, "application/json", question); status != test.status {
			t.Errorf("%d %s, want %d", status, text, test.status)
		}
		web.Close()
	}
	if got := stored(t, p, memory.Scope{User: "eve"}); len(got) != 2 {
		t.Errorf("remembered %+v", got)
	}
}

// A failing handler is passed on, and nothing of it is remembered.
func TestMiddlewareFailures(t *testing.T) {
	p := known(t)
	web := httptest.NewServer(integration.Middleware(p, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the model is asleep", http.StatusBadGateway)
	})))
	defer web.Close()
	if status, text := post(t, web.URL, "application/json", question); status != http.StatusBadGateway || text != "the model is asleep\n" {
		t.Errorf("%d %s", status, text)
	}
	if got := stored(t, p, p.Scope); len(got) != 0 {
		t.Errorf("remembered %+v", got)
	}
	p.Close()
	if status, text := post(t, web.URL, "application/json", question); status != http.StatusBadGateway || text != "the model is asleep\n" {
		t.Errorf("without its memory: %d %s", status, text)
	}
}

// FuzzMiddleware: whatever is posted, the handler gets it whole, or with notes in it.
func FuzzMiddleware(f *testing.F) {
	for _, seed := range []string{question, `{"messages":[{"role":"system","content":[{"type":"text","text":"a"}]},{"role":"user","content":"Ruth?"}]}`,
		`{"messages":[{"role":"system","content":null},{"role":"user","content":"Ruth?"}]}`, `{"messages":[{"role":"user","content":7}]}`, `{}`, "", `{"messages":{"role":"user"}}`} {
		f.Add([]byte(seed))
	}
	c := settings(f)
	p, err := integration.New(f.Context(), c, &integration.Options{Create: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { p.Close() })
	if _, err := p.Remember(f.Context(), p.Scope, turn(0, "Ada", "My sister Ruth moved to Lisbon.")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got []byte
		handler := integration.Middleware(p, nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // as an answer, it is read too
		}))
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if !bytes.Equal(w.Body.Bytes(), body) {
			t.Errorf("%q comes back as %q", body, w.Body.Bytes())
		}
		if !bytes.Equal(got, body) && !json.Valid(got) {
			t.Errorf("%q becomes %q", body, got)
		}
	})
}

// A chat handler gets a memory by being wrapped.
func ExampleMiddleware() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(dir, "store.db"), "ada"
	plugin, err := integration.New(context.Background(), c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()
	chat := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // in the place of one that asks a model
		body, _ := io.ReadAll(r.Body)
		answer := "I see."
		if strings.Contains(string(body), "given as data") {
			answer = "No walnuts for you."
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"answer": answer})
	})

	server := httptest.NewServer(integration.Middleware(plugin, nil)(chat)) // this line
	defer server.Close()
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"I am allergic to walnuts."}]}`,
		`{"messages":[{"role":"user","content":"What must I not eat: walnuts or bread?"}]}`,
	} {
		r, err := http.Post(server.URL, "application/json", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		answer, _ := io.ReadAll(r.Body)
		r.Body.Close()
		fmt.Printf("%s", answer)
	}
	// Output:
	// {"answer":"I see."}
	// {"answer":"No walnuts for you."}
}
