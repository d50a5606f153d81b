// Package integration puts the parts together: a store, its vector index, an embedder and the recursion, as a
// configuration asks for them. It is the only place that does, so that no other part knows more than its neighbours.
//
// A [Plugin] is what an assistant's backend holds: [Plugin.Remember] after each turn, [Plugin.Recall] before the next.
//
//	config.Config ──New──▶ Plugin ──Remember──▶ refine.Store
//	                              ──Recall────▶ refine ──▶ memories, rescored to their fixed point
//
// A [Turn] is one exchange of a conversation, and every way in is built on it: [Chat], [Middleware], Ada's API and the proxy.
//
// One Plugin serves any number of goroutines. What it puts into prompts or shows is counted behind the answers, which
// [Plugin.Close] waits for; a [Writer] writes behind them, which [Writer.Wait] waits for. Nothing else outlives a call.
package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/trm-go/refiner/adapters/chromem"
	"github.com/trm-go/refiner/adapters/encoder"
	"github.com/trm-go/refiner/adapters/openai"
	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration/models"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
	"github.com/trm-go/refiner/specialists"
)

// Plugin is a memory, ready for use.
type Plugin struct {
	// Store keeps the records: a [memory.Store], or another engine's. Whatever Plugin does not offer is done with it directly.
	Store refine.Store
	// Scope is the configured one: of Recall and Remember, and the default of the command.
	Scope memory.Scope
	// Model writes and revises answers; nil if none is configured. It may be set before the plugin is used.
	Model specialists.Model
	// Specialists examine answers; nil: the configured ones. They may be set before the plugin is used.
	Specialists []specialists.Specialist

	config   config.Config
	counter  *counter
	reranker *encoder.Reranker // nil: none is wanted, or none is there
	readOnly bool
}

// Options say what a Config does not. Nil is the same as a zero Options.
type Options struct {
	Create   bool         // make the store if there is none
	ReadOnly bool         // write nothing
	AnyModel bool         // open a store of another embedding model too, to look after it or to re-embed it
	Log      *slog.Logger // nil: discard
}

// New opens the store that a configuration names, with the embedder and the index it asks for.
func New(ctx context.Context, c config.Config, o *Options) (*Plugin, error) {
	if o == nil {
		o = &Options{}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var embedder memory.Embedder
	var found func(string) (memory.Embedder, error)
	switch {
	case o.AnyModel:
	case c.Embedder.Type == "auto":
		found = func(model string) (memory.Embedder, error) { return auto(model, o.Log) }
	default:
		var err error
		if embedder, err = Embedder(ctx, c); err != nil {
			return nil, err
		}
	}
	options := &memory.Options{Embedder: embedder, EmbedderFor: found, NewIndex: index(c.Index), Log: o.Log, Wait: c.Store.Wait, Memory: int64(c.Store.Memory) << 20, ReadOnly: o.ReadOnly}
	model, err := Model(ctx, c)
	if err != nil {
		return nil, err
	}
	reranker, err := reranker(c.Recall.Rerank)
	if err != nil {
		return nil, err
	}
	store, err := OpenStore(ctx, c.Store.Path, o.Create, options)
	if err != nil {
		return nil, err
	}
	return &Plugin{Store: store, Scope: Scope(c), Model: model, config: c, counter: newCounter(store, o.Log), reranker: reranker, readOnly: o.ReadOnly}, nil
}

// Remember writes records into a scope, all or none, and tells what became of each. The zero Scope is the plugin's. A record
// whose key is there already is not added again.
func (p *Plugin) Remember(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error) {
	if err := p.Writes("remember"); err != nil {
		return memory.Added{}, err
	}
	return p.Store.Add(ctx, p.scope(scope), records...)
}

// Supersede writes a record in the place of others of a scope, as [memory.Store.Supersede] does. The zero Scope is the plugin's.
func (p *Plugin) Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error) {
	if err := p.Writes("supersede"); err != nil {
		return "", err
	}
	return p.Store.Supersede(ctx, p.scope(scope), record, old...)
}

