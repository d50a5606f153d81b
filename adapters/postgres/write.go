package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
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

// add writes the records of a sequence and then its events, all in one transaction. The first chunk is made ready before it
// begins, so that what is written now and then holds a lock for no longer than writing takes.
func (s *Store) add(ctx context.Context, scope memory.Scope, again bool, lines iter.Seq2[memory.Exported, error], imported bool) (added memory.Added, err error) {
	if s.closed.Load() {
		return added, memory.ErrClosed
	}
	if s.readOnly {
		return added, fmt.Errorf("%w: it was opened with Options.ReadOnly", memory.ErrReadOnly)
	}
	next, stop := iter.Pull2(lines)
	defer stop()
	var events []memory.Event
	number, more := 1, true
	known := s.known
	ready := func() ([]memory.Incoming, error) {
		var records []memory.Incoming
		for more && len(records) < chunk {
			x, err, ok := next()
			switch more = ok; {
			case !ok:
			case err != nil:
				return nil, err
			case x.Event != nil:
				events = append(events, *x.Event)
			default:
				records = append(records, memory.Incoming{Record: *x.Record, Surprise: x.Surprise})
			}
		}
		p := &memory.Preparation{Model: s.model, Dim: s.dim, Embedder: s.embedder, Now: s.now(), Imported: imported, Known: known}
		number += len(records)
		return records, p.Prepare(ctx, scope, number-len(records), records)
	}
	part, err := ready()
	if err != nil || len(part) == 0 {
		return added, err
	}
	if !more && len(events) == 0 && !slices.ContainsFunc(part, func(r memory.Incoming) bool { return r.Known == "" }) {
		for _, r := range part {
			added.IDs, added.Skipped = append(added.IDs, r.Known), added.Skipped+1
		}
		return added, nil
	}
	seen := &scope // an import may be of many tenants and users
	if imported {
		seen = nil
	}
	err = s.begin(ctx, pgx.TxOptions{}, seen, func(t pgx.Tx) error {
		known = func(ctx context.Context, r *memory.Record) (memory.ID, error) { return s.knownIn(ctx, t, r) }
		w := &inserter{s: s, t: t, imported: imported, again: again, owners: map[memory.Scope]*tx{}, fresh: map[memory.ID]place{}, added: &added}
		for first := 1; len(part) > 0; {
			if err := w.insert(ctx, first, part); err != nil {
				return err
			}
			first += len(part)
			if part, err = ready(); err != nil {
				return err
			}
		}
		if err := w.note(ctx, events); err != nil {
			return err
		}
		return w.settle()
	})
	if err != nil {
		return memory.Added{}, err
	}
	return added, nil
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
	err = t.QueryRow(ctx, `SELECT r.id`+from+`o.tenant = $1 AND o."user" = $2 AND r.key_hash = $3`, r.Scope.Tenant, r.Scope.User, keyHash(r)).Scan((*string)(&id))
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return id, err
}

// keyHash is what a key is compared by, within its tenant and user; nil: the record has none.
func keyHash(r *memory.Record) []byte {
	if r.Key == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Scope.Agent, r.Scope.Session, r.Key}, "\x00")))
	return sum[:]
}

// inserter writes records within one transaction.
type inserter struct {
	s               *Store
	t               pgx.Tx
	imported, again bool
	owners          map[memory.Scope]*tx
	fresh           map[memory.ID]place // what was written
	added           *memory.Added
	settled         []func()
}

// place is where a record lies.
type place struct {
	row, owner int64
	text       string
}

// owner is a write of the tenant and user of a scope, whose lock it takes.
func (w *inserter) owner(ctx context.Context, scope memory.Scope) (*tx, error) {
	of := memory.Scope{Tenant: scope.Tenant, User: scope.User}
	if t := w.owners[of]; t != nil {
		return t, nil
	}
	t := &tx{Tx: w.t, s: w.s}
	if err := t.lock(ctx, of, true); err != nil {
		return nil, err
	}
	w.owners[of] = t
	return t, nil
}

// insert writes some records, of which the first has a number in its sequence.
func (w *inserter) insert(ctx context.Context, first int, part []memory.Incoming) error {
	there, err := w.look(ctx, part)
	if err != nil {
		return err
	}
	var rows []int64
	if found, err := w.t.Query(ctx, "SELECT nextval(pg_get_serial_sequence('records', 'row')) FROM generate_series(1, $1)", len(part)); err != nil {
		return err
	} else if rows, err = pgx.CollectRows(found, pgx.RowTo[int64]); err != nil {
		return err
	}
	var batch pgx.Batch
	for i := range part {
		r := &part[i]
		id, err := w.queue(ctx, &batch, there, r, rows[i])
		if err != nil {
			return fmt.Errorf("record %d: %w", first+i, err)
		}
		w.added.IDs = append(w.added.IDs, id)
	}
	return w.t.SendBatch(ctx, &batch).Close()
}

