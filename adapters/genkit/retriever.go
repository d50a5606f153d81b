// Package genkit offers a memory to flows of firebase/genkit. It is a Go module of its own, so that Genkit is a dependency of
// those who use it only.
//
//	retriever := genkit.NewRetriever("memory", plugin, scope)              // an ai.Retriever
//	remember := genkit.Middleware(plugin, integration.TurnOptions{Scope: scope}) // an ai.ModelMiddleware
//
// The scope belongs to the value: nothing in a call can name another. Making one for each request is cheap, and neither
// needs to be registered.
package genkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/firebase/genkit/go/ai"
	"github.com/firebase/genkit/go/core"

	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/internal/text"
	"github.com/trm-go/refiner/memory"
)

// RetrieverOptions are what ai.WithConfig takes, as such or as JSON.
type RetrieverOptions struct {
	K     int               `json:"k,omitempty"`     // most documents. Zero: what is configured
	Where map[string]string `json:"where,omitempty"` // only memories with this metadata
}

// ErrOption is returned for RetrieverOptions that are out of range.
var ErrOption = errors.New("the retriever's options")

// NewRetriever makes a retriever of a scope's memories; the zero Scope is the plugin's. Documents come best first, with the
// memory's words as their content; their metadata says who said it and when, and until when it held where that is over.
func NewRetriever(name string, p *integration.Plugin, scope memory.Scope) ai.Retriever {
	options := &ai.RetrieverOptions{Label: "Memories", ConfigSchema: core.InferSchemaMap(RetrieverOptions{})}
	return ai.NewRetriever(name, options, func(ctx context.Context, r *ai.RetrieverRequest) (*ai.RetrieverResponse, error) {
		o, err := optionsOf(r.Options)
		if err != nil {
			return nil, err
		}
		var question []*ai.Part
		if r.Query != nil {
			question = r.Query.Content
		}
		found, err := p.Recall(ctx, scope, memory.Query{Text: text.Query(textOf(question)), Limit: o.K, Where: o.Where})
		if err != nil {
			return nil, err
		}
		response, ids := &ai.RetrieverResponse{Documents: []*ai.Document{}}, []memory.ID{}
		for _, m := range found.Memories {
			response.Documents = append(response.Documents, ai.DocumentFromText(m.Text, m.Metadata()))
			ids = append(ids, m.ID)
		}
		p.Shown(scope, ids...)
		return response, nil
	})
}

// optionsOf reads a configuration, a RetrieverOptions in a program and JSON from Genkit's developer tools. Genkit has held it
// against the schema already.
func optionsOf(config any) (o RetrieverOptions, err error) {
	data, err := json.Marshal(config)
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err == nil && o.K < 0 {
		err = fmt.Errorf("k is %d, use at least 1", o.K)
	}
	if err != nil {
		return o, fmt.Errorf("%w: %w", ErrOption, err)
	}
	return o, nil
}

// textOf is the text of a message or a document, without what Genkit itself put there: instructions, context and notes,
// which have a purpose.
func textOf(parts []*ai.Part) string {
	var b strings.Builder
	for _, p := range parts {
		if p.IsText() && p.Metadata["purpose"] == nil {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}
