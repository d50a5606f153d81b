package consolidate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

// crashEnv makes the test binary the victim of TestKilledAtAnyMoment: "apply" or "undo", and the path of the store.
const crashEnv = "REFINER_CONSOLIDATE_CRASH"

func TestMain(m *testing.M) {
	if what := os.Getenv(crashEnv); what != "" {
		if err := victim(what, os.Getenv(crashEnv+"_STORE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func victim(what, path string) error {
	ctx := context.Background()
	s, err := memory.Open(ctx, path, nil)
	if err != nil {
		return err
	}
	fmt.Println("open") // from here on the clock of the killer runs
	if what == "undo" {
		_, err := consolidate.Undo(ctx, s, "", nil)
		return err
	}
	_, err = consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil)
	return err
}

// TestKilledAtAnyMoment kills a process that applies or undoes, at a random moment, and holds that the store is sound,
// that nobody is locked out, and that running again finishes with what an undisturbed run ends with.
//
// REFINER_KILLS sets how often; the 300 times of a release take minutes, and are run by hand.
func TestKilledAtAnyMoment(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("REFINER_KILLS")); err == nil {
		kills = n
	} else if testing.Short() {
		t.Skip("starts processes")
	}
	ctx := t.Context()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, chatter(96, 11))
	before := texts(t, base)
	seed := filepath.Join(t.TempDir(), "seed.db")
	if _, err := base.Snapshot(ctx, seed); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := consolidate.Auto(ctx, base, scope, &consolidate.Options{Now: later}, nil); err != nil {
		t.Fatal(err)
	}
	length := time.Since(start)
	after := texts(t, base)

	random := rand.New(rand.NewPCG(1, 2))
	landed := map[string]int{}
	path := ""
	for i := range kills {
		what := []string{"apply", "undo"}[i%2]
		if what == "apply" {
			path = filepath.Join(t.TempDir(), "memory.db")
			data, err := os.ReadFile(seed)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(ctx, exe)
		cmd.Env = append(os.Environ(), crashEnv+"="+what, crashEnv+"_STORE="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Float64() * float64(length)))
		_ = cmd.Process.Kill() // SIGKILL; it may have ended already
		_ = cmd.Wait()

		s, err := memory.Open(ctx, path, nil)
		if err != nil {
			t.Fatalf("kill %d of %s: %v", i, what, err)
		}
		if r, err := s.Check(ctx, true); err != nil || len(r.Problems) > 0 {
			t.Fatalf("kill %d of %s: check: %+v %v", i, what, r, err)
		}
		runs, err := consolidate.Runs(path)
		if err != nil {
			t.Fatalf("kill %d of %s: the log: %v", i, what, err)
		}
		state := consolidate.State("not begun")
		if len(runs) > 0 {
			state = runs[len(runs)-1].State
		}
		landed[what+" "+string(state)]++
		want := after
		if what == "undo" {
			want = before
			if state != consolidate.Undone {
				_, err = consolidate.Undo(ctx, s, "", nil)
			}
		} else {
			_, err = consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil)
		}
		if err != nil {
			t.Fatalf("kill %d of %s: again: %v", i, what, err)
		}
		if diff := cmp.Diff(want, texts(t, s)); diff != "" {
			t.Fatalf("kill %d of %s: after running again (-want +got):\n%s", i, what, diff)
		}
		if r, err := s.Check(ctx, true); err != nil || len(r.Problems) > 0 {
			t.Fatalf("kill %d of %s: check after running again: %+v %v", i, what, r, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills landed while %v", kills, landed)
}

func TestSecondProcessIsRefused(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(48, 12))
	p := plan(t, s, consolidate.Policy{})
	_, err := consolidate.Apply(ctx, s, p, &consolidate.RunOptions{OnChange: func(done, _ int) {
		if done > 1 {
			return
		}
		other, err := memory.Open(ctx, s.Path(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = other.Close() }()
		if _, err := consolidate.Undo(ctx, other, "", nil); !errors.Is(err, memory.ErrLocked) {
			t.Errorf("undoing during an apply: %v, want it locked", err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
}
