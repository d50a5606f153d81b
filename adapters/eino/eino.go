// Package eino offers a memory to graphs of cloudwego/eino. It is a Go module of its own, so that eino is a dependency of
// those who use it only.
//
//	retriever := eino.NewRetriever(plugin, &eino.Options{Scope: scope})   // a retriever.Retriever
//	packer := &eino.Packer{Budget: 800}                                   // a document.Transformer: into a token budget
//	message := eino.Message(documents)                                    // for the prompt, marked as data
//
// The scope belongs to the retriever: nothing in a call can name another.
package eino

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudwego/eino/components/document"
	"github.com/cloudwego/eino/components/retriever"
	"github.com/cloudwego/eino/schema"

	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Memory is what a Retriever recalls from; integration.Plugin is one.
type Memory interface {
	Recall(ctx context.Context, scope memory.Scope, q memory.Query) (*refine.Recollection, error)
}

// Options say what to recall. Nil is the same as a zero Options.
type Options struct {
	Scope memory.Scope  // whose memories. Zero: the memory's own
	Limit int           // most documents; retriever.WithTopK wins. Zero: the memory's own
	Kinds []memory.Kind // only these. Empty: all
}

// Retriever recalls memories as documents, best first. Their score is the weight of the fixed point, the best at 1.
type Retriever struct {
	memory  Memory
	options Options
}

var _ retriever.Retriever = (*Retriever)(nil)

// NewRetriever makes a Retriever of a memory.
func NewRetriever(m Memory, o *Options) *Retriever {
	r := &Retriever{memory: m}
	if o != nil {
		r.options = *o
	}
	return r
}

// ErrOption is returned for an option of eino's that a memory cannot keep; passing over it would answer another question.
var ErrOption = errors.New("the memory has no such option")

// Retrieve implements retriever.Retriever, with its options of the most documents and of the least score.
func (r *Retriever) Retrieve(ctx context.Context, query string, opts ...retriever.Option) ([]*schema.Document, error) {
	o := retriever.GetCommonOptions(nil, opts...)
	for name, set := range map[string]bool{"an index": o.Index != nil, "a sub-index": o.SubIndex != nil, "an embedding": o.Embedding != nil, "a DSL": len(o.DSLInfo) > 0} {
		if set {
			return nil, fmt.Errorf("%w: %s", ErrOption, name)
		}
	}
	q := memory.Query{Text: text.Query(query), Limit: r.options.Limit, Kinds: r.options.Kinds}
	if o.TopK != nil {
		if q.Limit = *o.TopK; q.Limit < 1 {
			return nil, fmt.Errorf("%w: the most documents are %d", ErrOption, *o.TopK)
		}
	}
	found, err := r.memory.Recall(ctx, r.options.Scope, q)
	if err != nil {
		return nil, err
	}
	list := []*schema.Document{}
	for i := range found.Memories {
		m := &found.Memories[i]
		if o.ScoreThreshold != nil && m.Weight < *o.ScoreThreshold {
			continue
		}
		d := &schema.Document{ID: string(m.ID), Content: m.Text, MetaData: m.Metadata()}
		d.MetaData[recalled] = *m
		list = append(list, d.WithScore(m.Weight))
	}
	return list, nil
}

// recalled is the metadata that holds the memory a document was made of.
const recalled = "refiner_recalled"

// Packer puts retrieved documents into a budget of tokens: the best in full, the next in part, the rest dropped, in the
// order of time. Documents that come from elsewhere stay, behind them.
type Packer struct {
	Budget   int                      // tokens. Zero: DefaultBudget
	Question string                   // decides which sentences of a memory are shown; it may be empty
	Tokens   func(string) int         // counts tokens. Nil: an estimate
	Line     func(text string) string // renders a text. Nil: as it is
}

// DefaultBudget is the default of Packer.Budget.
const DefaultBudget = 800

var _ document.Transformer = (*Packer)(nil)

// Transform implements document.Transformer. What it is given stays as it is.
func (p *Packer) Transform(_ context.Context, documents []*schema.Document, _ ...document.TransformerOption) ([]*schema.Document, error) {
	var memories []refine.Recalled
	var others []*schema.Document
	for _, d := range documents {
		if m, ok := d.MetaData[recalled].(refine.Recalled); ok {
			memories = append(memories, m)
		} else {
			others = append(others, d)
		}
	}
	packed := refine.Pack(memories, p.Question, cmp.Or(p.Budget, DefaultBudget), &refine.PackOptions{Tokens: p.Tokens, Line: func(_ *memory.Record, text string) string {
		if p.Line != nil {
			return p.Line(text)
		}
		return strings.Join(strings.Fields(text), " ")
	}})
	list := []*schema.Document{}
	for _, item := range packed.Items {
		for _, d := range documents {
			if d.ID != string(cmp.Or(item.Of, item.ID)) {
				continue
			}
			meta := map[string]any{"level": string(item.Level)}
			for name, value := range d.MetaData {
				meta[name] = value
			}
			if m, ok := meta[recalled].(refine.Recalled); ok && item.Of != "" { // a turn that the summary stands for
				if i := slices.IndexFunc(m.Turns, func(t refine.Recalled) bool { return t.ID == item.ID }); i >= 0 {
					meta[recalled] = m.Turns[i]
				}
			}
			list = append(list, &schema.Document{ID: string(item.ID), Content: item.Text, MetaData: meta})
			break
		}
	}
	return append(list, others...), nil
}

// Message is a system message with the documents, marked as data that is no instruction, or nil if there are none.
func Message(documents []*schema.Document) *schema.Message {
	mark := refine.Mark(false)
	var lines []string
	for _, d := range documents {
		r := memory.Record{ID: memory.ID(d.ID)}
		if m, ok := d.MetaData[recalled].(refine.Recalled); ok {
			r = m.Record
		}
		lines = append(lines, mark(&r, d.Content))
	}
	if len(lines) == 0 {
		return nil
	}
	return schema.SystemMessage(refine.Marked(strings.Join(lines, "\n")))
}