// present is what keeps records out, or what they rest on.
type present struct {
	keys, deletedKeys map[string]memory.ID
	ids               map[memory.ID]*stored // of their tenant and user
	deleted           map[memory.ID]bool
}

func ownKey(owner memory.Scope, hash []byte) string {
	return owner.Tenant + "\x00" + owner.User + "\x00" + string(hash)
}

// look takes the locks of the tenants and users that records are of, and looks what is there of their keys and IDs, and of what
// they rest on.
func (w *inserter) look(ctx context.Context, part []memory.Incoming) (*present, error) {
	p := &present{keys: map[string]memory.ID{}, deletedKeys: map[string]memory.ID{}, ids: map[memory.ID]*stored{}, deleted: map[memory.ID]bool{}}
	var ids []string
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
			ids = append(ids, string(r.ID))
		}
		for _, id := range r.Sources() {
			ids = append(ids, string(id))
		}
	}
	if len(ids) == 0 && len(hashes) == 0 {
		return p, nil
	}
	owner := memory.Scope{}
	var id string
	var hash []byte
	for _, q := range []struct {
		from string
		into map[string]memory.ID
	}{{"records", p.keys}, {"tombstones", p.deletedKeys}} {
		rows, err := w.t.Query(ctx, `SELECT o.tenant, o."user", r.key_hash, r.id FROM `+q.from+" r JOIN owners o USING (owner) WHERE r.key_hash = ANY ($1)", hashes)
		if err != nil {
			return nil, err
		}
		if _, err := pgx.ForEachRow(rows, []any{&owner.Tenant, &owner.User, &hash, &id}, func() error {
			q.into[ownKey(owner, hash)] = memory.ID(id)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	rows, err := w.t.Query(ctx, "SELECT id FROM tombstones WHERE id = ANY ($1)", ids)
	if err != nil {
		return nil, err
	}
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { p.deleted[memory.ID(id)] = true; return nil }); err != nil {
		return nil, err
	}
	return p, w.s.each(ctx, w.t, "r.id = ANY ($1)", []any{ids}, "r.row", false, func(r *stored) error {
		p.ids[r.ID] = r
		return nil
	})
}

// queue puts the statements into a batch that write a record, and returns its ID, or that of what is there in its place.
func (w *inserter) queue(ctx context.Context, batch *pgx.Batch, there *present, r *memory.Incoming, row int64) (memory.ID, error) {
	skip := func(id memory.ID) (memory.ID, error) { w.added.Skipped++; return id, nil }
	if r.Known != "" {
		return skip(r.Known)
	}
	t := w.owners[memory.Scope{Tenant: r.Scope.Tenant, User: r.Scope.User}]
	if err := w.rests(there, r, t); err != nil {
		return "", err
	}
	hash := keyHash(&r.Record)
	key := ownKey(r.Scope, hash)
	if id, ok := there.deletedKeys[key]; hash != nil && ok || r.ID != "" && there.deleted[r.ID] {
		if !w.again {
			w.added.Deleted++
			if !ok {
				id = r.ID
			}
			return skip(id)
		}
		// A view that has not seen the deletion yet would not see it any more: all are made anew.
		batch.Queue("DELETE FROM tombstones WHERE id = $1 OR owner = $2 AND key_hash = $3", string(r.ID), t.owner, hash)
		batch.Queue("UPDATE owners SET epoch = epoch + 1 WHERE owner = $1", t.owner)
	}
	if id, ok := there.keys[key]; hash != nil && ok {
		return skip(id)
	}
	if r.ID == "" {
		id, err := w.s.newID(t.now)
		if err != nil {
			return "", err
		}
		r.ID = id
	} else if old := there.ids[r.ID]; old != nil {
		if old.Scope != r.Scope || old.Text != r.Text {
			return "", fmt.Errorf("%w: the ID %s is taken by another record", memory.ErrInvalid, r.ID)
		}
		return skip(r.ID)
	}
	n, keep, err := w.s.novelty(ctx, t)
	if err != nil {
		return "", err
	}
	if keep != nil {
		w.settled = append(w.settled, keep)
	}
	if !w.imported {
		r.Recorded, r.Superseded, r.SupersededBy = time.Time{}, time.Time{}, ""
		r.Shown, r.Used, r.LastShown, r.LastUsed = 0, 0, time.Time{}, time.Time{}
	}
	if r.Recorded.IsZero() {
		r.Recorded = t.now
	}
	n.Add(r)
	if err := queueRecord(batch, t, r, hash, row); err != nil {
		return "", err
	}
	there.ids[r.ID] = &stored{Record: r.Record, row: row}
	if hash != nil {
		there.keys[key] = r.ID
	}
	for _, id := range r.Sources() {
		batch.Queue("INSERT INTO sources (owner, row, source, source_row) VALUES ($1, $2, $3, $4)", t.owner, row, string(id), there.ids[id].row)
	}
	w.fresh[r.ID] = place{row, t.owner, ""}
	w.added.Count, w.added.New = w.added.Count+1, append(w.added.New, r.ID)
	return r.ID, nil
}

func queueRecord(batch *pgx.Batch, t *tx, r *memory.Incoming, hash []byte, row int64) error {
	meta, err1 := asJSON(r.Meta, len(r.Meta))
	quotes, err2 := asJSON(r.Quotes, len(r.Quotes))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var derived []string
	for _, id := range r.DerivedFrom {
		derived = append(derived, string(id))
	}
	var embedding any
	if len(r.Embedding) > 0 {
		embedding = pgvector.NewVector(r.Embedding)
	}
	batch.Queue(`INSERT INTO records (row, owner, seq, id, agent, session, kind, origin, role, speaker, position, key, key_hash, created, valid_from, valid_until, recorded,
		superseded, superseded_by, importance, confidence, surprise, shown, last_shown, used, last_used, meta, derived_from, quotes, digest, text, embedding) VALUES
		($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)`,
		row, t.owner, t.seq, string(r.ID), r.Scope.Agent, r.Scope.Session, string(r.Kind), string(r.Origin), r.Role, r.Speaker, r.Position, r.Key, hash,
		r.Created.UnixMicro(), moment(r.ValidFrom), moment(r.ValidUntil), r.Recorded.UnixMicro(), stamp(r.Superseded), string(r.SupersededBy), r.Importance, r.Confidence,
		*r.Surprise, r.Shown, stamp(r.LastShown), r.Used, stamp(r.LastUsed), meta, derived, quotes, r.Digest, r.Text, embedding)
	return nil
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
		if p, ok := w.fresh[e.ID]; ok {
			batch.Queue(noting, p.owner, p.row, e.At.UnixMicro(), e.What, string(e.By))
		}
	}
	return w.t.SendBatch(ctx, &batch).Close()
}

