package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trm-go/refiner/internal/ui"
)

// Ctrl-C while an import waits for its input ends with 130, and nothing of it is in the store.
func TestInterruptedImport(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store.db")
	command := func(ctx context.Context, in io.Reader, args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := run(ctx, &ui.Terminal{In: in, Out: &out, Err: &errs}, append(args, "--store", store))
		return code, out.String(), errs.String()
	}
	if code, _, errs := command(t.Context(), nil, "init"); code != ui.ExitOK {
		t.Fatal(errs)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	go func() {
		_, _ = io.WriteString(typing, strings.Repeat(`{"text": "hello"}`+"\n", 10_000))
		interrupt() // the rest never comes
	}()
	code, out, errs := command(ctx, in, "import", "-", "--format", "jsonl")
	if code != ui.ExitInterrupted || out != "" || !strings.Contains(errs, "interrupted; nothing is half done") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errs)
	}
	if code, out, errs := command(t.Context(), nil, "stats"); code != ui.ExitOK || !strings.Contains(out, "0 live") {
		t.Errorf("after it: exit code %d, %s%s", code, out, errs)
	}
}

// What is typed at a terminal decides, and Ctrl-C is no consent.
func TestDeleteAsks(t *testing.T) {
	for _, test := range []struct {
		answer string
		code   int
		live   string
	}{
		{"n\n", ui.ExitError, "410 live"},
		{"y\n", ui.ExitOK, "0 live"},
	} {
		store := filepath.Join(t.TempDir(), "store.db")
		var out, errs bytes.Buffer
		term := func() *ui.Terminal {
			return &ui.Terminal{In: strings.NewReader(test.answer), Out: &out, Err: &errs, Ask: true}
		}
		for _, args := range [][]string{{"init"}, {"import", "--sample", "--user", "nora"}} {
			if code := run(t.Context(), term(), append(args, "--store", store)); code != ui.ExitOK {
				t.Fatal(errs.String())
			}
		}
		if code := run(t.Context(), term(), []string{"delete", "--user", "nora", "--all", "--store", store}); code != test.code {
			t.Errorf("%q: exit code %d, want %d: %s", test.answer, code, test.code, errs.String())
		}
		if !strings.Contains(errs.String(), "Delete all 410 records of user nora for good") {
			t.Errorf("it asks %q", errs.String())
		}
		run(t.Context(), term(), []string{"stats", "--store", store})
		if !strings.Contains(out.String(), test.live) {
			t.Errorf("%q: %s, want %s", test.answer, out.String(), test.live)
		}
	}
}
