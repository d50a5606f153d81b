package memory

import (
	"context"
	"fmt"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory/internal/index"
)

// Embedder turns texts into vectors. Vectors of different models never mix: a store remembers the model's name and
// dimension and refuses another with [ErrModel] until it is re-embedded.
type Embedder interface {
	// Model names the model and everything that changes its vectors, for example "text-embedding-3-small".
	Model() string
	// Dim is the length of every vector.
	Dim() int
	// Embed returns one vector for each text, in order.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// None is the embedder of a store without vectors: it finds by words alone.
type None struct{}

// Model implements [Embedder].
func (None) Model() string { return noModel }

// noModel is what a store without vectors remembers as its model.
const noModel = "none"

// Dim implements [Embedder].
func (None) Dim() int { return 0 }

// Embed implements [Embedder].
func (None) Embed(_ context.Context, texts []string) ([][]float32, error) {
	return make([][]float32, len(texts)), nil
}

// proper reports an embedder that a store cannot have.
func proper(e Embedder) error {
	if e == nil || e.Model() == "" || (e.Dim() == 0) != (e.Model() == noModel) || e.Dim() < 0 {
		return fmt.Errorf("%w: the embedder must have a model name and a dimension", ErrInvalid)
	}
	return nil
}

// QueryEmbedder is an Embedder that treats a query differently from a document.
type QueryEmbedder interface {
	EmbedQuery(ctx context.Context, text string) ([]float32, error)
}

// Match is a record's number in the index with its cosine similarity, in [-1, 1].
type Match struct {
	Row   int64
	Score float64
}

// Index finds the nearest vectors. It is a cache of the store, rebuilt when the store opens, and is never where data
// lives. A row is the store's integer key of a record. Implementations are safe for concurrent use, order equal scores
// by row, and return fewer matches than asked for when there are fewer.
type Index interface {
	// Upsert puts vectors in; len(rows) = len(scopes) = len(vectors). Vectors are finite, not all zeros, and of the
	// store's dimension; the index keeps no reference to them.
	Upsert(ctx context.Context, rows []int64, scopes []Scope, vectors [][]float32) error
	// Delete takes rows out; unknown rows are no error, and no rows deletes nothing.
	Delete(ctx context.Context, rows ...int64) error
	// Search returns the k rows of the scope nearest to the query.
	Search(ctx context.Context, scope Scope, query []float32, k int) ([]Match, error)
}

// port is an Index as the index of an owner uses it.
type port struct {
	to Index
	of owner
}

func (p port) scope(place index.Place) Scope {
	return Scope{p.of.tenant, p.of.user, place.Agent, place.Session}
}

func (p port) Upsert(ctx context.Context, rows []int64, places []index.Place, vectors [][]float32) error {
	scopes := make([]Scope, len(places))
	for i, place := range places {
		scopes[i] = p.scope(place)
	}
	return p.to.Upsert(ctx, rows, scopes, vectors)
}

func (p port) Delete(ctx context.Context, rows ...int64) error { return p.to.Delete(ctx, rows...) }

func (p port) Search(ctx context.Context, place index.Place, query []float32, k int) ([]vector.Match, error) {
	found, err := p.to.Search(ctx, p.scope(place), query, k)
	matches := make([]vector.Match, len(found))
	for i, m := range found {
		matches[i] = vector.Match(m)
	}
	return matches, err
}

// checkVector reports why v cannot be kept in a store of dimension dim, as an error that wraps [ErrDimension].
func checkVector(v []float32, dim int) error {
	if len(v) != dim {
		return fmt.Errorf("%w: it has %d dimensions, the store has %d", ErrDimension, len(v), dim)
	}
	if _, ok := vector.Length(v); !ok {
		return fmt.Errorf("%w: it holds a NaN, an infinity or only zeros", ErrDimension)
	}
	return nil
}
