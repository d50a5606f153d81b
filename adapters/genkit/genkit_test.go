package genkit_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firebase/genkit/go/ai"
	genkitgo "github.com/firebase/genkit/go/genkit"

	"github.com/trm-go/refiner/adapters/genkit"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
)

var ada, eve = memory.Scope{User: "ada"}, memory.Scope{User: "eve"}

// open makes a store in a folder with three turns of Ada's.
func open(dir string) (*integration.Plugin, error) {
	c := config.Default()
	c.Store.Path, c.Embedder.Type, c.Recall.Rerank = filepath.Join(dir, "store.db"), "none", "off"
	p, err := integration.New(context.Background(), c, &integration.Options{Create: true})
	if err != nil {
		return nil, err
	}
	said := time.Date(2025, 3, 9, 0, 0, 0, 0, time.UTC)
	for i, text := range []string{"My sister Ruth moved to Lisbon.", "She loves the light there.", "I bake rye bread on Sundays."} {
		if _, err := p.Remember(context.Background(), ada, memory.Record{Scope: memory.Scope{Session: "1"}, Role: "user", Speaker: "Ada", Text: text, Position: i, Created: said, Confidence: 1,
			Meta: map[string]string{"line": fmt.Sprint(i)}}); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

func opened(t *testing.T) *integration.Plugin {
	t.Helper()
	p, err := open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// texts are those of the messages, with their roles.
func texts(messages []*ai.Message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Text())
	}
	return b.String()
}

func remembered(t *testing.T, p *integration.Plugin, scope memory.Scope) (said []string) {
	t.Helper()
	for r, err := range p.Store.All(t.Context(), scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, fmt.Sprintf("%d %s: %s", r.Position, r.Role, r.Text))
	}
	return said
}

func TestRetriever(t *testing.T) {
	p := opened(t)
	g := genkitgo.Init(t.Context())
	r := genkit.NewRetriever("memory", p, ada)
	genkitgo.RegisterAction(g, r)
	question := `Where did "Ruth" -move?`
	found, err := genkitgo.Retrieve(t.Context(), g, ai.WithRetrieverName("memory"), ai.WithTextDocs(question))
	if err != nil || len(found.Documents) < 2 || found.Documents[0].Content[0].Text != "My sister Ruth moved to Lisbon." {
		t.Fatalf("%v, %v", found, err)
	}
	if meta := found.Documents[0].Metadata; meta["speaker"] != "Ada" || meta["said"] != "2025-03-09T00:00:00Z" || meta["score"] != 1. || meta["id"] == "" {
		t.Errorf("the metadata are %v", meta)
	}
	for _, config := range []any{genkit.RetrieverOptions{K: 1}, &genkit.RetrieverOptions{K: 1}, map[string]any{"k": 1}, map[string]any{"where": map[string]any{"line": "0"}}} {
		if found, err := genkitgo.Retrieve(t.Context(), g, ai.WithRetriever(r), ai.WithTextDocs(question), ai.WithConfig(config)); err != nil || len(found.Documents) != 1 {
			t.Errorf("%v: %v, %v", config, found, err)
		}
	}
	for _, config := range []any{"all", map[string]any{"user": "ada"}, genkit.RetrieverOptions{K: -1}} {
		if found, err := genkitgo.Retrieve(t.Context(), g, ai.WithRetriever(r), ai.WithTextDocs(question), ai.WithConfig(config)); err == nil {
			t.Errorf("%v: %v", config, found)
		}
	}
	if found, err := genkitgo.Retrieve(t.Context(), g, ai.WithRetriever(genkit.NewRetriever("eve", p, eve)), ai.WithTextDocs(question)); err != nil || len(found.Documents) != 0 {
		t.Errorf("eve retrieves %v, %v", found, err)
	}
	if _, err := r.Retrieve(t.Context(), &ai.RetrieverRequest{}); err == nil {
		t.Error("no question is answered")
	}
}

