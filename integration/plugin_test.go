package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/importance"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

func settings(t testing.TB) config.Config {
	t.Helper()
	c := config.Default()
	c.Store.Path = filepath.Join(t.TempDir(), "store.db")
	c.Scope.User = "ada"
	return c
}

func create(t testing.TB, c config.Config) *integration.Plugin {
	t.Helper()
	p, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func turn(position int, speaker, text string) memory.Record {
	return memory.Record{Scope: memory.Scope{Session: "1"}, Role: "user", Speaker: speaker, Text: text, Position: position,
		Created: time.Date(2025, 3, 9, 18, 30+position, 0, 0, time.UTC)}
}

func TestRememberAndRecall(t *testing.T) {
	for _, index := range []string{"auto", "flat", "chromem"} {
		t.Run(index, func(t *testing.T) {
			c := settings(t)
			c.Index = index
			p := create(t, c)
			added, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "Ruth moved to Lisbon."), turn(1, "Ada", "I bake rye bread."))
			if err != nil || added.Count != 2 {
				t.Fatalf("added %d, %v", added.Count, err)
			}
			r, err := p.Recall(t.Context(), p.Scope, memory.Query{Text: "Where did Ruth move?"})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Memories) == 0 || r.Memories[0].Text != "Ruth moved to Lisbon." {
				t.Errorf("recalled %v", r.Memories)
			}
			if r.Certificate.Bound > 1e-4 || r.Certificate.Steps == 0 {
				t.Errorf("the certificate is %+v", r.Certificate)
			}
			if r.Memories[0].Shown != 0 {
				t.Error("a recall counts what it shows by itself")
			}
		})
	}
}

func TestScopeIsTheConfigured(t *testing.T) {
	c := settings(t)
	p := create(t, c)
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "Ruth moved to Lisbon.")); err != nil {
		t.Fatal(err)
	}
	c.Scope.User = "eve"
	eve, err := integration.New(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer eve.Close()
	r, err := eve.Recall(t.Context(), eve.Scope, memory.Query{Text: "Where did Ruth move?"})
	if err != nil || len(r.Memories) != 0 {
		t.Errorf("another user recalls %v, %v", r.Memories, err)
	}
	if _, err := eve.Remember(t.Context(), eve.Scope, memory.Record{Scope: memory.Scope{User: "ada"}, Text: "x", Created: time.Now()}); !errors.Is(err, memory.ErrInvalid) {
		t.Errorf("writing into another user's memory gives %v", err)
	}
}

