// Package postgres keeps memories in a PostgreSQL database with pgvector: a store for many machines.
//
//	postgres://user@host/database?schema=refiner ──Open──▶ Store ──▶ refine.Recall, integration.Plugin, …
//
// A [Store] is a refine.Store and holds all of memory/storetest. Any number of servers may use one database; those who write for
// one tenant and user take turns, all others do not wait for each other. What is acknowledged is committed. Records, vectors,
// history and the journal of deletions lie in one schema, under row-level security by tenant and user.
//
// Rankings are those of a store in a file: the database brings rows, and the same code ranks them, from a view in memory of each
// tenant and user that asks. A view is loaded once and follows the database after that.
package postgres

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/adrg/xdg"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/oklog/ulid/v2"
	pgxvector "github.com/pgvector/pgvector-go/pgx"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

//go:embed schema.sql
var schema string

// schemaVersion is that of schema.sql; the comment of the schema in the database tells its own.
const schemaVersion = "refiner 2"

// Store keeps records in a database. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool
	schema   string
	path     string
	model    string
	dim      int
	secret   []byte
	embedder memory.Embedder
	now      func() time.Time
	readOnly bool
	closed   atomic.Bool

	entropy sync.Mutex // of ids
	ids     *ulid.MonotonicEntropy

	views     views
	novelties novelties
}

var _ refine.Store = (*Store)(nil)

