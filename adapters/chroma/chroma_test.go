package chroma_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/adapters/chroma"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
	"github.com/trm-go/refiner/refine/consolidate/mirror"
)

// TestFakeServer and TestRealServer run the same tests.
func TestFakeServer(t *testing.T) {
	for _, version := range []string{"v2", "v1"} {
		t.Run(version, func(t *testing.T) {
			_, address := serve(t, version)
			everything(t, address, version)
		})
	}
}

// TestRealServer runs against Chroma itself. REFINER_CHROMA names the command that starts it: make test-chroma.
func TestRealServer(t *testing.T) {
	command := os.Getenv("REFINER_CHROMA")
	if command == "" {
		t.Skip("needs a Chroma server: make test-chroma")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	_ = listener.Close()
	cmd := exec.Command(command, "run", "--path", filepath.Join(t.TempDir(), "chroma"), "--host", "127.0.0.1", "--port", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if r, err := http.Get("http://" + address + "/api/v2/heartbeat"); err == nil {
			_ = r.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not start")
		}
	}
	dim = 768
	defer func() { dim = 48 }()
	everything(t, "http://"+address, "v2")
}

// post calls the server as its owner does.
func post(t *testing.T, address string, in any) map[string]any {
	t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(address, "application/json", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s", address, r.StatusCode, body)
	}
	out := map[string]any{}
	_ = json.Unmarshal(body, &out)
	return out
}

// dim of the vectors: 768 as those of nomic-embed-text against the real server, fewer where JSON is only passed around.
var dim = 48

// ada makes a collection as Ada does: turns with client-side embeddings, a few memories, a persona without a timestamp.
func ada(t *testing.T, address, version, name, space string) (base string, documents map[string]mirror.Document) {
	t.Helper()
	collections := address + "/api/v1/collections"
	if version == "v2" {
		collections = address + "/api/v2/tenants/default_tenant/databases/default_database/collections"
	}
	made := post(t, collections, map[string]any{"name": name, "configuration": map[string]any{"hnsw": map[string]any{"space": space}}})
	base = collections + "/" + made["id"].(string)
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	var ids, texts []string
	var metas []map[string]any
	var vectors [][]float32
	add := func(id, text string, meta map[string]any) {
		v := make([]float32, dim)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		ids, texts, metas, vectors = append(ids, id), append(texts, text), append(metas, meta), append(vectors, v)
	}
	at := time.Date(2025, 3, 3, 9, 0, 0, 0, time.UTC)
	for i := range 80 {
		conversation := fmt.Sprintf("conv-%d", i/24)
		text := pick(
			fmt.Sprintf("I signed up for the %s in %s, it costs %d euros.", pick("pottery class", "marathon", "choir"), pick("Lisbon", "Oslo"), 20+r.IntN(100)),
			"How was it?", "Haha, yes, totally.", "That is what I thought, and then it rained for the whole afternoon and we stayed at home.",
			fmt.Sprintf("We met %s there and stayed for %d hours.", pick("Rosa", "Karim", "Lena"), 2+r.IntN(5)))
		add(fmt.Sprintf("turn-%03d", i), text, map[string]any{"type": "turn", "conversation_id": conversation, "role": pick("user", "assistant"),
			"timestamp": at.Add(time.Duration(i)*time.Minute + time.Duration(i/24)*24*time.Hour).Format("2006-01-02T15:04:05.000000+00:00"), "source": "chat", "scope": "conversation"})
	}
	fact := func(n int, text string, day int) {
		add(fmt.Sprintf("memory-%d", n), text, map[string]any{"type": "memory", "scope": "entity:ana", "entity": "ana", "importance": 3, "tags": "home,people",
			"source": "user", "timestamp": at.AddDate(0, 0, day).Format("2006-01-02T15:04:05.000000+00:00")})
	}
	fact(1, "Ana works 20 hours a week.", 0)
	fact(2, "Ana's dog is called Rex.", 1)
	fact(3, "Ana's dog's name is Rex.", 9)
	fact(4, "Ana works 32 hours a week.", 30)
	fact(5, "Ana works 20 hours a week.", 3)
	add("persona", "You are Ada, and kind.", map[string]any{"type": "persona", "version": "1.0"})
	for part := range slices.Chunk([]int{0, 50}, 1) {
		lo, hi := part[0], min(part[0]+50, len(ids))
		post(t, base+"/upsert", map[string]any{"ids": ids[lo:hi], "documents": texts[lo:hi], "metadatas": metas[lo:hi], "embeddings": vectors[lo:hi]})
	}
	return base, contents(t, base)
}

// contents reads a collection as its owner does, embeddings included.
func contents(t *testing.T, base string) map[string]mirror.Document {
	t.Helper()
	got := post(t, base+"/get", map[string]any{"limit": 1000, "include": []string{"documents", "metadatas", "embeddings"}})
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var columns struct {
		IDs        []string
		Documents  []string
		Metadatas  []map[string]any
		Embeddings [][]float32
	}
	if err := json.Unmarshal(data, &columns); err != nil {
		t.Fatal(err)
	}
	all := map[string]mirror.Document{}
	for i, id := range columns.IDs {
		all[id] = mirror.Document{ID: id, Text: columns.Documents[i], Meta: columns.Metadatas[i], Embedding: columns.Embeddings[i]}
	}
	return all
}

func everything(t *testing.T, address, version string) {
	t.Run("consolidate", func(t *testing.T) {
		for _, remove := range []bool{false, true} {
			if remove && version == "v1" {
				continue // the same requests, by another address
			}
			t.Run(map[bool]string{false: "mark", true: "remove"}[remove], func(t *testing.T) {
				testConsolidate(t, address, version, remove)
			})
		}
	})
	t.Run("open", func(t *testing.T) { testOpen(t, address, version) })
}

var (
	scope = memory.Scope{User: "ana"}
	later = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func testConsolidate(t *testing.T, address, version string, remove bool) {
	ctx := t.Context()
	base, before := ada(t, address, version, fmt.Sprintf("ada-%v", remove), "l2")
	c, err := chroma.Open(ctx, fmt.Sprintf("%s/ada-%v", address, remove), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := memory.Create(ctx, filepath.Join(t.TempDir(), "mirror.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m := mirror.New(s, scope, c, &mirror.Options{Remove: remove})
	pulled, err := m.Pull(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if pulled.Added != len(before) || pulled.Documents != len(before) {
		t.Errorf("pulled %+v of %d documents", pulled, len(before))
	}
	for r, err := range s.All(ctx, scope, nil) {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Key == "memory-1" && (r.Kind != memory.KindFact || r.Importance != .5 || r.Meta["tags"] != "home,people"):
			t.Errorf("a memory is read as %+v", r)
		case r.Key == "turn-030" && (r.Kind != memory.KindTurn || r.Scope.Session != "conv-1" || r.Position != 6 || r.Created.Format(time.RFC3339) != "2025-03-04T09:30:00Z"):
			t.Errorf("a turn is read as %+v", r)
		case r.Key == "persona" && r.Kind != memory.KindPersona:
			t.Errorf("a persona is read as %+v", r)
		}
	}
	// Several runs: once the repeats are one, the update is seen.
	runs := 0
	for ; runs < 5; runs++ {
		run, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if run.Name == "" {
			break
		}
		if _, err := m.Push(ctx); err != nil {
			t.Fatal(err)
		}
		again, err := m.Push(ctx)
		if err != nil || again != (mirror.Pushed{}) {
			t.Errorf("pushing again: %+v, %v; want nothing to do", again, err)
		}
		if pulled, err := m.Pull(ctx); err != nil || pulled.Added+pulled.Deleted+pulled.Changed > 0 {
			t.Errorf("after a push: pulled %+v, %v", pulled, err)
		}
	}
	after := contents(t, base)
	derived, stands := 0, map[string]bool{}
	for id, d := range after {
		if d.Meta[mirror.MetaRecord] == nil {
			continue
		}
		derived++
		if len(d.Embedding) != dim || d.Meta["origin"] != "reconstructed" || d.Meta["timestamp"] == "" || d.Meta["source"] != "consolidation" || d.Meta["scope"] == nil {
			t.Errorf("derived document %s is %v", id, d.Meta)
		}
		if d.Meta["type"] == "summary" && d.Meta["conversation_id"] == nil && !strings.Contains(d.Meta["derived_from"].(string), ",") {
			t.Errorf("a summary of one conversation does not say which: %v", d.Meta)
		}
		for key := range strings.SplitSeq(d.Meta["derived_from"].(string), ",") {
			stands[key] = true
			if before[key].ID == "" {
				t.Errorf("it is derived from %q, which never was", key)
			}
		}
	}
	if derived == 0 || runs < 2 {
		t.Fatalf("%d derived documents after %d runs", derived, runs)
	}
	expired := slices.Collect(maps.Values(after))
	expired = slices.DeleteFunc(expired, func(d mirror.Document) bool { return d.Meta["valid_until"] == nil })
	if len(expired) != 1 || expired[0].Text != "Ana works 20 hours a week." || expired[0].Meta["type"] != "memory" || expired[0].Meta["entity"] != "ana" {
		t.Errorf("what is no longer true is %v, want 20 hours", expired)
	}
	for key, d := range before {
		now, there := after[key]
		switch {
		case !stands[key] || !remove:
			if !there {
				t.Errorf("%s is gone", key)
				continue
			}
			if by, _ := now.Meta[mirror.MetaSupersededBy].(string); stands[key] != (by != "") {
				t.Errorf("%s is marked %q, and a summary stands for it: %v", key, by, stands[key])
			}
			delete(now.Meta, mirror.MetaSupersededBy)
			if diff := cmp.Diff(d, now); diff != "" {
				t.Errorf("%s changed (-before +after):\n%s", key, diff)
			}
		case there:
			t.Errorf("%s is still there", key)
		}
	}
	// Back to what it was, byte for byte.
	for range runs {
		if _, err := consolidate.Undo(ctx, s, "", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, contents(t, base)); diff != "" {
		t.Errorf("after undo (-before +after):\n%s", diff)
	}
	if pulled, err := m.Pull(ctx); err != nil || pulled.Added+pulled.Deleted > 0 {
		t.Errorf("after undo: pulled %+v, %v", pulled, err)
	}
	// What the owner deletes goes from what was derived of it, too.
	if _, err := consolidate.Auto(ctx, s, scope, &consolidate.Options{Now: later}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	if remove {
		return // the owner has it no more
	}
	secret := ""
	for id, d := range contents(t, base) {
		if strings.Contains(d.Text, "euros") && d.Meta[mirror.MetaSupersededBy] != nil {
			secret = max(secret, id)
		}
	}
	text := before[secret].Text
	post(t, base+"/delete", map[string]any{"ids": []string{secret}})
	pulled, err = m.Pull(ctx)
	if err != nil || pulled.Deleted != 1 || pulled.Derived == 0 {
		t.Errorf("after a deletion: pulled %+v, %v", pulled, err)
	}
	if _, err := m.Push(ctx); err != nil {
		t.Fatal(err)
	}
	for id, d := range contents(t, base) {
		if d.Meta[mirror.MetaRecord] != nil && strings.Contains(","+d.Meta["derived_from"].(string)+",", ","+secret+",") {
			t.Errorf("%s still rests on what was deleted, %q", id, text)
		}
	}
}

func testOpen(t *testing.T, address, version string) {
	ctx := t.Context()
	if _, err := chroma.Open(ctx, address+"/nothing-here", nil); !errors.Is(err, chroma.ErrNoCollection) {
		t.Errorf("a collection that is not there: %v", err)
	}
	for _, bad := range []string{"conversations", "ftp://host/x", "http://", "::"} {
		if _, err := chroma.Open(ctx, bad, nil); err == nil || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	ada(t, address, version, "narrow", "cosine")
	embedder := func(context.Context, []string) ([][]float32, error) { return [][]float32{{1, 2, 3}}, nil }
	c, err := chroma.Open(ctx, address+"/narrow", &chroma.Options{Embed: embedder})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Document(ctx, "x", &memory.Record{Kind: memory.KindSummary, Text: "x", Created: later}, nil); !errors.Is(err, chroma.ErrDimension) {
		t.Errorf("an embedder of another dimension: %v", err)
	}
	if err := c.Write(ctx, mirror.Changes{Put: []mirror.Document{{ID: "x", Text: "x", Embedding: []float32{1}}}}); !errors.Is(err, chroma.ErrDimension) {
		t.Errorf("a vector of another dimension: %v", err)
	}
	if err := c.Write(ctx, mirror.Changes{Put: []mirror.Document{{ID: "x", Text: "x", Embedding: make([]float32, dim), Meta: map[string]any{"l": []int{1}}}}}); err == nil {
		t.Error("a list was written as metadata")
	}
	if err := c.Write(ctx, mirror.Changes{Mark: map[string]string{"never-there": "x"}, Remove: []string{"never-there"}}); err != nil {
		t.Errorf("what is not there: %v", err)
	}
	if found, err := c.Fetch(ctx, []string{"never-there"}); err != nil || len(found) > 0 {
		t.Errorf("fetching what is not there: %v, %v", found, err)
	}
}

// TestChangesWhileReading holds that a document that comes or goes while all are read is not taken for deleted.
func TestChangesWhileReading(t *testing.T) {
	s, address := serve(t, "v2")
	ada(t, address, "v2", "busy", "l2")
	c, err := chroma.Open(t.Context(), address+"/busy", nil)
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	s.onCall = func(operation string) int {
		if pages++; operation == "get" && pages > 2 { // between the first page and the second
			busy := s.all["busy"]
			delete(busy.entries, busy.ids[0])
			busy.ids = busy.ids[1:]
		}
		return 0
	}
	for _, err = range c.All(t.Context()) {
		if err != nil {
			break
		}
	}
	if !errors.Is(err, chroma.ErrChanged) {
		t.Errorf("reading what changes: %v, want ErrChanged", err)
	}
}

// TestBusyServer holds that a server that is busy for a moment is asked again, and that one that stays so is an error.
func TestBusyServer(t *testing.T) {
	s, address := serve(t, "v2")
	ada(t, address, "v2", "busy", "l2")
	c, err := chroma.Open(t.Context(), address+"/busy", nil)
	if err != nil {
		t.Fatal(err)
	}
	failures := 0
	s.onCall = func(string) int {
		if failures++; failures < 3 {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	if found, err := c.Fetch(t.Context(), []string{"turn-001"}); err != nil || len(found) != 1 {
		t.Errorf("after two failures: %v, %v", found, err)
	}
	s.onCall = func(string) int { return http.StatusForbidden }
	answer := (*chroma.Error)(nil)
	if _, err := c.Fetch(t.Context(), []string{"turn-001"}); !errors.As(err, &answer) || answer.Status != 403 || !strings.Contains(err.Error(), "check the token") {
		t.Errorf("a server that refuses: %v", err)
	}
}

func TestRecordsWithAdasMetadata(t *testing.T) {
	_, address := serve(t, "v2")
	ada(t, address, "v2", "meta", "l2")
	c, err := chroma.Open(t.Context(), address+"/meta", nil)
	if err != nil {
		t.Fatal(err)
	}
	for importance, want := range map[string]float64{"1": .1, "3": .5, "5": 1, "7": 1, "0.5": .5, "0": 0, "10": 1} {
		r, err := c.Record(mirror.Document{ID: "x", Text: "x", Meta: map[string]any{"importance": json.Number(importance)}})
		if err != nil || r.Importance != want {
			t.Errorf("importance %s is read as %v, %v; want %v", importance, r.Importance, err, want)
		}
	}
	for name, meta := range map[string]map[string]any{
		"a bad time": {"timestamp": "yesterday"}, "a bad end": {"valid_until": "soon"}, "a bad importance": {"importance": "high"},
	} {
		if _, err := c.Record(mirror.Document{ID: "x", Text: "x", Meta: meta}); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	r, err := c.Record(mirror.Document{ID: "x", Text: "x", Meta: map[string]any{"timestamp": json.Number("1735689600.5"), "type": "pattern"}})
	if err != nil || r.Kind != memory.KindFact || !r.Created.Equal(time.Date(2025, 1, 1, 0, 0, 0, 5e8, time.UTC)) {
		t.Errorf("seconds are read as %+v, %v", r, err)
	}
}
