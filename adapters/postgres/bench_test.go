package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// What loading and searching cost in both engines, in one run: REFINER_BENCH_ENGINES=1 make test-engines.
func TestBenchEngines(t *testing.T) {
	if os.Getenv("REFINER_BENCH_ENGINES") == "" {
		t.Skip("REFINER_BENCH_ENGINES is not set")
	}
	role(t)
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	const records, questions = 10000, 200
	file, err := memory.Create(t.Context(), filepath.Join(t.TempDir(), "store.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	scope := memory.Scope{User: "ann"}
	for _, e := range []struct {
		name  string
		store refine.Store
	}{{"file", file}, {"postgres", open(t, address(t, "bench"))}} {
		start := time.Now()
		_, err := e.store.AddAll(t.Context(), scope, func(yield func(memory.Record, error) bool) {
			for n := range records {
				text := fmt.Sprintf("Turn %d is about topic%d, place%d and the kettle of colour%d.", n, n%97, n%31, n%7)
				if !yield(memory.Record{Text: text, Scope: memory.Scope{Session: fmt.Sprint(n / 50)}, Position: n % 50, Meta: map[string]string{"m": fmt.Sprint(n % 10)}}, nil) {
					return
				}
			}
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		load := time.Since(start)
		stats, err := e.store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: load %.2f s, %d records/s, %.1f MB", e.name, load.Seconds(), int(records/load.Seconds()), float64(stats.Bytes)/1e6)
		for kind, where := range map[string]map[string]string{"search": nil, "filtered search": {"m": "3"}} {
			var times []time.Duration
			for n := range questions {
				start := time.Now()
				if _, err := refine.Recall(context.Background(), e.store, scope, memory.Query{Text: fmt.Sprintf("topic%d at place%d", n%97, n%31), Where: where}, nil); err != nil {
					t.Fatal(err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			t.Logf("%s: %s p50 %v, p95 %v", e.name, kind, times[questions/2].Round(10*time.Microsecond), times[questions*95/100].Round(10*time.Microsecond))
		}
	}
}
