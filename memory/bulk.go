package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trm-go/refiner/internal/filelock"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// wholeRows is how many rows are written in one transaction at most; what has more is cut into slices.
const wholeRows = batchSize

// A bulk write is all or nothing although it is many transactions. The table imports holds, for each slice, which rows it has written.
// The last slice empties that. If the write fails, its rows are taken out again; if the process is killed, whoever opens the store next
// does that. Whoever writes holds a lock on a file of its own, which tells the living from the dead.

// bulk writes what comes out of a queue.
type bulk struct {
	s      *Store
	head   head
	queue  <-chan *batch
	events *[]Event
	added  Added

	number int64  // in the table imports; 0: none is needed yet
	slices int    // that were written
	unlock func() // of its lock
	fresh  map[ID]int64
	places map[place]bool
}

// take returns the records of the next batches that are ready, at least so many if there are any.
func (w *bulk) take(ctx context.Context, atLeast int) (records []incoming, err error) {
	for b := range w.queue {
		select {
		case <-b.ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if b.err != nil {
			return nil, b.err
		}
		if records = append(records, b.records...); len(records) >= atLeast {
			break
		}
	}
	return records, ctx.Err()
}

func (w *bulk) run(ctx context.Context) (err error) {
	staged, err := w.take(ctx, stageSize)
	if err != nil || len(staged) == 0 {
		return err
	}
	if !slices.ContainsFunc(staged, func(r incoming) bool { return r.known == "" }) && len(staged) < stageSize {
		for _, r := range staged {
			w.count(r.known, false, false)
		}
		return nil
	}
	w.fresh, w.places = map[ID]int64{}, map[place]bool{}
	defer func() {
		if w.number == 0 {
			return
		}
		if err != nil {
			err = errors.Join(err, w.s.takeBack(context.WithoutCancel(ctx), w.number))
		}
		w.unlock()
		_ = os.Remove(importLock(w.s.path, w.number))
	}()
	for len(staged) > 0 {
		last := len(staged) <= wholeRows && w.number == 0
		n, err := w.slice(ctx, staged, last)
		if err != nil || last {
			return err
		}
		if staged = staged[n:]; len(staged) == 0 {
			if staged, err = w.take(ctx, stageSize); err != nil {
				return err
			}
		}
		if err := disk.Pause(ctx); err != nil {
			return err
		}
	}
	for events := range slices.Chunk(w.given(), 4*wholeRows) {
		if err := w.s.write(ctx, true, func(t *tx) error { return w.note(ctx, t, events) }); err != nil {
			return err
		}
	}
	return w.s.write(ctx, true, func(t *tx) error { return w.finish(ctx, t) })
}

// errNothing rolls a write back that has nothing to write.
var errNothing = errors.New("nothing to write")

// slice writes the first of some records in one transaction, and returns how many. last says that these are all.
func (w *bulk) slice(ctx context.Context, records []incoming, last bool) (n int, err error) {
	if !last && w.number == 0 {
		if err := w.begin(ctx); err != nil {
			return 0, err
		}
	}
	type result struct {
		id             ID
		isNew, deleted bool
	}
	var results []result
	err = w.s.write(ctx, true, func(t *tx) error {
		if err := w.whole(ctx, t); err != nil {
			return err
		}
		ins, err := w.s.inserter(ctx, t, w.head)
		if err != nil {
			return err
		}
		defer ins.close()
		start, first := time.Now(), int64(0)
		for n = 0; n < len(records) && (last || n%16 > 0 || time.Since(start) < disk.SliceTime); n++ {
			r := &records[n]
			id, isNew, err := ins.insert(ctx, r)
			if err != nil {
				return fmt.Errorf("record %d: %w", r.number, err)
			}
			results = append(results, result{id, isNew, r.deleted})
			if isNew && first == 0 {
				first = ins.fresh[id]
			}
		}
		if len(ins.fresh) == 0 {
			return errNothing
		}
		for id, row := range ins.fresh {
			w.fresh[id] = row
		}
		for _, p := range ins.scopes {
			w.places[p] = true
		}
		if last {
			if err := w.note(ctx, t, w.given()); err != nil {
				return err
			}
			return w.finish(ctx, t)
		}
		_, err = t.ExecContext(ctx, "INSERT INTO imports (import, first, last) SELECT ?, ?, max(row) FROM records", w.number, first)
		return err
	})
	if err != nil && !errors.Is(err, errNothing) {
		return 0, err
	}
	if err == nil {
		w.slices++
	}
	for _, r := range results {
		w.count(r.id, r.isNew, r.deleted)
	}
	return n, nil
}

// whole checks that nobody has taken back what was written so far, as who takes the writer for dead.
func (w *bulk) whole(ctx context.Context, t *tx) error {
	if w.number == 0 {
		return nil
	}
	n := 0
	err := t.QueryRowContext(ctx, "SELECT count(*) FROM imports WHERE import = ?", w.number).Scan(&n)
	if err == nil && n != w.slices {
		err = fmt.Errorf("%w: another process has taken back what was written: try again", ErrLocked)
	}
	return err
}

func (w *bulk) count(id ID, isNew, deleted bool) {
	if w.added.IDs = append(w.added.IDs, id); isNew {
		w.added.Count, w.added.New = w.added.Count+1, append(w.added.New, id)
		return
	}
	w.added.Skipped++
	if deleted {
		w.added.Deleted++
	}
}

// begin gives the write a number and takes its lock.
func (w *bulk) begin(ctx context.Context) (err error) {
	number := 1 + rand.Int64N(1<<62)
	if w.unlock, err = filelock.Lock(ctx, importLock(w.s.path, number), w.s.wait); err != nil {
		return disk.FileError(err)
	}
	w.number = number
	return nil
}

func importLock(path string, number int64) string { return fmt.Sprintf("%s.import-%d", path, number) }

// given are the events of the sequence that has ended.
func (w *bulk) given() []Event {
	if w.events == nil {
		return nil
	}
	return *w.events
}

// note writes the history of what was imported.
func (w *bulk) note(ctx context.Context, t *tx, events []Event) error {
	for _, e := range events {
		if row, ok := w.fresh[e.ID]; ok {
			if _, err := t.ExecContext(ctx, noting, row, micros(e.At), e.What, string(e.By)); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish ends the write. It makes live again what gave way to a summary in an export that was written when summaries superseded their
// turns.
func (w *bulk) finish(ctx context.Context, t *tx) error {
	if err := w.whole(ctx, t); err != nil {
		return err
	}
	if len(w.given()) > 0 {
		const covered = `EXISTS (SELECT 1 FROM records s JOIN sources f ON f.row = s.row WHERE s.id = %s AND f.source_row = %s
			AND s.kind = 'summary' AND s.origin = 'reconstructed') AND NOT (%s = 'summary' AND %[4]s = 'reconstructed')`
		for p := range w.places {
			if _, err := t.ExecContext(ctx, "DELETE FROM events WHERE EXISTS (SELECT 1 FROM records r WHERE r.row = events.row AND r.scope = ? AND "+
				fmt.Sprintf(covered, "events.by", "r.row", "r.kind", "r.origin")+")", p.scope); err != nil {
				return err
			}
			if _, err := t.ExecContext(ctx, "UPDATE records SET superseded = 0, superseded_by = '', seq = ?, sum = "+
				revivedSum+" WHERE scope = ? AND superseded_by <> '' AND "+
				fmt.Sprintf(covered, "records.superseded_by", "records.row", "records.kind", "records.origin"), t.seq, p.scope); err != nil {
				return err
			}
		}
	}
	_, err := t.ExecContext(ctx, "DELETE FROM imports WHERE import = ?", w.number)
	return err
}

// takeBack takes out what an import has written that did not come to its end. Nothing is left of it, so that it can be tried again.
func (s *Store) takeBack(ctx context.Context, number int64) error {
	for more := true; more; {
		err := s.write(ctx, true, func(t *tx) (err error) {
			s.recent = nil
			more, err = takeBackSlice(ctx, t.Tx, number)
			return err
		})
		if err == nil && more {
			err = disk.Pause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBackSlice takes out the last slice of an import, and reports whether there may be more.
func takeBackSlice(ctx context.Context, t *sql.Tx, number int64) (more bool, err error) {
	var first, last int64
	if err := t.QueryRowContext(ctx, "SELECT ifnull(max(first), 0), ifnull(max(last), 0) FROM imports WHERE import = ?", number).Scan(&first, &last); err != nil {
		return false, err
	}
	written, err := disk.Numbers(ctx, t, "SELECT row FROM records WHERE row BETWEEN ? AND ? ORDER BY row", first, last)
	if err != nil {
		return false, err
	}
	if err := erase(ctx, t, written, false); err != nil {
		return false, err
	}
	if _, err := t.ExecContext(ctx, "DELETE FROM imports WHERE import = ? AND first = ?", number, first); err != nil {
		return false, err
	}
	_, err = t.ExecContext(ctx, "UPDATE store SET epoch = ?", disk.NewEpoch()) // every index is made anew
	return last > 0, err
}

// takeBackOld takes out what processes have written that were killed while they imported.
func (s *Store) takeBackOld(ctx context.Context) error {
	left, err := disk.Numbers(ctx, s.writer, "SELECT DISTINCT import FROM imports")
	if err != nil {
		return err
	}
	entries, _ := os.ReadDir(filepath.Dir(s.path)) // a lock whose owner was killed before it wrote anything
	for _, e := range entries {
		var number int64
		if digits, ok := strings.CutPrefix(e.Name(), filepath.Base(s.path)+".import-"); ok {
			if number, err = strconv.ParseInt(digits, 10, 64); err == nil {
				left = append(left, number)
			}
		}
	}
	slices.Sort(left)
	for _, number := range slices.Compact(left) {
		unlock, err := filelock.Lock(ctx, importLock(s.path, number), 0)
		if errors.Is(err, filelock.ErrHeld) {
			continue // it is being written
		}
		if err != nil {
			return disk.FileError(err)
		}
		err = s.takeBack(ctx, number)
		unlock()
		if err != nil {
			return err
		}
		_ = os.Remove(importLock(s.path, number))
		s.log.Warn("took back what an import that was interrupted had written")
	}
	return nil
}
