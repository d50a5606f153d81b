package openai

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	api "github.com/sashabaranov/go-openai"
	"golang.org/x/sync/errgroup"

	"github.com/trm-go/refiner/memory"
)

// EmbedderOptions say which model of an endpoint to use, and how. Only Model is needed.
type EmbedderOptions struct {
	Endpoint
	// Model is its name at the endpoint, such as text-embedding-3-small.
	Model string
	// Dim is the length of the vectors, where it is known. Zero: what NewEmbedder finds by a request.
	Dim int
}

// The bounds of a request. OpenAI takes 8,192 tokens a text and 300,000 a request; English has about 4 bytes a token, other
// languages 2.
const (
	longestText   = 16_000 // bytes, where a text is cut
	mostTexts     = 128
	mostTextBytes = 400_000
	concurrency   = 4 // requests under way at one time, over all calls
)

// Embedder embeds texts by an endpoint. It is safe for concurrent use.
type Embedder struct {
	options EmbedderOptions
	client  *api.Client
	slots   chan struct{} // one for each request under way
	dim     int
	batch   int // texts a request
}

var _ memory.Embedder = (*Embedder)(nil)

// NewEmbedder makes an embedder. Unless the length of the vectors is given, it embeds one word to find it.
func NewEmbedder(ctx context.Context, o *EmbedderOptions) (*Embedder, error) {
	if o == nil {
		o = &EmbedderOptions{}
	}
	opts := *o
	if opts.Model == "" {
		return nil, fmt.Errorf("no embedding model is named: give one that the endpoint has, such as text-embedding-3-small")
	}
	if opts.Dim < 0 {
		return nil, fmt.Errorf("the dimension of %s is %d: give 0 to find it out, or more", opts.Model, opts.Dim)
	}
	client, err := opts.client(cmp.Or(opts.Timeout, usualTimeout), whole{bounded{connections(), maxAnswer}})
	if err != nil {
		return nil, err
	}
	e := &Embedder{options: opts, client: client, slots: make(chan struct{}, concurrency), dim: opts.Dim, batch: mostTexts}
	if e.dim == 0 {
		vectors, err := e.Embed(ctx, []string{"memory"})
		if err != nil {
			return nil, fmt.Errorf("find the dimension of %s: %w", opts.Model, err)
		}
		e.dim = len(vectors[0])
	}
	return e, nil
}

// Model is the model's name.
func (e *Embedder) Model() string { return e.options.Model }

// Dim is the length of every vector.
func (e *Embedder) Dim() int { return e.dim }

// Embed returns one vector for each text, in order. An error means that none is returned: an [*Error], one that wraps
// [memory.ErrDimension] or [memory.ErrInvalid], the connection's or ctx's.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	inputs := make([]string, len(texts))
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("%w: text %d of %d to embed is empty", memory.ErrInvalid, i+1, len(texts))
		}
		inputs[i] = cut(strings.ToValidUTF8(text, "\uFFFD"), longestText)
	}
	vectors := make([][]float32, len(texts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cap(e.slots))
	for _, b := range batches(inputs, e.batch, mostTextBytes) {
		group.Go(func() error {
			got, err := e.request(ctx, inputs[b.from:b.to])
			copy(vectors[b.from:b.to], got)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	dim := e.dim
	for i, v := range vectors {
		if dim == 0 {
			dim = len(v) // the request that finds it
		}
		if len(v) != dim {
			return nil, fmt.Errorf("%w: %s gave vector %d the dimension %d, not %d", memory.ErrDimension, e.options.Model, i+1, len(v), dim)
		}
	}
	return vectors, nil
}

// request embeds one batch.
func (e *Embedder) request(ctx context.Context, texts []string) ([][]float32, error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	response, err := e.client.CreateEmbeddings(ctx, api.EmbeddingRequestStrings{Input: texts, Model: api.EmbeddingModel(e.options.Model)})
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("embed with %s: %w", e.options.Model, e.options.failure(err))
	}
	return ordered(response.Data, len(texts), e.options.Model)
}

// ordered puts the vectors of a response into the order of the texts, and refuses what is not one usable vector for each.
func ordered(data []api.Embedding, n int, model string) ([][]float32, error) {
	if len(data) != n {
		return nil, fmt.Errorf("%w: %s gave %d vectors for %d texts", memory.ErrDimension, model, len(data), n)
	}
	numbered := false // some servers leave every index at 0
	for _, d := range data {
		numbered = numbered || d.Index != 0
	}
	vectors := make([][]float32, n)
	for i, d := range data {
		if numbered {
			i = d.Index
		}
		switch {
		case i < 0 || i >= n || vectors[i] != nil:
			return nil, fmt.Errorf("%w: %s gave the index %d twice or out of range", memory.ErrDimension, model, i)
		case !usable(d.Embedding):
			return nil, fmt.Errorf("%w: %s gave text %d of %d a vector that is empty, zero or not finite", memory.ErrDimension, model, i+1, n)
		}
		vectors[i] = d.Embedding
	}
	return vectors, nil
}

// usable reports whether a vector is finite and not zero.
func usable(v []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return sum > 0 && !math.IsInf(sum, 0) // false for NaN too
}

// batch is a range of the texts.
type batch struct{ from, to int }

// batches cuts the texts into ranges of at most so many texts and bytes; a longer text goes alone.
func batches(texts []string, most, bytes int) []batch {
	var list []batch
	size := 0
	for i, text := range texts {
		if i == 0 || i-list[len(list)-1].from == most || size+len(text) > bytes {
			list = append(list, batch{from: i})
			size = 0
		}
		list[len(list)-1].to = i + 1
		size += len(text)
	}
	return list
}

// cut shortens a text to at most so many bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
