package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory/internal/disk"
)

// nowhere fails the test if any file beneath a folder holds a word.
func nowhere(t *testing.T, folder, word string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("%s still holds %q", strings.TrimPrefix(path, folder), word)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func snapshot(t *testing.T, s *Store, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Snapshot(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A deletion reaches every copy, whatever it is called, and no other store.
func TestDeleteFindsCopiesByLooking(t *testing.T) {
	ctx := t.Context()
	const secret = "quetzalcoatl"
	s := newStore(t, nil)
	dir := filepath.Dir(s.Path())
	ids := add(t, s, ann, turn("the password is "+secret), turn("the lighthouse is red"))
	other, err := Create(ctx, filepath.Join(dir, "other.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	add(t, other, ann, turn("another store"))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere.db")
	copies := []string{
		snapshot(t, s, filepath.Join(dir, "snapshots", "mine.db")), snapshot(t, s, filepath.Join(dir, "mine too")), snapshot(t, s, elsewhere),
		snapshot(t, s, filepath.Join(dir, filepath.Base(s.Path())+".consolidate", "run.db")),
	}
	missing := snapshot(t, s, filepath.Join(t.TempDir(), "missing.db"))
	if err := os.Remove(missing); err != nil {
		t.Fatal(err)
	}
	plan := fmt.Sprintf(`{"changes":[{"write":{"text":"%s","derived_from":["%s"]}}],"hash":"x"}`, secret, ids[0])
	write(t, s.Path()+".consolidate/x.plan.json", plan)
	write(t, filepath.Join(dir, "plan.json"), plan)
	write(t, s.Path()+".consolidate/.new-1", secret)
	kept := write(t, s.Path()+".consolidate/y.plan.json", `{"changes":[]}`)
	write(t, filepath.Join(dir, "snapshots", "mine.db.partial-77", "store.db"), secret)
	write(t, elsewhere+".partial-78/store.db", secret)
	d, err := s.Delete(ctx, ann, ids[:1], nil)
	if err != nil || len(d.Pending) > 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, path := range copies {
		if d.Snapshots[path] != 1 {
			t.Errorf("%d records were deleted from %s", d.Snapshots[path], path)
		}
	}
	diff(t, "missing", []string{missing}, d.Missing)
	nowhere(t, dir, secret)
	nowhere(t, filepath.Dir(elsewhere), secret)
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	// All of the scope goes, from this store's copies alone.
	if d, err = s.Forget(ctx, ann, nil); err != nil || len(d.Pending) > 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	nowhere(t, dir, "lighthouse")
	if st, err := other.Stats(ctx); err != nil || st.Records != 1 {
		t.Errorf("another store holds %d records, %v", st.Records, err)
	}
	sound(t, s)
}

// What cannot be reached is kept in the journal, named, and reached later.
func TestDeletionsAreResumed(t *testing.T) {
	ctx := t.Context()
	const secret = "quetzalcoatl"
	c := &clock{at: t0}
	s := newStore(t, &Options{Now: c.now, Wait: 50 * time.Millisecond})
	dir := filepath.Dir(s.Path())
	ids := add(t, s, ann, turn("the password is "+secret), turn("another "+secret))
	good := snapshot(t, s, filepath.Join(dir, "snapshots", "a.db"))
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	stem := strings.TrimSuffix(filepath.Base(s.Path()), ".db")
	torn := write(t, filepath.Join(dir, "snapshots", stem+"-torn.db"), string(b[:100]))
	reader, err := disk.OpenReadOnly(ctx, s.Path(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	busy, err := reader.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := busy.QueryRowContext(ctx, "SELECT count(*) FROM records").Scan(&n); err != nil {
		t.Fatal(err)
	}
	d, err := s.Delete(ctx, ann, ids[:1], nil)
	if err != nil || len(d.Pending) != 2 || !strings.Contains(strings.Join(d.Pending, " "), torn) {
		t.Fatalf("pending %q, %v", d.Pending, err)
	}
	diff(t, "found", []string{"another quetzalcoatl"}, texts(t, s, ann, Query{Text: secret}))
	if p, err := s.Pending(ctx); err != nil || len(p) != 1 || p[0].Records != 1 {
		t.Errorf("pending are %v, %v", p, err)
	}
	_ = busy.Rollback()
	_ = reader.Close()
	if err := os.Remove(torn); err != nil {
		t.Fatal(err)
	}
	// A second deletion does the rest of the first; so does opening the store when some time has passed.
	if d, err = s.Delete(ctx, ann, ids[1:], nil); err != nil || len(d.Pending) > 0 {
		t.Fatalf("pending %q, %v", d.Pending, err)
	}
	nowhere(t, dir, secret)
	if p, err := s.Pending(ctx); err != nil || len(p) != 0 {
		t.Errorf("pending are %v, %v", p, err)
	}
	sound(t, s)
}

// What was deleted does not come back with the next import of the same, unless that is asked for.
func TestDeletedKeysStayDeleted(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	records := []Record{turn("first"), turn("second")}
	records[0].Key, records[1].Key = "a/1", "a/2"
	ids := add(t, s, ann, records...)
	if _, err := s.Delete(ctx, ann, ids[:1], nil); err != nil {
		t.Fatal(err)
	}
	all := func(yield func(Record, error) bool) { _ = yield(records[0], nil) && yield(records[1], nil) }
	a, err := s.AddAll(ctx, ann, all, nil)
	if err != nil || a.Count != 0 || a.Skipped != 2 || a.Deleted != 1 {
		t.Errorf("again: %+v, %v", a, err)
	}
	nowhere(t, filepath.Dir(s.Path()), "a/1")
	if a, err = s.AddAll(ctx, ann, all, &AddOptions{Deleted: true}); err != nil || a.Count != 1 {
		t.Errorf("when that is asked for: %+v, %v", a, err)
	}
	if a, err = s.AddAll(ctx, ann, all, nil); err != nil || a.Count != 0 || a.Deleted != 0 {
		t.Errorf("and again: %+v, %v", a, err)
	}
	sound(t, s)
}

// A second process that has not seen a deletion yet forgets the record also where it was added again meanwhile.
func TestAddedAgainBeforeTheDeletionWasSeen(t *testing.T) {
	ctx := t.Context()
	s := newStore(t, nil)
	r := turn("The passphrase is xylophonic marzipan")
	r.Key = "a/1"
	ids := add(t, s, ann, r, turn("The passphrase is not for strangers"))
	other, err := Open(ctx, s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	diff(t, "before", []string{r.Text}, texts(t, other, ann, Query{Text: "xylophonic", Limit: 1}))
	if _, err := s.Delete(ctx, ann, ids[:1], nil); err != nil {
		t.Fatal(err)
	}
	r.Text = "The passphrase is plain nougat"
	all := func(yield func(Record, error) bool) { yield(r, nil) }
	if a, err := s.AddAll(ctx, ann, all, &AddOptions{Deleted: true}); err != nil || a.Count != 1 {
		t.Fatalf("added %+v, %v", a, err)
	}
	c, err := other.Candidates(ctx, ann, Query{Text: "xylophonic"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Len != 2 {
		t.Errorf("the other process knows %d records, want 2", c.Len)
	}
	for _, x := range c.List {
		if x.Lexical > 0 {
			t.Errorf("row %d is found by a word of what was deleted", x.Row)
		}
	}
	diff(t, "after", []string{r.Text}, texts(t, other, ann, Query{Text: "nougat", Limit: 1}))
	sound(t, s)
}

// deleteSecrets deletes one record after the other that holds a secret, and says when that was acknowledged.
func deleteSecrets(ctx context.Context, s *Store, say io.Writer) error {
	var ids []ID
	for r, err := range s.All(ctx, ann, nil) {
		if err != nil {
			return err
		}
		if strings.Contains(r.Text, "SECRET") && r.Origin == Observed {
			ids = append(ids, r.ID)
		}
	}
	for _, id := range ids {
		if _, err := s.Delete(ctx, ann, []ID{id}, &DeleteOptions{Derived: true}); err != nil {
			return err
		}
		fmt.Fprintln(say, id)
	}
	return nil
}

// TestCrashWhileDeleting kills a process that deletes from a store with copies, and holds that nothing of a deleted text is
// left once the store was opened again.
func TestCrashWhileDeleting(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	ctx := t.Context()
	random := rand.New(rand.NewPCG(3, 4))
	for round := range *rounds {
		dir := t.TempDir()
		path := filepath.Join(dir, "s.db")
		s, err := Create(ctx, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		records := make([]Record, 60)
		for i := range records {
			records[i] = turn(fmt.Sprintf("note %d of the lighthouse", i))
			if i%10 == 0 {
				records[i].Text = fmt.Sprintf("note %d is a SECRET", i)
			}
		}
		ids := add(t, s, ann, records...)
		if _, err := s.Add(ctx, ann, summed("A SECRET and a note.", ids[0], ids[1])); err != nil {
			t.Fatal(err)
		}
		snapshot(t, s, filepath.Join(dir, "snapshots", "one.db"))
		snapshot(t, s, filepath.Join(dir, "two.db"))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), role+"=delete\n"+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(100+random.IntN(700))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		var said bytes.Buffer
		_, _ = said.ReadFrom(out)
		_ = cmd.Wait()
		kill.Stop()
		if s, err = Open(ctx, path, nil); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if p, err := s.Pending(ctx); err != nil || len(p) > 0 {
			t.Fatalf("round %d: pending %v, %v", round, p, err)
		}
		sound(t, s)
		// What is not gone yet is deleted now; then nothing may be left anywhere.
		for _, id := range strings.Fields(said.String()) {
			if _, err := s.Record(ctx, ann, ID(id)); err == nil {
				t.Errorf("round %d: %s was acknowledged and is there", round, id)
			}
		}
		if err := deleteSecrets(ctx, s, io.Discard); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		nowhere(t, dir, "SECRET")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
