package memory

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var rounds = flag.Int("rounds", 6, "rounds of kill -9 in TestCrash")

// role makes the test binary a process of its own that works on a store: see TestMain.
const role = "REFINER_MEMORY_ROLE"

// play is what such a process does.
func play(what string) error {
	ctx := context.Background()
	args := strings.Split(what, "\n")
	s, err := Open(ctx, args[1], &Options{Wait: time.Minute})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	switch args[0] {
	case "write":
		return writeForEver(ctx, s, args[2])
	case "read":
		// Says what it finds each time it is told to look.
		lines := bufio.NewScanner(os.Stdin)
		fmt.Println("ready")
		for lines.Scan() {
			hits, err := search(ctx, s, ann, Query{Text: lines.Text(), Limit: 1})
			if err != nil {
				return err
			}
			if len(hits) == 0 {
				fmt.Println("nothing")
			} else {
				fmt.Println(hits[0].Text)
			}
		}
		return lines.Err()
	case "restore":
		for i := 0; ; i++ {
			if _, err := Restore(ctx, args[1], args[2+i%2], nil); err != nil {
				return err
			}
			fmt.Println("restored", i)
		}
	case "import":
		return importForEver(ctx, s, os.Stdout)
	case "delete":
		return deleteSecrets(ctx, s, os.Stdout)
	case "measure":
		return measure(ctx, s)
	}
	return fmt.Errorf("unknown role %q", args[0])
}

// writeForEver adds, supersedes, undoes, marks and deletes, and says what is acknowledged.
func writeForEver(ctx context.Context, s *Store, name string) error {
	var last []ID
	for i := 0; ; i++ {
		records := make([]Record, 1+i%7)
		for j := range records {
			records[j] = turn(fmt.Sprintf("%s wrote sentence %d of round %d about trains and rivers", name, j, i))
			records[j].Key = fmt.Sprintf("%s-%d-%d", name, i, j)
		}
		added, err := s.Add(ctx, ann, records...)
		if err != nil {
			return err
		}
		for _, id := range added.IDs {
			fmt.Printf("added %s\n", id)
		}
		last = append(last, added.IDs...)
		if i%3 == 2 {
			id, err := s.Supersede(ctx, ann, turn(fmt.Sprintf("%s summed up round %d", name, i)), last[len(last)-1])
			if err != nil {
				return err
			}
			fmt.Printf("superseded %s %s\n", last[len(last)-1], id)
			if i%2 == 0 {
				if err := s.Undo(ctx, ann, id); err != nil {
					return err
				}
				fmt.Printf("undone %s %s\n", last[len(last)-1], id)
			}
			last = last[:len(last)-1]
		}
		if err := s.MarkShown(ctx, ann, last[0]); err != nil {
			return err
		}
		if i%25 == 24 {
			if _, err := s.Delete(ctx, ann, last[:1], &DeleteOptions{Derived: true}); err != nil {
				return err
			}
			fmt.Printf("deleted %s\n", last[0])
			last = last[1:]
		}
	}
}

// child starts a process that plays a role.
func child(t testing.TB, what ...string) (*exec.Cmd, io.WriteCloser, *bufio.Scanner) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), role+"="+strings.Join(what, "\n"))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, in, bufio.NewScanner(out)
}