// Open opens the store at a URL. create makes it where the database has none; without it the error wraps [memory.ErrNoStore].
// Options.NewIndex does not count: vectors are compared exactly, in the view.
func Open(ctx context.Context, address string, create bool, o *memory.Options) (*Store, error) {
	if o == nil {
		o = &memory.Options{}
	}
	s := &Store{now: o.Now, readOnly: o.ReadOnly, ids: ulid.Monotonic(rand.Reader, 0)}
	if s.now == nil {
		s.now = time.Now
	}
	s.views.limit = cmp.Or(max(o.Memory, 0), memory.DefaultMemory)
	if err := s.open(ctx, address, create, o); err != nil {
		if s.pool != nil {
			s.pool.Close()
		}
		return nil, fail("open the store in PostgreSQL", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, address string, create bool, o *memory.Options) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%w: the address is no URL such as postgres://user@host/database", memory.ErrInvalid) // without the address, which may hold a password
	}
	query := u.Query()
	s.schema = cmp.Or(query.Get("schema"), "refiner")
	if !regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`).MatchString(s.schema) {
		return fmt.Errorf("%w: the schema %q is no lower-case name", memory.ErrInvalid, s.schema)
	}
	query.Del("schema")
	u.RawQuery = query.Encode()
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return fmt.Errorf("%w: %w", memory.ErrInvalid, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d/%s/%s", config.ConnConfig.Host, config.ConnConfig.Port, config.ConnConfig.Database, s.schema))
	s.path = filepath.Join(xdg.DataHome, "refine", "postgres-"+hex.EncodeToString(sum[:6]))
	config.ConnConfig.RuntimeParams["search_path"] = s.schema + ", public"
	config.ConnConfig.RuntimeParams["lock_timeout"] = fmt.Sprint(cmp.Or(max(o.Wait, 0), memory.DefaultWait).Milliseconds())
	config.ConnConfig.RuntimeParams["application_name"] = "refiner"
	if err := s.prepare(ctx, config.ConnConfig, create && !s.readOnly, o); err != nil {
		return err
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return pgxvector.RegisterTypes(ctx, c) }
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	return s.settle(ctx, o)
}

// prepare makes the schema if it is not there.
func (s *Store) prepare(ctx context.Context, config *pgx.ConnConfig, create bool, o *memory.Options) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	return pgx.BeginFunc(ctx, c, func(t pgx.Tx) error {
		var there string
		if create { // two may make it at once
			if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext($1))", "refiner "+s.schema); err != nil {
				return err
			}
		}
		err := t.QueryRow(ctx, "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", s.schema).Scan(&there)
		switch {
		case err == nil && there == schemaVersion:
			return nil
		case err == nil:
			return fmt.Errorf("%w: the schema %q is of %q, this program knows %q", memory.ErrSchema, s.schema, there, schemaVersion)
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		case !create:
			return fmt.Errorf("%w in the schema %q of the database: make one first", memory.ErrNoStore, s.schema)
		}
		e, err := memory.ChooseEmbedder(o, "", 0)
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public"); err != nil {
			return fmt.Errorf("pgvector is needed: an administrator makes it with CREATE EXTENSION vector: %w", err)
		}
		name := pgx.Identifier{s.schema}.Sanitize()
		if _, err := t.Exec(ctx, "CREATE SCHEMA "+name+"; COMMENT ON SCHEMA "+name+" IS '"+schemaVersion+"'; "+schema); err != nil {
			return err
		}
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // it never fails
		_, err = t.Exec(ctx, "INSERT INTO store (one, model, dim, analysis, secret) VALUES (1, $1, $2, $3, $4)", e.Model(), e.Dim(), memory.Analysis(), secret)
		return err
	})
}

// settle reads what the store is, and brings it up to this version's analysis of texts.
func (s *Store) settle(ctx context.Context, o *memory.Options) (err error) {
	var analysis string
	if err := s.pool.QueryRow(ctx, "SELECT model, dim, analysis, secret FROM store").Scan(&s.model, &s.dim, &analysis, &s.secret); err != nil {
		return err
	}
	if s.embedder, err = memory.ChooseEmbedder(o, s.model, s.dim); err != nil {
		return err
	}
	if analysis != memory.Analysis() && !s.readOnly {
		return s.reanalyse(ctx)
	}
	return nil
}

// reanalyse makes all digests anew, in one transaction.
func (s *Store) reanalyse(ctx context.Context) error {
	return s.begin(ctx, pgx.TxOptions{}, nil, func(t pgx.Tx) error {
		if _, err := t.Exec(ctx, "LOCK TABLE owners IN EXCLUSIVE MODE"); err != nil {
			return err
		}
		var batch pgx.Batch
		err := s.each(ctx, t, false, "true", nil, func(r *stored) error {
			batch.Queue("UPDATE records SET digest = $2 WHERE row = $1", r.row, r.Digest(r.surprise))
			return nil
		})
		if err != nil {
			return err
		}
		batch.Queue("UPDATE owners SET epoch = epoch + 1, seq = seq + 1")
		batch.Queue("UPDATE store SET analysis = $1", memory.Analysis())
		return t.SendBatch(ctx, &batch).Close()
	})
}

// Embedder implements refine.Store.
func (s *Store) Embedder() memory.Embedder { return s.embedder }

// Now is the clock.
func (s *Store) Now() time.Time { return s.now() }

// Path is a path on this machine beside which runs of consolidation are kept. There is no file at it.
func (s *Store) Path() string { return s.path }

// Sign implements refine.Store.
func (s *Store) Sign(ctx context.Context, text []byte) (string, error) {
	if s.closed.Load() {
		return "", fail("sign", memory.ErrClosed)
	}
	h := hmac.New(sha256.New, s.secret)
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)), ctx.Err()
}

// Snapshot implements refine.Store: pg_dump makes copies of a database, and `refine migrate` one that is a file.
func (s *Store) Snapshot(context.Context, string) (memory.Snapshot, error) {
	return memory.Snapshot{}, fmt.Errorf("copy a store in PostgreSQL: %w: use pg_dump, or refine migrate", errors.ErrUnsupported)
}

// Quoting implements refine.Store.
func (s *Store) Quoting(_ context.Context, f func() error) error { return f() }

// Close implements refine.Store. Calls that are under way end first.
func (s *Store) Close() error {
	if !s.closed.Swap(true) {
		s.pool.Close()
	}
	return nil
}

// Check looks at the database, and says what it is.
func (s *Store) Check(ctx context.Context) (string, error) {
	var version, extension string
	var super, orphans bool
	err := s.begin(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly}, nil, func(t pgx.Tx) error {
		return t.QueryRow(ctx, `SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
			(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
			EXISTS (SELECT 1 FROM records r WHERE r.embedding IS NOT NULL AND vector_dims(r.embedding) <> (SELECT dim FROM store))`).Scan(&version, &extension, &super, &orphans)
	})
	switch {
	case err != nil:
		return "", fail("check", err)
	case orphans:
		return "", fmt.Errorf("check: %w: vectors have other dimensions than the store", memory.ErrCorrupt)
	case super:
		return "", fmt.Errorf("the role it connects as is above row-level security: use one that is no superuser and has no BYPASSRLS")
	}
	return fmt.Sprintf("PostgreSQL %s, pgvector %s, schema %s", version, extension, s.schema), nil
}

// begin runs f in a transaction that sees the tenant and user of a scope, or all if it is nil.
func (s *Store) begin(ctx context.Context, o pgx.TxOptions, scope *memory.Scope, f func(pgx.Tx) error) error {
	if s.closed.Load() {
		return memory.ErrClosed
	}
	return pgx.BeginTxFunc(ctx, s.pool, o, func(t pgx.Tx) error {
		set, args := "SELECT set_config('refiner.all', 'on', true)", []any(nil)
		if scope != nil {
			set, args = "SELECT set_config('refiner.tenant', $1, true), set_config('refiner.user', $2, true)", []any{"t:" + scope.Tenant, "u:" + scope.User}
		}
		if _, err := t.Exec(ctx, set, args...); err != nil {
			return err
		}
		return f(t)
	})
}

// read runs f in a transaction that sees one moment of a scope's tenant and user, or of everything.
func (s *Store) read(ctx context.Context, scope *memory.Scope, f func(pgx.Tx) error) error {
	return s.begin(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, scope, f)
}

// tx is one write for a tenant and user, whose lock it holds. All of it happens, or nothing.
type tx struct {
	pgx.Tx
	s                      *Store
	scope                  memory.Scope // tenant and user
	owner, seq, generation int64
	now                    time.Time // never before the time of an earlier write, whatever the clock says
	novelty                *memory.Novelty
}

// write runs f in a transaction that holds the lock of a scope's tenant and user. content: it changes more than counts of use.
func (s *Store) write(ctx context.Context, scope memory.Scope, content bool, f func(*tx) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	return s.begin(ctx, pgx.TxOptions{}, &scope, func(t pgx.Tx) error {
		w := &tx{Tx: t, s: s}
		if err := w.lock(ctx, scope, content); err != nil {
			return err
		}
		return f(w)
	})
}

func (s *Store) writable() error {
	switch {
	case s.closed.Load():
		return memory.ErrClosed
	case s.readOnly:
		return fmt.Errorf("%w: it was opened with Options.ReadOnly", memory.ErrReadOnly)
	}
	return nil
}

// lock takes the lock of a tenant and user, and counts the write.
func (t *tx) lock(ctx context.Context, scope memory.Scope, content bool) error {
	t.scope, t.now = memory.Scope{Tenant: scope.Tenant, User: scope.User}, t.s.now()
	return t.QueryRow(ctx, `INSERT INTO owners AS o (tenant, "user", seq, generation, clock) VALUES ($1, $2, 1, $3::boolean::int, $4) ON CONFLICT (tenant, "user")
		DO UPDATE SET seq = o.seq + 1, generation = o.generation + $3::boolean::int, clock = greatest(o.clock, $4) RETURNING owner, seq, generation, clock`,
		scope.Tenant, scope.User, content, stamp{&t.now}).Scan(&t.owner, &t.seq, &t.generation, stamp{&t.now})
}

// sentinels are what a caller can act on, of the database's errors.
var sentinels = map[string]error{
	"55P03": memory.ErrLocked, "40P01": memory.ErrLocked, // lock not available, deadlock
	"53100": memory.ErrFull,
	"25006": memory.ErrReadOnly, "42501": memory.ErrReadOnly, // read-only transaction, no privilege
	"57014": context.Canceled,
}

// fail says what was being done when err happened, and gives it the sentinel that a caller can act on.
func fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var told *pgconn.PgError
	if errors.As(err, &told) {
		if told.Code == "23505" { // maybe of another tenant: tell no more
			return fmt.Errorf("%s: %w: the ID is taken by another record", doing, memory.ErrInvalid)
		}
		if sentinel := sentinels[told.Code]; sentinel != nil && !errors.Is(err, sentinel) {
			return fmt.Errorf("%s: %w: %w", doing, sentinel, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// stamp reads and writes a time as microseconds; NULL is the zero time.
type stamp struct{ at *time.Time }

// ScanInt64 implements pgtype.Int64Scanner.
func (s stamp) ScanInt64(v pgtype.Int8) error {
	if *s.at = (time.Time{}); v.Valid {
		*s.at = fromMicros(v.Int64)
	}
	return nil
}

// Int64Value implements pgtype.Int64Valuer.
func (s stamp) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: s.at.UnixMicro(), Valid: !s.at.IsZero()}, nil
}
