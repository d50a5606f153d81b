package bridge_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/trm-go/refiner/config"
	"github.com/trm-go/refiner/integration"
	"github.com/trm-go/refiner/integration/bridge"
	"github.com/trm-go/refiner/memory"
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

func turn(position int, text string) memory.Record {
	return memory.Record{Scope: memory.Scope{Session: "1"}, Role: "user", Speaker: "Ada", Text: text, Position: position,
		Created: time.Date(2025, 3, 9, 18, 30+position, 0, 0, time.UTC)}
}

// known makes a plugin that knows where Ruth lives.
func known(t *testing.T) *integration.Plugin {
	t.Helper()
	p := create(t, settings(t))
	if _, err := p.Remember(t.Context(), p.Scope, turn(0, "My sister Ruth moved to Lisbon."), turn(1, "I bake rye bread.")); err != nil {
		t.Fatal(err)
	}
	return p
}

// MCP counts what it shows, and a plugin that only reads remembers nothing through it.
func TestMCP(t *testing.T) {
	p := known(t)
	m := bridge.MCP(p, memory.Scope{})
	r, err := m.Recall(t.Context(), memory.Query{Text: "Where did Ruth move?", Limit: 1})
	if err != nil || len(r.Memories) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	id := r.Memories[0].ID
	if err := m.MarkShown(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.Flush()
	if got, err := p.Store.Record(t.Context(), p.Scope, id); err != nil || got.Shown != 1 {
		t.Errorf("shown %d times, %v", got.Shown, err)
	}
	if _, err := bridge.MCP(p.ReadOnly(), p.Scope).Remember(t.Context(), turn(9, "I was here.")); !errors.Is(err, memory.ErrReadOnly) {
		t.Errorf("remembering where one may only read: %v", err)
	}
}
