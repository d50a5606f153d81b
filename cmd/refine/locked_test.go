package main

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/trm-go/refiner/internal/ui"
)

// A store that another process writes to for too long ends a command with 11 and does nothing.
func TestLockedStore(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store.db")
	t.Setenv("REFINE_STORE_PATH", store)
	t.Setenv("REFINE_STORE_WAIT", "50ms")
	command := func(args ...string) (int, string) {
		var out, errs bytes.Buffer
		code := run(t.Context(), &ui.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs}, args)
		return code, out.String() + errs.String()
	}
	if code, said := command("init"); code != ui.ExitOK {
		t.Fatal(said)
	}
	db, err := sql.Open("sqlite", "file:"+store+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if code, said := command("add", "hello"); code != ui.ExitLocked || !strings.Contains(said, "fix: wait for the other process") {
		t.Errorf("exit code %d: %s", code, said)
	}
	if code, said := command("stats"); code != ui.ExitOK || !strings.Contains(said, "0 live") {
		t.Errorf("reading meanwhile: exit code %d: %s", code, said)
	}
	if err := other.Rollback(); err != nil {
		t.Fatal(err)
	}
	if code, said := command("add", "hello"); code != ui.ExitOK {
		t.Errorf("after it: exit code %d: %s", code, said)
	}
}
