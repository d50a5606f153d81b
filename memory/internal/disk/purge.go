package disk

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A long write is cut into slices, each a transaction of its own, so that others write in between.
const (
	SliceTime  = 60 * time.Millisecond // of holding the write lock
	slicePause = 25 * time.Millisecond // SQLite looks that often whether it is free
)

// Pause lets others write between two slices.
func Pause(ctx context.Context) error {
	select {
	case <-time.After(slicePause):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// With secure_delete SQLite overwrites what is deleted. It leaves copies, though, where pages were split or merged: between the cells of
// a page. They are overwritten page by page, so that nobody waits as long as it takes to rewrite the file.

// Purge overwrites what is free in the database at path and empties its log. The lock is that of who writes to db, and held for a
// moment at a time.
func Purge(ctx context.Context, path string, db *sql.DB, writing *sync.Mutex, wait time.Duration) error {
	// A page that others move while the pages are gone through may be missed: where somebody has written, they are gone through again.
	for range 2 {
		var before, after int64
		err1 := db.QueryRowContext(ctx, "SELECT seq FROM store").Scan(&before)
		err2 := scrub(ctx, db, writing)
		err3 := db.QueryRowContext(ctx, "SELECT seq FROM store").Scan(&after)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if before == after {
			break
		}
	}
	// Most of the log goes into the file while others write.
	own, err := Connect(path, wait, "mode=rw", "_pragma=synchronous(FULL)")
	if err != nil {
		return err
	}
	_, err = own.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	if err := errors.Join(err, own.Close()); err != nil {
		return err
	}
	for end := time.Now().Add(wait); ; {
		busy, err := truncateLog(ctx, db, writing)
		switch {
		case err != nil || !busy:
			return err
		case time.Now().After(end):
			return fmt.Errorf("%w: it reads the log, which still holds what was deleted", ErrLocked)
		}
		if err := Pause(ctx); err != nil {
			return err
		}
	}
}

// truncateLog empties the log. It is busy where somebody reads it.
func truncateLog(ctx context.Context, db *sql.DB, writing *sync.Mutex) (bool, error) {
	writing.Lock()
	defer writing.Unlock()
	conn, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	var before, busy, log, done int
	if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&before); err != nil {
		return false, err
	}
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", slicePause.Milliseconds())); err != nil {
		return false, err
	}
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	_, err2 := conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", before))
	return busy != 0, errors.Join(err, err2)
}

// mostDirty is how many pages are written in one slice.
const mostDirty = 256

// scrub goes through all pages in slices.
func scrub(ctx context.Context, db *sql.DB, writing *sync.Mutex) error {
	for page, last := 1, false; !last; {
		err := func() error {
			writing.Lock()
			defer writing.Unlock()
			t, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer func() { _ = t.Rollback() }()
			dirty := 0
			for start := time.Now(); time.Since(start) < SliceTime && dirty < mostDirty; page++ {
				var data []byte
				err := t.QueryRowContext(ctx, "SELECT data FROM sqlite_dbpage WHERE pgno = ?", page).Scan(&data)
				if last = errors.Is(err, sql.ErrNoRows); last {
					break
				}
				if err != nil {
					return err
				}
				if !clean(data, page == 1) {
					continue
				}
				if _, err := t.ExecContext(ctx, "UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", data, page); err != nil {
					return err
				}
				dirty++
			}
			if dirty == 0 {
				return nil
			}
			return t.Commit()
		}()
		if err == nil && !last {
			err = Pause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clean overwrites what is free in a page of a b-tree, and reports whether anything stood there. The format of a page is described in
// sqlite.org/fileformat2.html, section 1.6: a header, pointers to the cells, a gap, and the cells with free blocks between them, which
// are chained. Pages of other kinds begin with another byte.
func clean(page []byte, first bool) (changed bool) {
	header := 0
	if first {
		header = 100
	}
	end := header + 8
	switch page[header] {
	case 2, 5:
		end += 4
	case 10, 13:
	default:
		return false
	}
	number := func(at int) int { return int(binary.BigEndian.Uint16(page[at:])) }
	wipe := func(from, to int) {
		if from < 0 || to > len(page) {
			return // a damaged page is not made worse
		}
		for i := from; i < to; i++ {
			changed = changed || page[i] != 0
			page[i] = 0
		}
	}
	cells := number(header + 5)
	if cells == 0 {
		cells = 1 << 16
	}
	wipe(end+2*number(header+3), min(cells, len(page)))
	for at, next := number(header+1), 0; at != 0 && at+4 <= len(page); at = next {
		next = number(at)
		if next != 0 && next <= at {
			return changed // they ascend
		}
		wipe(at+4, at+number(at+2))
	}
	return changed
}
