package encoder

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/trm-go/refiner/internal/vector"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/trmcore/onnx"
)

// Options say how a model runs. Nil is the same as a zero Options.
type Options struct {
	// Library is ONNX Runtime's shared library; empty: [onnx.FindLibrary] looks for it. Only ONNX weights need it.
	Library string
}

// network turns the pieces of one text into the output of the model: for an encoder the hidden state of each piece, or a
// vector; for a reranker one number.
type network interface {
	run(ctx context.Context, ids, types []int64) (onnx.Tensor, error)
	Close() error
}

// model is a folder's model. The weights are loaded when they are first needed: most commands never do.
type model struct {
	card    Card
	dir     string
	options Options

	once   sync.Once
	err    error
	tokens *wordpiece
	net    network
}

func openModel(dir string, kind Kind, o *Options) (*model, error) {
	card, err := ReadCard(dir)
	if err != nil {
		return nil, err
	}
	if card.Kind != kind {
		return nil, fmt.Errorf("%w: %s is a model of the kind %s, not %s", ErrFormat, card.Name, card.Kind, kind)
	}
	m := &model{card: card, dir: dir}
	if o != nil {
		m.options = *o
	}
	return m, nil
}

// load reads tokenizer and weights, once.
func (m *model) load() error {
	m.once.Do(func() {
		if m.tokens, m.err = readTokenizer(filepath.Join(m.dir, m.card.Tokenizer)); m.err != nil {
			return
		}
		path := filepath.Join(m.dir, m.card.Weights)
		if m.card.Graph() {
			var s *onnx.Session
			if s, m.err = onnx.OpenSession(path, m.options.Library); m.err == nil {
				m.net = graph{s}
			}
		} else {
			m.net, m.err = readBERT(path, m.card.Heads)
		}
		if m.err != nil {
			m.err = fmt.Errorf("load the model %s: %w", m.card.Name, m.err)
		}
	})
	return m.err
}

// Close frees the weights. The model must not be in use.
func (m *model) Close() error {
	m.once.Do(func() { m.err = fmt.Errorf("the model %s is closed", m.card.Name) })
	if m.net == nil {
		return nil
	}
	return m.net.Close()
}

// Card is the model's card.
func (m *model) Card() Card { return m.card }

// each calls f for 0 to n-1 on several goroutines, and returns the first error.
func (m *model) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(runtime.GOMAXPROCS(0), 8)) // texts that run at once
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx, i)
		})
	}
	return g.Wait()
}

// graph is a network in ONNX Runtime.
type graph struct{ *onnx.Session }

func (g graph) run(ctx context.Context, ids, types []int64) (onnx.Tensor, error) {
	mask := slices.Repeat([]int64{1}, len(ids))
	return g.Run(ctx, map[string][]int64{"input_ids": ids, "attention_mask": mask, "token_type_ids": types})
}

// Encoder turns texts into vectors. It is a [memory.Embedder], safe for concurrent use until it is closed.
type Encoder struct{ *model }

var (
	_ memory.Embedder      = (*Encoder)(nil)
	_ memory.QueryEmbedder = (*Encoder)(nil)
)

// Open opens the encoder of a folder. It reads the card only: the weights are read at the first text.
func Open(dir string, o *Options) (*Encoder, error) {
	m, err := openModel(dir, KindEncoder, o)
	if err != nil {
		return nil, err
	}
	return &Encoder{m}, nil
}

// Model implements [memory.Embedder]; see [Card.Model].
func (e *Encoder) Model() string { return e.card.Model() }

// Dim implements [memory.Embedder].
func (e *Encoder) Dim() int { return e.card.Dim }

// Embed implements [memory.Embedder]: vectors of length 1. A text longer than the model reads at once is read in windows, at
// most [maxWindows], and has the mean of their vectors.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	if err := e.load(); err != nil {
		return nil, err
	}
	vectors := make([][]float32, len(texts))
	err := e.each(ctx, len(texts), func(ctx context.Context, i int) (err error) {
		vectors[i], err = e.embed(ctx, e.card.Document+texts[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	return vectors, nil
}

// EmbedQuery implements [memory.QueryEmbedder]: some models read a question with another prefix than a document.
func (e *Encoder) EmbedQuery(ctx context.Context, text string) ([]float32, error) {
	if err := e.load(); err != nil {
		return nil, err
	}
	return e.embed(ctx, e.card.Query+text)
}

// maxWindows bounds the windows of one text: what follows is not read. With 256 tokens that is some 1,500 words.
const maxWindows = 8

func (e *Encoder) embed(ctx context.Context, text string) ([]float32, error) {
	pieces := e.tokens.pieces(text)
	sum := make([]float32, e.card.Dim)
	most := e.card.Tokens - 2
	for range maxWindows {
		n := min(most, len(pieces))
		v, err := e.window(ctx, pieces[:n])
		if err != nil {
			return nil, err
		}
		share := float32(max(1, n))
		for i, x := range v {
			sum[i] += share * x
		}
		if pieces = pieces[n:]; len(pieces) == 0 {
			break
		}
	}
	if _, ok := vector.Length(sum); !ok {
		return nil, fmt.Errorf("%w: %s returned no vector that can be scaled to length 1", ErrFormat, e.card.Name)
	}
	vector.Unit(sum, sum)
	return sum, nil
}

// window is the unit vector of what the model reads at once.
func (e *Encoder) window(ctx context.Context, pieces []int64) ([]float32, error) {
	ids := slices.Concat([]int64{e.tokens.begin}, pieces, []int64{e.tokens.end})
	out, err := e.net.run(ctx, ids, make([]int64, len(ids)))
	if err != nil {
		return nil, err
	}
	dim := e.card.Dim
	switch len(out.Values) {
	case dim: // the graph pools by itself
		vector.Unit(out.Values, out.Values)
		return out.Values, nil
	case len(ids) * dim:
	default:
		return nil, fmt.Errorf("%w: %s returned the shape %v for %d tokens of %d dimensions", ErrFormat, e.card.Name, out.Shape, len(ids), dim)
	}
	v := out.Values[:dim]
	if e.card.Pooling == poolMean {
		for i := dim; i < len(out.Values); i++ {
			v[i%dim] += out.Values[i]
		}
	}
	vector.Unit(v, v)
	return v, nil
}