func TestLimitsAndErrors(t *testing.T) {
	c := settings(t)
	if _, err := integration.New(t.Context(), c, nil); !errors.Is(err, memory.ErrNoStore) {
		t.Errorf("no store gives %v", err)
	}
	p := create(t, c)
	again, err := integration.New(t.Context(), c, &integration.Options{Create: true})
	if err != nil {
		t.Fatalf("a store that is there is not opened: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	for i := range 20 {
		if _, err := p.Remember(t.Context(), p.Scope, turn(i, "Ada", strings.Repeat("rye ", i+1)+"bread")); err != nil {
			t.Fatal(err)
		}
	}
	r, err := p.Recall(t.Context(), p.Scope, memory.Query{Text: "rye bread"})
	if err != nil || len(r.Memories) != c.Recall.Limit {
		t.Errorf("%d memories, %v; want the configured %d", len(r.Memories), err, c.Recall.Limit)
	}
	bad := c
	bad.Index = "tree"
	if _, err := integration.New(t.Context(), bad, nil); err == nil || !strings.Contains(err.Error(), "index") {
		t.Errorf("an unknown index gives %v", err)
	}
	bad = c
	bad.Embedder = config.Embedder{Type: "openai", BaseURL: endpoint(t, 32).URL + "/v1", Model: "letters", Timeout: 5 * time.Second, KeyEnv: "TEST_KEY"}
	t.Setenv("TEST_KEY", "sk-open-sesame")
	if _, err := integration.New(t.Context(), bad, nil); !errors.Is(err, memory.ErrModel) {
		t.Errorf("another dimension gives %v", err)
	}
	if any, err := integration.New(t.Context(), bad, &integration.Options{AnyModel: true}); err != nil {
		t.Errorf("AnyModel gives %v", err)
	} else if err := any.Close(); err != nil {
		t.Error(err)
	}
}

func TestSettingsReachTheRecursion(t *testing.T) {
	c := settings(t)
	c.Recall.Preset, c.Recall.Steps, c.Recall.Mode = "ada", 7, "fixed_point"
	p := create(t, c)
	o := p.Options()
	if diff := cmp.Diff(importance.Ada, o.Weights); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	parameters := refine.DefaultParameters
	parameters.Steps = 7
	if diff := cmp.Diff(parameters, *o.Parameters); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if o.Mode != refine.FixedPoint {
		t.Errorf("the mode is %s", o.Mode)
	}
	if refine.DefaultParameters.Steps == 7 {
		t.Error("the defaults were changed")
	}
}

// endpoint speaks as much of the OpenAI API as an embedder needs. The vector of a text counts its letters.
func endpoint(t *testing.T, dim int) *httptest.Server {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-open-sesame" {
			http.Error(w, `{"error": {"message": "wrong key"}}`, http.StatusUnauthorized)
			return
		}
		var request struct{ Input []string }
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		type item struct {
			Object    string    `json:"object"`
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		}
		var data []item
		for i, text := range request.Input {
			v := make([]float32, dim)
			for _, c := range strings.ToLower(text) {
				v[int(c)%dim]++
			}
			data = append(data, item{"embedding", i, v})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "letters", "data": data})
	}))
	t.Cleanup(server.Close)
	return server
}

func TestEndpointEmbeds(t *testing.T) {
	c := settings(t)
	c.Embedder = config.Embedder{Type: "openai", BaseURL: endpoint(t, 32).URL + "/v1", Model: "letters", Timeout: 5 * time.Second, KeyEnv: "TEST_KEY"}
	t.Setenv("TEST_KEY", "sk-wrong")
	if _, err := integration.New(t.Context(), c, &integration.Options{Create: true}); err == nil || !strings.Contains(err.Error(), "wrong key") || strings.Contains(err.Error(), "sk-wrong") {
		t.Errorf("a wrong key gives %v", err)
	}
	t.Setenv("TEST_KEY", "sk-open-sesame")
	p := create(t, c)
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "Ada", "Ruth moved to Lisbon.")); err != nil {
		t.Fatal(err)
	}
	r, err := p.Recall(t.Context(), p.Scope, memory.Query{Text: "Where did Ruth move?"})
	if err != nil || len(r.Memories) != 1 {
		t.Fatalf("%v, %v", r, err)
	}
	s, err := p.Store.Stats(t.Context())
	if err != nil || s.Dim != 32 {
		t.Errorf("the store has %d dimensions, %v; want the endpoint's 32", s.Dim, err)
	}

	// The store keeps its model: no other is mixed in.
	c.Embedder = config.Default().Embedder
	c.Embedder.Type = "none"
	if _, err := integration.New(t.Context(), c, nil); !errors.Is(err, memory.ErrModel) {
		t.Errorf("another embedder gives %v", err)
	}
}

// Two plugins on one store see what the other writes, while both write.
func TestTwoAtOnce(t *testing.T) {
	c := settings(t)
	first := create(t, c)
	second, err := integration.New(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	var writers sync.WaitGroup
	for n, p := range []*integration.Plugin{first, second} {
		writers.Go(func() {
			for i := range 20 {
				if _, err := p.Remember(context.Background(), p.Scope, turn(100*n+i, "Ada", strings.Repeat("word ", n+1)+"bread")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for _, p := range []*integration.Plugin{first, second} {
		r, err := p.Recall(t.Context(), p.Scope, memory.Query{Text: "bread", Limit: 100})
		if err != nil || len(r.Memories) != 40 {
			t.Errorf("%d memories, %v; want 40", len(r.Memories), err)
		}
	}
}
