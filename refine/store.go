package refine

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/trm-go/refiner/memory"
)

// Store is where memories live, as whatever is built on the recursion sees it: the server, the commands and the adapters take
// one and do not know which. [memory.Store] keeps them in one file, package adapters/postgres in a database. What each
// method promises is said at memory.Store, and checked by package memory/storetest. Most code needs less than all: [Source]
// to recall, [Opener] to look a memory up.
type Store interface {
	Source
	Opener
	Records
	Changes
	Deletions
	// Embedder makes the vectors; nil: the one of the store's model is not at hand.
	Embedder() memory.Embedder
	// Path is the store's file, or a path on this machine beside which is kept what belongs to the store and not in it.
	Path() string
	// Sign signs a text with a key that only the store and its copies have.
	Sign(ctx context.Context, text []byte) (string, error)
	// Snapshot copies the store to a file. The error wraps [errors.ErrUnsupported] where copies are made by other means.
	Snapshot(ctx context.Context, path string) (memory.Snapshot, error)
	// Quoting calls f, which writes a file beside Path that quotes records, while no deletion goes through such files.
	Quoting(ctx context.Context, f func() error) error
	Close() error
}

// Records read what a store holds.
type Records interface {
	All(ctx context.Context, scope memory.Scope, o *memory.AllOptions) iter.Seq2[memory.Record, error]
	Export(ctx context.Context, w io.Writer, scopes ...memory.Scope) (int, error)
	Generation(ctx context.Context) (int64, error)
	History(ctx context.Context, scope memory.Scope, id memory.ID) (memory.History, error)
	LastPosition(ctx context.Context, scope memory.Scope) (int, error)
	List(ctx context.Context, scope memory.Scope, o *memory.ListOptions) ([]memory.Record, int64, error)
	Pinned(ctx context.Context, scope memory.Scope, limit int) ([]memory.Record, error)
	Places(ctx context.Context, within memory.Scope, all bool) ([]memory.Place, error)
	Stats(ctx context.Context, scopes ...memory.Scope) (memory.Stats, error)
}

// Changes write; each happens as a whole or not at all.
type Changes interface {
	Add(ctx context.Context, scope memory.Scope, records ...memory.Record) (memory.Added, error)
	AddAll(ctx context.Context, scope memory.Scope, records iter.Seq2[memory.Record, error], o *memory.AddOptions) (memory.Added, error)
	Import(ctx context.Context, r io.Reader, o *memory.ImportOptions) (memory.Added, error)
	MarkShown(ctx context.Context, scope memory.Scope, ids ...memory.ID) error
	MarkUsed(ctx context.Context, scope memory.Scope, ids ...memory.ID) error
	Supersede(ctx context.Context, scope memory.Scope, record memory.Record, old ...memory.ID) (memory.ID, error)
	Undo(ctx context.Context, scope memory.Scope, id memory.ID) error
}

// Deletions delete for privacy, for good.
type Deletions interface {
	Bury(ctx context.Context, tombstones ...memory.Tombstone) error
	Delete(ctx context.Context, scope memory.Scope, ids []memory.ID, o *memory.DeleteOptions) (memory.Deleted, error)
	Forget(ctx context.Context, scope memory.Scope, o *memory.DeleteOptions) (memory.Deleted, error)
	Pending(ctx context.Context) ([]memory.PendingDeletion, error)
	Retain(ctx context.Context, scope memory.Scope, from time.Time, o *memory.DeleteOptions) (memory.Deleted, error)
	Tombstones(ctx context.Context) ([]memory.Tombstone, error)
}

var _ Store = (*memory.Store)(nil)
