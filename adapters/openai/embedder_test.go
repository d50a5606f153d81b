package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/memory"
)

var ctx = context.Background()

func open(t *testing.T, o *EmbedderOptions) *Embedder {
	t.Helper()
	e, err := NewEmbedder(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEmbed(t *testing.T) {
	s := newServer(t)
	e := open(t, s.options())
	e.batch, e.slots = 3, make(chan struct{}, 2)
	if e.Dim() != 3 || e.Model() != "m" {
		t.Errorf("dimension %d of %q, want 3 of m", e.Dim(), e.Model())
	}
	var texts []string
	var want [][]float32
	for i := range 20 {
		texts = append(texts, strings.Repeat(string(rune('a'+i)), i+1))
		want = append(want, vector(texts[i]))
	}
	got, err := e.Embed(ctx, texts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	requests := s.seen()
	if len(requests) != 1+7 || s.top > 2 {
		t.Errorf("%d requests, %d at a time; want 8, at most 2", len(requests), s.top)
	}
	for _, r := range requests {
		if r.path != "POST /v1/embeddings" || r.key != "Bearer sk-secret" || r.Model != "m" || len(r.Input) > 3 {
			t.Errorf("request %+v", r)
		}
	}
	if none, err := e.Embed(ctx, nil); len(none) != 0 || err != nil {
		t.Errorf("of no texts: %v, %v", none, err)
	}
	// A dimension that is known is not asked for, and a long text is cut between two characters.
	s = newServer(t)
	o := s.options()
	o.Dim = 3
	if _, err := open(t, o).Embed(ctx, []string{strings.Repeat("ä", longestText) + "\xff"}); err != nil {
		t.Fatal(err)
	}
	if r := s.seen(); len(r) != 1 || r[0].Input[0] != strings.Repeat("ä", longestText/2) {
		t.Errorf("%d requests, of %d bytes", len(r), len(r[0].Input[0]))
	}
}

func TestNewEmbedderRefuses(t *testing.T) {
	tests := []struct {
		name string
		o    *EmbedderOptions
		want string
	}{
		{"nothing", nil, "no embedding model is named"},
		{"negative", &EmbedderOptions{Model: "m", Dim: -1}, "the dimension of m is -1"},
		{"scheme", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "ftp://x/v1"}}, "is not one of http or https"},
		{"no host", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "localhost:11434"}}, "is not one of http or https"},
		{"unreadable", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "http://a b/\x7f"}}, "cannot be read"},
		{"key in the query", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "http://x/v1?key=sk-1"}}, `the base URL of "x" holds more than an address`},
		{"password", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "http://u:sk-1@x/v1"}}, `the base URL of "x" holds more than an address`},
		{"nobody there", &EmbedderOptions{Model: "m", Endpoint: Endpoint{BaseURL: "http://127.0.0.1:1/v1", Retries: -1}}, "find the dimension of m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewEmbedder(ctx, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "sk-1") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestStorm answers most attempts with what a busy server answers; everything arrives in the end, in order.
func TestStorm(t *testing.T) {
	s := newServer(t)
	e := open(t, s.options())
	e.batch = 2
	s.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n % 6 {
		case 0:
			return false
		case 1:
			w.Header().Set("Retry-After", "0")
			fail(w, http.StatusTooManyRequests, "slow down")
		case 2:
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, "<html>bad gateway</html>")
		case 3:
			panic(http.ErrAbortHandler) // the connection breaks
		case 4:
			w.Header().Set("Content-Length", "1000") // the body breaks off
			fmt.Fprint(w, `{"object":"list","data":[{"index":0,"embed`)
		case 5:
			w.WriteHeader(http.StatusRequestTimeout)
		}
		return true
	}
	e.options.Retries = 40
	client, err := e.options.client(e.options.Timeout, whole{bounded{connections(), maxAnswer}})
	if err != nil {
		t.Fatal(err)
	}
	e.client = client
	var texts []string
	var want [][]float32
	for i := range 16 {
		texts = append(texts, strings.Repeat("x", i+1))
		want = append(want, vector(texts[i]))
	}
	got, err := e.Embed(ctx, texts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRetryAfter(t *testing.T) {
	s := newServer(t)
	e := open(t, s.options())
	s.before = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n != 2 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusTooManyRequests, "slow down")
		return true
	}
	// maxWait is 20 ms: a second is not waited for.
	var said *Error
	if _, err := e.Embed(ctx, []string{"a"}); !errors.As(err, &said) || said.Status != 429 || len(s.seen()) != 2 {
		t.Errorf("%v after %d requests, want 429 after 2", err, len(s.seen()))
	}
	s.mu.Lock()
	s.requests = nil
	s.mu.Unlock()
	o := s.options()
	o.maxWait = 5 * time.Second
	patient := open(t, o)
	start := time.Now()
	if _, err := patient.Embed(ctx, []string{"a"}); err != nil || time.Since(start) < time.Second {
		t.Errorf("%v after %v, want a wait of a second", err, time.Since(start))
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   string
		tries  int
	}{
		{"wrong key", func(w http.ResponseWriter) { fail(w, 401, "Incorrect API key provided: sk-secret") },
			"embed with m: the endpoint answered 401 Unauthorized: Incorrect API key provided: [hidden]: check the key", 1},
		{"no model", func(w http.ResponseWriter) { fail(w, 404, "model not found") },
			"embed with m: the endpoint answered 404 Not Found: model not found: check the base URL (it often ends in /v1) and the model's name", 1},
		{"not the API", func(w http.ResponseWriter) { w.WriteHeader(404); fmt.Fprint(w, "<html>\nsk-secret</html>") },
			"embed with m: the endpoint answered 404 Not Found: <html> [hidden]</html>: check the base URL (it often ends in /v1) and the model's name", 1},
		{"no quota", func(w http.ResponseWriter) {
			w.WriteHeader(429)
			fmt.Fprint(w, `{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}`)
		}, "embed with m: the endpoint answered 429 Too Many Requests: You exceeded your quota: wait, or check the quota", 1},
		{"down for good", func(w http.ResponseWriter) { fail(w, 503, "overloaded") },
			"embed with m: the endpoint answered 503 Service Unavailable: overloaded", 3},
		{"a long message", func(w http.ResponseWriter) { fail(w, 400, strings.Repeat("é", 1000)) },
			"embed with m: the endpoint answered 400 Bad Request: " + strings.Repeat("é", 300) + "…", 1},
		{"not JSON", func(w http.ResponseWriter) { fmt.Fprint(w, "hello") }, "embed with m: invalid character 'h' looking for beginning of value", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			o := s.options()
			o.Dim, o.Retries = 3, 2
			s.before = func(_ int, w http.ResponseWriter, _ *http.Request) bool { tt.answer(w); return true }
			_, err := open(t, o).Embed(ctx, []string{"a"})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if len(s.seen()) != tt.tries {
				t.Errorf("%d requests, want %d", len(s.seen()), tt.tries)
			}
		})
	}
}