// A conversation with a call of a tool is remembered, and a later one is told what bears on it.
func TestMiddleware(t *testing.T) {
	p := opened(t)
	g := genkitgo.Init(t.Context())
	var asked []*ai.ModelRequest
	answers := []*ai.Message{
		ai.NewModelMessage(ai.NewTextPart("What a "), ai.NewTextPart("lovely name.")),
		ai.NewModelMessage(ai.NewToolRequestPart(&ai.ToolRequest{Name: "vet", Input: "Biscuit"})),
		ai.NewModelTextMessage("The vet has time on Friday."),
		ai.NewModelTextMessage("Biscuit."),
	}
	model := genkitgo.DefineModel(g, "test/model", &ai.ModelOptions{Supports: &ai.ModelSupports{Multiturn: true, Tools: true, SystemRole: true}},
		func(_ context.Context, r *ai.ModelRequest, _ ai.ModelStreamCallback) (*ai.ModelResponse, error) {
			asked = append(asked, r)
			return &ai.ModelResponse{Request: r, Message: answers[len(asked)-1], FinishReason: ai.FinishReasonStop}, nil
		})
	vet := genkitgo.DefineTool(g, "vet", "asks the vet for a day", func(_ *ai.ToolContext, _ string) (string, error) { return "Friday", nil })
	mw := ai.WithMiddleware(genkit.Middleware(p, integration.TurnOptions{Scope: eve, Session: "monday"}))
	first, err := genkitgo.Generate(t.Context(), g, ai.WithModel(model), mw, ai.WithPrompt("I adopted a beagle called Biscuit."))
	if err != nil {
		t.Fatal(err)
	}
	second, err := genkitgo.Generate(t.Context(), g, ai.WithModel(model), mw, ai.WithTools(vet), ai.WithMessages(append(first.History(), ai.NewUserTextMessage("Book the vet for Biscuit, please."))...))
	if err != nil || second.Text() != "The vet has time on Friday." {
		t.Fatalf("%v, %v", second, err)
	}
	want := "0 user: I adopted a beagle called Biscuit.|1 assistant: What a lovely name.|2 user: Book the vet for Biscuit, please.|3 assistant: The vet has time on Friday."
	if said := strings.Join(remembered(t, p, eve), "|"); said != want {
		t.Errorf("remembered are %s", said)
	}

	later := ai.WithMiddleware(genkit.Middleware(p, integration.TurnOptions{Scope: eve, Session: "tuesday"}))
	third, err := genkitgo.Generate(t.Context(), g, ai.WithModel(model), later, ai.WithSystem("Be brief."), ai.WithPrompt("What is the name of my beagle?"))
	if err != nil {
		t.Fatal(err)
	}
	if prompt := texts(asked[3].Messages); !strings.Contains(prompt, "user: What is the name of my beagle?\n\n") || !strings.Contains(prompt, ">I adopted a beagle called Biscuit.</memory>") || strings.Contains(prompt, "Ruth") {
		t.Errorf("the model is asked %s", prompt)
	}
	if history := texts(third.History()); strings.Contains(history, "<memory") || !strings.Contains(history, "user: What is the name of my beagle?\n") {
		t.Errorf("the history is %s", history)
	}
}

// What is broken off is not remembered, and a memory that fails takes nothing from an answer.
func TestMiddlewareInTrouble(t *testing.T) {
	p := opened(t)
	g := genkitgo.Init(t.Context())
	reason := ai.FinishReasonBlocked
	model := genkitgo.DefineModel(g, "test/model", nil, func(_ context.Context, r *ai.ModelRequest, _ ai.ModelStreamCallback) (*ai.ModelResponse, error) {
		return &ai.ModelResponse{Message: ai.NewModelTextMessage("Hello."), FinishReason: reason}, nil
	})
	ask := func(o integration.TurnOptions) (*ai.ModelResponse, error) {
		return genkitgo.Generate(t.Context(), g, ai.WithModel(model), ai.WithMiddleware(genkit.Middleware(p, o)), ai.WithPrompt("Where did Ruth move?"))
	}
	if _, err := ask(integration.TurnOptions{Scope: eve}); err != nil || len(remembered(t, p, eve)) != 0 {
		t.Errorf("%v, remembered are %q", err, remembered(t, p, eve))
	}
	reason = ai.FinishReasonStop
	if _, err := ask(integration.TurnOptions{Scope: eve, Session: "a\x00b"}); err == nil {
		t.Error("a session that cannot be stored passes")
	}
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := ask(integration.TurnOptions{Scope: eve}); err != nil || r.Text() != "Hello." {
		t.Errorf("%v, %v", r, err)
	}
}

// A flow retrieves what answers a question.
func Example() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	plugin, err := open(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()

	ctx := context.Background()
	g := genkitgo.Init(ctx)
	flow := genkitgo.DefineFlow(g, "whereabouts", func(ctx context.Context, question string) (string, error) {
		found, err := genkitgo.Retrieve(ctx, g, ai.WithRetriever(genkit.NewRetriever("memory", plugin, ada)), ai.WithTextDocs(question), ai.WithConfig(genkit.RetrieverOptions{K: 1}))
		if err != nil {
			return "", err
		}
		d := found.Documents[0]
		return fmt.Sprintf("%s: %s", d.Metadata["speaker"], d.Content[0].Text), nil
	})
	answer, err := flow.Run(ctx, "Where does Ruth live?")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
	// Output:
	// Ada: My sister Ruth moved to Lisbon.
}
