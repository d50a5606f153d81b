package memory

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// Copy is a file that holds memories of a store, beside the store itself.
type Copy struct {
	Path  string    `json:"path"`
	Bytes int64     `json:"bytes"`
	Made  time.Time `json:"made"`
	// Missing is a copy that was written there and is not there any more: somebody has moved it, or deleted it.
	Missing bool `json:"missing,omitempty"`
}

// Copies are the copies of the store at path, oldest first: found by looking, by what the files hold and not by what they
// are called, in the folder of the store, in that of its snapshots and in those that begin with its name, which are of
// consolidations, of mirrors and of what was interrupted. The store also knows the snapshots that it has written elsewhere.
func Copies(ctx context.Context, path string) ([]Copy, error) {
	found, err := disk.Copies(ctx, path)
	all := make([]Copy, len(found))
	for i, c := range found {
		all[i] = Copy{c.Path, c.Bytes, c.Made, c.Missing}
	}
	return all, fail("look for copies of "+path, err)
}

// keepPath lets the store remember a copy that lies elsewhere. A store that cannot be written does not.
func (s *Store) keepPath(ctx context.Context, path string) error {
	abs, err1 := filepath.Abs(path)
	own, err2 := filepath.Abs(s.path)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if dir := filepath.Dir(abs); dir == filepath.Dir(own) || dir == beside.Snapshots(own) || dir == own+".consolidate" {
		return nil
	}
	return s.write(ctx, false, func(t *tx) error {
		_, err := t.ExecContext(ctx, "INSERT OR REPLACE INTO copies (path, at) VALUES (?, ?)", abs, micros(t.now))
		return err
	})
}

// Quoting calls f, which writes a file that quotes records beside the store, while no deletion for privacy goes through such
// files.
func (s *Store) Quoting(ctx context.Context, f func() error) error {
	unlock, err := disk.LockCopies(ctx, s.path, s.wait)
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}
