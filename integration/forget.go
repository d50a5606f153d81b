package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

// Forget deletes records of a scope for privacy: with what was derived from them, and from every known copy of the store.
// The zero Scope is the plugin's. If one of them is not there, nothing is deleted; no ids are an error, for elsewhere they
// mean all of a scope.
func (p *Plugin) Forget(ctx context.Context, scope memory.Scope, ids ...memory.ID) (memory.Deleted, error) {
	if len(ids) == 0 {
		return memory.Deleted{}, fmt.Errorf("forget: %w: name the records", memory.ErrInvalid)
	}
	if err := p.Writes("forget"); err != nil {
		return memory.Deleted{}, err
	}
	copies, err := Copies(p.Store.Path())
	if err != nil {
		return memory.Deleted{}, fmt.Errorf("forget: %w", err)
	}
	return consolidate.Delete(ctx, p.Store, p.scope(scope), ids, &memory.DeleteOptions{Derived: true, Snapshots: copies})
}

// SnapshotFolder is where snapshots of a store lie unless they are told elsewhere.
func SnapshotFolder(store string) string { return filepath.Join(filepath.Dir(store), "snapshots") }

// Copies are the known copies of a store, oldest first: its snapshots, and what restores have put aside.
func Copies(store string) ([]string, error) {
	base := filepath.Base(store)
	stem := strings.TrimSuffix(base, filepath.Ext(base))
	var found []string
	for folder, prefix := range map[string]string{SnapshotFolder(store): stem + "-", filepath.Dir(store): base + ".before-"} {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := e.Name()
			if e.Type().IsRegular() && strings.HasPrefix(name, prefix) && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
				found = append(found, filepath.Join(folder, name))
			}
		}
	}
	slices.SortFunc(found, func(x, y string) int { return modified(x).Compare(modified(y)) })
	return found, nil
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
