package chroma

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"

	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

var _ mirror.Remote = (*Collection)(nil)

// batch is what the server returns for get, and takes for upsert.
type batch struct {
	IDs        []string         `json:"ids"`
	Documents  []*string        `json:"documents,omitempty"`
	Metadatas  []map[string]any `json:"metadatas,omitempty"`
	Embeddings [][]float32      `json:"embeddings,omitempty"`
}

// documents of a batch; one without text is left out: there is nothing to remember in it.
func (b *batch) documents() []mirror.Document {
	all := make([]mirror.Document, 0, len(b.IDs))
	for i, id := range b.IDs {
		d := mirror.Document{ID: id}
		if i >= len(b.Documents) || b.Documents[i] == nil || *b.Documents[i] == "" {
			continue
		}
		d.Text = *b.Documents[i]
		if i < len(b.Metadatas) && b.Metadatas[i] != nil {
			d.Meta = b.Metadatas[i]
		} else {
			d.Meta = map[string]any{}
		}
		if i < len(b.Embeddings) {
			d.Embedding = b.Embeddings[i]
		}
		all = append(all, d)
	}
	return all
}

// All yields every document. It fails with [ErrChanged] if documents come or go meanwhile: one that was missed would be
// taken for deleted.
func (c *Collection) All(ctx context.Context) iter.Seq2[mirror.Document, error] {
	return func(yield func(mirror.Document, error) bool) {
		before, err := c.count(ctx)
		if err != nil {
			yield(mirror.Document{}, err)
			return
		}
		seen := make(map[string]bool, before)
		for offset := 0; ; offset += c.batch {
			var page batch
			err := c.call(ctx, http.MethodPost, c.base+"/get", map[string]any{"limit": c.batch, "offset": offset, "include": []string{"documents", "metadatas"}}, &page)
			if err != nil {
				yield(mirror.Document{}, err)
				return
			}
			for _, id := range page.IDs {
				seen[id] = true
			}
			for _, d := range page.documents() {
				if !yield(d, nil) {
					return
				}
			}
			if len(page.IDs) < c.batch {
				break
			}
		}
		if after, err := c.count(ctx); err != nil || before != after || after != len(seen) {
			if err == nil {
				err = fmt.Errorf("%w: it had %d documents, then %d, of which %d were read: try again", ErrChanged, before, after, len(seen))
			}
			yield(mirror.Document{}, err)
		}
	}
}

func (c *Collection) count(ctx context.Context) (n int, err error) {
	return n, c.call(ctx, http.MethodGet, c.base+"/count", nil, &n)
}

// Fetch returns those documents that are there, with their embeddings.
func (c *Collection) Fetch(ctx context.Context, ids []string) ([]mirror.Document, error) {
	var all []mirror.Document
	for part := range slices.Chunk(ids, c.batch) {
		var page batch
		err := c.call(ctx, http.MethodPost, c.base+"/get", map[string]any{"ids": part, "include": []string{"documents", "metadatas", "embeddings"}}, &page)
		if err != nil {
			return nil, err
		}
		all = append(all, page.documents()...)
	}
	return all, nil
}

// Write makes the changes in batches, what is put first. It may be interrupted between two, and repeated.
func (c *Collection) Write(ctx context.Context, changes mirror.Changes) error {
	for part := range slices.Chunk(changes.Put, c.batch) {
		var b batch
		for _, d := range part {
			if c.dim > 0 && len(d.Embedding) != c.dim {
				return fmt.Errorf("document %q: %w: %d instead of %d", d.ID, ErrDimension, len(d.Embedding), c.dim)
			}
			if err := scalar(d.Meta); err != nil {
				return fmt.Errorf("document %q: %w", d.ID, err)
			}
			b.IDs, b.Documents = append(b.IDs, d.ID), append(b.Documents, &d.Text)
			b.Metadatas, b.Embeddings = append(b.Metadatas, d.Meta), append(b.Embeddings, d.Embedding)
		}
		if err := c.call(ctx, http.MethodPost, c.base+"/upsert", b, nil); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(changes.Mark)), c.batch) {
		metas := make([]map[string]any, len(part))
		for i, id := range part {
			metas[i] = map[string]any{mirror.MetaSupersededBy: changes.Mark[id]}
			if changes.Mark[id] == "" {
				metas[i][mirror.MetaSupersededBy] = nil // takes the member away
			}
		}
		if err := c.call(ctx, http.MethodPost, c.base+"/update", map[string]any{"ids": part, "metadatas": metas}, nil); err != nil {
			return err
		}
	}
	// An empty list of IDs would mean all of them to some versions: Chunk yields none.
	for part := range slices.Chunk(changes.Remove, c.batch) {
		if err := c.call(ctx, http.MethodPost, c.base+"/delete", map[string]any{"ids": part}, nil); err != nil {
			return err
		}
	}
	return nil
}

// scalar reports a member that Chroma would refuse.
func scalar(meta map[string]any) error {
	for k, v := range meta {
		switch v.(type) {
		case string, bool, float64, int, json.Number, nil:
		default:
			return fmt.Errorf("the metadata %q is no string, number or truth value", k)
		}
	}
	return nil
}
