package memory

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"github.com/trm-go/refiner/internal/text"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/internal/vector"
)

// Added tells what became of the records that were given, in their order.
type Added struct {
	IDs     []ID // of each record: its own, or that of the record with its key that was there already
	Count   int  // how many were added
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
// written. Records are embedded on all cores while the sequence goes on. The lock that other processes wait for is taken
// when all is embedded, or 16,384 records are; so a slow embedder keeps nobody waiting for the length of a usual import.
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
	look     []float32 // what it is compared by: its embedding, or in a store without vectors a hashed one
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

// addAll writes records; finish, if any, ends the transaction in which they are written.
func (s *Store) addAll(ctx context.Context, scope Scope, records iter.Seq2[incoming, error], finish func(*inserter) error) (Added, error) {
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
	cored := make(chan struct{}, cores)
	var working sync.WaitGroup

	var added Added
	written := make(chan error, 1)
	go func() {
		err := s.addStaged(ctx, h, queue, &added, finish)
		if err != nil {
			cancel(err)
		}
		written <- err
	}()
	send := func(b *batch) bool {
		select {
		case queue <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	start := func(part []incoming) bool {
		b := &batch{records: part, ready: make(chan struct{})}
		if !send(b) {
			return false
		}
		select {
		case cored <- struct{}{}:
		case <-ctx.Done():
			b.err = context.Cause(ctx)
			close(b.ready)
			return false
		}
		working.Go(func() {
			defer func() { <-cored }()
			defer close(b.ready)
			b.err = s.ready(ctx, h, scope, b.records)
		})
		return true
	}
	part := make([]incoming, 0, batchSize)
	number := 0
	for r, err := range records {
		number++
		if err != nil {
			b := &batch{err: err, ready: make(chan struct{})}
			close(b.ready)
			send(b)
			part = nil
			break
		}
		r.number = number
		if part = append(part, r); len(part) == batchSize {
			if !start(part) {
				part = nil
				break
			}
			part = make([]incoming, 0, batchSize)
		}
	}
	if len(part) > 0 {
		start(part)
	}
	close(queue)
	if err = <-written; err != nil {
		added = Added{}
	}
	cancel(err)
	working.Wait()
	return added, err
}

// errNothing rolls a write back that has nothing to write.
var errNothing = errors.New("nothing to write")

// addStaged writes what comes out of the queue in one transaction.
func (s *Store) addStaged(ctx context.Context, h head, queue <-chan *batch, added *Added, finish func(*inserter) error) error {
	take := func(atLeast int) (staged []incoming, err error) {
		for b := range queue {
			select {
			case <-b.ready:
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			if b.err != nil {
				return nil, b.err
			}
			if staged = append(staged, b.records...); len(staged) >= atLeast {
				break
			}
		}
		return staged, ctx.Err()
	}
	staged, err := take(stageSize)
	if err != nil || len(staged) == 0 {
		return err
	}
	if !slices.ContainsFunc(staged, func(r incoming) bool { return r.known == "" }) && len(staged) < stageSize {
		for _, r := range staged {
			added.IDs = append(added.IDs, r.known)
			added.Skipped++
		}
		return nil
	}
	err = s.write(ctx, true, func(t *tx) error {
		w, err := s.inserter(ctx, t, h)
		if err != nil {
			return err
		}
		defer w.close()
		for len(staged) > 0 {
			for i := range staged {
				id, isNew, err := w.insert(ctx, &staged[i])
				if err != nil {
					return fmt.Errorf("record %d: %w", staged[i].number, err)
				}
				added.IDs = append(added.IDs, id)
				if isNew {
					added.Count++
				} else {
					added.Skipped++
					if staged[i].deleted {
						added.Deleted++
					}
				}
			}
			if staged, err = take(batchSize); err != nil {
				return err
			}
		}
		if added.Count == 0 {
			return errNothing
		}
		if finish != nil {
			return finish(w)
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// ready fills, checks, analyses and embeds records for a store whose head is h.
func (s *Store) ready(ctx context.Context, h head, scope Scope, records []incoming) error {
	return prepare(ctx, h.model, h.dim, s.embed(), scope, s.now(), records, s.holds)
}

// prepare fills, checks, analyses and embeds records for an engine whose vectors are a model's; nil embedder: they must bring
// theirs. What holds knows already is left as it is.
func prepare(ctx context.Context, model string, dim int, embedder Embedder, scope Scope, now time.Time, records []incoming, holds func(context.Context, *incoming) (ID, error)) error {
	var missing []int
	for i := range records {
		r := &records[i]
		if err := r.fill(scope, now); err != nil {
			return fmt.Errorf("record %d: %w", r.number, err)
		}
		known, err := holds(ctx, r)
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
		a := analyse(&r.Record)
		r.terms, r.digest = a.terms, a.digest(&r.Record)
		switch {
		case dim == 0:
			r.look = lookalike.embed(r.Text, text.Terms(r.Text), nil)
			continue
		case len(r.Embedding) == 0:
			missing = append(missing, i)
		}
		r.look = r.Embedding
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
		records[at].Embedding, records[at].look = vectors[i], vectors[i]
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

// holds tells which record with the same key or ID is there already. The last word has the insertion; this spares the
// embedding.
func (s *Store) holds(ctx context.Context, r *incoming) (ID, error) {
	if r.Key == "" {
		return "", nil
	}
	var id ID
	err := s.reader.QueryRowContext(ctx, `SELECT r.id FROM records r JOIN scopes c ON c.scope = r.scope
		WHERE c.tenant = ? AND c.user = ? AND c.agent = ? AND c.session = ? AND r.key = ?`,
		r.Scope.Tenant, r.Scope.User, r.Scope.Agent, r.Scope.Session, r.Key).Scan((*string)(&id))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// inserter writes records within one transaction.
type inserter struct {
	s      *Store
	t      *tx
	dim    int
	scopes map[Scope]place
	fresh  map[ID]int64 // rows of imported records

	record, vector, word, scope, source *sql.Stmt
	unit                                []float32
}

// place is the numbers of a scope and its owner.
type place struct{ scope, owner int64 }

// inserter begins to write records that were made ready for a store whose head was h.
func (s *Store) inserter(ctx context.Context, t *tx, h head) (*inserter, error) {
	if now, err := readHead(ctx, t); err != nil || now.model != h.model || now.dim != h.dim {
		return nil, errors.Join(err, fmt.Errorf("%w: another process has re-embedded the store with %q (%d dimensions): open it anew", ErrModel, now.model, now.dim))
	}
	w := &inserter{s: s, t: t, dim: h.dim, unit: make([]float32, cmp.Or(h.dim, lookalike.dim)), scopes: map[Scope]place{}, fresh: map[ID]int64{}}
	for _, p := range []struct {
		into **sql.Stmt
		text string
	}{
		// The checksum is over the columns that follow seq, as sums has them.
		{&w.record, "INSERT INTO records (seq, " + sums["records"] + ", sum) VALUES (?1" + parameters(2, 28) + ", checksum(?2" + parameters(3, 28) + ")) ON CONFLICT DO NOTHING"},
		{&w.vector, "INSERT INTO vectors (row, scope, data, sum) VALUES (?1, ?2, ?3, checksum(?1, ?2, ?3))"},
		{&w.word, "INSERT INTO words (rowid, text) VALUES (?, ?)"},
		{&w.scope, "INSERT INTO scopes (tenant, user, agent, session) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&w.source, "INSERT OR IGNORE INTO sources (source, row, source_row) SELECT ?1, ?2, row FROM records WHERE id = ?1"},
	} {
		stmt, err := t.PrepareContext(ctx, p.text)
		if err != nil {
			w.close()
			return nil, err
		}
		*p.into = stmt
	}
	return w, nil
}

// parameters are the numbered parameters of a statement, each after a comma.
func parameters(first, last int) string {
	var b strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&b, ", ?%d", n)
	}
	return b.String()
}

func (w *inserter) close() {
	for _, stmt := range []*sql.Stmt{w.record, w.vector, w.word, w.scope, w.source} {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// place gives a scope its numbers, new ones if it is new.
func (w *inserter) place(ctx context.Context, s Scope) (p place, err error) {
	if p, ok := w.scopes[s]; ok {
		return p, nil
	}
	made, err := w.scope.ExecContext(ctx, s.Tenant, s.User, s.Agent, s.Session)
	if err != nil {
		return p, err
	}
	if err := w.t.QueryRowContext(ctx, "SELECT scope FROM scopes WHERE tenant = ? AND user = ? AND agent = ? AND session = ?",
		s.Tenant, s.User, s.Agent, s.Session).Scan(&p.scope); err != nil {
		return p, err
	}
	if n, err := made.RowsAffected(); err != nil {
		return p, err
	} else if n > 0 {
		if err := seal(ctx, w.t.Tx, "scopes", "scope = ?", p.scope); err != nil {
			return p, err
		}
	}
	if _, err := w.t.ExecContext(ctx, "INSERT INTO owners (tenant, user) VALUES (?, ?) ON CONFLICT DO NOTHING", s.Tenant, s.User); err != nil {
		return p, err
	}
	err = w.t.QueryRowContext(ctx, "SELECT owner FROM owners WHERE tenant = ? AND user = ?", s.Tenant, s.User).Scan(&p.owner)
	w.scopes[s] = p
	return p, err
}

// insert writes a record and returns its ID, or that of the record that is there in its place.
func (w *inserter) insert(ctx context.Context, r *incoming) (ID, bool, error) {
	if r.known != "" {
		return r.known, false, nil
	}
	place, err := w.place(ctx, r.Scope)
	if err != nil {
		return "", false, err
	}
	if err := w.rests(ctx, r); err != nil {
		return "", false, err
	}
	given := r.ID != ""
	if !given {
		id, err := ulid.New(ulid.Timestamp(w.t.now), w.s.entropy)
		if err != nil {
			return "", false, fmt.Errorf("make an ID: %w", err)
		}
		r.ID = ID(id.String())
	}
	if id, err := w.gone(ctx, r, given); err != nil || id != "" {
		return id, false, err
	}
	known, err := w.s.novelty(ctx, w.t, ownerOf(r.Scope), w.dim)
	if err != nil {
		return "", false, err
	}
	vector.Unit(w.unit, r.look)
	surprise := known.surprise(r.terms, w.unit)
	if r.surprise != nil {
		surprise = *r.surprise
	}
	setSurprise(r.digest, surprise)
	if !r.imported {
		r.Recorded, r.Superseded, r.SupersededBy = time.Time{}, time.Time{}, ""
		r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	}
	recorded := w.t.now
	if !r.Recorded.IsZero() {
		recorded = r.Recorded
	}
	meta, err1 := asJSON(r.Meta, len(r.Meta))
	derived, err2 := asJSON(r.DerivedFrom, len(r.DerivedFrom))
	quotes, err3 := asJSON(r.Quotes, len(r.Quotes))
	if err := errors.Join(err1, err2, err3); err != nil {
		return "", false, err
	}
	var key any
	if r.Key != "" {
		key = r.Key
	}
	res, err := w.record.ExecContext(ctx, w.t.seq, string(r.ID), place.scope, place.owner, string(r.Kind), string(r.Origin), r.Role, r.Speaker, r.Position,
		key, micros(r.Created), moment(r.ValidFrom), moment(r.ValidUntil), micros(recorded), stamp(r.Superseded), string(r.SupersededBy), r.Importance, r.Confidence,
		surprise, r.Shown, stamp(r.LastShown), r.Used, stamp(r.LastUsed), meta, derived, quotes, r.digest, r.Text)
	if err != nil {
		return "", false, err
	}
	if n, err := res.RowsAffected(); err != nil {
		return "", false, err
	} else if n == 0 {
		id, err := w.present(ctx, r, place.scope, given)
		return id, false, err
	}
	row, err := res.LastInsertId()
	if err != nil {
		return "", false, err
	}
	if r.imported {
		w.fresh[r.ID] = row
	}
	if r.Superseded.IsZero() {
		known.put(r.terms, w.unit)
	}
	return r.ID, true, w.attach(ctx, row, place, r)
}

// attach writes what hangs on a record's row.
func (w *inserter) attach(ctx context.Context, row int64, p place, r *incoming) error {
	if len(r.Embedding) > 0 {
		if _, err := w.vector.ExecContext(ctx, row, p.scope, vector.Encode(r.Embedding)); err != nil {
			return err
		}
	}
	if _, err := w.word.ExecContext(ctx, row, r.Text); err != nil {
		return err
	}
	for _, id := range r.sources() {
		if _, err := w.source.ExecContext(ctx, string(id), row); err != nil {
			return err
		}
	}
	return nil
}

// sources are the records that r rests on.
func (r *Record) sources() []ID {
	ids := slices.Clone(r.DerivedFrom)
	for _, q := range r.Quotes {
		ids = append(ids, q.Source)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// rests checks that what r says it rests on is there, with the passages it quotes.
func (w *inserter) rests(ctx context.Context, r *incoming) error {
	sources := r.sources()
	if len(sources) == 0 {
		return nil
	}
	for _, id := range sources {
		var text string
		err := w.t.QueryRowContext(ctx, "SELECT r.text FROM records r JOIN scopes c ON c.scope = r.scope WHERE r.id = ? AND c.tenant = ? AND c.user = ?",
			string(id), r.Scope.Tenant, r.Scope.User).Scan(&text)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: it is derived from %q, which its tenant and user do not have", ErrInvalid, id)
		}
		if err != nil {
			return err
		}
		for _, q := range r.Quotes {
			if q.Source == id && !strings.Contains(text, q.Text) {
				return fmt.Errorf("%w: it quotes %q from %s, which does not say so", ErrInvalid, q.Text, id)
			}
		}
	}
	return nil
}

// present is the record that keeps r out.
func (w *inserter) present(ctx context.Context, r *incoming, place int64, given bool) (ID, error) {
	var id ID
	err := w.t.QueryRowContext(ctx, "SELECT id FROM records WHERE scope = ? AND key = ?", place, r.Key).Scan((*string)(&id))
	if err == nil || !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	var there int64
	var text string
	if err = w.t.QueryRowContext(ctx, "SELECT scope, text FROM records WHERE id = ?", string(r.ID)).Scan(&there, &text); err != nil {
		return "", err
	}
	if !given || there != place || text != r.Text {
		return "", fmt.Errorf("%w: the ID %s is taken by another record", ErrInvalid, r.ID)
	}
	return r.ID, nil
}