func TestWrongAnswers(t *testing.T) {
	tests := []struct {
		name   string
		change func(*response)
		want   string
	}{
		{"too few", func(r *response) { r.Data = r.Data[1:] }, "m gave 1 vectors for 2 texts"},
		{"too many", func(r *response) { r.Data = append(r.Data, r.Data[0]) }, "m gave 3 vectors for 2 texts"},
		{"none", func(r *response) { r.Data = nil }, "m gave 0 vectors for 2 texts"},
		{"other dimension", func(r *response) { r.Data[0].Embedding = []float32{1, 2} }, "vector 2 the dimension 2, not 3"},
		{"empty", func(r *response) { r.Data[0].Embedding = []float32{} }, "text 2 of 2 a vector that is empty, zero or not finite"},
		{"zero", func(r *response) { r.Data[1].Embedding = []float32{0, 0, 0} }, "text 1 of 2 a vector that is empty, zero or not finite"},
		{"index twice", func(r *response) { r.Data[0].Index, r.Data[1].Index = 1, 1 }, "the index 1 twice or out of range"},
		{"index too large", func(r *response) { r.Data[0].Index = 9 }, "the index 9 twice or out of range"},
		{"index negative", func(r *response) { r.Data[0].Index = -1 }, "the index -1 twice or out of range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t)
			o := s.options()
			o.Dim = 3
			s.change = tt.change
			got, err := open(t, o).Embed(ctx, []string{"a", "b"})
			if !errors.Is(err, memory.ErrDimension) || !strings.Contains(err.Error(), tt.want) || got != nil {
				t.Errorf("%v and %v, want %q", got, err, tt.want)
			}
		})
	}
	s := newServer(t)
	e := open(t, s.options())
	if _, err := e.Embed(ctx, []string{"a", " \n"}); !errors.Is(err, memory.ErrInvalid) || len(s.seen()) != 1 {
		t.Errorf("an empty text gives %v after %d requests", err, len(s.seen()))
	}
	// A server that numbers nothing is taken by its order.
	s.change = func(r *response) {
		for i := range r.Data {
			r.Data[i].Index = 0
		}
	}
	if got, err := e.Embed(ctx, []string{"a", "bb"}); err != nil || got[0][0] != 2 {
		t.Errorf("without numbers: %v, %v", got, err)
	}
}

