package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/specialists"
)

// chat makes a model that a script plays over real HTTP.
func chat(t *testing.T, script scripted.Script, o ChatOptions) (*Chat, *scripted.Server) {
	t.Helper()
	server, err := scripted.New(script)
	if err != nil {
		t.Fatal(err)
	}
	o.BaseURL, o.Model = server.URL, "scripted"
	o.minWait, o.maxWait = time.Millisecond, 10*time.Millisecond
	c, err := NewChat(&o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c, server
}

func hello(delta func(string) error) specialists.Prompt {
	return specialists.Prompt{Messages: []specialists.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Name: "Nora", Content: "Hello?"}, {Role: "tool", Content: "42"}}, Delta: delta}
}

func TestChat(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprint("stream ", stream), func(t *testing.T) {
			c, server := chat(t, func(scripted.Request) scripted.Reply {
				return scripted.Reply{Text: "Good evening, Nora.", Prompt: 1000, Completion: 200}
			}, ChatOptions{Endpoint: Endpoint{Key: "sk-sesame"}, MaxTokens: 50, PriceIn: 2, PriceOut: 10})
			var pieces []string
			var delta func(string) error
			if stream {
				delta = func(s string) error { pieces = append(pieces, s); return nil }
			}
			done, err := c.Complete(t.Context(), hello(delta))
			if err != nil || done.Text != "Good evening, Nora." {
				t.Fatalf("%q, %v", done.Text, err)
			}
			if stream && (len(pieces) < 3 || strings.Join(pieces, "") != done.Text) {
				t.Errorf("pieces %q", pieces)
			}
			want := specialists.Usage{Calls: 1, PromptTokens: 1000, CompletionTokens: 200, Cost: .004}
			if done.Usage != want || c.Usage() != want {
				t.Errorf("usage %+v, in all %+v; want %+v", done.Usage, c.Usage(), want)
			}
			r := server.Requests()[0]
			if r.Key != "sk-sesame" || r.Model != "scripted" || r.MaxTokens != 50 || r.Stream != stream || len(r.Messages) != 3 || r.Messages[2].Role != "user" {
				t.Errorf("the request was %s with the key %q", r.Body, r.Key)
			}
		})
	}
}

func TestUsageIsEstimatedWhereNoneIsGiven(t *testing.T) {
	c, _ := chat(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Raw: `{"choices": [{"message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}]}`}
	}, ChatOptions{})
	done, err := c.Complete(t.Context(), hello(nil))
	if err != nil || done.Usage.Calls != 1 || done.Usage.PromptTokens == 0 || done.Usage.CompletionTokens == 0 {
		t.Errorf("%+v, %v", done.Usage, err)
	}
}

func TestMomentaryFailuresAreTriedAgain(t *testing.T) {
	for _, stream := range []bool{false, true} {
		c, server := chat(t, func(r scripted.Request) scripted.Reply {
			switch r.N {
			case 1:
				return scripted.Reply{Status: http.StatusInternalServerError}
			case 2:
				return scripted.Reply{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}}
			}
			return scripted.Reply{Text: "At last."}
		}, ChatOptions{})
		var delta func(string) error
		if stream {
			delta = func(string) error { return nil }
		}
		done, err := c.Complete(t.Context(), hello(delta))
		if err != nil || done.Text != "At last." || len(server.Requests()) != 3 {
			t.Errorf("%q after %d requests, %v", done.Text, len(server.Requests()), err)
		}
	}
}

func TestChatErrors(t *testing.T) {
	deaf := errors.New("enough")
	listen := func(string) error { return nil }
	for _, c := range []struct {
		name   string
		script scripted.Script
		delta  func(string) error
		o      ChatOptions
		text   string // what was written until then
		says   string
		tries  int
	}{
		{"a wrong key", scripted.Storms(http.StatusUnauthorized), nil, ChatOptions{}, "", "check the key", 1},
		{"a storm", scripted.Storms(http.StatusBadGateway), listen, ChatOptions{Endpoint: Endpoint{Retries: 2}}, "", "502", 3},
		{"no JSON", scripted.Garbled, nil, ChatOptions{}, "", "", 1},
		{"no JSON in a stream", scripted.Garbled, listen, ChatOptions{}, "", "", 1},
		{"no choice", func(scripted.Request) scripted.Reply { return scripted.Reply{Raw: `{"choices": []}`} }, nil, ChatOptions{}, "", "no choice", 1},
		{"a lost connection", scripted.Breaks("one two three four", 2), listen, ChatOptions{}, "one two ", "", 1},
		{"a stream without an end", func(scripted.Request) scripted.Reply {
			return scripted.Reply{Raw: "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}]}\n\n"}
		}, listen, ChatOptions{}, "one", "breaks off", 1},
		{"silence", scripted.Silent, listen, ChatOptions{Endpoint: Endpoint{Timeout: 100 * time.Millisecond, Retries: 1}}, "", "silent", 2},
		{"silence in the midst", func(scripted.Request) scripted.Reply {
			return scripted.Reply{Text: "one two", Pause: time.Minute}
		}, listen, ChatOptions{Endpoint: Endpoint{Timeout: 200 * time.Millisecond}}, "one ", "silent", 1},
		{"too long", scripted.Huge(1 << 20), nil, ChatOptions{maxBytes: 1 << 16}, "", "more than 65536 bytes", 1},
		{"a listener who has enough", scripted.Says("one two"), func(string) error { return deaf }, ChatOptions{}, "one ", "enough", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, server := chat(t, c.script, c.o)
			done, err := m.Complete(t.Context(), hello(c.delta))
			if err == nil || !strings.Contains(err.Error(), c.says) || done.Text != c.text || len(server.Requests()) != c.tries {
				t.Errorf("%q after %d requests, error %v; want %q after %d", done.Text, len(server.Requests()), err, c.text, c.tries)
			}
		})
	}
}

