package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"
	"github.com/pgvector/pgvector-go"

	"github.com/trm-go/refiner/memory"
)

// Add implements refine.Store.
func (s *Store) Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error) {
	return s.AddAll(ctx, scope, func(yield func(memory.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, nil)
}

// AddAll implements refine.Store. All of it is one transaction, which holds the lock of its tenant and user.
func (s *Store) AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error) {
	added, err := s.add(ctx, scope, o != nil && o.Deleted, func(yield func(memory.Exported, error) bool) {
		for r, err := range records {
			if !yield(memory.Exported{Record: &r}, err) {
				return
			}
		}
	}, false)
	return added, fail("add records", err)
}

// Import implements refine.Store. All of it is one transaction.
func (s *Store) Import(ctx context.Context, r io.Reader, o *memory.ImportOptions) (memory.Added, error) {
	if o == nil {
		o = &memory.ImportOptions{}
	}
	added, err := s.add(ctx, memory.Scope{}, o.Deleted, func(yield func(memory.Exported, error) bool) {
		for x, err := range memory.ReadExport(r, s.model, s.dim, o.Reembed) {
			if err == nil && x.Record != nil && len(o.Scopes) > 0 && !slices.ContainsFunc(o.Scopes, func(s memory.Scope) bool { return s.Contains(x.Record.Scope) }) {
				err = fmt.Errorf("%w: record %s is of the scope %s, outside of the one that is given", memory.ErrInvalid, x.Record.ID, x.Record.Scope)
			}
			if !yield(x, err) || err != nil {
				return
			}
		}
	}, true)
	return added, fail("import", err)
}

// chunk is how many records are embedded and written at a time.
const chunk = 256

// reader reads the lines of an import or the records of an addition, and makes them ready a chunk at a time. Events are kept.
type reader struct {
	memory.Preparation
	scope  memory.Scope
	next   func() (memory.Exported, error, bool)
	ended  bool
	read   int // records
	events []memory.Event
}

func (r *reader) chunk(ctx context.Context) ([]memory.Incoming, error) {
	var records []memory.Incoming
	for len(records) < chunk {
		x, err, ok := r.next()
		if r.ended = !ok; r.ended {
			break
		}
		switch {
		case err != nil:
			return nil, err
		case x.Event != nil:
			r.events = append(r.events, *x.Event)
		default:
			records = append(records, memory.Incoming{Record: *x.Record, Surprise: x.Surprise})
		}
	}
	first := r.read + 1
	r.read += len(records)
	return records, r.Prepare(ctx, r.scope, first, records)
}

// add writes the records of a sequence and then its events, all in one transaction. The first chunk is made ready before it
// begins, so that what is written now and then holds a lock for no longer than writing takes.
func (s *Store) add(ctx context.Context, scope memory.Scope, again bool, lines iter.Seq2[memory.Exported, error], imported bool) (memory.Added, error) {
	if err := s.writable(); err != nil {
		return memory.Added{}, err
	}
	next, stop := iter.Pull2(lines)
	defer stop()
	r := &reader{scope: scope, next: next, Preparation: memory.Preparation{Model: s.model, Dim: s.dim, Embedder: s.embedder, Now: s.now(), Imported: imported, Known: s.known}}
	part, err := r.chunk(ctx)
	if err != nil || len(part) == 0 {
		return memory.Added{}, err
	}
	if r.ended && len(r.events) == 0 && !slices.ContainsFunc(part, func(r memory.Incoming) bool { return r.Known == "" }) {
		added := memory.Added{Skipped: len(part)}
		for _, r := range part {
			added.IDs = append(added.IDs, r.Known)
		}
		return added, nil
	}
	seen := &scope // an import may be of many tenants and users
	if imported {
		seen = nil
	}
	var w *inserter
	err = s.begin(ctx, pgx.TxOptions{}, seen, func(t pgx.Tx) error {
		r.Known = func(ctx context.Context, r *memory.Record) (memory.ID, error) { return s.knownIn(ctx, t, r) }
		w = s.inserter(t)
		w.imported, w.again = imported, again
		for len(part) > 0 {
			if err := w.insert(ctx, part); err != nil {
				return err
			}
			if part, err = r.chunk(ctx); err != nil {
				return err
			}
		}
		return w.note(ctx, r.events)
	})
	if err != nil {
		return memory.Added{}, err
	}
	w.settle()
	return w.added, nil
}

// known finds the record with the key of another.
func (s *Store) known(ctx context.Context, r *memory.Record) (id memory.ID, err error) {
	err = s.read(ctx, &r.Scope, func(t pgx.Tx) error {
		id, err = s.knownIn(ctx, t, r)
		return err
	})
	return id, err
}

// knownIn looks only where that spares an embedding: the last word has the insertion.
func (s *Store) knownIn(ctx context.Context, t pgx.Tx, r *memory.Record) (id memory.ID, err error) {
	if s.dim == 0 {
		return "", nil
	}
	err = t.QueryRow(ctx, "SELECT id FROM records WHERE key_hash = $1", keyHash(r)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return id, err
}

// keyHash is what a record's key is compared by; nil: it has none.
func keyHash(r *memory.Record) []byte { return orNull(memory.KeyHash(r.Scope, r.Key)) }

// orNull is nil for what is empty: NULL in the database.
func orNull[S ~[]E, E any](s S) S {
	if len(s) == 0 {
		return nil
	}
	return s
}

// inserter writes records within one transaction.
type inserter struct {
	s               *Store
	t               pgx.Tx
	imported, again bool
	owners          map[memory.Scope]*tx
	fresh           map[memory.ID]int64 // the rows of what was written
	added           memory.Added
}

func (s *Store) inserter(t pgx.Tx) *inserter {
	return &inserter{s: s, t: t, owners: map[memory.Scope]*tx{}, fresh: map[memory.ID]int64{}}
}

// owner is a write of the tenant and user of a scope, whose lock it takes.
func (w *inserter) owner(ctx context.Context, scope memory.Scope) (*tx, error) {
	of := memory.Scope{Tenant: scope.Tenant, User: scope.User}
	if t := w.owners[of]; t != nil {
		return t, nil
	}
	t := &tx{Tx: w.t, s: w.s}
	w.owners[of] = t
	return t, t.lock(ctx, of, true)
}

func (w *inserter) insert(ctx context.Context, part []memory.Incoming) error {
	there, err := w.look(ctx, part)
	if err != nil {
		return err
	}
	found, _ := w.t.Query(ctx, "SELECT nextval(pg_get_serial_sequence('records', 'row')) FROM generate_series(1, $1)", len(part))
	rows, err := pgx.CollectRows(found, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	var batch pgx.Batch
	for i := range part {
		id, err := w.queue(ctx, &batch, there, &part[i], rows[i])
		if err != nil {
			return fmt.Errorf("record %d: %w", len(w.added.IDs)+1, err)
		}
		w.added.IDs = append(w.added.IDs, id)
	}
	return w.t.SendBatch(ctx, &batch).Close()
}

// present is what keeps records out, or what they rest on.
type present struct {
	keys, buried map[string]memory.ID // by hash
	ids          map[memory.ID]*stored
	deleted      map[memory.ID]bool
}

// look takes the locks of the tenants and users that records are of, and looks what is there of their keys and IDs, and of what
// they rest on.
func (w *inserter) look(ctx context.Context, part []memory.Incoming) (*present, error) {
	p := &present{keys: map[string]memory.ID{}, buried: map[string]memory.ID{}, ids: map[memory.ID]*stored{}, deleted: map[memory.ID]bool{}}
	var ids []memory.ID
	var hashes [][]byte
	for i := range part {
		r := &part[i]
		if r.Known != "" {
			continue
		}
		if _, err := w.owner(ctx, r.Scope); err != nil {
			return nil, err
		}
		if hash := keyHash(&r.Record); hash != nil {
			hashes = append(hashes, hash)
		}
		if r.ID != "" {
			ids = append(ids, r.ID)
		}
		ids = append(ids, r.Sources()...)
	}
	if len(ids) == 0 && len(hashes) == 0 {
		return p, nil
	}
	rows, _ := w.t.Query(ctx, `SELECT id, key_hash, false FROM records WHERE key_hash = ANY ($1)
		UNION ALL SELECT id, key_hash, true FROM tombstones WHERE key_hash = ANY ($1) OR id = ANY ($2)`, hashes, ids)
	var id memory.ID
	var hash []byte
	var deleted bool
	if _, err := pgx.ForEachRow(rows, []any{&id, &hash, &deleted}, func() error {
		if deleted {
			p.buried[string(hash)], p.deleted[id] = id, true
		} else {
			p.keys[string(hash)] = id
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return p, w.s.each(ctx, w.t, false, "r.id = ANY ($1)", []any{ids}, func(r *stored) error { p.ids[r.ID] = r; return nil })
}

// queue puts the statements into a batch that write a record, and returns its ID, or that of what is there in its place.
func (w *inserter) queue(ctx context.Context, batch *pgx.Batch, there *present, r *memory.Incoming, row int64) (memory.ID, error) {
	if r.Known != "" {
		w.added.Skipped++
		return r.Known, nil
	}
	t, err := w.owner(ctx, r.Scope)
	if err == nil {
		err = w.rests(there, r, t)
	}
	if err != nil {
		return "", err
	}
	hash := keyHash(&r.Record)
	if id, err := w.kept(batch, there, r, hash, t); id != "" || err != nil {
		w.added.Skipped++
		return id, err
	}
	if r.ID == "" {
		if r.ID, err = w.s.newID(t.now); err != nil {
			return "", err
		}
	}
	if !w.imported {
		r.Recorded, r.Superseded, r.SupersededBy = time.Time{}, time.Time{}, ""
		r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	}
	if r.Recorded.IsZero() {
		r.Recorded = t.now
	}
	if t.novelty == nil {
		if t.novelty, err = w.s.novelty(ctx, t); err != nil {
			return "", err
		}
	}
	t.novelty.Add(r)
	queueRecord(batch, t, r, hash, row)
	there.ids[r.ID] = &stored{Record: r.Record, row: row}
	if hash != nil {
		there.keys[string(hash)] = r.ID
	}
	for _, id := range r.Sources() {
		batch.Queue("INSERT INTO sources (owner, row, source, source_row) VALUES ($1, $2, $3, $4)", t.owner, row, id, there.ids[id].row)
	}
	w.fresh[r.ID] = row
	w.added.Count, w.added.New = w.added.Count+1, append(w.added.New, r.ID)
	return r.ID, nil
}

// kept is the ID of what keeps a record out: one with its key or ID, that is there or was deleted; empty if there is none. What was
// deleted is forgotten where it is asked for again.
func (w *inserter) kept(batch *pgx.Batch, there *present, r *memory.Incoming, hash []byte, t *tx) (memory.ID, error) {
	id, buried := there.buried[string(hash)]
	buried = buried && hash != nil
	if buried || r.ID != "" && there.deleted[r.ID] {
		if !w.again {
			w.added.Deleted++
			if !buried {
				id = r.ID
			}
			return id, nil
		}
		// A view that has not seen the deletion yet would not see it any more: all are made anew.
		batch.Queue("DELETE FROM tombstones WHERE id = $1 OR key_hash = $2", r.ID, hash)
		batch.Queue("UPDATE owners SET epoch = epoch + 1 WHERE owner = $1", t.owner)
	}
	if hash != nil && there.keys[string(hash)] != "" {
		return there.keys[string(hash)], nil
	}
	old := there.ids[r.ID]
	switch {
	case r.ID == "" || old == nil:
		return "", nil
	case old.Scope != r.Scope || old.Text != r.Text:
		return "", fmt.Errorf("%w: the ID %s is taken by another record", memory.ErrInvalid, r.ID)
	}
	return r.ID, nil
}

func queueRecord(batch *pgx.Batch, t *tx, r *memory.Incoming, hash []byte, row int64) {
	var embedding *pgvector.Vector
	if len(r.Embedding) > 0 {
		v := pgvector.NewVector(r.Embedding)
		embedding = &v
	}
	var meta any // NULL
	if len(r.Meta) > 0 {
		meta = r.Meta
	}
	batch.Queue(`INSERT INTO records (row, owner, seq, id, agent, session, kind, origin, role, speaker, position, key, key_hash, created, valid_from, valid_until, recorded,
		superseded, superseded_by, importance, confidence, surprise, shown, last_shown, used, last_used, meta, derived_from, quotes, digest, text, embedding) VALUES
		($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)`,
		row, t.owner, t.seq, r.ID, r.Scope.Agent, r.Scope.Session, r.Kind, r.Origin, r.Role, r.Speaker, r.Position, r.Key, hash, stamp{&r.Created}, stamp{&r.ValidFrom},
		stamp{&r.ValidUntil}, stamp{&r.Recorded}, stamp{&r.Superseded}, r.SupersededBy, r.Importance, r.Confidence, *r.Surprise, r.Shown, stamp{&r.LastShown}, r.Used,
		stamp{&r.LastUsed}, meta, orNull(r.DerivedFrom), orNull(r.Quotes), r.Digest, r.Text, embedding)
}

// rests checks that what r says it rests on is there, with the passages it quotes.
func (w *inserter) rests(there *present, r *memory.Incoming, t *tx) error {
	for _, id := range r.Sources() {
		source := there.ids[id]
		if source == nil || source.Scope.Tenant != t.scope.Tenant || source.Scope.User != t.scope.User {
			return fmt.Errorf("%w: it is derived from %q, which its tenant and user do not have", memory.ErrInvalid, id)
		}
		for _, q := range r.Quotes {
			if q.Source == id && !strings.Contains(source.Text, q.Text) {
				return fmt.Errorf("%w: it quotes %q from %s, which does not say so", memory.ErrInvalid, q.Text, id)
			}
		}
	}
	return nil
}

// note writes the history of what was imported.
func (w *inserter) note(ctx context.Context, events []memory.Event) error {
	var batch pgx.Batch
	for _, e := range events {
		if row, ok := w.fresh[e.ID]; ok {
			batch.Queue(noting, row, stamp{&e.At}, e.What, e.By)
		}
	}
	return w.t.SendBatch(ctx, &batch).Close()
}

const noting = "INSERT INTO events (owner, row, at, what, by) SELECT owner, row, $2, $3, $4 FROM records WHERE row = $1"

func (s *Store) newID(now time.Time) (memory.ID, error) {
	s.entropy.Lock()
	defer s.entropy.Unlock()
	id, err := ulid.New(ulid.Timestamp(now), s.ids)
	if err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return memory.ID(id.String()), nil
}

// novelties remember what was written last, for the tenants and users that wrote last, as of a generation.
type novelties struct {
	mu  sync.Mutex
	all map[int64]remembered
}

type remembered struct {
	n          *memory.Novelty
	generation int64
}

const mostOwners = 64

// novelty is what is remembered of a tenant and user, begun with the last records that are there. It is taken out while a write
// is under way, so that one which fails leaves nothing behind; settle puts it back.
func (s *Store) novelty(ctx context.Context, t *tx) (*memory.Novelty, error) {
	s.novelties.mu.Lock()
	old := s.novelties.all[t.owner]
	delete(s.novelties.all, t.owner)
	s.novelties.mu.Unlock()
	if old.n != nil && old.generation == t.generation-1 {
		return old.n, nil
	}
	rows, _ := t.Query(ctx, `SELECT digest, text FROM (SELECT row, digest, text FROM records WHERE owner = $1 AND superseded IS NULL ORDER BY row DESC LIMIT $2) l ORDER BY row`,
		t.owner, memory.Remembered)
	n := memory.NewNovelty()
	var digest []byte
	var text string
	_, err := pgx.ForEachRow(rows, []any{&digest, &text}, func() error { n.Remember(digest, text); return nil })
	return n, err
}

// settle follows the commit: what is remembered of this write holds for the next one.
func (w *inserter) settle() {
	c := &w.s.novelties
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range w.owners {
		if c.all == nil || len(c.all) >= mostOwners {
			c.all = map[int64]remembered{}
		}
		if t.novelty != nil {
			c.all[t.owner] = remembered{t.novelty, t.generation}
		}
	}
}
