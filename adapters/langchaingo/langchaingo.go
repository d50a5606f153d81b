// Package langchaingo offers a memory to chains of tmc/langchaingo. It is a Go module of its own, so that langchaingo is a
// dependency of those who use it only.
//
//	store := &langchaingo.Store{Plugin: plugin, Scope: scope}            // a schema.Retriever and a vectorstores.VectorStore
//	m := langchaingo.NewMemory(plugin, integration.TurnOptions{Scope: scope}) // a schema.Memory
//
// The scope belongs to the value: nothing in a call can name another.
package langchaingo

import (
	"context"
	"errors"
	"fmt"

	"github.com/tmc/langchaingo/schema"
	"github.com/tmc/langchaingo/vectorstores"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Store is a memory as chains see it: it retrieves what answers a question, and takes documents in. It is safe for
// concurrent use.
type Store struct {
	Plugin *integration.Plugin
	Scope  memory.Scope // whose memories. Zero: the plugin's
	Limit  int          // most documents of GetRelevantDocuments. Zero: what is configured
	// Line renders a memory as the content of a document, which is all that a chain's model reads. Nil: [refine.Line], with
	// the day, the speaker and until when it held; refine.Mark(false) marks each as data.
	Line func(r *memory.Record, text string) string
}

var (
	_ schema.Retriever         = (*Store)(nil)
	_ vectorstores.VectorStore = (*Store)(nil)
)

// ErrOption is returned for an option of langchaingo's that a memory cannot keep; passing over it would answer another
// question.
var ErrOption = errors.New("the memory has no such option")

// GetRelevantDocuments implements schema.Retriever. Documents come best first; their score is the weight of the fixed point,
// the best at 1.
func (s *Store) GetRelevantDocuments(ctx context.Context, query string) ([]schema.Document, error) {
	return s.recall(ctx, memory.Query{Text: text.Query(query), Limit: s.Limit}, 0)
}

// SimilaritySearch implements vectorstores.VectorStore, with its options of the least score and of filters, which are a
// map[string]string of metadata.
func (s *Store) SimilaritySearch(ctx context.Context, query string, most int, opts ...vectorstores.Option) ([]schema.Document, error) {
	o, err := options(opts)
	if err != nil {
		return nil, err
	}
	where, ok := o.Filters.(map[string]string)
	if o.Filters != nil && !ok {
		return nil, fmt.Errorf("%w: filters are %T, use map[string]string", ErrOption, o.Filters)
	}
	if most < 1 {
		return nil, fmt.Errorf("%w: the most documents are %d, use at least 1", ErrOption, most)
	}
	return s.recall(ctx, memory.Query{Text: text.Query(query), Limit: most, Where: where}, float64(o.ScoreThreshold))
}

// AddDocuments implements vectorstores.VectorStore: each document becomes a fact that was observed now, with its metadata.
// It returns their IDs. All are added, or none.
func (s *Store) AddDocuments(ctx context.Context, documents []schema.Document, opts ...vectorstores.Option) ([]string, error) {
	o, err := options(opts)
	if err != nil {
		return nil, err
	}
	var records []memory.Record
	for _, d := range documents {
		if o.Deduplicater != nil && o.Deduplicater(ctx, d) {
			continue
		}
		r := memory.Record{Kind: memory.KindFact, Text: d.PageContent, Position: -1, Origin: memory.Observed, Importance: .5, Confidence: 1, Meta: map[string]string{}}
		for name, value := range d.Metadata {
			r.Meta[name] = fmt.Sprint(value)
		}
		records = append(records, r)
	}
	added, err := s.Plugin.Remember(ctx, s.Scope, records...)
	ids := []string{}
	for _, id := range added.IDs {
		ids = append(ids, string(id))
	}
	return ids, err
}

// options refuses those that would name another scope or another embedding than the store's.
func options(opts []vectorstores.Option) (o vectorstores.Options, err error) {
	for _, option := range opts {
		option(&o)
	}
	switch {
	case o.NameSpace != "":
		return o, fmt.Errorf("%w: a name space; make a Store of another scope", ErrOption)
	case o.Embedder != nil:
		return o, fmt.Errorf("%w: an embedder; the store has its own", ErrOption)
	}
	return o, nil
}

func (s *Store) recall(ctx context.Context, q memory.Query, least float64) ([]schema.Document, error) {
	found, err := s.Plugin.Recall(ctx, s.Scope, q)
	if err != nil {
		return nil, err
	}
	line := s.Line
	if line == nil {
		line = refine.Line
	}
	documents, ids := []schema.Document{}, []memory.ID{}
	for _, m := range found.Memories {
		if m.Weight < least {
			continue
		}
		meta := m.Metadata()
		m.ValidUntil = m.Until()
		documents = append(documents, schema.Document{PageContent: line(&m.Record, m.Text), Metadata: meta, Score: float32(m.Weight)})
		ids = append(ids, m.ID)
	}
	s.Plugin.Shown(s.Scope, ids...)
	return documents, nil
}
