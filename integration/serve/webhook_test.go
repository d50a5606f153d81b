package serve_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
)

// told is what a receiver was told.
type told struct {
	Delivery, Event, Tenant, User string
	Time                          time.Time
	IDs, Replaced                 []memory.ID
	Memories                      []memory.Record

	body, signature string
}

// texts are those of the memories, in the order of the IDs.
func (e told) texts() (list []string) {
	for _, m := range e.Memories {
		list = append(list, m.Text)
	}
	return list
}

// receiver is a webhook's end. It answers the first attempts with failures: a status, or 0 for a connection that breaks off.
func receiver(t *testing.T, failures ...int) (string, <-chan told) {
	t.Helper()
	events := make(chan told, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		e := told{body: string(body), signature: r.Header.Get("X-Refiner-Signature")}
		if err != nil || json.Unmarshal(body, &e) != nil || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the receiver got %s %v: %v", body, r.Header, err)
		}
		events <- e
		if len(failures) == 0 {
			return
		}
		status := failures[0]
		if failures = failures[1:]; status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/secret-path", events
}

// next waits for an event.
func next(t *testing.T, events <-chan told, event string) told {
	t.Helper()
	select {
	case e := <-events:
		if e.Event != event {
			t.Fatalf("told %s, want %s", e.body, event)
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatalf("nobody was told of what was %s", event)
		return told{}
	}
}

// Every way in tells the webhooks, in the caller's tenant and user.
func TestWebhooksAreToldOfEveryChange(t *testing.T) {
	all, events := receiver(t)
	some, deletions := receiver(t)
	_, up := model(t, scripted.Says("I will remember that."))
	p, secrets, ruth := doors(t, func(o *serve.Options) {
		o.Upstream, o.Webhooks = up, []serve.Webhook{{URL: all, Secret: "whsec"}, {URL: some, Events: []string{"deleted"}}}
	})
	key := bearer(secrets["ada"])

	r := p.send(t, http.MethodPost, "/v1/chat/completions", `{"messages":[{"role":"user","content":"Nora has a red bicycle."}]}`, key...)
	r.content(t)
	chat := next(t, events, "remembered")
	if diff := cmp.Diff([]string{"Nora has a red bicycle.", "I will remember that."}, chat.texts()); diff != "" || chat.User != "ada" || len(chat.IDs) != 2 || chat.Delivery == "" || time.Since(chat.Time) > time.Minute {
		t.Errorf("of the chat was told %s", chat.body)
	}
	verify(t, "whsec", chat)

	const rest = `{"memories":[{"text":"Nora plays chess.","key":"chess"},{"text":"Nora plays the harp.","key":"harp"}]}`
	p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"Nora plays chess.","key":"chess"}]}`, key...)
	chess := next(t, events, "remembered").IDs[0]
	p.send(t, http.MethodPost, "/api/v1/memories", rest, key...)
	if e := next(t, events, "remembered"); len(e.IDs) != 1 || e.IDs[0] == chess || e.texts()[0] != "Nora plays the harp." {
		t.Errorf("told of what was there already: %s", e.body)
	}
	p.send(t, http.MethodPost, "/api/v1/memories", rest, key...) // adds nothing, and tells nothing

	if text, failed := call(t, p.asMCP(t, key...), "remember", map[string]any{"text": "Ruth lives in Oslo.", "replaces": []string{string(ruth)}}); failed {
		t.Fatal(text)
	}
	oslo := next(t, events, "changed")
	if diff := cmp.Diff([]memory.ID{ruth}, oslo.Replaced); diff != "" || oslo.texts()[0] != "Ruth lives in Oslo." {
		t.Errorf("of the change was told %s", oslo.body)
	}
	p.send(t, http.MethodPost, "/api/v1/memories/"+string(oslo.IDs[0])+"/undo", "{}", key...)
	if e := next(t, events, "changed"); len(e.IDs) != 1 || e.IDs[0] != ruth || e.Replaced[0] != oslo.IDs[0] || e.texts()[0] != "Ruth moved to Lisbon." {
		t.Errorf("of the undo was told %s", e.body)
	}
	p.send(t, http.MethodPost, "/v1/memory", `{"text":"Nora sails."}`, key...)
	sails := next(t, events, "remembered")

	p.send(t, http.MethodDelete, "/v1/memory/"+string(sails.IDs[0]), "", key...)
	for _, end := range []<-chan told{events, deletions} {
		if e := next(t, end, "deleted"); len(e.IDs) != 1 || e.IDs[0] != sails.IDs[0] || e.User != "ada" || strings.Contains(e.body, "sails") || (e.signature == "") != (end == deletions) {
			t.Errorf("of the deletion was told %s, signed %q", e.body, e.signature)
		}
	}
	p.send(t, http.MethodDelete, "/api/v1/memories/"+string(chess), "", key...)
	next(t, events, "deleted")
	p.send(t, http.MethodDelete, "/api/v1/memories/"+string(chess), "", key...) // is gone, and tells nothing
	p.Close()
	if len(events) != 0 || len(deletions) != 1 {
		t.Errorf("%d and %d events were left", len(events), len(deletions))
	}
	if strings.Contains(p.log.String(), "secret-path") {
		t.Errorf("the log holds the address: %s", p.log)
	}
}

// verify checks a signature as docs/serve.md says.
func verify(t *testing.T, secret string, e told) {
	t.Helper()
	at, signature, _ := strings.Cut(strings.TrimPrefix(e.signature, "t="), ",v1=")
	seconds, err := strconv.ParseInt(at, 10, 64)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "." + e.body))
	if got, _ := hex.DecodeString(signature); err != nil || !hmac.Equal(got, mac.Sum(nil)) || time.Since(time.Unix(seconds, 0)) > time.Minute {
		t.Errorf("the signature %q does not hold for %s: %v", e.signature, e.body, err)
	}
}

// What the receiver fails for a while is told again, the same; what it refuses is not.
func TestWebhooksTryAgain(t *testing.T) {
	end, events := receiver(t, 503, 0, 200, 404)
	p := start(t, newPlugin(t), &serve.Options{Webhooks: []serve.Webhook{{URL: end}}})
	for _, text := range []string{"Nora sails.", "Nora rows.", "Nora dives."} {
		p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"`+text+`"}]}`)
	}
	first := next(t, events, "remembered")
	for range 2 {
		if e := next(t, events, "remembered"); e.body != first.body || e.signature != "" {
			t.Errorf("the second attempt told %s, the first %s", e.body, first.body)
		}
	}
	next(t, events, "remembered")
	if e := next(t, events, "remembered"); e.texts()[0] != "Nora dives." {
		t.Errorf("what was refused is told again: %s", e.body)
	}
	p.Close()
	scrape := p.send(t, http.MethodGet, "/metrics", "").Body
	for _, line := range []string{`refine_webhook_events_total{result="delivered"} 2`, `refine_webhook_events_total{result="failed"} 1`, "refine_webhook_events_pending 0"} {
		if !strings.Contains(scrape, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if log := p.log.String(); !strings.Contains(log, "404 Not Found") || strings.Contains(log, "secret-path") {
		t.Errorf("the log says %s", log)
	}
}

// A receiver that never answers keeps neither a write nor the end of the server.
func TestWebhooksKeepNobody(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer s.Close()
	defer close(hang)
	p := start(t, newPlugin(t), &serve.Options{Wait: 50 * time.Millisecond, Webhooks: []serve.Webhook{{URL: s.URL}}})
	begun := time.Now()
	for range 5 {
		if r := p.send(t, http.MethodPost, "/api/v1/memories", `{"memories":[{"text":"Nora sails."}]}`); r.Status != 201 {
			t.Errorf("a write answered %d", r.Status)
		}
	}
	p.Close()
	if took := time.Since(begun); took > 8*time.Second { // an attempt may take 10
		t.Errorf("it took %s", took)
	}
	if scrape := p.send(t, http.MethodGet, "/metrics", "").Body; !strings.Contains(scrape, `refine_webhook_events_total{result="dropped"} 5`) {
		t.Errorf("the metrics do not count what was dropped")
	}
}

func TestWebhooksThatCannotBe(t *testing.T) {
	for want, hook := range map[string]serve.Webhook{
		"no address":              {URL: "example.org/hook"},
		"in the clear":            {URL: "http://example.org/hook"},
		"holds a password":        {URL: "https://nora:secret@example.org/hook"},
		`"forgotten" is no event`: {URL: "https://example.org/hook", Events: []string{"forgotten"}},
	} {
		if _, err := serve.New(newPlugin(t), &serve.Options{Webhooks: []serve.Webhook{hook}}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "serve.webhooks: 1") || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%+v: %v, want %q", hook, err, want)
		}
	}
	for _, hook := range []serve.Webhook{{URL: "http://example.org/hook", Plain: true}, {URL: "http://[::1]:9/hook"}, {URL: "http://localhost/hook"}, {URL: "https://example.org/hook"}} {
		s, err := serve.New(newPlugin(t), &serve.Options{Webhooks: []serve.Webhook{hook}})
		if err != nil {
			t.Errorf("%+v: %v", hook, err)
			continue
		}
		s.Close()
	}
}
