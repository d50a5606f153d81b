package models

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trm-go/refiner/adapters/encoder"
)

// tiny is the folder of a small random model, which runs everywhere.
const tiny = "../../adapters/encoder/testdata/tiny"

func tinyFile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(tiny, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func root(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv(variable, dir)
	return dir
}

// hub serves one model as hubs do: a listing, hashes in headers, large files at another address, and ranges.
type hub struct {
	files map[string][]byte
	lies  map[string]string // file → a hash that is not its own
	mu    sync.Mutex
	cut   int // answers that break off in the middle
	seen  []string
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.seen = append(h.seen, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	cut := h.cut > 0 && r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/large/")
	if cut {
		h.cut--
	}
	h.mu.Unlock()
	if r.URL.Path == "/api/models/acme/tiny/revision/main" {
		var siblings []map[string]string
		for name := range h.files {
			siblings = append(siblings, map[string]string{"rfilename": name})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sha": "c0ffee", "siblings": siblings})
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/acme/tiny/resolve/c0ffee/"); ok && h.files[name] != nil {
		data := h.files[name]
		if large := strings.HasPrefix(name, "model."); large {
			sum := sha256.Sum256(data)
			tag := hex.EncodeToString(sum[:])
			if lie := h.lies[name]; lie != "" {
				tag = lie
			}
			w.Header().Set("X-Linked-Etag", `"`+tag+`"`)
			http.Redirect(w, r, "/large/"+name, http.StatusFound)
			return
		}
		sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/large/"); ok && h.files[name] != nil {
		data := h.files[name]
		if cut {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:len(data)/2])
			return // the connection breaks off
		}
		w.Header().Set("ETag", `"of the storage"`)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
		return
	}
	http.NotFound(w, r)
}

func serveHub(t *testing.T) (*hub, string) {
	t.Helper()
	h := &hub{lies: map[string]string{}, files: map[string][]byte{
		"model.safetensors": tinyFile(t, "model.safetensors"), "tokenizer.json": tinyFile(t, "tokenizer.json"), "config.json": tinyFile(t, "config.json"),
		"1_Pooling/config.json": []byte(`{"pooling_mode_cls_token": true}`), "sentence_bert_config.json": []byte(`{"max_seq_length": 128}`), "README.md": []byte("no model file"),
	}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, server.URL + "/acme/tiny"
}

func TestPullFromAHub(t *testing.T) {
	root(t)
	h, address := serveHub(t)
	last := map[string][2]int64{}
	m, err := Pull(t.Context(), address, &PullOptions{Card: encoder.Card{Query: "query: "}, Progress: func(file string, done, total int64) { last[file] = [2]int64{done, total} }})
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "tiny" || m.Kind != encoder.KindEncoder || m.Dim != 8 || m.Heads != 2 || m.Tokens != 128 || m.Pooling != "cls" || m.Query != "query: " || m.Unusable != "" {
		t.Errorf("the card is %+v", m.Card)
	}
	if !strings.HasSuffix(m.Source, "/acme/tiny at c0ffee") {
		t.Errorf("its source is %q", m.Source)
	}
	if n := int64(len(h.files["model.safetensors"])); last["model.safetensors"] != [2]int64{n, n} {
		t.Errorf("the last progress was %v, want %d of it", last, n)
	}
	e, err := Encoder("tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if v, err := e.Embed(t.Context(), []string{"we moved"}); err != nil || len(v[0]) != 8 {
		t.Errorf("it embeds %v, %v", v, err)
	}
	if left, _ := filepath.Glob(filepath.Join(Root(), ".*")); len(left) > 0 {
		t.Errorf("the pull left %v behind", left)
	}
}

func TestAPullGoesOnWhereItStopped(t *testing.T) {
	root(t)
	h, address := serveHub(t)
	h.cut = 1
	if _, err := Pull(t.Context(), address, nil); err == nil || !strings.Contains(err.Error(), "pull again") {
		t.Fatalf("a download that broke off: %v", err)
	}
	if list, err := List(); err != nil || len(list) != 0 {
		t.Fatalf("half a model is listed: %v, %v", list, err)
	}
	if _, err := Pull(t.Context(), address, nil); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("GET /large/model.safetensors bytes=%d-", len(h.files["model.safetensors"])/2)
	if seen := strings.Join(h.seen, "\n"); !strings.Contains(seen, want) {
		t.Errorf("the second pull did not ask for the rest (%s):\n%s", want, seen)
	}
}

func TestPullRefuses(t *testing.T) {
	root(t)
	h, address := serveHub(t)
	h.lies["model.safetensors"] = strings.Repeat("ab", 32)
	if _, err := Pull(t.Context(), address, nil); !errors.Is(err, ErrHash) {
		t.Errorf("a file with another hash: %v, want ErrHash", err)
	}
	h.lies["model.safetensors"] = `nonsense`
	if _, err := Pull(t.Context(), address, nil); !errors.Is(err, ErrHash) {
		t.Errorf("a file without a hash: %v, want ErrHash", err)
	}
	delete(h.lies, "model.safetensors")
	h.files["tokenizer.json"] = []byte(`{"model":{"type":"BPE"}}`)
	if _, err := Pull(t.Context(), address, nil); !errors.Is(err, encoder.ErrFormat) {
		t.Errorf("a tokenizer of another kind: %v, want encoder.ErrFormat", err)
	}
	for what, want := range map[string]error{"nonsense": ErrUnknown, strings.TrimSuffix(address, "/tiny"): ErrUnknown, "ftp://host/a/b": ErrUnknown, t.TempDir(): encoder.ErrNoModel} {
		if _, err := Pull(t.Context(), what, nil); !errors.Is(err, want) {
			t.Errorf("pull %s: %v, want %v", what, err, want)
		}
	}
	if _, err := Pull(t.Context(), address+"s", nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a model that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pull(ctx, address, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if list, err := List(); err != nil || len(list) != 0 {
		t.Errorf("what was refused is listed: %v, %v", list, err)
	}
}

func TestModelsOfAFolder(t *testing.T) {
	dir := root(t)
	if _, err := Choose(encoder.KindEncoder, ""); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "refine models pull minilm") {
		t.Errorf("without a model: %v", err)
	}
	m, err := Pull(t.Context(), filepath.Join(tiny, "model.safetensors"), &PullOptions{Card: encoder.Card{Name: "mine"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.Dir != filepath.Join(dir, "mine") || m.Files["model.safetensors"] == "" || m.Bytes == 0 {
		t.Errorf("pulled %+v", m)
	}
	// A store names a model with the digits of its files; another file of the name is another model.
	chosen, err := Choose(encoder.KindEncoder, m.Model())
	if err != nil || chosen.Name != "mine" {
		t.Errorf("%s is %+v, %v", m.Model(), chosen, err)
	}
	if _, err := Reranker("mine"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an encoder as reranker: %v", err)
	}
	if err := os.Remove(filepath.Join(m.Dir, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Choose(encoder.KindEncoder, ""); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "tokenizer.json is missing") {
		t.Errorf("a model that lacks a file: %v", err)
	}
	for name, want := range map[string]error{"mine": nil, "other": ErrUnknown, "../mine": ErrUnknown} {
		if _, err := Remove(name); !errors.Is(err, want) {
			t.Errorf("remove %s: %v, want %v", name, err, want)
		}
	}
	if list, err := List(); err != nil || len(list) != 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}

// Every entry can be found by name, names its files with hashes, and says where it may be taken from.
func TestCatalogue(t *testing.T) {
	for _, e := range Catalogue {
		if err := e.Card.Write(t.TempDir()); err != nil {
			t.Errorf("%s: %v", e.Name, err)
		}
		if len(e.files) != 2 || len(e.Files) != 2 || e.Licence == "" || e.Languages == "" || e.Package.Version == "" || e.Size == "" {
			t.Errorf("%s does not say all that it must: %+v", e.Name, e)
		}
		for _, file := range e.files {
			if len(e.Files[file]) != 64 {
				t.Errorf("%s: %s has no hash", e.Name, file)
			}
		}
	}
}
