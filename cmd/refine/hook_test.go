package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/trm-go/refiner/internal/jsonedit"
)

// The plugin for Claude Code has the hooks that `refine hook install claude` writes.
func TestPluginHasTheHooks(t *testing.T) {
	installed := filepath.Join(t.TempDir(), "settings.json")
	agent := agents["claude"]
	if changed, err := changeHooks(installed, &agent, "refine hook run"); err != nil || !changed {
		t.Fatal(changed, err)
	}
	read := func(path string) (file struct{ Hooks map[string]any }) {
		text, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	got, want := read("../../clients/claude-code/hooks/hooks.json"), read(installed)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) || len(slices.Collect(maps.Keys(want.Hooks))) != 2 {
		t.Errorf("the plugin has %s, installed is %s", a, b)
	}
}

// Settings of any kind are refused and left alone, or hold what they held before besides the hooks, and hold it alone once
// these are removed.
func FuzzHookSettings(f *testing.F) {
	for _, s := range []string{`{}`, `{"hooks":{}}`, `{"a":1,"hooks":{"Stop":[{"hooks":[{"command":"x"}]}]},"b":[{}]}`, `{"hooks":[]}`, `{"hooks":{"Stop":{}}}`, "{\"a\":1e400,\"a\":2}", "", "\xef\xbb\xbf{}", `[]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "settings.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		agent := agents["claude"]
		if _, err := changeHooks(path, &agent, "/bin/refine hook run"); err != nil {
			if after, _ := os.ReadFile(path); string(after) != text {
				t.Fatalf("%q was refused (%v) and is %q", text, err, after)
			}
			return
		}
		if changed, err := changeHooks(path, &agent, "/bin/refine hook run"); err != nil || changed {
			t.Fatalf("%q is changed again: %v", text, err)
		}
		if _, err := changeHooks(path, &agent, ""); err != nil {
			t.Fatal(err)
		}
		final, _ := os.ReadFile(path)
		after, err := jsonedit.Members(final)
		if err != nil {
			t.Fatalf("%q became %q", text, final)
		}
		before, _ := jsonedit.Members([]byte(text))
		for name := range before {
			if name != "hooks" && after[name] == nil {
				t.Fatalf("%q lost %q: %q", text, name, final)
			}
		}
	})
}
