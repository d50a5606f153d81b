package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// many are n records with keys, and after them an error, if any.
func many(n int, err error) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for i := range n {
			r := turn(fmt.Sprintf("line %d of the log of the harbour, with ship %d", i, i*7%1000))
			r.Key = fmt.Sprint("line-", i)
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// While one user's long write goes on another user writes, and waits for a slice of it at most.
func TestLongWritesYield(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	n := 8000
	if testing.Short() {
		n = 3000
	}
	big, small := Scope{User: "big"}, Scope{User: "small"}
	beside := func(what string, f func() error) {
		t.Helper()
		var over atomic.Bool
		done := make(chan error, 1)
		go func() {
			err := f()
			over.Store(true)
			done <- err
		}()
		writes, longest := 0, time.Duration(0)
		for ; !over.Load(); writes++ {
			start := time.Now()
			add(t, s, small, turn("a short note"))
			longest = max(longest, time.Since(start))
			time.Sleep(5 * time.Millisecond)
		}
		if err := <-done; err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		t.Logf("%s: %d writes beside it, the longest took %s", what, writes, longest.Round(time.Millisecond))
		// A slice takes 100 ms and what the disk needs; the machine may be busy.
		if writes < 5 || longest > 3*time.Second {
			t.Errorf("%s: %d writes beside it, the longest took %s", what, writes, longest)
		}
	}
	beside("an import", func() error {
		added, err := s.AddAll(ctx, big, many(n, nil), nil)
		if err == nil && added.Count != n {
			err = fmt.Errorf("%d were added", added.Count)
		}
		return err
	})
	beside("a deletion", func() error {
		d, err := s.Forget(ctx, big, nil)
		if err == nil && len(d.IDs) != n {
			err = fmt.Errorf("%d were deleted", len(d.IDs))
		}
		return err
	})
	if st, err := s.Stats(ctx, big); err != nil || st.Records != 0 {
		t.Errorf("%d are left, %v", st.Records, err)
	}
	nowhere(t, filepath.Dir(s.Path()), "harbour")
	sound(t, s)
}

// An import that fails is taken back, with what others have written beside it left alone.
func TestAFailedImportIsTakenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	ctx := t.Context()
	s := newStore(t, nil)
	add(t, s, ann, turn("here before"))
	failed := errors.New("the source broke off")
	_, err := s.AddAll(ctx, ann, func(yield func(Record, error) bool) {
		for r, err := range many((8*batchSize)+600, failed) {
			if r.Key == fmt.Sprint("line-", (8*batchSize)+500) {
				add(t, s, ann, turn("written meanwhile"))
			}
			if !yield(r, err) {
				return
			}
		}
	}, nil)
	if !errors.Is(err, failed) {
		t.Fatalf("error %v", err)
	}
	var got []string
	for r, err := range s.All(ctx, ann, &AllOptions{History: true}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Text)
	}
	diff(t, "what is left", []string{"here before", "written meanwhile"}, got)
	if left, _ := filepath.Glob(s.Path() + ".import-*"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if added, err := s.AddAll(ctx, ann, many(400, nil), nil); err != nil || added.Count != 400 {
		t.Errorf("again: %+v, %v", added, err)
	}
	sound(t, s)
}

// A snapshot that is restored during an import ends the import, and is what is there then.
func TestARestoreDuringAnImport(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	add(t, s, ann, turn("here before"))
	copied := filepath.Join(t.TempDir(), "snap.db")
	snapshot(t, s, copied)
	add(t, s, ann, turn("written after the snapshot"))
	_, err := s.AddAll(ctx, ann, func(yield func(Record, error) bool) {
		for r, err := range many(8*batchSize, nil) {
			if r.Key == fmt.Sprint("line-", 8*batchSize-1) {
				if _, err := Restore(ctx, s.Path(), copied, nil); err != nil {
					t.Error(err)
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}, nil)
	wantErr(t, err, ErrLocked, "try again")
	diff(t, "what is there", []string{"here before"}, texts(t, s, ann, Query{Text: "before"}))
	if st, err := s.Stats(ctx); err != nil || st.Records != 1 {
		t.Errorf("%d records, %v", st.Records, err)
	}
	sound(t, s)
}

// A snapshot that is made during an import holds nothing of it.
func TestASnapshotDuringAnImport(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	ctx := t.Context()
	s := newStore(t, nil)
	add(t, s, ann, turn("here before"))
	copied := filepath.Join(t.TempDir(), "snap.db")
	added, err := s.AddAll(ctx, ann, func(yield func(Record, error) bool) {
		for r, err := range many((8*batchSize)+5000, nil) {
			if r.Key == fmt.Sprint("line-", (8*batchSize)+4999) {
				for {
					st, err := s.Stats(ctx)
					if err != nil {
						t.Error(err)
					}
					if st.Records > 1 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				snapshot(t, s, copied)
			}
			if !yield(r, err) {
				return
			}
		}
	}, nil)
	if err != nil || added.Count != (8*batchSize)+5000 {
		t.Fatalf("%+v, %v", added.Count, err)
	}
	c, err := Open(ctx, copied, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if st, err := c.Stats(ctx); err != nil || st.Records != 1 {
		t.Errorf("the snapshot holds %d records, %v", st.Records, err)
	}
	sound(t, c)
	sound(t, s)
}

// importForEver imports records again and again and says which import was acknowledged.
func importForEver(ctx context.Context, s *Store, say io.Writer) error {
	for i := 0; ; i++ {
		scope := Scope{User: fmt.Sprint("import", i)}
		if _, err := s.AddAll(ctx, scope, many(700, nil), nil); err != nil {
			return err
		}
		fmt.Fprintln(say, i)
	}
}

// TestCrashWhileImporting kills a process that imports: of each import all is there, or nothing.
func TestCrashWhileImporting(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	random := rand.New(rand.NewPCG(8, 9))
	whole, none := 0, 0
	for round := range *rounds {
		c, _, lines := child(t, "import", path)
		kill := time.AfterFunc(time.Duration(100+random.IntN(900))*time.Millisecond, func() { _ = c.Process.Kill() })
		said := 0
		for lines.Scan() {
			said++
		}
		_ = c.Wait()
		kill.Stop()
		s, err := Open(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for i := range said + 2 {
			scope := Scope{User: fmt.Sprint("import", i)}
			st, err := s.Stats(t.Context(), scope)
			switch {
			case err != nil:
				t.Fatal(err)
			case st.Records == 700:
				whole++
			case st.Records == 0 && i >= said:
				none++
			default:
				t.Errorf("round %d: import %d of %d acknowledged holds %d records", round, i, said, st.Records)
			}
		}
		sound(t, s)
		if left, _ := filepath.Glob(path + ".import-*"); len(left) > 0 {
			t.Errorf("round %d: left: %v", round, left)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
		path = filepath.Join(t.TempDir(), "s.db")
		if s, err = Create(t.Context(), path, nil); err != nil {
			t.Fatal(err)
		}
		_ = s.Close()
	}
	t.Logf("%d whole, %d none", whole, none)
}
