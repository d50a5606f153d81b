package memory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trm-go/refiner/internal/filelock"
	"github.com/trm-go/refiner/memory/internal/disk"
)

// Added tells what became of the records that were given, in their order.
type Added struct {
	IDs     []ID // of each record: its own, or that of the record with its key that was there already
	New     []ID // of those that were added
	Count   int  // how many those are
	Skipped int  // how many were there already
	Deleted int  // how many of those skipped were deleted for privacy, and stay so
}

// AddOptions say what is added. Nil is the same as a zero AddOptions.
type AddOptions struct {
	// Deleted adds also what was deleted for privacy before, as its key or its ID tells.
	Deleted bool
}

// Add writes records, all or none. Parts of a record's scope that are empty are filled from scope, which must contain
// the result. An empty kind means a turn, an empty origin observed. A record whose key its scope holds already is skipped, and
// so is one whose key or ID was deleted for privacy: Added.Deleted counts those, and [Store.AddAll] can take them in.
// A record without an embedding is embedded. The store gives each an ID, unless it has one, and sets the times of the
// store and the counts of use itself, whatever the record says.
func (s *Store) Add(ctx context.Context, scope Scope, records ...Record) (Added, error) {
	return s.AddAll(ctx, scope, func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}, nil)
}

// AddAll is Add for any number of records: an error in the sequence, in a record, or from the embedder, and none is
// written. Records are embedded on all cores while the sequence goes on. More than 256 are written in slices, between which
// others write: they may see a part of what an import that fails, or is killed, takes back (see [Store.takeBack]).
func (s *Store) AddAll(ctx context.Context, scope Scope, records iter.Seq2[Record, error], o *AddOptions) (Added, error) {
	w := &writer{s: s, again: o != nil && o.Deleted}
	err := w.run(ctx, scope, func(yield func(Exported, error) bool) {
		for r, err := range records {
			if !yield(Exported{Record: &r}, err) {
				return
			}
		}
	})
	return w.added, s.fail("add records", err)
}

// writer writes a sequence of records and the events of their history, all or nothing although a long one is many transactions.
// The table imports holds, for each slice, which rows it has written. The last slice empties that. If the write fails, its rows are
// taken out again; if the process is killed, whoever opens the store next does that. Whoever writes holds a lock on a file of its
// own, which tells the living from the dead.
type writer struct {
	s        *Store
	imported bool // keep the store's times and counts
	again    bool // also what was deleted for privacy

	to     *Preparation
	added  Added
	events []Event
	fresh  map[ID]int64 // rows of the records that were written

	number int64     // in the table imports; 0: none is needed yet
	slices int       // that were written
	unlock func()    // of its lock
	paused time.Time // when others could write last
}

// batchSize is how many records are embedded together, and written in one transaction at most.
const batchSize = 256

// batch is a part of the sequence; ready gets the error of its preparation.
type batch struct {
	records []Incoming
	ready   chan error
}

func (w *writer) run(ctx context.Context, scope Scope, lines iter.Seq2[Exported, error]) (err error) {
	if w.to, err = w.s.preparation(ctx); err != nil {
		return err
	}
	w.to.Imported = w.imported
	w.fresh, w.paused = map[ID]int64{}, time.Now()
	defer func() {
		if err != nil {
			w.added = Added{}
		}
		if w.number == 0 {
			return
		}
		if err != nil {
			err = errors.Join(err, w.s.takeBack(context.WithoutCancel(ctx), w.number))
		}
		w.unlock()
		_ = os.Remove(importLock(w.s.path, w.number))
	}()
	if err := w.batches(ctx, scope, lines); err != nil || w.number == 0 {
		return err
	}
	for events := range slices.Chunk(w.events, 4*batchSize) {
		if err := w.s.write(ctx, true, func(t *tx) error { return w.note(ctx, t, events) }); err != nil {
			return err
		}
	}
	return w.s.write(ctx, true, func(t *tx) error {
		if err := w.whole(ctx, t); err != nil {
			return err
		}
		_, err := t.ExecContext(ctx, "DELETE FROM imports WHERE import = ?", w.number)
		return err
	})
}

