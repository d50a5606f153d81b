package memory

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/trm-go/refiner/internal/beside"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// Snapshot tells of a copy of a store.
type Snapshot struct {
	Path       string `json:"path"`
	Records    int    `json:"records"` // live and superseded
	Generation int64  `json:"generation"`
	Bytes      int64  `json:"bytes"`
}

// Snapshot copies the store to a new file while others go on using it, and checks the copy. There must be nothing at
// path. The file appears under its name only when it is whole. It is a store itself and can be opened.
func (s *Store) Snapshot(ctx context.Context, path string) (_ Snapshot, err error) {
	defer func() { err = s.fail(fmt.Sprintf("snapshot to %q", path), err) }()
	if _, err := os.Lstat(path); err == nil {
		return Snapshot{}, ErrExists
	}
	if s.readOnly {
		return copyStore(ctx, s.reader, path)
	}
	snap, err := s.lockedSnapshot(ctx, path)
	if err != nil {
		return snap, err
	}
	// What was deleted meanwhile must not be left in the copy.
	_, err = s.resume(ctx)
	return snap, err
}

func (s *Store) lockedSnapshot(ctx context.Context, path string) (Snapshot, error) {
	unlock, err := disk.LockCopies(ctx, s.path, s.wait)
	if err != nil {
		return Snapshot{}, err
	}
	defer unlock()
	// The path is known before there is anything, so that a killed process leaves nothing that nobody knows of.
	if err := s.keepPath(ctx, path); err != nil {
		return Snapshot{}, err
	}
	_, elsewhere, err := disk.Identity(ctx, s.path)
	if err := errors.Join(err, beside.Clean(s.path, elsewhere)); err != nil {
		return Snapshot{}, disk.FileError(err)
	}
	return copyStore(ctx, s.reader, path)
}

// copyStore copies a database to a file that must not exist, compacted and checked.
func copyStore(ctx context.Context, db *sql.DB, path string) (Snapshot, error) {
	if _, err := os.Lstat(path); err == nil {
		return Snapshot{}, ErrExists
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Snapshot{}, disk.FileError(err)
	}
	// A folder of its own, so that two copies to one path do not disturb each other. It is not hidden: a killed process
	// leaves it behind, with memories in it.
	dir, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".partial-")
	if err != nil {
		return Snapshot{}, disk.FileError(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	partial := filepath.Join(dir, "store.db")
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", partial); err != nil {
		return Snapshot{}, err
	}
	if err := settle(ctx, partial); err != nil {
		return Snapshot{}, err
	}
	snap, err := verify(ctx, partial)
	if err != nil {
		return Snapshot{}, fmt.Errorf("the copy: %w", err)
	}
	if err := os.Chmod(partial, 0o600); err != nil {
		return Snapshot{}, disk.FileError(err)
	}
	if err := disk.SyncFile(partial); err != nil {
		return Snapshot{}, disk.FileError(err)
	}
	// A link, unlike a rename, fails if something has come to the path meanwhile.
	if err := os.Link(partial, path); errors.Is(err, fs.ErrExist) {
		return Snapshot{}, ErrExists
	} else if err != nil {
		if err := os.Rename(partial, path); err != nil { // a file system without links
			return Snapshot{}, disk.FileError(err)
		}
	}
	snap.Path = path
	return snap, disk.SyncFolder(filepath.Dir(path))
}

// settle brings a copy up to this version, and takes out of it what was being imported while it was made.
func settle(ctx context.Context, path string) error {
	db, err := disk.OpenWritable(ctx, path, disk.DefaultWait)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	imports, err := disk.Numbers(ctx, t, "SELECT DISTINCT import FROM imports")
	if err != nil || len(imports) == 0 {
		return err
	}
	for _, number := range imports {
		for more := true; more; {
			if more, err = takeBackSlice(ctx, t, number); err != nil {
				return err
			}
		}
	}
	return t.Commit()
}

// verify reads all pages of a store's file, and counts.
func verify(ctx context.Context, path string) (Snapshot, error) {
	c, err := checkFile(ctx, path, true, false)
	if err != nil {
		return Snapshot{}, err
	}
	if len(c.report.Problems) > 0 {
		return Snapshot{}, fmt.Errorf("%w: %s", ErrCorrupt, c.report.Problems[0])
	}
	info, err := os.Stat(path)
	if err != nil {
		return Snapshot{}, disk.FileError(err)
	}
	return Snapshot{Path: path, Records: c.report.Records, Generation: c.head.generation, Bytes: info.Size()}, nil
}

// Restored tells what Restore did.
type Restored struct {
	Snapshot
	// Aside is the copy of what was there before; empty if there was nothing.
	Aside string `json:"aside,omitempty"`
	// Withheld is the number of the snapshot's records that had been deleted for privacy since, and stay deleted.
	Withheld int `json:"withheld"`
}

