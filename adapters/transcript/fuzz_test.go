package transcript

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

// fuzzFormat reads anything as one format: whatever comes out is a valid record or an *Error, records of a session are
// numbered without a gap, and reading byte by byte gives the same.
func fuzzFormat(f *testing.F, format Format, seeds ...string) {
	for _, name := range seeds {
		data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{"", "[", "[]", "{}", "[[]]", "[{}]", "null", "\ufeff[{}]", "{\"text\":\"\\ud800\"}", "{\"text\":1e999}\r\n{\"time\":1e308,\"text\":\"a\"}", "[{\"messages\":[[]]}]", "\xff", "[{\"mapping\":{\"\":{}}}]"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkRead(t, format, data) })
}

func checkRead(t *testing.T, format Format, data []byte) {
	{
		options := &Options{Format: format, Skip: true, System: true, Created: epoch}
		next, n := map[string]int{}, 0
		ended := false
		for rec, err := range Read(context.Background(), bytes.NewReader(data), "f", options) {
			if ended {
				t.Fatal("something comes after the error that ends it")
			}
			if err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("%v is no *Error", err)
				}
				ended = !e.Skipped
				continue
			}
			n++
			if err := rec.Validate(); err != nil {
				t.Fatal(err)
			}
			if rec.Position != next[rec.Scope.Session] {
				t.Fatalf("position %d in session %q, want %d", rec.Position, rec.Scope.Session, next[rec.Scope.Session])
			}
			next[rec.Scope.Session]++
			if rec.Key == "" {
				t.Fatal("a record has no key")
			}
		}
		if _, err := detect("f", data); err != nil && !errors.Is(err, ErrFormat) {
			t.Fatal(err)
		}
		if len(data) < 4096 {
			slow := 0
			for _, err := range Read(context.Background(), iotest.OneByteReader(bytes.NewReader(data)), "f", options) {
				if err == nil {
					slow++
				}
			}
			if slow != n {
				t.Fatalf("%d records byte by byte, %d at once", slow, n)
			}
		}
	}
}

func FuzzAuto(f *testing.F)   { fuzzFormat(f, "", "locomo.json", "conversations.json", "lines.jsonl") }
func FuzzLoCoMo(f *testing.F) { fuzzFormat(f, LoCoMo, "locomo.json") }
func FuzzBEAM(f *testing.F)   { fuzzFormat(f, BEAM, "beam/3/chat.json") }
func FuzzOpenAI(f *testing.F) {
	fuzzFormat(f, "openai", "chat.json", "chats.json", "tuning.jsonl", "messages.json")
}
func FuzzChatGPT(f *testing.F) { fuzzFormat(f, "chatgpt", "conversations.json") }
func FuzzLines(f *testing.F)   { fuzzFormat(f, Lines, "lines.jsonl") }

// FuzzExports reads anything as every other format in turn.
func FuzzExports(f *testing.F) {
	files, err := filepath.Glob("testdata/exports/*")
	if err != nil || len(files) < 10 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, format := range Formats() {
			checkRead(t, format.Name, data)
		}
	})
}
