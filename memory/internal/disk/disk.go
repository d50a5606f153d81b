// Package disk is the file of a store, a SQLite database: how it is opened, brought up to date, summed and cleaned. It knows the schema,
// and nothing of what the records mean.
package disk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The errors of a file, which package disk documents.
var (
	ErrExists   = errors.New("already exists")
	ErrLocked   = errors.New("locked by another process")
	ErrCorrupt  = errors.New("corrupt")
	ErrSchema   = errors.New("unknown schema")
	ErrReadOnly = errors.New("read only")
	ErrFull     = errors.New("disk full")
)

// DefaultWait is how long to wait for another process that writes.
const DefaultWait = 5 * time.Second

// Connect opens a pool of connections. Only the URI form carries SQLite's own parameters, and only it takes every path.
func Connect(path string, wait time.Duration, params ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	uri := (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String()
	uri += fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=cache_size(-8192)&_pragma=temp_store(MEMORY)", wait.Milliseconds())
	for _, p := range params {
		uri += "&" + p
	}
	return sql.Open("sqlite", uri)
}

// OpenWritable opens a file on one connection, whose transactions take the write lock at once, and makes a store of this version of it.
func OpenWritable(ctx context.Context, path string, wait time.Duration) (*sql.DB, error) {
	// Pages of a new file hold five vectors of 384 dimensions: against 4096 bytes, it opens and fills an eighth faster and
	// is a seventh smaller.
	db, err := Connect(path, wait, "mode=rw", "_txlock=immediate", "_pragma=page_size(8192)", "_pragma=foreign_keys(1)",
		"_pragma=synchronous(FULL)", "_pragma=secure_delete(1)", "_pragma=journal_size_limit(67108864)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := Migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenReadOnly opens a file for reading, in a folder that cannot be written too.
func OpenReadOnly(ctx context.Context, path string, wait time.Duration) (*sql.DB, error) {
	db, err := Connect(path, wait, "mode=ro")
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, "SELECT 1 FROM sqlite_schema"); err == nil {
		return db, nil
	}
	// SQLite reads a store in WAL mode only if it can put a file beside it, unless it is told that nobody writes. That
	// holds where nobody can write; a log that was left behind means that somebody did.
	if _, walErr := os.Stat(path + "-wal"); errors.Is(walErr, fs.ErrNotExist) {
		_ = db.Close()
		return Connect(path, wait, "mode=ro", "immutable=1")
	}
	return db, nil
}

// SyncFile makes what was written to a file last through a power cut.
func SyncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncFolder makes a new name last through a power cut. Not every system can do it; then there is nothing to be done.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return FileError(err)
	}
	_ = d.Sync()
	return d.Close()
}

// Queryer is what reads: a database, a connection or a transaction.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Each calls f for each row of a query, with what scans it.
func Each(ctx context.Context, q Queryer, query string, args []any, f func(scan func(...any) error) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// Numbers are the rows of a query for one number.
func Numbers(ctx context.Context, q Queryer, query string, args ...any) (all []int64, err error) {
	err = Each(ctx, q, query, args, func(scan func(...any) error) error {
		all = append(all, 0)
		return scan(&all[len(all)-1])
	})
	return all, err
}

// Among is the condition that a column has one of some numbers, with its arguments.
func Among(column string, numbers []int64) (string, []any) {
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	return column + " IN (?" + strings.Repeat(", ?", len(numbers)-1) + ")", args
}
