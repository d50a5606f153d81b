package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/internal/filelock"
)

// Copy is a file that holds memories of a store, beside the store itself.
type Copy struct {
	Path    string
	Bytes   int64
	Made    time.Time
	Missing bool  // it was written there and is not there any more
	Damaged error // it is a copy by its name, and cannot be read
}

// Copies are the copies of the store at path, oldest first, as far as looking finds them, and those that it knows elsewhere.
func Copies(ctx context.Context, path string) ([]Copy, error) {
	lineage, elsewhere, err := Identity(ctx, path)
	if err != nil && !errors.Is(Explain(err), ErrCorrupt) {
		return nil, err
	}
	var all []Copy
	seen := map[string]bool{}
	consider := func(file string) {
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && !seen[file] && file != path && beside.IsDatabase(file) {
			seen[file] = true
			c := Copy{Path: file, Bytes: info.Size(), Made: info.ModTime().UTC()}
			theirs, _, err := Identity(ctx, file)
			if c.Damaged = err; named(path, file) && (err != nil || lineage == "") || err == nil && theirs == lineage {
				all = append(all, c)
			}
		}
	}
	for _, folder := range beside.Folders(path) {
		files, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, FileError(err)
		}
		for _, f := range files {
			consider(filepath.Join(folder, f.Name()))
		}
	}
	for _, file := range elsewhere {
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			all = append(all, Copy{Path: file, Missing: true})
			continue
		}
		consider(file)
	}
	slices.SortFunc(all, func(x, y Copy) int { return cmp.Or(x.Made.Compare(y.Made), strings.Compare(x.Path, y.Path)) })
	return all, nil
}

// LockCopies takes the lock that whoever writes a copy of a store, or deletes from them, must hold.
func LockCopies(ctx context.Context, path string, wait time.Duration) (unlock func(), err error) {
	unlock, err = filelock.Lock(ctx, path+".lock", wait)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("%w: it makes a copy of the store, or deletes from one", ErrLocked)
	}
	if err != nil {
		return nil, FileError(err)
	}
	return unlock, nil
}

// named reports whether a file has a name that only copies of the store at path are given.
func named(path, file string) bool {
	base := filepath.Base(path)
	stem := strings.TrimSuffix(base, filepath.Ext(base)) + "-"
	switch dir, name := filepath.Dir(file), filepath.Base(file); {
	case dir == filepath.Dir(path):
		return strings.HasPrefix(name, base+".before-") || strings.HasPrefix(name, base+".damaged-")
	case dir == beside.Snapshots(path):
		return strings.HasPrefix(name, stem)
	default:
		return strings.HasPrefix(filepath.Base(dir), base+".") || strings.HasPrefix(filepath.Base(dir), stem)
	}
}

// Identity is what a store shares with its copies, and the paths of those that lie elsewhere. Of a store that is not there it is
// empty: then the names tell.
func Identity(ctx context.Context, path string) (lineage string, elsewhere []string, err error) {
	if !beside.IsDatabase(path) {
		return "", nil, nil
	}
	db, err := OpenReadOnly(ctx, path, DefaultWait)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = db.Close() }()
	if _, err := Version(ctx, db); err != nil {
		return "", nil, err
	}
	if err := db.QueryRowContext(ctx, "SELECT lineage FROM store").Scan(&lineage); err != nil {
		return "", nil, err
	}
	err = Each(ctx, db, "SELECT path FROM copies ORDER BY path", nil, func(scan func(...any) error) error {
		elsewhere = append(elsewhere, "")
		return scan(&elsewhere[len(elsewhere)-1])
	})
	return lineage, elsewhere, err
}
