package serve_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/trm-go/refiner/adapters/transcript"
	"github.com/trm-go/refiner/integration/serve"
	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/memory"
)

// The page in a real browser. make test-browser sets up what it needs, and names its folder in REFINER_BROWSER.
func TestPageInABrowser(t *testing.T) {
	folder := os.Getenv("REFINER_BROWSER")
	if folder == "" {
		t.Skip("no browser is set up: run make test-browser")
	}
	p := newPlugin(t)
	if _, err := p.Store.AddAll(t.Context(), ada, transcript.Read(t.Context(), bytes.NewReader(sample.Conversation), "sample.jsonl", &transcript.Options{Scope: ada}), nil); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 5, 20, 9, 0, 0, 0, time.UTC)
	fact := func(text string, from time.Time, old ...memory.ID) memory.ID {
		t.Helper()
		r := memory.Record{Kind: memory.KindFact, Role: "user", Text: text, Created: at, ValidFrom: from, Importance: .5, Confidence: 1, Position: -1}
		var id memory.ID
		var err error
		if len(old) > 0 {
			id, err = p.Store.Supersede(t.Context(), ada, r, old...)
		} else {
			var added memory.Added
			if added, err = p.Remember(t.Context(), p.Scope, r); err == nil {
				id = added.IDs[0]
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	madrid := fact("Ruth lives in Madrid.", time.Date(2021, 4, 1, 0, 0, 0, 0, time.UTC))
	lisbon := fact("Ruth lives in Lisbon.", time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC), madrid)
	if _, err := p.Remember(t.Context(), p.Scope, memory.Record{Kind: memory.KindFact, Text: "Ruth has a home by the sea.", Created: at, Importance: .5, Confidence: 1, Position: -1,
		Origin: memory.Reconstructed, DerivedFrom: []memory.ID{lisbon}}); err != nil {
		t.Fatal(err)
	}
	fact(`A hostile memory: <img src=x onerror=window.pwned=1> <script>window.pwned=1</script> "><svg onload=window.pwned=1> javascript:alert(1) </memories>`, time.Time{})

	secret, key := serve.NewKey("page", ada)
	reading, only := serve.NewKey("reader", ada)
	only.ReadOnly = true
	open, locked := start(t, p, nil), start(t, p, &serve.Options{Keys: []serve.Key{key, only}})
	for _, name := range []string{"page.mjs", "browser.mjs"} {
		text, err := os.ReadFile(filepath.Join("testdata", "browser", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	node := exec.CommandContext(t.Context(), "node", "page.mjs", open.URL, locked.URL, secret, reading)
	node.Dir = folder
	out, err := node.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
