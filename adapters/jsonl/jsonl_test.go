package jsonl_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/adapters/jsonl"
	"github.com/trm-go/refiner/internal/sample"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

var (
	scope = memory.Scope{User: "nora"}
	later = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notes.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func follow(t testing.TB, path string, o *mirror.Options) (*mirror.Mirror, *memory.Store) {
	t.Helper()
	f, err := jsonl.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "mirror.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return mirror.New(s, scope, f, o), s
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestConsolidateAFile consolidates the bundled conversation in its file, in two runs, and undoes both.
func TestConsolidateAFile(t *testing.T) {
	for _, remove := range []bool{false, true} {
		t.Run(map[bool]string{false: "mark", true: "remove"}[remove], func(t *testing.T) {
			ctx := t.Context()
			original := strings.TrimSuffix(string(sample.Conversation), "\n") // the last line may have no end
			path := file(t, original)
			m, s := follow(t, path, &mirror.Options{Remove: remove})
			pulled, err := m.Pull(ctx)
			if err != nil || pulled.Added != 410 {
				t.Fatalf("pulled %+v, %v", pulled, err)
			}
			var states []string
			for _, level := range []consolidate.Level{consolidate.Day, consolidate.Month} {
				states = append(states, read(t, path))
				o := &consolidate.Options{Now: later, Policy: consolidate.Policy{Level: level, Unit: map[consolidate.Level]int{consolidate.Day: 80, consolidate.Month: 240}[level]}}
				if run, err := consolidate.Auto(ctx, s, scope, o, nil); err != nil || run.Name == "" {
					t.Fatalf("%s: %+v, %v", level, run, err)
				}
				if _, err := m.Push(ctx); err != nil {
					t.Fatal(err)
				}
				if again, err := m.Push(ctx); err != nil || again != (mirror.Pushed{}) {
					t.Errorf("pushing again: %+v, %v", again, err)
				}
				if pulled, err := m.Pull(ctx); err != nil || pulled.Added+pulled.Deleted > 0 {
					t.Errorf("pulled %+v, %v after a push", pulled, err)
				}
			}
			after := read(t, path)
			if remove && len(after) >= len(original) {
				t.Errorf("%d bytes are left of %d", len(after), len(original))
			}
			derived := 0
			for line := range strings.Lines(after) {
				var o map[string]any
				if err := json.Unmarshal([]byte(line), &o); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				if o["origin"] == "reconstructed" {
					derived++
					if o["kind"] != "summary" || o["derived_from"] == "" || o["text"] == "" || o["time"] == "" || o["level"] == "" {
						t.Errorf("a derived line is %q", line)
					}
				} else if remove {
					t.Errorf("a line is left that a summary stands for: %q", line)
				}
			}
			if derived == 0 {
				t.Error("nothing derived was written")
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("the file's mode is %v, %v", info.Mode(), err)
			}
			for i := len(states) - 1; i >= 0; i-- {
				if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
					t.Fatal(err)
				}
				if _, err := m.Push(ctx); err != nil {
					t.Fatal(err)
				}
				// An end of the last line may have come; nothing else.
				if got, want := strings.TrimSuffix(read(t, path), "\n"), strings.TrimSuffix(states[i], "\n"); i == 0 && got != want {
					t.Errorf("after undo the file is another: %d bytes, want %d", len(got), len(want))
				}
			}
		})
	}
}

// TestTwoRoundsOfRemoval removes the first half of a file, then the second, and undoes both at once.
func TestTwoRoundsOfRemoval(t *testing.T) {
	ctx := t.Context()
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "{\"content\":\"The %d of May is when the choir sings in Oslo, and it was a long and rainy afternoon.\",  \"n\": %d, \"timestamp\": %d}\n", i, i, 1700000000+(i%20)*3600)
	}
	path := file(t, b.String())
	m, s := follow(t, path, &mirror.Options{Remove: true})
	if _, err := m.Pull(ctx); err != nil {
		t.Fatal(err)
	}
	for _, half := range []time.Time{time.Unix(1700000000+10*3600, 0).UTC(), {}} {
		o := &consolidate.Options{Now: later, Since: half}
		if run, err := consolidate.Auto(ctx, s, scope, o, nil); err != nil || run.Name == "" {
			t.Fatalf("%+v, %v", run, err)
		}
		if _, err := m.Push(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != b.String() {
		t.Errorf("after undo:\n%s", got)
	}
}

func TestLines(t *testing.T) {
	path := file(t, `{"id": 7, "session": "may", "content": "We moved to Porto.", "role": "user", "author": "Ines", "timestamp": "2024-05-31T18:30:00+02:00", "kind": "fact", "importance": 0.8, "odd": {"a": [1]}}

{"text": "Said twice."}
{"text": "Said twice."}
`)
	f, err := jsonl.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for d, err := range f.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Record(d)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
		if d.ID == "may/7" && (r.Text != "We moved to Porto." || r.Role != "user" || r.Speaker != "Ines" || r.Scope.Session != "may" ||
			r.Kind != memory.KindFact || r.Importance != .8 || r.Created.Format(time.RFC3339) != "2024-05-31T16:30:00Z") {
			t.Errorf("it is read as %+v", r)
		}
	}
	if len(ids) != 3 || ids[0] != "may/7" || ids[2] != ids[1]+"#2" {
		t.Errorf("the IDs are %q", ids)
	}
	for name, text := range map[string]string{
		"line 1: it is no JSON object": "hello\n", "line 2: it has no": "{\"text\":\"x\"}\n{\"role\":\"user\"}\n",
		"line 1: something follows": "{\"text\":\"x\"} {}\n", "neither a string nor a number": "{\"text\":[\"x\"]}\n",
	} {
		f, err := jsonl.Open(file(t, text))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range f.All(t.Context()) {
			if err != nil && (!errors.Is(err, jsonl.ErrLine) || !strings.Contains(strings.ReplaceAll(err.Error(), "unusable ", ""), name)) {
				t.Errorf("%q: %v, want %s", text, err, name)
			} else if err == nil && !strings.Contains(name, "line 2") {
				t.Errorf("%q was read", text)
			}
		}
	}
	for name, meta := range map[string]map[string]any{"time": {"time": "yesterday"}, "importance": {"importance": json.Number("3")}, "role": {"role": []any{}}} {
		if _, err := f.Record(mirror.Document{ID: "x", Text: "x", Meta: meta}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a bad %s: %v", name, err)
		}
	}
	if _, err := jsonl.Open(filepath.Dir(path)); err == nil {
		t.Error("a folder was opened")
	}
	if _, err := jsonl.Open(path + ".nothing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// FuzzFile holds that any file is read or refused, and that marking its lines and taking the marks away gives it back.
func FuzzFile(f *testing.F) {
	f.Add("{\"text\":\"x\"}\n{\"content\":\"y\",\"id\":7}")
	f.Add("{\"text\":\"x\",\"superseded_by\":\"y\"}\n\n{\"text\":\"}\"} \n")
	f.Add("hello")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, text)
		file, err := jsonl.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		marks, off := map[string]string{}, map[string]string{}
		for d, err := range file.All(context.Background()) {
			if err != nil {
				if !errors.Is(err, jsonl.ErrLine) {
					t.Fatal(err)
				}
				return
			}
			if _, already := d.Meta[mirror.MetaSupersededBy]; already {
				return
			}
			marks[d.ID], off[d.ID] = "01ARZ3NDEKTSV4RRFFQ69G5FAV", ""
		}
		for _, c := range []map[string]string{marks, off} {
			if err := file.Write(context.Background(), mirror.Changes{Mark: c}); err != nil {
				t.Fatal(err)
			}
			for d, err := range file.All(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				if by, _ := d.Meta[mirror.MetaSupersededBy].(string); by != c[d.ID] {
					t.Fatalf("%q is marked %q, want %q", d.ID, by, c[d.ID])
				}
			}
		}
		if got := read(t, path); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// Example consolidates a file of notes where it is.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "example-")
	defer os.RemoveAll(dir)
	notes := filepath.Join(dir, "notes.jsonl")
	_ = os.WriteFile(notes, sample.Conversation, 0o600)

	file, err := jsonl.Open(notes)
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := memory.Create(ctx, filepath.Join(dir, "mirror.db"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	m := mirror.New(store, memory.Scope{User: "nora"}, file, nil)
	if _, err := m.Pull(ctx); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := consolidate.Auto(ctx, store, m.Scope, nil, nil); err != nil {
		fmt.Println(err)
		return
	}
	pushed, err := m.Push(ctx)
	fmt.Println(pushed.Written > 0, pushed.Marked, err)
	// Output: true 410 <nil>
}