// TestCrash kills two processes with SIGKILL while both write to one store, again and again. Nothing that was
// acknowledged may be lost, the store must open every time, and a full check must find nothing. -rounds 300 runs as many.
func TestCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crash.db")
	s, err := Create(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	n := *rounds
	if testing.Short() {
		n = min(n, 3)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	state := map[ID]string{} // the last that was acknowledged of each record
	by := map[ID]ID{}
	total := 0
	for round := range n {
		var mu sync.Mutex
		var wg sync.WaitGroup
		var first sync.WaitGroup
		var children []*exec.Cmd
		for i := range 2 {
			c, _, lines := child(t, "write", path, fmt.Sprintf("writer%d-%d", round, i))
			children = append(children, c)
			first.Add(1)
			wg.Go(func() {
				once := sync.OnceFunc(first.Done)
				defer once()
				for lines.Scan() {
					once()
					f := strings.Fields(lines.Text())
					mu.Lock()
					if len(f) >= 2 {
						state[ID(f[1])] = f[0]
						total++
						if len(f) == 3 {
							by[ID(f[1])] = ID(f[2])
						}
					}
					mu.Unlock()
				}
			})
		}
		first.Wait() // both have the store open and one has written
		time.Sleep(time.Duration(5+r.IntN(150)) * time.Millisecond)
		for _, c := range children {
			if err := c.Process.Kill(); err != nil {
				t.Errorf("round %d: a writer ended by itself: %v", round, err)
			}
		}
		for _, c := range children {
			_ = c.Wait() // it was killed
		}
		wg.Wait()

		s, err := Open(t.Context(), path, nil)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		report, err := s.Check(t.Context(), true)
		if err != nil || len(report.Problems) > 0 {
			t.Fatalf("round %d: check: %v, %v", round, report.Problems, err)
		}
		found := map[ID]Record{}
		for r, err := range s.All(t.Context(), ann, &AllOptions{History: true}) {
			if err != nil {
				t.Fatal(err)
			}
			found[r.ID] = r
		}
		for id, what := range state {
			got, ok := found[id]
			// A writer may have died after the next write and before it said so; that next write cannot unmake this one.
			switch {
			case what == "deleted" && ok:
				t.Errorf("round %d: %s was deleted and is there", round, id)
			case what == "superseded" && ok && got.SupersededBy != by[id] && got.SupersededBy != "":
				t.Errorf("round %d: %s was superseded by %s and is by %q", round, id, by[id], got.SupersededBy)
			case what == "added" && !ok:
				// Gone is right only for the record that the writer was about to delete.
				var tombs int
				if err := s.reader.QueryRow("SELECT count(*) FROM tombstones WHERE id = ?", string(id)).Scan(&tombs); err != nil || tombs == 0 {
					t.Errorf("round %d: %s was acknowledged and is lost (%v)", round, id, err)
				}
			case what != "deleted" && what != "added" && !ok:
				t.Errorf("round %d: %s was %s and is lost", round, id, what)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			return
		}
	}
	if total < n {
		t.Errorf("only %d writes in %d rounds: the test does not test", total, n)
	}
	t.Logf("%d rounds, %d acknowledged writes, none lost", n, total)
}

// TestCrashInRestore kills a process that restores two snapshots in turn: the store holds the one or the other, whole.
func TestCrashInRestore(t *testing.T) {
	s := rich(t, nil)
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")}
	want := map[string]bool{}
	for _, path := range paths {
		if _, err := s.Snapshot(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		want[content(t, s)] = true
		add(t, s, ann, talk("more", "of", "it")...)
	}
	for range min(*rounds, 100) / 3 {
		c, _, lines := child(t, "restore", s.Path(), paths[0], paths[1])
		if !lines.Scan() {
			t.Fatal("it restored nothing")
		}
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
		// The handle was open all the time.
		if !want[content(t, s)] {
			t.Fatalf("the store holds neither snapshot:\n%s", content(t, s))
		}
		sound(t, s)
		fresh, err := Open(t.Context(), s.Path(), nil)
		if err != nil {
			t.Fatal(err)
		}
		sound(t, fresh)
		_ = fresh.Close()
	}
}

func TestTwoProcessesSeeEachOther(t *testing.T) {
	s := newStore(t, nil)
	c, in, out := child(t, "read", s.Path())
	ask := func(q string) string {
		t.Helper()
		if _, err := fmt.Fprintln(in, q); err != nil || !out.Scan() {
			t.Fatal("the other process has ended", err)
		}
		return out.Text()
	}
	if !out.Scan() || out.Text() != "ready" {
		t.Fatal("the other process did not start")
	}
	diff(t, "before", "nothing", ask("lantern"))
	id := add(t, s, ann, turn("the lantern is lit"))[0]
	diff(t, "after an addition", "the lantern is lit", ask("lantern"))
	next, err := s.Supersede(t.Context(), ann, turn("the lantern is out"), id)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "after superseding", "the lantern is out", ask("lantern"))
	if err := s.Undo(t.Context(), ann, next); err != nil {
		t.Fatal(err)
	}
	diff(t, "after an undo", "the lantern is lit", ask("lantern"))
	if _, err := s.Forget(t.Context(), ann, nil); err != nil {
		t.Fatal(err)
	}
	diff(t, "after a deletion", "nothing", ask("lantern"))
	_ = in.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}

func TestLockedStoreSaysSo(t *testing.T) {
	s := newStore(t, nil)
	other, err := Open(t.Context(), s.Path(), &Options{Wait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	hold, err := s.writer.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Add(t.Context(), ann, turn("x"))
	wantErr(t, err, ErrLocked, "try again")
	// Reading goes on meanwhile.
	diff(t, "read while locked", []string{}, texts(t, other, ann, Query{Text: "x"}))
	if err := hold.Rollback(); err != nil {
		t.Fatal(err)
	}
	add(t, other, ann, turn("x"))
}

func TestConcurrentUse(t *testing.T) {
	s := newStore(t, nil)
	other, err := Open(t.Context(), s.Path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	var wg sync.WaitGroup
	for w := range 4 {
		st := []*Store{s, other}[w%2]
		wg.Go(func() {
			for i := range 15 {
				a, err := st.Add(t.Context(), ann, talk(fmt.Sprintf("worker %d says %d", w, i), "and something about rivers")...)
				if err != nil {
					t.Error(err)
					return
				}
				if err := st.MarkUsed(t.Context(), ann, a.IDs...); err != nil {
					t.Error(err)
				}
				if i%5 == 4 {
					if _, err := st.Supersede(t.Context(), ann, turn("in sum"), a.IDs...); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for range 30 {
				c, err := st.Candidates(t.Context(), ann, Query{Text: "rivers that a worker says"})
				if err != nil {
					t.Error(err)
					return
				}
				for _, x := range c.List {
					for _, term := range x.Terms {
						if c.Word(term) == "" {
							t.Errorf("term %d has no word", term)
						}
					}
				}
			}
		})
	}
	wg.Wait()
	sound(t, s)
	sound(t, other)
	st, err := s.Stats(t.Context())
	if err != nil || st.Records != 4*15*2+4*3 || st.Superseded != 4*3*2 {
		t.Errorf("stats %+v, %v", st, err)
	}
}
