package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/trm-go/refiner/memory/internal/index"
)

// Added tells what became of the records that were given, in their order.
type Added struct {
	IDs     []ID // of each record: its own, or that of the record with its key that was there already
	New     []ID // of those that were added
	Count   int  // how many those are
	Skipped int  // how many were there already
	Deleted int  // how many of those skipped were deleted for privacy, and stay so
}

// AddOptions say what is added. Nil is the same as a zero AddOptions.
type AddOptions struct {
	// Deleted adds also what was deleted for privacy before, as its key or its ID tells.
	Deleted bool
}

// Add writes records, all or none. Parts of a record's scope that are empty are filled from scope, which must contain
// the result. An empty kind means a turn, an empty origin observed. A record whose key its scope holds already is skipped, and
// so is one whose key or ID was deleted for privacy: Added.Deleted counts those, and [Store.AddAll] can take them in.
// A record without an embedding is embedded. The store gives each an ID, unless it has one, and sets the times of the
// store and the counts of use itself, whatever the record says.
func (s *Store) Add(ctx context.Context, scope Scope, records ...Record) (Added, error) {
	return s.AddAll(ctx, scope, func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, nil)
}

// AddAll is Add for any number of records: an error in the sequence, in a record, or from the embedder, and none is
// written. Records are embedded on all cores while the sequence goes on. More than 256 are written in slices, between which
// others write: they may see a part of what an import that fails, or is killed, takes back (see [Store.takeBack]).
func (s *Store) AddAll(ctx context.Context, scope Scope, records iter.Seq2[Record, error], o *AddOptions) (Added, error) {
	again := o != nil && o.Deleted
	added, err := s.addAll(ctx, scope, func(yield func(incoming, error) bool) {
		for r, err := range records {
			if !yield(incoming{Record: r, again: again}, err) {
				return
			}
		}
	}, nil)
	return added, fail("add records", err)
}

// incoming is a record on its way into the store.
type incoming struct {
	Record
	number   int       // of the record in its sequence, from 1, for messages
	surprise *float64  // of an imported record; nil: to be measured
	imported bool      // keep the store's times and counts
	again    bool      // also if it was deleted for privacy
	terms    []string  // distinct, sorted
	look     []float32 // what tells whether it is new
	digest   []byte    // without the surprise
	known    ID        // the record that is there already
	deleted  bool      // it was deleted for privacy
}

const (
	batchSize = 256
	stageSize = 16384
)

// batch is a part of the sequence, prepared by one goroutine.
type batch struct {
	records []incoming
	err     error
	ready   chan struct{} // closed when records are prepared, or err is set
}

