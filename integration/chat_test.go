package integration_test

import (
	"context"
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
	"time"

	api "github.com/sashabaranov/go-openai"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/testing/scripted"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// model is a scripted endpoint and a go-openai client of it.
func model(t *testing.T, script scripted.Script) (*scripted.Server, *api.Client) {
	t.Helper()
	server, err := scripted.New(script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	c := api.DefaultConfig("key")
	c.BaseURL = server.URL
	return server, api.NewClientWithConfig(c)
}

// known makes a plugin that knows where Ruth lives.
func known(t *testing.T) *integration.Plugin {
	t.Helper()
	p := create(t, settings(t))
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "My sister Ruth moved to Lisbon."), turn(1, "Ada", "I bake rye bread.")); err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(question string) api.ChatCompletionRequest {
	return api.ChatCompletionRequest{Model: "m", Messages: []api.ChatCompletionMessage{{Role: "user", Content: question}}}
}

// stored are the records of a session other than the one that tests begin with.
func stored(t *testing.T, p *integration.Plugin, scope memory.Scope) []memory.Record {
	t.Helper()
	var list []memory.Record
	for r, err := range p.Store.All(t.Context(), scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Scope.Session != "1" {
			list = append(list, r)
		}
	}
	return list
}

func TestChatRecallsAndRemembers(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream %v", stream), func(t *testing.T) {
			p := known(t)
			server, plain := model(t, scripted.Says("Ruth moved to Lisbon."))
			client := integration.Chat(p, plain, &integration.ChatOptions{Refine: refine.Off})
			request := ask("Where does Ruth live?")
			request.Messages = append([]api.ChatCompletionMessage{{Role: "system", Content: "Be brief."}}, request.Messages...)
			complete := func() string {
				t.Helper()
				if !stream {
					r, err := client.CreateChatCompletion(t.Context(), request)
					if err != nil {
						t.Fatal(err)
					}
					return r.Choices[0].Message.Content
				}
				s, err := client.CreateChatCompletionStream(t.Context(), request)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				text, pieces := "", 0
				for {
					r, err := s.Recv()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if len(r.Choices) > 0 {
						text += r.Choices[0].Delta.Content
						pieces++
					}
				}
				if pieces < 2 {
					t.Errorf("the answer came in %d pieces", pieces)
				}
				return text
			}
			if text := complete(); text != "Ruth moved to Lisbon." {
				t.Errorf("the answer is %q", text)
			}
			sent := server.Requests()[0].Messages
			if len(sent) != 2 || sent[0].Content != "Be brief." || !strings.Contains(sent[1].Content, ">My sister Ruth moved to Lisbon.</memory>") || !strings.HasPrefix(sent[1].Content, "Where does Ruth live?\n\n") {
				t.Errorf("the model is asked %+v", sent)
			}
			if len(request.Messages) != 2 || request.Messages[0].Content != "Be brief." {
				t.Error("the caller's request is changed")
			}
			got := stored(t, p, p.Scope)
			if len(got) != 2 || got[0].Text != "Where does Ruth live?" || got[0].Origin != memory.Observed || got[1].Role != "assistant" || got[1].Position != got[0].Position+1 {
				t.Fatalf("remembered %+v", got)
			}
			if got[1].Origin != memory.Reconstructed || len(got[1].DerivedFrom) == 0 {
				t.Errorf("an answer that repeats a memory is %s, from %v", got[1].Origin, got[1].DerivedFrom)
			}
			complete() // a retry
			if again := stored(t, p, p.Scope); len(again) != 2 {
				t.Errorf("a retry makes it %d records", len(again))
			}

			// The next question of the conversation: its own turns are not recalled.
			request.Messages = append(request.Messages, api.ChatCompletionMessage{Role: "assistant", Content: "Ruth moved to Lisbon."}, api.ChatCompletionMessage{Role: "user", Content: "And is it nice where Ruth lives?"})
			complete()
			requests := server.Requests()
			if notes := requests[len(requests)-1].Last("user"); strings.Contains(notes, "Where does Ruth live?") || strings.Contains(notes, ">Ruth moved to Lisbon") || !strings.Contains(notes, "moved to Lisbon") {
				t.Errorf("the notes are %s", notes)
			}
			if next := stored(t, p, p.Scope); len(next) != 4 || next[2].Position != 2 || next[2].Scope.Session != got[0].Scope.Session {
				t.Errorf("the session has %d records, the third at %d", len(next), next[2].Position)
			}
		})
	}
}

