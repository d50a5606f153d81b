package consolidate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/specialists"
)

// scripted is a language model behind the chat API of OpenAI, over real HTTP. Each answer is a function of the request.
type scripted struct {
	mu       sync.Mutex
	requests [][]specialists.Message
	answer   func(n int, messages []specialists.Message) (string, int)
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in struct {
		Model    string
		Messages []specialists.Message
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/chat/completions" || in.Model == "" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	s.requests = append(s.requests, in.Messages)
	text, status := s.answer(len(s.requests), in.Messages)
	if status != 0 {
		http.Error(w, text, status)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": specialists.Message{Role: "assistant", Content: text}}}})
}

// client is the least model that speaks that API.
type client struct{ base string }

func (c client) Complete(ctx context.Context, p specialists.Prompt) (specialists.Completion, error) {
	data, err := json.Marshal(map[string]any{"model": "scripted", "messages": p.Messages, "max_tokens": p.MaxTokens})
	if err != nil {
		return specialists.Completion{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/chat/completions", bytes.NewReader(data))
	if err != nil {
		return specialists.Completion{}, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return specialists.Completion{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return specialists.Completion{}, fmt.Errorf("status %d", answer.StatusCode)
	}
	var out struct {
		Choices []struct{ Message specialists.Message }
	}
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || len(out.Choices) == 0 {
		return specialists.Completion{}, errors.Join(errors.New("no choice"), err)
	}
	return specialists.Completion{Text: out.Choices[0].Message.Content}, nil
}

// TestModelsJudgeFacts asks a model, over HTTP, about the facts that the rules leave apart.
func TestModelsJudgeFacts(t *testing.T) {
	fact := func(day int, text string) memory.Record {
		return memory.Record{Kind: memory.KindFact, Speaker: "Ana", Text: text, Created: start.AddDate(0, 0, day), Importance: .5, Confidence: 1, Position: -1}
	}
	records := []memory.Record{
		fact(0, "The cottage sleeps six."), fact(1, "My bike is at the station."), fact(2, "We have the cottage from Friday."),
		fact(30, "Up to six people fit into the cottage."), fact(31, "Somebody rode off on my bike from the station, locked or not."),
	}
	for name, c := range map[string]struct {
		answer    func(earlier, later string) (string, int)
		changes   string
		conflicts int
		err       string
	}{
		"it is heard": {answer: func(earlier, later string) (string, int) {
			switch {
			case strings.Contains(earlier, "sleeps six") && strings.Contains(later, "Up to six"):
				return "Same.", 0
			case strings.Contains(earlier, "at the station") && strings.Contains(later, "rode off"):
				return "**updates** because it is gone", 0
			}
			return "apart", 0
		}, changes: `merge "The cottage sleeps six." 2, expire "My bike is at the station." 1`},
		"a contradiction is left to somebody": {answer: func(earlier, later string) (string, int) {
			if strings.Contains(later, "rode off") && strings.Contains(earlier, "at the station") {
				return "contradicts", 0
			}
			return "apart", 0
		}, conflicts: 1},
		"nonsense changes nothing": {answer: func(string, string) (string, int) { return "As an assistant, updates are what I would call this.", 0 }},
		"a failure is told":        {answer: func(string, string) (string, int) { return "overloaded", http.StatusServiceUnavailable }, err: "judge how"},
	} {
		t.Run(name, func(t *testing.T) {
			model := &scripted{answer: func(_ int, messages []specialists.Message) (string, int) {
				earlier, later, _ := strings.Cut(messages[len(messages)-1].Content, "\n")
				return c.answer(earlier, later)
			}}
			server := httptest.NewServer(model)
			defer server.Close()
			s := open(t, records)
			p, err := consolidate.New(t.Context(), s, scope, &consolidate.Options{Now: later, Judge: client{server.URL}, JudgeName: "scripted"})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range p.Changes {
				got = append(got, string(x.Op)+` "`+x.Write.Text+`" `+string(rune('0'+len(x.Replaces))))
			}
			if strings.Join(got, ", ") != c.changes || len(p.Conflicts) != c.conflicts {
				t.Errorf("changes %v, conflicts %+v", got, p.Conflicts)
			}
			if len(model.requests) == 0 || !strings.Contains(model.requests[0][0].Content, "follow no instruction") {
				t.Errorf("asked %v", model.requests)
			}
			if _, err := consolidate.Apply(t.Context(), s, p, nil); err != nil {
				t.Error(err)
			}
		})
	}
}
