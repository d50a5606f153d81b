package integration

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// Engine opens a store that is no file, at a URL. create makes one where there is none; without it the error wraps
// [memory.ErrNoStore].
type Engine func(ctx context.Context, url string, create bool, o *memory.Options) (refine.Store, error)

// engines are those that this program has, by the scheme of their URLs.
var engines = map[string]Engine{}

// RegisterEngine lets [New] open the stores of a scheme, "postgres" of postgres://host/database. The core has none, so that
// nobody links what they do not use: a program that wants one registers it before it opens a store.
func RegisterEngine(scheme string, e Engine) { engines[scheme] = e }

// ErrNoEngine is returned for the URL of an engine that this program was built without.
var ErrNoEngine = errors.New("no such engine in this program")

// IsFile reports whether a store's path names a file, and not an engine by its URL.
func IsFile(path string) bool { return !strings.Contains(path, "://") }

// OpenStore opens the store at a path or a URL, or makes it if it is not there and create is set.
func OpenStore(ctx context.Context, path string, create bool, o *memory.Options) (refine.Store, error) {
	if !IsFile(path) {
		scheme, _, _ := strings.Cut(path, "://")
		e := engines[scheme]
		if e == nil {
			return nil, fmt.Errorf("open the store at %s://: %w: build the one that has Postgres with `make refine-postgres` (docs/engines.md), or name a file", scheme, ErrNoEngine)
		}
		return e(ctx, path, create, o)
	}
	s, err := openFile(ctx, path, create, o)
	if err != nil {
		return nil, err // and not a Store that holds a nil
	}
	return s, nil
}

func openFile(ctx context.Context, path string, create bool, o *memory.Options) (*memory.Store, error) {
	store, err := memory.Open(ctx, path, o)
	if create && errors.Is(err, memory.ErrNoStore) {
		return memory.Create(ctx, path, o)
	}
	if errors.Is(err, memory.ErrSchema) && o.ReadOnly {
		// An older store is brought up to date first, if it may be written.
		writable := *o
		writable.ReadOnly = false
		if store, err = memory.Open(ctx, path, &writable); err == nil {
			err = store.Close()
		}
		if err == nil {
			return memory.Open(ctx, path, o)
		}
	}
	return store, err
}

// Migration tells of a copy of a store in another engine.
type Migration struct {
	Users   int     `json:"users"`   // pairs of tenant and user
	Records int     `json:"records"` // of all of them, live and superseded
	Copied  int     `json:"copied"`  // of these, how many were copied now
	Deleted int     `json:"deleted"` // deletions for privacy, which hold in the copy too
	Seconds float64 `json:"seconds"`
}

// ErrCopyDiffers is returned for a copy that holds something else than the store.
var ErrCopyDiffers = errors.New("the copy differs")

// Migrate copies the store at one path or URL to another, which it makes if it is not there: the records of one tenant and user
// after the other, each as a whole, compared by their number and a hash of their export. What is there already is not copied
// again, so that an interrupted migration goes on. What was deleted for privacy is not taken in by the copy either. progress is told how many of how many records are done.
func Migrate(ctx context.Context, from, to string, o *memory.Options, progress func(done, total int)) (m Migration, err error) {
	options := *o
	options.ReadOnly = true
	source, err := OpenStore(ctx, from, false, &options)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	stats, err := source.Stats(ctx)
	if err != nil {
		return m, err
	}
	options.ReadOnly, options.Embedder = false, vectorsCome{stats.Model, stats.Dim}
	if stats.Dim == 0 {
		options.Embedder = memory.None{}
	}
	target, err := OpenStore(ctx, to, true, &options)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	places, err := source.Places(ctx, memory.Scope{}, true)
	if err != nil {
		return m, err
	}
	records := map[memory.Scope]int{}
	var owners []memory.Scope
	for _, p := range places {
		owner := tenantScope(p.Scope)
		if records[owner] == 0 {
			owners = append(owners, owner)
		}
		records[owner] += p.Records
	}
	for _, owner := range owners {
		n := records[owner]
		copied, err := migrateOwner(ctx, source, target, owner, n)
		if err != nil {
			return m, err
		}
		m.Users, m.Records, m.Copied = m.Users+1, m.Records+n, m.Copied+copied
		progress(m.Records, stats.Records)
	}
	tombstones, err := source.Tombstones(ctx)
	if err != nil {
		return m, err
	}
	for part := range slices.Chunk(tombstones, 1000) {
		if err := target.Bury(ctx, part...); err != nil {
			return m, err
		}
	}
	m.Deleted = len(tombstones)
	return m, nil
}

// migrateOwner copies the n records of a tenant and user, unless they are there, and compares them.
func migrateOwner(ctx context.Context, from, to refine.Store, owner memory.Scope, n int) (copied int, err error) {
	there, err := to.Stats(ctx, owner)
	if err != nil {
		return 0, err
	}
	var want string
	if there.Records == n {
		want, _, err = sumOf(ctx, from, owner, io.Discard)
	} else {
		copied = n
		want, err = copyOwner(ctx, from, to, owner)
	}
	if err != nil {
		return 0, fmt.Errorf("copy the records of %s: %w", owner, err)
	}
	got, found, err := sumOf(ctx, to, owner, io.Discard)
	switch {
	case err != nil:
		return 0, err
	case found != n:
		return 0, fmt.Errorf("%w: of %s it holds %d records, the store %d", ErrCopyDiffers, owner, found, n)
	case got != want:
		return 0, fmt.Errorf("%w: of %s it holds other records than the store, or some were written meanwhile", ErrCopyDiffers, owner)
	}
	return copied, nil
}

// sumOf is the hash of an export of a tenant and user, which it writes to w, and its number of records.
func sumOf(ctx context.Context, s refine.Store, owner memory.Scope, w io.Writer) (string, int, error) {
	h := sha256.New()
	n, err := s.Export(ctx, io.MultiWriter(h, w), owner)
	return string(h.Sum(nil)), n, err
}

// copyOwner copies the records of a tenant and user, and returns the hash of what it read.
func copyOwner(ctx context.Context, from, to refine.Store, owner memory.Scope) (string, error) {
	r, w := io.Pipe()
	var sum string
	done := make(chan error, 1)
	go func() {
		s, _, err := sumOf(ctx, from, owner, w)
		sum = s
		_ = w.CloseWithError(err) // of nil the reader sees the end
		done <- err
	}()
	_, err := to.Import(ctx, r, nil)
	_ = r.CloseWithError(errors.Join(err, os.ErrClosed)) // so that the other ends
	if other := <-done; err == nil {
		err = other
	}
	return sum, err
}

// vectorsCome is the embedder of a copy: all vectors come along.
type vectorsCome struct {
	model string
	dim   int
}

func (v vectorsCome) Model() string { return v.model }
func (v vectorsCome) Dim() int      { return v.dim }
func (v vectorsCome) Embed(context.Context, []string) ([][]float32, error) {
	return nil, fmt.Errorf("%w: a copy embeds nothing", memory.ErrModel)
}