func TestTimeAndCancel(t *testing.T) {
	s := newServer(t)
	var slow atomic.Bool
	slow.Store(true)
	s.before = func(n int, _ http.ResponseWriter, r *http.Request) bool {
		if slow.Load() {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}
		return false
	}
	o := s.options()
	o.Dim, o.Timeout, o.Retries = 3, 50*time.Millisecond, 1
	start := time.Now()
	if _, err := open(t, o).Embed(ctx, []string{"a"}); err == nil || len(s.seen()) != 2 || time.Since(start) > 4*time.Second {
		t.Errorf("%v after %d requests and %v, want a timeout after 2", err, len(s.seen()), time.Since(start))
	}
	// ctx ends a request, a wait, and the queue for a slot.
	o.Timeout = time.Minute
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	start = time.Now()
	e := open(t, o)
	e.batch, e.slots = 1, make(chan struct{}, 1)
	if _, err := e.Embed(soon, []string{"a", "b", "c"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 4*time.Second {
		t.Errorf("%v after %v, want the deadline", err, time.Since(start))
	}
}

func TestSecret(t *testing.T) {
	e := Endpoint{Key: "sk-secret"}
	data, err := json.Marshal(e.Key)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "endpoint", e, "key", e.Key)
	for _, text := range []string{fmt.Sprint(e), fmt.Sprintf("%v %+v %#v %s %q", e, e, e, e.Key, e.Key), string(data), log.String()} {
		if strings.Contains(text, "secret") || !strings.Contains(text, "hidden") {
			t.Errorf("%s", text)
		}
	}
}

func TestUsable(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for _, v := range [][]float32{nil, {0, 0}, {1, nan}, {1, inf}} {
		if usable(v) {
			t.Errorf("%v is usable", v)
		}
	}
	if !usable([]float32{3e38, 1}) {
		t.Error("large numbers are not usable")
	}
}

func TestBatches(t *testing.T) {
	got := batches([]string{"aa", "bb", "cc", "dddddddd", "e", "f", "g", "h"}, 3, 5)
	want := []batch{{0, 2}, {2, 3}, {3, 4}, {4, 7}, {7, 8}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(batch{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}`))
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1]},{"embedding":[3,4]}]}`))
	f.Add([]byte(`{"data":[{"index":-1},{"index":7}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r api.EmbeddingResponse
		if json.Unmarshal(data, &r) != nil {
			return
		}
		vectors, err := ordered(r.Data, 2, "m")
		if (err == nil) != (len(vectors) == 2) {
			t.Fatalf("%v and %v", vectors, err)
		}
		for _, v := range vectors {
			if !usable(v) {
				t.Fatalf("vector %v", v)
			}
		}
	})
}
