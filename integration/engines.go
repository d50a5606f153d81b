package integration

import (
	"context"
	"errors"
	"fmt"
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