// batches cuts the sequence into batches, makes some of them ready side by side, and writes them in their order.
func (w *writer) batches(ctx context.Context, scope Scope, lines iter.Seq2[Exported, error]) error {
	ctx, cancel := context.WithCancel(ctx)
	var preparing sync.WaitGroup
	defer preparing.Wait()
	defer cancel()
	var ahead []batch
	var records []Incoming
	number := 1 // of the first of records
	prepare := func() {
		p := *w.to
		p.Now = w.s.now()
		b, first := batch{records, make(chan error, 1)}, number
		preparing.Go(func() { b.ready <- p.Prepare(ctx, scope, first, b.records) })
		ahead, records, number = append(ahead, b), nil, number+len(records)
	}
	write := func(all bool) error {
		b := ahead[0]
		ahead = ahead[1:]
		if err := <-b.ready; err != nil {
			return err
		}
		return w.batch(ctx, b.records, all && len(ahead) == 0 && w.number == 0)
	}
	for l, err := range lines {
		switch {
		case err != nil:
			return err
		case l.Event != nil:
			w.events = append(w.events, *l.Event)
			continue
		}
		if records = append(records, Incoming{Record: *l.Record, Surprise: l.Surprise}); len(records) < batchSize {
			continue
		}
		if prepare(); len(ahead) > runtime.GOMAXPROCS(0)+1 {
			if err := write(false); err != nil {
				return err
			}
		}
	}
	if len(records) > 0 {
		prepare()
	}
	for len(ahead) > 0 {
		if err := write(true); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// batch writes records in one transaction if they are all, and else in slices.
func (w *writer) batch(ctx context.Context, records []Incoming, all bool) error {
	if !slices.ContainsFunc(records, func(r Incoming) bool { return r.Known == "" }) {
		for _, r := range records {
			w.count(inserted{id: r.Known})
		}
		return nil
	}
	if !all && w.number == 0 {
		number := 1 + rand.Int64N(1<<62)
		unlock, err := filelock.Lock(ctx, importLock(w.s.path, number), w.s.wait)
		if err != nil {
			return disk.FileError(err)
		}
		w.number, w.unlock = number, unlock
	}
	for len(records) > 0 {
		n, err := w.slice(ctx, records, all)
		if err != nil {
			return err
		}
		records = records[n:]
		if !all && time.Since(w.paused) > disk.SliceTime {
			if err := disk.Pause(ctx); err != nil {
				return err
			}
			w.paused = time.Now()
		}
	}
	return nil
}

// errNothing rolls a write back that has nothing to write.
var errNothing = errors.New("nothing to write")

// slice writes the first of some records in one transaction, and returns how many. all says that these are all there are.
func (w *writer) slice(ctx context.Context, records []Incoming, all bool) (n int, err error) {
	var results []inserted
	err = w.s.write(ctx, true, func(t *tx) error {
		if err := w.whole(ctx, t); err != nil {
			return err
		}
		ins, err := w.s.inserter(ctx, t, w.to)
		if err != nil {
			return err
		}
		defer ins.close()
		ins.imported, ins.again = w.imported, w.again
		start, first := time.Now(), int64(0)
		for n = 0; n < len(records) && (all || n%16 > 0 || time.Since(start) < disk.SliceTime); n++ {
			r, err := ins.insert(ctx, &records[n])
			if err != nil {
				return fmt.Errorf("record %d: %w", records[n].number, err)
			}
			if results = append(results, r); r.row > 0 {
				w.fresh[r.id] = r.row
				if first == 0 {
					first = r.row
				}
			}
		}
		switch {
		case first == 0:
			return errNothing
		case all:
			return w.note(ctx, t, w.events)
		}
		_, err = t.ExecContext(ctx, "INSERT INTO imports (import, first, last) SELECT ?, ?, max(row) FROM records", w.number, first)
		return err
	})
	switch {
	case err == nil:
		w.slices++
	case !errors.Is(err, errNothing):
		return 0, err
	}
	for _, r := range results {
		w.count(r)
	}
	return n, nil
}

// whole checks that nobody has taken back what was written so far, as who takes the writer for dead, or restores a snapshot.
func (w *writer) whole(ctx context.Context, t *tx) error {
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

func (w *writer) count(r inserted) {
	if w.added.IDs = append(w.added.IDs, r.id); r.row > 0 {
		w.added.Count, w.added.New = w.added.Count+1, append(w.added.New, r.id)
		return
	}
	w.added.Skipped++
	if r.deleted {
		w.added.Deleted++
	}
}

// note writes the history of what was imported.
func (w *writer) note(ctx context.Context, t *tx, events []Event) error {
	for _, e := range events {
		if row, ok := w.fresh[e.ID]; ok {
			if _, err := t.ExecContext(ctx, noting, row, micros(e.At), e.What, string(e.By)); err != nil {
				return err
			}
		}
	}
	return nil
}

func importLock(path string, number int64) string { return fmt.Sprintf("%s.import-%d", path, number) }

// takeBack takes out what an import has written that did not come to its end. Nothing is left of it, so that it can be tried again.
func (s *Store) takeBack(ctx context.Context, number int64) error {
	return s.inSlices(ctx, func(t *tx) (more bool, err error) { return takeBackSlice(ctx, t.Tx, number) })
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
	entries, _ := os.ReadDir(filepath.Dir(s.path)) // also locks whose owner was killed before it wrote anything, or after all was written
	for _, e := range entries {
		digits, ours := strings.CutPrefix(e.Name(), filepath.Base(s.path)+".import-")
		if number, err := strconv.ParseInt(digits, 10, 64); ours && err == nil {
			left = append(left, number)
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
