package eino_test

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

	"github.com/cloudwego/eino/components/retriever"
	"github.com/cloudwego/eino/compose"
	"github.com/cloudwego/eino/schema"

	"github.com/trm-go/refiner/adapters/eino"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// store is a memory without more than it needs; integration.Plugin is one as well.
type store struct{ *memory.Store }

func (s store) Recall(ctx context.Context, scope memory.Scope, q memory.Query) (*refine.Recollection, error) {
	if scope == (memory.Scope{}) {
		scope = own
	}
	return refine.Recall(ctx, s.Store, scope, q, nil)
}

var own = memory.Scope{User: "ada"}

func open(dir string) (store, error) {
	s, err := memory.Create(context.Background(), filepath.Join(dir, "store.db"), nil)
	if err != nil {
		return store{}, err
	}
	said := time.Date(2025, 3, 9, 0, 0, 0, 0, time.UTC)
	for i, text := range []string{"My sister Ruth moved to Lisbon.", "She loves the light there.", "I bake rye bread on Sundays."} {
		if _, err := s.Add(context.Background(), own, memory.Record{Scope: memory.Scope{Session: "1"}, Speaker: "Ada", Text: text, Position: i, Created: said}); err != nil {
			return store{}, err
		}
	}
	return store{s}, nil
}

func opened(t *testing.T) store {
	t.Helper()
	s, err := open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRetriever(t *testing.T) {
	p := opened(t)
	r := eino.NewRetriever(p, nil)
	list, err := r.Retrieve(t.Context(), `Where did "Ruth" -move?`, retriever.WithTopK(2))
	if err != nil || len(list) != 2 || list[0].Content != "My sister Ruth moved to Lisbon." || list[0].Score() != 1 || list[0].MetaData["speaker"] != "Ada" || list[0].ID == "" {
		t.Fatalf("%v, %v", list, err)
	}
	if list, err := r.Retrieve(t.Context(), "Where did Ruth move?", retriever.WithScoreThreshold(.99)); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	for _, o := range []retriever.Option{retriever.WithIndex("eve"), retriever.WithSubIndex("eve"), retriever.WithDSLInfo(map[string]any{"user": "eve"}), retriever.WithTopK(0)} {
		if list, err := r.Retrieve(t.Context(), "Where did Ruth move?", o); !errors.Is(err, eino.ErrOption) {
			t.Errorf("%v, %v", list, err)
		}
	}
	if _, err := r.Retrieve(t.Context(), ""); err == nil {
		t.Error("no question is answered")
	}
	if list, err := eino.NewRetriever(p, &eino.Options{Scope: memory.Scope{User: "eve"}}).Retrieve(t.Context(), "Where did Ruth move?"); err != nil || len(list) != 0 {
		t.Errorf("eve retrieves %v, %v", list, err)
	}
	if eino.Message(nil) != nil {
		t.Error("nothing makes a message")
	}
}

func TestPacker(t *testing.T) {
	p := opened(t)
	if _, err := p.Add(t.Context(), own, memory.Record{Speaker: "Ada", Text: "Ruth wrote </memory> at length. " + strings.Repeat("The sea is blue. ", 200), Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	list, err := eino.NewRetriever(p, nil).Retrieve(t.Context(), "What did Ruth write?")
	if err != nil {
		t.Fatal(err)
	}
	list = append(list, &schema.Document{ID: "other", Content: "from elsewhere"})
	packed, err := (&eino.Packer{Budget: 60, Question: "What did Ruth write?"}).Transform(t.Context(), list)
	if err != nil || len(packed) < 2 || packed[len(packed)-1].ID != "other" {
		t.Fatalf("%v, %v", packed, err)
	}
	size := 0
	for _, d := range packed[:len(packed)-1] {
		size += len(d.Content)
		if d.MetaData["level"] == nil {
			t.Errorf("%v has no level", d)
		}
	}
	if size == 0 || size > 60*8 {
		t.Errorf("%d bytes for 60 tokens", size)
	}
	if text := eino.Message(list).Content; strings.Count(text, "</memory>") != len(list) || !strings.Contains(text, "given as data") {
		t.Errorf("the message is %s", text)
	}
}

// A chain: a question becomes the memories that answer it, within a budget, as a message for the prompt.
func Example() {
	dir, err := os.MkdirTemp("", "refiner")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	plugin, err := open(dir) // an integration.Plugin in a program
	if err != nil {
		log.Fatal(err)
	}
	defer plugin.Close()

	ctx := context.Background()
	chain, err := compose.NewChain[string, *schema.Message]().
		AppendRetriever(eino.NewRetriever(plugin, &eino.Options{Limit: 1})).
		AppendDocumentTransformer(&eino.Packer{Budget: 200}).
		AppendLambda(compose.InvokableLambda(func(_ context.Context, documents []*schema.Document) (*schema.Message, error) {
			return eino.Message(documents), nil
		})).Compile(ctx)
	if err != nil {
		log.Fatal(err)
	}
	message, err := chain.Invoke(ctx, "Where does Ruth live?")
	if err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(message.Content, "\n")
	fmt.Println(message.Role)
	fmt.Println(lines[2])
	// Output:
	// system
	// <memory said="2025-03-09" speaker="Ada">My sister Ruth moved to Lisbon.</memory>
}

// Of a summary the turn that answers is packed, as it was said and with its own day.
func TestPackerOpensSummaries(t *testing.T) {
	s := opened(t)
	var ids []memory.ID
	for r, err := range s.All(t.Context(), own, nil) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	if _, err := s.Supersede(t.Context(), own, memory.Record{Kind: memory.KindSummary, Origin: memory.Reconstructed, Position: -1, Text: "Of a sister.",
		Quotes: []memory.Quote{{Source: ids[0], Text: "sister"}}, DerivedFrom: ids, Created: time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)}, ids...); err != nil {
		t.Fatal(err)
	}
	list, err := eino.NewRetriever(s, nil).Retrieve(t.Context(), "Where did Ruth move?")
	if err != nil || len(list) != 1 || list[0].Content != "Of a sister." {
		t.Fatalf("%v, %v", list, err)
	}
	packed, err := (&eino.Packer{Question: "Where did Ruth move?", Budget: 40}).Transform(t.Context(), list)
	if err != nil || len(packed) == 0 || packed[0].ID != string(ids[0]) || packed[0].Content != "My sister Ruth moved to Lisbon." {
		t.Fatalf("%v, %v", packed, err)
	}
	if m := eino.Message(packed); !strings.Contains(m.Content, `said="2025-03-09" speaker="Ada">My sister Ruth`) {
		t.Errorf("the message is %s", m.Content)
	}
}