func TestStreamThatGoesOnForEverIsCutOff(t *testing.T) {
	m, _ := chat(t, scripted.Huge(4<<20), ChatOptions{maxBytes: 1 << 18})
	n := 0
	_, err := m.Complete(t.Context(), hello(func(s string) error { n += len(s); return nil }))
	if err == nil || !strings.Contains(err.Error(), "more than 262144 bytes") || n > 1<<18 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

func TestCancelledChatEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server, err := scripted.New(scripted.Silent)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c, err := NewChat(&ChatOptions{Endpoint: Endpoint{BaseURL: server.URL}, Model: "m", Concurrency: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var ended sync.WaitGroup
	for i := range 3 { // one holds the slot, the others wait for it
		ended.Go(func() {
			var delta func(string) error
			if i%2 == 0 {
				delta = func(string) error { return nil }
			}
			if _, err := c.Complete(ctx, hello(delta)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
	ended.Wait()
}

func TestConcurrencyIsBounded(t *testing.T) {
	var now, most atomic.Int32
	c, _ := chat(t, func(scripted.Request) scripted.Reply {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		return scripted.Reply{Text: "ok"}
	}, ChatOptions{Concurrency: 2})
	var done sync.WaitGroup
	for range 10 {
		done.Go(func() {
			if _, err := c.Complete(t.Context(), hello(nil)); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if most.Load() > 2 || c.Usage().Calls != 10 {
		t.Errorf("%d at one time, %d in all", most.Load(), c.Usage().Calls)
	}
}

func TestBadChatOptions(t *testing.T) {
	for _, o := range []ChatOptions{{}, {Model: "m", MaxTokens: -1}, {Model: "m", PriceIn: -1}, {Model: "m", Endpoint: Endpoint{BaseURL: "ftp://x"}}} {
		if _, err := NewChat(&o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// All instructions of a prompt stand in one message, the first; in the user's where a model takes none.
func TestInstructionsStandFirst(t *testing.T) {
	prompt := specialists.Prompt{Messages: []specialists.Message{{Role: "system", Content: "Answer from the memories."}, {Role: "developer", Content: "Be kind."},
		{Role: "user", Content: "Hello?"}, {Role: "assistant", Content: "Hi."}, {Role: "system", Content: "Be brief."}, {Role: "user", Content: "And now?"}}}
	taken := func(r scripted.Request) string {
		var b strings.Builder
		for _, m := range r.Messages {
			fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Content)
		}
		return b.String()
	}
	for rule, want := range map[string]string{
		"none":            "developer: Answer from the memories.\n\nBe kind.\n\nBe brief.\nuser: Hello?\nassistant: Hi.\nuser: And now?\n",
		"no instructions": "user: Answer from the memories.\n\nBe kind.\n\nBe brief.\n\nHello?\nassistant: Hi.\nuser: And now?\n",
	} {
		c, server := chat(t, func(r scripted.Request) scripted.Reply {
			if rule != "none" && r.Messages[0].Role != "user" {
				return scripted.Reply{Status: 400, Text: "System role not supported"}
			}
			return scripted.Reply{Text: "Fine."}
		}, ChatOptions{})
		for range 2 { // the second time it knows
			if done, err := c.Complete(t.Context(), prompt); err != nil || done.Text != "Fine." {
				t.Fatalf("%s: %q, %v", rule, done.Text, err)
			}
		}
		sent := server.Requests()
		if got := taken(sent[len(sent)-1]); got != want || len(sent) > 3 {
			t.Errorf("%s: the last of %d requests is\n%s", rule, len(sent), got)
		}
	}
}
