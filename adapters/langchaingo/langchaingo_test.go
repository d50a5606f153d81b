package langchaingo_test

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

	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/fake"
	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"

	"github.com/trm-go/refiner/adapters/langchaingo"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
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
		if _, err := p.Remember(context.Background(), ada, memory.Record{Scope: memory.Scope{Session: "1"}, Role: "user", Speaker: "Ada", Text: text, Position: i, Created: said, Confidence: 1}); err != nil {
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

// model is langchaingo's fake one, which keeps what it was asked.
type model struct {
	*fake.LLM
	prompts []string
}

func answering(answers ...string) *model { return &model{LLM: fake.NewFakeLLM(answers)} }

func (m *model) GenerateContent(ctx context.Context, messages []llms.MessageContent, o ...llms.CallOption) (*llms.ContentResponse, error) {
	var b strings.Builder
	for _, message := range messages {
		for _, part := range message.Parts {
			fmt.Fprintln(&b, part)
		}
	}
	m.prompts = append(m.prompts, b.String())
	return m.LLM.GenerateContent(ctx, messages, o...)
}

func TestRetriever(t *testing.T) {
	p := opened(t)
	llm := answering("In Lisbon.")
	chain := chains.NewRetrievalQAFromLLM(llm, &langchaingo.Store{Plugin: p, Scope: ada, Limit: 1})
	answer, err := chains.Run(t.Context(), chain, `Where did "Ruth" -move?`)
	if err != nil || answer != "In Lisbon." {
		t.Fatalf("%q, %v", answer, err)
	}
	if !strings.Contains(llm.prompts[0], "2025-03-09 Ada: My sister Ruth moved to Lisbon.") || strings.Contains(llm.prompts[0], "rye") {
		t.Errorf("the prompt is %s", llm.prompts[0])
	}
	list, err := (&langchaingo.Store{Plugin: p, Scope: ada, Line: refine.Mark(false)}).GetRelevantDocuments(t.Context(), "Where did Ruth move?")
	if err != nil || len(list) < 2 || list[0].Score != 1 || list[0].Metadata["speaker"] != "Ada" || list[0].Metadata["said"] != "2025-03-09T00:00:00Z" || !strings.HasPrefix(list[0].PageContent, "<memory ") {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := (&langchaingo.Store{Plugin: p, Scope: eve}).GetRelevantDocuments(t.Context(), "Where did Ruth move?"); err != nil || len(list) != 0 {
		t.Errorf("eve retrieves %v, %v", list, err)
	}
	if _, err := (&langchaingo.Store{Plugin: p, Scope: ada}).GetRelevantDocuments(t.Context(), " "); err == nil {
		t.Error("no question is answered")
	}
}

// What is outdated says so, for a chain's model reads nothing but the content.
func TestRetrieverSaysWhatIsOutdated(t *testing.T) {
	p := opened(t)
	for i, text := range []string{"My phone number is 555-0101.", "My phone number is 555-0199 now."} {
		if _, err := p.Remember(t.Context(), eve, memory.Record{Role: "user", Speaker: "Eve", Text: text, Position: -1, Confidence: 1, Created: time.Date(2024+i, 1, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := (&langchaingo.Store{Plugin: p, Scope: eve}).GetRelevantDocuments(t.Context(), "What is my phone number?")
	if err != nil || len(list) != 2 || list[0].PageContent != "2025-01-01 Eve: My phone number is 555-0199 now." || list[1].PageContent != "2024-01-01 (until 2025-01-01) Eve: My phone number is 555-0101." {
		t.Errorf("%v, %v", list, err)
	}
}

func TestVectorStore(t *testing.T) {
	p := opened(t)
	s := &langchaingo.Store{Plugin: p, Scope: eve}
	ids, err := s.AddDocuments(t.Context(), []schema.Document{
		{PageContent: "The boiler is serviced in May.", Metadata: map[string]any{"page": 3}},
		{PageContent: "The boiler stands in the cellar.", Metadata: map[string]any{"page": 4}},
		{PageContent: "The boiler is left out.", Metadata: map[string]any{"page": 5}},
	}, vectorstores.WithDeduplicater(func(_ context.Context, d schema.Document) bool { return d.Metadata["page"] == 5 }))
	if err != nil || len(ids) != 2 || ids[0] == ids[1] {
		t.Fatalf("%v, %v", ids, err)
	}
	list, err := vectorstores.ToRetriever(s, 5).GetRelevantDocuments(t.Context(), "When is the boiler serviced?")
	if err != nil || len(list) != 2 || list[0].Metadata["id"] != ids[0] || list[0].Metadata["page"] != "3" {
		t.Errorf("%v, %v", list, err)
	}
	list, err = s.SimilaritySearch(t.Context(), "When is the boiler serviced?", 5, vectorstores.WithFilters(map[string]string{"page": "4"}))
	if err != nil || len(list) != 1 || list[0].Metadata["id"] != ids[1] {
		t.Errorf("%v, %v", list, err)
	}
	if list, err = s.SimilaritySearch(t.Context(), "When is the boiler serviced?", 5, vectorstores.WithScoreThreshold(1)); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	for name, o := range map[string]vectorstores.Option{"space": vectorstores.WithNameSpace("ada"), "filters": vectorstores.WithFilters("user = 'ada'")} {
		if list, err := s.SimilaritySearch(t.Context(), "Where did Ruth move?", 5, o); !errors.Is(err, langchaingo.ErrOption) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	if list, err := s.SimilaritySearch(t.Context(), "boiler", 0); !errors.Is(err, langchaingo.ErrOption) {
		t.Errorf("%v, %v", list, err)
	}
	if ids, err := s.AddDocuments(t.Context(), []schema.Document{{PageContent: "Good."}, {PageContent: ""}}); !errors.Is(err, memory.ErrInvalid) || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}

// A conversation is remembered turn by turn, and a later one is told what bears on it.
func TestMemory(t *testing.T) {
	p := opened(t)
	first := langchaingo.NewMemory(p, integration.TurnOptions{Scope: eve, Session: "monday"})
	llm := answering("What a lovely name.", "It is called Biscuit.")
	chain := chains.NewConversation(llm, first)
	for _, message := range []string{"I adopted a beagle called Biscuit.", "And what is it called?"} {
		if _, err := chains.Run(t.Context(), chain, message); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(llm.prompts[1], "Human: I adopted a beagle called Biscuit.\nAI: What a lovely name.\nHuman: And what is it called?") {
		t.Errorf("the second prompt is %s", llm.prompts[1])
	}
	var said []string
	for r, err := range p.Store.All(t.Context(), eve, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Scope.Session != "monday" || r.Position != len(said) {
			t.Errorf("%v is at %d of %s", r.Text, r.Position, r.Scope.Session)
		}
		said = append(said, r.Role+": "+r.Text)
	}
	if len(said) != 4 || said[0] != "user: I adopted a beagle called Biscuit." || said[3] != "assistant: It is called Biscuit." {
		t.Errorf("remembered are %q", said)
	}

	llm = answering("Biscuit.")
	if _, err := chains.Run(t.Context(), chains.NewConversation(llm, langchaingo.NewMemory(p, integration.TurnOptions{Scope: eve})), "What is the name of my beagle?"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(llm.prompts[0], ">I adopted a beagle called Biscuit.</memory>") || strings.Contains(llm.prompts[0], "Ruth") {
		t.Errorf("the later prompt is %s", llm.prompts[0])
	}

	if err := first.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	variables, err := first.LoadMemoryVariables(t.Context(), map[string]any{"input": "Which breed is Biscuit?"})
	if text, _ := variables["history"].(string); err != nil || strings.Contains(text, "Human:") || !strings.Contains(text, "beagle") {
		t.Errorf("after Clear: %v, %v", variables, err)
	}
	if _, err := first.LoadMemoryVariables(t.Context(), map[string]any{"input": "a", "other": "b"}); err == nil {
		t.Error("one of two inputs is taken for the message")
	}
}

// A chain answers from memories; the last line of Output is what its model was told.
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

	llm := answering("She lives in Lisbon.") // any model of langchaingo's
	chain := chains.NewRetrievalQAFromLLM(llm, &langchaingo.Store{Plugin: plugin, Scope: ada, Limit: 1})
	answer, err := chains.Run(context.Background(), chain, "Where does Ruth live?")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
	for line := range strings.Lines(llm.prompts[0]) {
		if strings.Contains(line, "Ruth moved") {
			fmt.Print(line)
		}
	}
	// Output:
	// She lives in Lisbon.
	// 2025-03-09 Ada: My sister Ruth moved to Lisbon.
}
