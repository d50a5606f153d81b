package memory

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/trm-go/refiner/internal/query"
	"github.com/trm-go/refiner/memory/internal/index"
)

func FuzzQuery(f *testing.F) {
	for _, s := range []string{`"a b" -c d*`, `-"x`, `"" NEAR(a,b) AND text:c`, "'; DROP TABLE words; --", "日本* -日", "\u0301\"\u0301\"", "-\"\"\"", "a*b*c", "*-*"} {
		f.Add(s)
	}
	s := newStore(f, nil)
	add(f, s, ann, talk("the kettle is blue", "NEAR the AND gate", "日本語 text")...)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := query.Parse(text)
		if bad := !utf8.ValidString(text) || strings.Contains(text, "\x00") || len(text) > query.Max; bad != (err != nil) {
			t.Fatalf("error %v for %q", err, text)
		}
		if _, err := search(t.Context(), s, ann, Query{Text: text}); err != nil && !errors.Is(err, ErrInvalid) {
			t.Fatalf("search for %q: %v", text, err)
		}
	})
}

func FuzzDigest(f *testing.F) {
	r := turn("Ann met Bob on 7 May 2023 in Zürich, 42 times")
	r.Meta = map[string]string{"a": "b"}
	_, digest := analyse(&r)
	f.Add(digest)
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, digest []byte) {
		err := index.New(0, nil).Add(&index.Entry{Row: 1, Digest: digest})
		if err != nil && !errors.Is(err, index.ErrDigest) {
			t.Fatal(err)
		}
	})
}

func FuzzImport(f *testing.F) {
	s := rich(f, nil)
	for _, line := range strings.SplitAfter(content(f, s), "\n") {
		f.Add(line)
	}
	f.Add(`{"record":{"text":"x","created":"2025-01-01T00:00:00Z"},"surprise":-1}`)
	f.Fuzz(func(t *testing.T, line string) {
		head := `{"format":"refiner-memory","version":1,"model":"hashed-v1-384","dim":384}` + "\n"
		for l, err := range ReadExport(strings.NewReader(head+line), "hashed-v1-384", 384, false) {
			if err == nil && (l.Record == nil) == (l.Event == nil) {
				t.Fatalf("line %q is neither or both", line)
			}
			if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrModel) && !errors.Is(err, ErrSchema) {
				t.Fatalf("line %q: %v", line, err)
			}
		}
	})
}
