package consolidate_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

// TestFullDisk applies on a small file system that is full before the copy, then before the changes, then has room: nothing
// is lost, and the same plan is finished.
func TestFullDisk(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system: %s", out)
	}
	defer func() { _ = exec.Command("umount", "-l", dir).Run() }()
	s, err := memory.Create(ctx, filepath.Join(dir, "memory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Add(ctx, scope, chatter(240, 21)...); err != nil {
		t.Fatal(err)
	}
	before := texts(t, s)
	p := plan(t, s, consolidate.Policy{})
	filling := filepath.Join(dir, "filling")
	fill := func(leave int64) {
		t.Helper()
		f, err := os.Create(filling)
		if err != nil {
			t.Fatal(err)
		}
		block := make([]byte, 4096)
		size := int64(0)
		for err == nil {
			n := 0
			n, err = f.Write(block)
			size += int64(n)
		}
		if err := errors.Join(f.Truncate(max(0, size-leave)), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for name, room := range map[string]int64{"for nothing": 0, "for the copy alone": 800 << 10} {
		fill(room)
		_, err := consolidate.Apply(ctx, s, p, nil)
		if !errors.Is(err, memory.ErrFull) {
			t.Errorf("with room %s: %v, want ErrFull", name, err)
		}
		if r, err := s.Check(ctx, true); err != nil || len(r.Problems) > 0 {
			t.Errorf("with room %s: check: %+v, %v", name, r, err)
		}
		if err := os.Remove(filling); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := consolidate.Apply(ctx, s, p, &consolidate.RunOptions{NoSnapshot: true}); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if again := plan(t, s, consolidate.Policy{}); again.Before != p.After {
		t.Errorf("%+v is shown, the plan says %+v", again.Before, p.After)
	}
	if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, texts(t, s)); diff != "" {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

func TestReadOnlyMedia(t *testing.T) {
	ctx := t.Context()
	s := open(t, chatter(48, 22))
	dir := filepath.Dir(s.Path())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("mount --bind '%s' '%s' && mount -o remount,ro,bind '%s'", dir, dir, dir)).CombinedOutput(); err != nil {
		if os.Geteuid() == 0 {
			t.Skipf("cannot mount: %s", out)
		}
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Chmod(dir, 0o700) }()
	} else {
		defer func() { _ = exec.Command("umount", "-l", dir).Run() }()
	}
	r, err := memory.Open(ctx, s.Path(), &memory.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	p := plan(t, r, consolidate.Policy{})
	if len(p.Changes) == 0 {
		t.Error("nothing can be planned on read-only media")
	}
	if _, err := consolidate.Apply(ctx, r, p, nil); !errors.Is(err, memory.ErrReadOnly) {
		t.Errorf("applying: %v, want ErrReadOnly", err)
	}
	if _, err := consolidate.Undo(ctx, r, "", nil); !errors.Is(err, memory.ErrReadOnly) {
		t.Errorf("undoing: %v, want ErrReadOnly", err)
	}
}

// TestClockGoesBack sets the clock back between two runs: the last one is still the last one.
func TestClockGoesBack(t *testing.T) {
	ctx := t.Context()
	all := chatter(96, 23)
	s := open(t, all[:48])
	at := func(now time.Time) *consolidate.RunOptions {
		return &consolidate.RunOptions{Now: func() time.Time { return now }}
	}
	first, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, at(later))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, scope, all[48:]...); err != nil {
		t.Fatal(err)
	}
	middle := texts(t, s)
	second, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, at(later.AddDate(-3, 0, 0)))
	if err != nil || second.Name == "" {
		t.Fatalf("%+v, %v", second, err)
	}
	runs, err := consolidate.Runs(s.Path())
	if err != nil || len(runs) != 2 || runs[0].Name != first.Name || runs[1].Number != 2 {
		t.Errorf("the log is %+v, %v", runs, err)
	}
	for i, name := range []string{second.Name, first.Name} {
		run, err := consolidate.Undo(ctx, s, "", at(later.AddDate(-4, 0, 0)))
		if err != nil || run.Name != name {
			t.Fatalf("undid %+v, %v; want %s", run, err, name)
		}
		if i == 0 {
			if diff := cmp.Diff(middle, texts(t, s)); diff != "" {
				t.Errorf("after undoing the last run (-want +got):\n%s", diff)
			}
		}
	}
	if got := texts(t, s); len(got) != 96 {
		t.Errorf("%d records are live after both were undone, want the 96 turns", len(got))
	}
	// What lies in the future of a clock that went back is left alone.
	if p, err := consolidate.New(ctx, s, scope, &consolidate.Options{Now: start.AddDate(-1, 0, 0)}); err != nil || len(p.Changes) > 0 {
		t.Errorf("what was said in the future is consolidated: %v, %v", p, err)
	}
}
