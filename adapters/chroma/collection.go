package chroma

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
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

// Hit is a document with its cosine similarity to the question, in [-1, 1].
type Hit struct {
	mirror.Document
	Cosine float64
}

// Search returns the k documents nearest to a vector, best first by the collection's own distance. What it reports is the
// cosine whatever the space is: a distance of 0.4 is near in l2 and means little else, since vectors have any length there.
func (c *Collection) Search(ctx context.Context, vector []float32, k int) ([]Hit, error) {
	if c.dim > 0 && len(vector) != c.dim {
		return nil, fmt.Errorf("search: %w: %d instead of %d", ErrDimension, len(vector), c.dim)
	}
	var answer struct {
		IDs        [][]string         `json:"ids"`
		Documents  [][]*string        `json:"documents"`
		Metadatas  [][]map[string]any `json:"metadatas"`
		Distances  [][]float64        `json:"distances"`
		Embeddings [][][]float32      `json:"embeddings"`
	}
	include := []string{"documents", "metadatas", "distances"}
	if c.space == "l2" { // 1 - d is the cosine, or the product, in the other spaces
		include = append(include, "embeddings")
	}
	err := c.call(ctx, http.MethodPost, c.base+"/query", map[string]any{"query_embeddings": [][]float32{vector}, "n_results": k, "include": include}, &answer)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	if len(answer.IDs) != 1 || len(answer.Distances) != 1 || len(answer.Documents) != 1 || len(answer.Distances[0]) != len(answer.IDs[0]) || len(answer.Documents[0]) != len(answer.IDs[0]) {
		return nil, errors.New("search: the server's answer is not of one question")
	}
	b := batch{IDs: answer.IDs[0], Documents: answer.Documents[0]}
	if len(answer.Metadatas) == 1 {
		b.Metadatas = answer.Metadatas[0]
	}
	if len(answer.Embeddings) == 1 {
		b.Embeddings = answer.Embeddings[0]
	}
	distance := map[string]float64{}
	for i, id := range b.IDs {
		distance[id] = answer.Distances[0][i]
	}
	var hits []Hit
	for _, d := range b.documents() {
		hits = append(hits, Hit{d, c.cosine(distance[d.ID], vector, d.Embedding)})
	}
	return hits, nil
}

// cosine converts a distance of the collection's space.
func (c *Collection) cosine(distance float64, q, x []float32) float64 {
	switch c.space {
	case "cosine":
		return 1 - distance
	case "ip":
		return max(-1, min(1, 1-distance)) // the product, which is the cosine of vectors of length 1
	}
	// |q-x|² = |q|² + |x|² - 2qx
	lq, lx := length(q), length(x)
	if lq == 0 || lx == 0 {
		return 0
	}
	return max(-1, min(1, (lq*lq+lx*lx-distance)/(2*lq*lx)))
}

func length(v []float32) float64 {
	n := 0.0
	for _, x := range v {
		n += float64(x) * float64(x)
	}
	return math.Sqrt(n)
}