func TestChatRefines(t *testing.T) {
	for _, stream := range []bool{false, true} {
		p := known(t)
		server, plain := model(t, scripted.Says("Ruth moved to Oslo."))
		client := integration.Chat(p, plain, &integration.ChatOptions{Refine: refine.Always})
		want, err := p.Ask(t.Context(), integration.Request{Question: "Where did Ruth move?", Draft: "Ruth moved to Oslo.", Open: true, Refine: refine.Always})
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		if stream {
			s, err := client.CreateChatCompletionStream(t.Context(), ask("Where did Ruth move?"))
			if err != nil {
				t.Fatal(err)
			}
			for {
				r, err := s.Recv()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(r.Choices) > 0 {
					text += r.Choices[0].Delta.Content
				}
			}
			s.Close()
		} else {
			r, err := client.CreateChatCompletion(t.Context(), ask("Where did Ruth move?"))
			if err != nil {
				t.Fatal(err)
			}
			text = r.Choices[0].Message.Content
		}
		if text != want.Text {
			t.Errorf("stream %v: the answer is %q, refined it is %q", stream, text, want.Text)
		}
		if n := len(server.Requests()); n != 1 {
			t.Errorf("the model was asked %d times", n)
		}
		if got := stored(t, p, p.Scope); len(got) != 1 || got[0].Role != "user" { // a refined answer says what the memories say
			t.Errorf("remembered %+v", got)
		}
	}
}

func TestChatScopes(t *testing.T) {
	p := known(t)
	server, plain := model(t, scripted.Says("Hello."))
	type key struct{}
	client := integration.Chat(p, plain, &integration.ChatOptions{Refine: refine.Off, Scope: func(ctx context.Context) (memory.Scope, error) {
		user, _ := ctx.Value(key{}).(string)
		if user == "nobody" {
			return memory.Scope{}, errors.New("who are you?")
		}
		return memory.Scope{User: user, Session: "s"}, nil
	}})
	for _, user := range []string{"", "nobody"} { // no user must not mean the plugin's
		if _, err := client.CreateChatCompletion(context.WithValue(t.Context(), key{}, user), ask("Where does Ruth live?")); !errors.Is(err, integration.ErrRefused) {
			t.Errorf("the user %q gives %v", user, err)
		}
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("the model was asked %d times", n)
	}
	if _, err := client.CreateChatCompletion(context.WithValue(t.Context(), key{}, "eve"), ask("Where does Ruth live?")); err != nil {
		t.Fatal(err)
	}
	if sent := server.Requests()[0].Messages; len(sent) != 1 || strings.Contains(sent[0].Content, "Lisbon") {
		t.Errorf("the model reads %+v", sent)
	}
	if got := stored(t, p, memory.Scope{User: "eve"}); len(got) != 2 || got[0].Scope.Session != "s" {
		t.Errorf("remembered %+v", got)
	}
}