// addAll writes records, and the events that the sequence has put into events, if any, by its end. Batches of the sequence are made
// ready side by side and written in their order.
func (s *Store) addAll(ctx context.Context, scope Scope, records iter.Seq2[incoming, error], events *[]Event) (Added, error) {
	if s.readOnly {
		return Added{}, fmt.Errorf("%w: it was opened with Options.ReadOnly", ErrReadOnly)
	}
	h, err := s.head(ctx)
	if err != nil {
		return Added{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cores := runtime.GOMAXPROCS(0)
	queue := make(chan *batch, stageSize/batchSize+cores)
	w := &bulk{s: s, head: h, queue: queue, events: events}
	written := make(chan error, 1)
	go func() {
		err := w.run(ctx)
		if err != nil {
			cancel(err)
		}
		written <- err
	}()
	working := errgroup.Group{}
	working.SetLimit(cores)
	send := func(b *batch) bool {
		select {
		case queue <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for b := range batches(records) {
		if !send(b) {
			break
		}
		if b.err != nil {
			close(b.ready)
			break
		}
		working.Go(func() error {
			defer close(b.ready)
			b.err = s.ready(ctx, h, scope, b.records)
			return nil
		})
	}
	close(queue)
	err = <-written
	cancel(err)
	_ = working.Wait() // the batches carry their errors
	if err != nil {
		return Added{}, err
	}
	return w.added, nil
}

// batches cuts a sequence into batches; one with an error is the last.
func batches(records iter.Seq2[incoming, error]) iter.Seq[*batch] {
	return func(yield func(*batch) bool) {
		b := &batch{ready: make(chan struct{})}
		number := 0
		for r, err := range records {
			number++
			if err != nil {
				yield(&batch{err: err, ready: make(chan struct{})})
				return
			}
			r.number = number
			if b.records = append(b.records, r); len(b.records) == batchSize {
				if !yield(b) {
					return
				}
				b = &batch{ready: make(chan struct{})}
			}
		}
		if len(b.records) > 0 {
			yield(b)
		}
	}
}

// ready fills, checks, analyses and embeds records for a store whose head is h.
func (s *Store) ready(ctx context.Context, h head, scope Scope, records []incoming) error {
	p := &Preparation{Model: h.model, Dim: h.dim, Embedder: s.embed(), Now: s.now(), Known: s.holds}
	return p.prepare(ctx, scope, records)
}

func (p *Preparation) prepare(ctx context.Context, scope Scope, records []incoming) error {
	model, dim, embedder := p.Model, p.Dim, p.Embedder
	var missing []int
	for i := range records {
		r := &records[i]
		if err := r.fill(scope, p.Now); err != nil {
			return fmt.Errorf("record %d: %w", r.number, err)
		}
		known, err := ID(""), error(nil)
		if r.Key != "" {
			known, err = p.Known(ctx, &r.Record)
		}
		if err != nil {
			return err
		}
		if known != "" {
			r.known = known
			continue
		}
		switch {
		case len(r.Embedding) > 0 && r.Model != model:
			return fmt.Errorf("record %d: %w: its embedding was made by %q, the store's by %q: leave it out, or re-embed the store", r.number, ErrModel, r.Model, model)
		case len(r.Embedding) > 0:
			if err := checkVector(r.Embedding, dim); err != nil {
				return fmt.Errorf("record %d: its embedding: %w", r.number, err)
			}
		case embedder == nil:
			return fmt.Errorf("record %d: %w: it has no embedding, and the store was opened without the embedder of its model %q", r.number, ErrModel, model)
		}
		r.terms, r.digest = analyse(&r.Record)
		r.look = index.Lookalike(r.Text)
		if dim > 0 && len(r.Embedding) == 0 {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return ctx.Err()
	}
	texts := make([]string, len(missing))
	for i, at := range missing {
		texts[i] = records[at].Text
	}
	vectors, err := embedAll(ctx, embedder, texts)
	if err != nil {
		return fmt.Errorf("embed records: %w", err)
	}
	for i, at := range missing {
		if err := checkVector(vectors[i], dim); err != nil {
			return fmt.Errorf("record %d: the embedder's vector: %w", records[at].number, err)
		}
		records[at].Embedding = vectors[i]
	}
	return nil
}

func embedAll(ctx context.Context, e Embedder, texts []string) ([][]float32, error) {
	vectors, err := e.Embed(ctx, texts)
	if err == nil && len(vectors) != len(texts) {
		err = fmt.Errorf("the embedder %q returned %d vectors for %d texts", e.Model(), len(vectors), len(texts))
	}
	return vectors, err
}

// holds tells which record with the same key is there already. The last word has the insertion; this spares the embedding.
func (s *Store) holds(ctx context.Context, r *Record) (ID, error) {
	var id ID
	err := s.reader.QueryRowContext(ctx, `SELECT r.id FROM records r JOIN scopes c ON c.scope = r.scope
		WHERE c.tenant = ? AND c.user = ? AND c.agent = ? AND c.session = ? AND r.key = ?`,
		r.Scope.Tenant, r.Scope.User, r.Scope.Agent, r.Scope.Session, r.Key).Scan((*string)(&id))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}
