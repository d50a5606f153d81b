package memory

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/trm-go/refiner/memory/internal/disk"
	"github.com/trm-go/refiner/memory/internal/index"
)

// Options say how a store is opened. Nil is the same as a zero Options.
type Options struct {
	// Embedder makes the vectors of records and queries. Nil: a new store has no vectors, and one of a model opens without its
	// embedder: it finds by words alone, takes only records that carry their vector, and can be re-embedded.
	Embedder Embedder
	// EmbedderFor finds the embedder of the model that the store was made with, or, if model is empty, that of a new store. It
	// may return nil, as Embedder may be. It is asked only if Embedder is nil.
	EmbedderFor func(model string) (Embedder, error)
	// NewIndex makes a vector index for count vectors of dim dimensions. Nil: the vectors are compared with all in memory, in 8 bits.
	NewIndex func(dim, count int) (Index, error)
	// Log gets what is worth knowing but no error. Nil: nothing.
	Log *slog.Logger
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Wait is how long to wait for another process that writes. Zero: [DefaultWait].
	Wait time.Duration
	// Memory bounds what is held in memory of the indices, in bytes, except for the one that is in use. Zero: [DefaultMemory].
	Memory int64
	// ReadOnly opens a store that cannot or shall not be written. Every write returns [ErrReadOnly].
	ReadOnly bool
}

// DefaultMemory is how much of the indices is held in memory: about 200,000 records, with vectors of 384 dimensions.
const DefaultMemory = 512 << 20

// DefaultWait is how long a store waits for another process that writes.
const DefaultWait = disk.DefaultWait

// Store keeps records in one SQLite file, and the files SQLite puts beside it. It is safe for concurrent use, and any
// number of processes may use one store at the same time: each sees what another has written at its next call.
//
// A write that has returned without an error has reached the disk (WAL with synchronous=FULL): it survives a killed
// process and a power cut. NORMAL would lose the last commits at a power cut, and saves only the fsync of a commit,
// which an import of any length pays once.
type Store struct {
	path     string
	file     os.FileInfo              // of the file that was opened
	embedder atomic.Pointer[Embedder] // nil: none; changes when the store is re-embedded
	find     func(model string) (Embedder, error)
	newIndex func(dim, count int) (Index, error)
	log      *slog.Logger
	now      func() time.Time
	readOnly bool
	wait     time.Duration

	writer *sql.DB // one connection, transactions take the write lock at once; nil if read only
	reader *sql.DB
	closed atomic.Bool

	// writing is held during a write, so that writers of one process queue up here and not in SQLite.
	writing sync.Mutex
	recent  *recent
	models  sync.RWMutex           // held while the embedder and the vectors of the file may disagree
	entropy *ulid.MonotonicEntropy // IDs of one millisecond are in order too

	shards shards
}

// Create makes a new store, and the folder it lies in.
func Create(ctx context.Context, path string, o *Options) (*Store, error) {
	doing := fmt.Sprintf("create store %q", path)
	if o != nil && o.ReadOnly {
		return nil, fail(doing, ErrReadOnly)
	}
	// An empty file is what a process leaves that was killed while it made a store.
	if info, err := os.Lstat(path); err == nil && (!info.Mode().IsRegular() || info.Size() > 0) {
		return nil, fail(doing, ErrExists)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fail(doing, disk.FileError(err))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fail(doing, disk.FileError(err))
	}
	// Memories are private: nobody else may read the file, and SQLite gives the files beside it the same rights.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fail(doing, disk.FileError(err))
	}
	if err := f.Close(); err != nil {
		return nil, fail(doing, disk.FileError(err))
	}
	s, err := open(ctx, path, o)
	if err != nil {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			_ = os.Remove(path + suffix)
		}
		return nil, fail(doing, err)
	}
	return s, nil
}

// Open opens a store that exists.
func Open(ctx context.Context, path string, o *Options) (*Store, error) {
	doing := fmt.Sprintf("open store %q", path)
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail(doing, fmt.Errorf("%w there: make one first", ErrNoStore))
	case err != nil:
		return nil, fail(doing, disk.FileError(err))
	case info.IsDir():
		return nil, fail(doing, fmt.Errorf("%w: it is a folder", ErrNoStore))
	case info.Size() == 0:
		return nil, fail(doing, fmt.Errorf("%w: the file is empty", ErrNoStore))
	}
	s, err := open(ctx, path, o)
	if err != nil {
		return nil, fail(doing, err)
	}
	return s, nil
}

func open(ctx context.Context, path string, o *Options) (_ *Store, err error) {
	o = cmp.Or(o, &Options{})
	wait := cmp.Or(max(0, o.Wait), DefaultWait)
	s := &Store{path: path, find: o.EmbedderFor, newIndex: o.NewIndex, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), now: o.Now, readOnly: o.ReadOnly,
		wait: wait, entropy: ulid.Monotonic(rand.Reader, 0)}
	s.shards.all, s.shards.limit = map[owner]*shard{}, cmp.Or(max(0, o.Memory), DefaultMemory)
	if o.Embedder != nil {
		s.embedder.Store(&o.Embedder)
	}
	if s.now == nil {
		s.now = time.Now
	}
	defer func() {
		if err != nil {
			_ = s.closeFiles()
		}
	}()
	if !s.readOnly {
		if s.writer, err = disk.OpenWritable(ctx, path, wait); err != nil {
			return nil, err
		}
		if err := s.prepare(ctx); err != nil {
			return nil, err
		}
	}
	if s.file, err = os.Stat(path); err != nil {
		return nil, disk.FileError(err)
	}
	if s.reader, err = disk.OpenReadOnly(ctx, path, wait); err != nil {
		return nil, err
	}
	if s.readOnly {
		if err := s.readable(ctx); err != nil {
			return nil, err
		}
	}
	if s.shards.watch, err = s.reader.Conn(ctx); err != nil {
		return nil, err
	}
	if !s.readOnly {
		if err := s.takeBackOld(ctx); err != nil {
			return nil, err
		}
		s.resumeOld(ctx)
	}
	return s, nil
}

