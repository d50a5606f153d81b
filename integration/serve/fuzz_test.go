package serve

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// What an operation takes from a query or a body.
func FuzzDecode(f *testing.F) {
	f.Add("limit=3&kind=fact&kind=faq&since=2025-01-01T00:00:00Z", []byte(`{"memories":[{"text":"x","position":1}]}`))
	f.Add("limit=99999999999999999999&x=%zz", []byte(`{"memories":[{"text":1}]}`))
	f.Fuzz(func(t *testing.T, query string, body []byte) {
		r, err := http.NewRequest(http.MethodGet, "http://x/api/v1/memories", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		var q listRequest
		if err := decode(&sink{}, r, &q); err != nil {
			if f := asFailure(err); f.Status != http.StatusBadRequest {
				t.Errorf("%v", f)
			}
		}
		r, err = http.NewRequest(http.MethodPost, "http://x/api/v1/memories", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var a addRequest
		if err := decode(&sink{}, r, &a); err != nil {
			if f := asFailure(err); f.Status != http.StatusBadRequest {
				t.Errorf("%v", f)
			}
		}
	})
}

type sink struct{ http.ResponseWriter }

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"name":"x","hash":"sha256:` + strings.Repeat("a", 64) + `","user":"u"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if err != nil && !errors.Is(err, ErrKeys) {
			t.Errorf("%v", err)
		}
		for _, k := range keys {
			if k.Name == "" || len(k.Hash) != 71 {
				t.Errorf("accepted %+v", k)
			}
		}
	})
}