const noting = "INSERT INTO events (owner, row, at, what, by) VALUES ($1, $2, $3, $4, $5)"

// settle ends the write: what is remembered of it holds from now on.
func (w *inserter) settle() error {
	for _, f := range w.settled {
		f()
	}
	return nil
}

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
// is under way, so that one which fails leaves nothing behind; keep, if there is any, puts it back.
func (s *Store) novelty(ctx context.Context, t *tx) (n *memory.Novelty, keep func(), err error) {
	if t.novelty != nil {
		return t.novelty, nil, nil
	}
	s.novelties.mu.Lock()
	old, ok := s.novelties.all[t.owner]
	delete(s.novelties.all, t.owner)
	s.novelties.mu.Unlock()
	if ok && old.generation == t.generation-1 {
		n = old.n
	} else {
		n = memory.NewNovelty()
		rows, err := t.Query(ctx, `SELECT digest, text FROM (SELECT row, digest, text FROM records WHERE owner = $1 AND superseded = 0 ORDER BY row DESC LIMIT $2) l ORDER BY row`,
			t.owner, memory.Remembered)
		if err != nil {
			return nil, nil, err
		}
		var digest []byte
		var text string
		if _, err := pgx.ForEachRow(rows, []any{&digest, &text}, func() error { n.Remember(digest, text); return nil }); err != nil {
			return nil, nil, err
		}
	}
	t.novelty = n
	return n, func() {
		s.novelties.mu.Lock()
		defer s.novelties.mu.Unlock()
		if s.novelties.all == nil || len(s.novelties.all) >= mostOwners {
			s.novelties.all = map[int64]remembered{}
		}
		s.novelties.all[t.owner] = remembered{n, t.generation}
	}, nil
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// asJSON is a JSON text, or NULL for an empty list or map.
func asJSON[T any](v T, size int) (any, error) {
	if size == 0 {
		return nil, nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}