// Restore makes the store at path what a snapshot holds. It checks the snapshot, copies the present store aside, and
// replaces its contents in one transaction: other processes may have it open, and see the old or the new state. A store
// that is too damaged to be opened is moved aside instead, with nobody else using it. What was deleted for privacy after
// the snapshot does not come back, as far as the present store can still tell.
func Restore(ctx context.Context, path, snapshot string, o *Options) (_ Restored, err error) {
	defer func() { err = fail(fmt.Sprintf("restore %q from %q", path, snapshot), err) }()
	o = cmp.Or(o, &Options{})
	now, wait := time.Now, cmp.Or(max(0, o.Wait), DefaultWait)
	if o.Now != nil {
		now = o.Now
	}
	if _, err := verify(ctx, snapshot); err != nil {
		return Restored{}, fmt.Errorf("the snapshot: %w", err)
	}
	info, err := os.Stat(path)
	if from, fromErr := os.Stat(snapshot); err == nil && fromErr == nil && os.SameFile(info, from) {
		return Restored{}, fmt.Errorf("%w: the snapshot is the store itself", ErrInvalid)
	}
	unlock, err := disk.LockCopies(ctx, path, wait)
	if err != nil {
		return Restored{}, err
	}
	defer unlock()
	dir, err := os.MkdirTemp(filepath.Dir(path), filepath.Base(path)+".partial-")
	if err != nil {
		return Restored{}, disk.FileError(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	staged := filepath.Join(dir, "store.db")
	from, err := disk.OpenReadOnly(ctx, snapshot, wait)
	if err != nil {
		return Restored{}, err
	}
	snap, err := copyStore(ctx, from, staged)
	if err := errors.Join(err, from.Close()); err != nil {
		return Restored{}, fmt.Errorf("the snapshot: %w", err)
	}
	snap.Path = path
	res := Restored{Snapshot: snap}
	mark := now().UTC().Format("20060102T150405.000000Z")

	info, err = os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0:
	case err != nil:
		return Restored{}, disk.FileError(err)
	default:
		res.Aside = path + ".before-" + mark
		withheld, err := replace(ctx, path, staged, res.Aside, wait)
		if err == nil {
			res.Withheld = withheld
			res.Records -= withheld
			return res, nil
		}
		if !errors.Is(fail("", err), ErrCorrupt) {
			return Restored{}, err
		}
		res.Aside = path + ".damaged-" + mark
		for _, suffix := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(path+suffix, res.Aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return Restored{}, disk.FileError(err)
			}
		}
	}
	if err := os.Rename(staged, path); err != nil {
		return Restored{}, disk.FileError(err)
	}
	return res, disk.SyncFolder(filepath.Dir(path))
}

// replace copies the store at path aside and gives it the contents of the staged file, under one write lock.
func replace(ctx context.Context, path, staged, aside string, wait time.Duration) (withheld int, err error) {
	db, err := disk.OpenWritable(ctx, path, wait)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	c := checker{db: db}
	if err := c.pages(ctx); err != nil {
		return 0, err
	}
	if len(c.report.Problems) > 0 {
		return 0, fmt.Errorf("%w: %s", ErrCorrupt, c.report.Problems[0])
	}
	if _, err := db.ExecContext(ctx, "ATTACH ? AS snap", staged); err != nil {
		return 0, err
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Rollback() }()
	// With the lock held nobody writes between the copy and the replacement.
	reader, err := disk.Connect(path, wait, "mode=ro")
	if err != nil {
		return 0, err
	}
	_, err = copyStore(ctx, reader, aside)
	if err := errors.Join(err, reader.Close()); err != nil {
		return 0, fmt.Errorf("copy the present store to %q: %w", aside, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(aside) // the store is as it was
		}
	}()
	for _, statement := range []string{
		"PRAGMA defer_foreign_keys = 1",
		"DELETE FROM main.events", "DELETE FROM main.sources", "DELETE FROM main.vectors", "DELETE FROM main.revectors",
		"DELETE FROM main.records", "DELETE FROM main.scopes", "DELETE FROM main.owners", "DELETE FROM main.imports",
		"INSERT INTO main.owners SELECT * FROM snap.owners", "INSERT INTO main.scopes SELECT * FROM snap.scopes", "INSERT INTO main.records SELECT * FROM snap.records",
		"INSERT INTO main.vectors SELECT * FROM snap.vectors", "INSERT INTO main.sources SELECT * FROM snap.sources",
		"INSERT INTO main.events SELECT * FROM snap.events",
		"INSERT OR IGNORE INTO main.tombstones SELECT * FROM snap.tombstones",
		"UPDATE main.store SET epoch = '" + disk.NewEpoch() + `', seq = max(main.store.seq, s.seq) + 1, generation = max(main.store.generation, s.generation) + 1,
			model = s.model, dim = s.dim, analysis = s.analysis, clock = max(main.store.clock, s.clock), remodel = '', redim = 0
			FROM snap.store AS s`,
	} {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return 0, fmt.Errorf("%s: %w", statement, err)
		}
	}
	dead, err := disk.Numbers(ctx, t, "SELECT r.row FROM records r JOIN tombstones d ON d.id = r.id")
	if err != nil {
		return 0, err
	}
	if err := erase(ctx, t, dead, true); err != nil {
		return 0, err
	}
	if err := t.Commit(); err != nil || len(dead) == 0 {
		return len(dead), err
	}
	return len(dead), disk.Purge(ctx, path, db, &sync.Mutex{}, wait)
}