// What happens to the model or to the memory is what happens without a memory.
func TestChatFailures(t *testing.T) {
	p := known(t)
	_, failing := model(t, func(scripted.Request) scripted.Reply {
		return scripted.Reply{Status: 429, Text: "slow down"}
	})
	client := integration.Chat(p, failing, &integration.ChatOptions{Refine: refine.Off})
	var said *api.APIError
	if _, err := client.CreateChatCompletion(t.Context(), ask("Where does Ruth live?")); !errors.As(err, &said) || said.HTTPStatusCode != 429 {
		t.Errorf("the error is %v", err)
	}
	if _, err := client.CreateChatCompletionStream(t.Context(), ask("Where does Ruth live?")); !errors.As(err, &said) || said.HTTPStatusCode != 429 {
		t.Errorf("the stream's error is %v", err)
	}

	// A stream that breaks off, and one that is closed before the model has said why it ended.
	_, broken := model(t, scripted.Breaks("Ruth lives in the city of Lisbon.", 3))
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Ruth lives\"}}]}\n\n")
	}))
	defer closed.Close()
	settings := api.DefaultConfig("key")
	settings.BaseURL = closed.URL
	for _, plain := range []*api.Client{broken, api.NewClientWithConfig(settings)} {
		for _, mode := range []refine.Refinement{refine.Off, refine.Always} {
			s, err := integration.Chat(p, plain, &integration.ChatOptions{Refine: mode}).CreateChatCompletionStream(t.Context(), ask("Where does Ruth live?"))
			if err != nil {
				t.Fatal(err)
			}
			text := ""
			for {
				r, err := s.Recv()
				if err != nil {
					break
				}
				if len(r.Choices) > 0 {
					text += r.Choices[0].Delta.Content
				}
			}
			if mode == refine.Off && !strings.HasPrefix(text, "Ruth lives") {
				t.Errorf("what came is %q", text)
			}
			s.Close()
		}
	}
	_, whole := model(t, scripted.Says("Ruth lives in the city of Lisbon."))
	s, err := integration.Chat(p, whole, &integration.ChatOptions{Refine: refine.Off}).CreateChatCompletionStream(t.Context(), ask("Who left early?"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, r := range stored(t, p, p.Scope) {
		t.Errorf("remembered %s: %s", r.Role, r.Text)
	}

	p.Close() // the memory is gone
	r, err := integration.Chat(p, whole, &integration.ChatOptions{Refine: refine.Always}).CreateChatCompletion(t.Context(), ask("Where does Ruth live?"))
	if err != nil || r.Choices[0].Message.Content == "" {
		t.Errorf("without its memory it answers %v, %v", r, err)
	}
}

func TestChatLeavesToolsAlone(t *testing.T) {
	p := known(t)
	const call = `{"id":"1","object":"chat.completion","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}`
	_, plain := model(t, func(scripted.Request) scripted.Reply { return scripted.Reply{Raw: call} })
	client := integration.Chat(p, plain, &integration.ChatOptions{Refine: refine.Always})
	r, err := client.CreateChatCompletion(t.Context(), ask("Where does Ruth live?"))
	if err != nil || len(r.Choices[0].Message.ToolCalls) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := stored(t, p, p.Scope); len(got) != 0 {
		t.Errorf("remembered %+v", got)
	}
}

// An existing backend changes one line: the one that makes its client.
func ExampleChat() {
	server, err := scripted.New(func(r scripted.Request) scripted.Reply { // in the place of a language model
		if strings.Contains(r.Last("user"), "allergic to walnuts") {
			return scripted.Reply{Text: "No: you are allergic to walnuts."}
		}
		return scripted.Reply{Text: "Enjoy!"}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := config.Default()
	c.Store.Path, c.Scope.User = filepath.Join(dir, "store.db"), "ada"
	ctx := context.Background()
	plugin, err := integration.New(ctx, c, &integration.Options{Create: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()
	if _, err := plugin.Remember(ctx, plugin.Scope, memory.Record{Role: "user", Text: "I am allergic to walnuts.", Created: time.Now()}); err != nil {
		log.Fatal(err)
	}

	settings := api.DefaultConfig("key")
	settings.BaseURL = server.URL
	client := integration.Chat(plugin, api.NewClientWithConfig(settings), nil) // this line
	r, err := client.CreateChatCompletion(ctx, api.ChatCompletionRequest{Model: "m",
		Messages: []api.ChatCompletionMessage{{Role: "user", Content: "May I eat this walnut cake?"}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Choices[0].Message.Content)
	// Output:
	// No: you are allergic to walnuts.
}