// index makes the configured vector index. Auto is the flat scan: it is exact, as chromem-go is, and faster at every size: 1 ms
// against 6 for the best 200 of 10,000 vectors of 384 dimensions, 10 against 78 of 100,000, on 2 cores (bench/LOG.md).
func index(name string) func(dim, count int) (memory.Index, error) {
	if name != "chromem" {
		return nil
	}
	return func(dim, _ int) (memory.Index, error) { return chromem.New(dim) }
}

// Close waits until everything that was shown is counted, and ends the use of the store and of the models.
func (p *Plugin) Close() error {
	p.Flush()
	if m, ok := p.Model.(*openai.Chat); ok {
		m.Close()
	}
	err := p.Store.Close()
	if m, ok := p.Store.Embedder().(io.Closer); ok {
		err = errors.Join(err, m.Close())
	}
	if p.reranker != nil {
		err = errors.Join(err, p.reranker.Close())
	}
	return err
}

// Scope is the configured scope.
func Scope(c config.Config) memory.Scope { return memory.Scope(c.Scope) }

// retries of a request to an endpoint: somebody waits for the answer, so no more than about 4 seconds of them.
const retries = 3

// reranker is the local one, if the setting recall.rerank wants any. A number of memories insists on one.
func reranker(setting string) (*encoder.Reranker, error) {
	if setting == "off" {
		return nil, nil
	}
	r, err := models.Reranker("")
	if _, number := strconv.Atoi(setting); err != nil && number == nil {
		return nil, fmt.Errorf("recall.rerank is %s: %w", setting, err)
	}
	if err != nil {
		return nil, nil
	}
	return r, nil
}

// auto is the embedder for a store of a model, nil if it cannot be had; for a new store the local model, or none at all.
func auto(model string, log *slog.Logger) (memory.Embedder, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if model != "" && !strings.Contains(model, "@") { // only local models have an @
		return nil, nil
	}
	e, err := models.Encoder(model)
	switch {
	case err == nil && (model == "" || e.Model() == model):
		return e, nil
	case model == "":
		if !errors.Is(err, models.ErrUnknown) {
			log.Warn("no local model can be had: the new store gets no vectors", "error", err)
		}
		return memory.None{}, nil
	case err == nil:
		err = fmt.Errorf("the one of that name here is %s", e.Model())
	}
	log.Warn("the store's model cannot be had", "model", model, "error", err)
	return nil, nil
}

// Embedder makes the configured embedder; "auto" is that of a new store. An endpoint whose dimension is not configured is
// asked for it.
func Embedder(ctx context.Context, c config.Config) (memory.Embedder, error) {
	e := c.Embedder
	switch e.Type {
	case "auto":
		return auto("", nil)
	case "none":
		return memory.None{}, nil
	case "local":
		return models.Encoder(e.Model)
	case "openai":
		key, err := e.Key(ctx)
		if err != nil {
			return nil, err
		}
		return openai.NewEmbedder(ctx, &openai.EmbedderOptions{
			Endpoint: openai.Endpoint{BaseURL: e.BaseURL, Key: key, Timeout: e.Timeout, Retries: retries},
			Model:    cmp.Or(e.Model, "text-embedding-3-small"), Dim: e.Dim,
		})
	}
	return nil, fmt.Errorf("embedder.type is %q: use auto, none, local or openai", e.Type)
}

// Model makes the configured language model; nil if none is.
func Model(ctx context.Context, c config.Config) (specialists.Model, error) {
	m := c.Model
	switch m.Type {
	case "none":
		return nil, nil
	case "openai":
		key, err := m.Key(ctx)
		if err != nil {
			return nil, err
		}
		return openai.NewChat(&openai.ChatOptions{
			Endpoint: openai.Endpoint{BaseURL: m.BaseURL, Key: key, Timeout: m.Timeout, Retries: retries},
			Model:    m.Model, MaxTokens: m.MaxTokens, Concurrency: m.Concurrency, PriceIn: m.PriceIn, PriceOut: m.PriceOut,
		})
	}
	return nil, fmt.Errorf("model.type is %q: use none or openai", m.Type)
}