// prepare brings what a writable store holds up to this version.
func (s *Store) prepare(ctx context.Context) error {
	var mode string
	if err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		if err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
			return err
		}
	}
	if mode != "wal" {
		return fmt.Errorf("the journal mode is %q, not wal: the file system does not support it", mode)
	}
	h, err := readHead(ctx, s.writer)
	if err != nil {
		return err
	}
	if err := s.choose(h); err != nil {
		return err
	}
	if h.model == "" {
		// Two processes may create at once: the first decides.
		e := s.Embedder()
		if _, err := s.writer.ExecContext(ctx, "UPDATE store SET model = ?, dim = ? WHERE model = ''", e.Model(), e.Dim()); err != nil {
			return err
		}
		if h, err = readHead(ctx, s.writer); err != nil {
			return err
		}
		if err := s.choose(h); err != nil {
			return err
		}
	}
	if want := index.Fingerprint(); h.analysis != want {
		return s.reanalyse(ctx, want)
	}
	return nil
}

// readable checks a store that is opened without the right to bring it up to this version.
func (s *Store) readable(ctx context.Context) error {
	switch v, err := disk.Version(ctx, s.reader); {
	case err != nil:
		return err
	case v == 0:
		return fmt.Errorf("%w: the database is empty", ErrNoStore)
	case v != disk.SchemaVersion:
		return fmt.Errorf("%w: it has version %d, this program reads %d; open it writable once to bring it up to date", ErrSchema, v, disk.SchemaVersion)
	}
	h, err := readHead(ctx, s.reader)
	if err != nil {
		return err
	}
	return s.choose(h)
}

// choose settles the embedder for a store.
func (s *Store) choose(h head) error {
	e, err := ChooseEmbedder(&Options{Embedder: s.Embedder(), EmbedderFor: s.find, Log: s.log}, h.model, h.dim)
	if err == nil && e != nil {
		s.embedder.Store(&e)
	}
	return err
}

// ChooseEmbedder settles the embedder of an engine whose vectors were made by a model, or, if model is empty, of a new one. It is
// nil where the model's is not at hand.
func ChooseEmbedder(o *Options, model string, dim int) (Embedder, error) {
	e := o.Embedder
	if e == nil && o.EmbedderFor != nil {
		found, err := o.EmbedderFor(model)
		if err != nil {
			return nil, err
		}
		if found != nil && (model == "" || found.Model() == model && found.Dim() == dim) {
			e = found
		}
	}
	switch {
	case e == nil && (model == "" || model == noModel):
		return None{}, nil
	case e == nil:
		if o.Log != nil {
			o.Log.Warn("the store opens without its embedder: it finds by words alone", "model", model, "dim", dim)
		}
	case model == "":
		return e, proper(e)
	case e.Model() != model || e.Dim() != dim:
		return nil, fmt.Errorf("%w: the store's vectors were made by %q (%d dimensions), the embedder is %q (%d): re-embed the store, or use its model",
			ErrModel, model, dim, e.Model(), e.Dim())
	}
	return e, nil
}

// Embedder is what makes the vectors of records and queries; nil if the store's is not at hand.
func (s *Store) Embedder() Embedder {
	if e := s.embedder.Load(); e != nil {
		return *e
	}
	return nil
}

// Path is the store's file.
func (s *Store) Path() string { return s.path }

// Close ends the use of the store. Calls that are under way end with an error.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return fail(fmt.Sprintf("close store %q", s.path), s.closeFiles())
}

func (s *Store) closeFiles() error {
	var err error
	if s.shards.watch != nil {
		err = s.shards.watch.Close()
	}
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// tx is one write. All of it happens, or nothing.
type tx struct {
	*sql.Tx
	seq int64     // of this write
	now time.Time // never before the time of an earlier write, whatever the clock says
}

var errReadOnly = fmt.Errorf("%w: it was opened with Options.ReadOnly", ErrReadOnly)

// write runs f in a transaction that holds the write lock. content says whether it changes more than counts of use.
func (s *Store) write(ctx context.Context, content bool, f func(*tx) error) (err error) {
	if s.readOnly {
		return errReadOnly
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	sqlTx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = sqlTx.Rollback() // after a commit it does nothing
			s.recent = nil       // it may know of records that were not written
		}
	}()
	if err := s.there(); err != nil {
		return err
	}
	t := &tx{Tx: sqlTx}
	var clock int64
	now := micros(s.now())
	step := 0
	if content {
		step = 1
	}
	row := sqlTx.QueryRowContext(ctx, "UPDATE store SET seq = seq + 1, generation = generation + ?, clock = max(clock, ?) RETURNING seq, clock", step, now)
	if err := row.Scan(&t.seq, &clock); err != nil {
		return err
	}
	t.now = fromMicros(clock)
	if s.recent != nil && s.recent.seq != t.seq-1 {
		s.recent = nil
	}
	if err := f(t); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return err
	}
	if s.recent != nil {
		s.recent.seq = t.seq
	}
	return nil
}

// there checks that the file that was opened is still the one at its path. SQLite would go on writing into a file that has no
// name any more.
func (s *Store) there() error {
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(s.file, now) {
		return fmt.Errorf("%w: what was opened at %q is not there any more: open the store anew", ErrReplaced, s.path)
	}
	return nil
}
