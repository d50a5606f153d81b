package refine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// benchStore is a store of n turns of 15 to 34 words, drawn from a Zipf distribution over 20,000 words. It stays in the
// folder REFINER_BENCH_DIR, if that is set, so that what is measured again need not be made again.
func benchStore(b *testing.B, n int, sentence func(words int) string) *memory.Store {
	b.Helper()
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "memory.db")
	if kept := os.Getenv("REFINER_BENCH_DIR"); kept != "" {
		path = filepath.Join(kept, fmt.Sprintf("recall-%d.db", n))
	}
	store, err := memory.Open(ctx, path, nil)
	if err == nil {
		return store
	}
	if store, err = memory.Create(ctx, path, nil); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	records := make([]memory.Record, n)
	for i := range records {
		records[i] = memory.Record{Scope: memory.Scope{Tenant: "b", User: "u", Session: fmt.Sprint(i / 25)}, Kind: memory.KindTurn, Role: "user",
			Speaker: [2]string{"Ada", "Ben"}[i%2], Text: sentence(15 + random.IntN(20)), Position: i % 25,
			Created: now.Add(time.Duration(i/25-n) * time.Hour), Importance: .5, Confidence: 1, Origin: memory.Observed}
		if i%5 == 0 {
			records[i].Meta = map[string]string{"topic": "fifth"}
		}
	}
	for part := range slices.Chunk(records, 5000) {
		if _, err := store.Add(ctx, memory.Scope{Tenant: "b", User: "u"}, part...); err != nil {
			b.Fatal(err)
		}
	}
	return store
}

// BenchmarkRecall measures a whole recall from a store, unfiltered and with a filter: the question is embedded, candidates
// are found and rescored, and the best ten records read. Times are by the clock, and by the processor time of all cores.
func BenchmarkRecall(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		random := rand.New(rand.NewPCG(1, 2))
		zipf := rand.NewZipf(random, 1.1, 20, 20_000)
		sentence := func(words int) string {
			var s strings.Builder
			for range words {
				fmt.Fprintf(&s, "w%d ", zipf.Uint64())
			}
			return s.String()
		}
		store := benchStore(b, n, sentence)
		questions := make([]string, 256)
		for i := range questions {
			questions[i] = "What did Ada say about " + sentence(6) + "?"
		}
		user := memory.Scope{Tenant: "b", User: "u"}
		session := user
		session.Session = "7"
		for _, c := range []struct {
			name  string
			scope memory.Scope
			where map[string]string
		}{{"all", user, nil}, {"session", session, nil}, {"metadata", user, map[string]string{"topic": "fifth"}}} {
			b.Run(fmt.Sprintf("n=%d/%s", n, c.name), func(b *testing.B) {
				ctx := context.Background()
				var spent, cpu []time.Duration
				candidates := 0
				for i := 0; b.Loop(); i++ {
					used, start := processTime(), time.Now()
					r, err := refine.Recall(ctx, store, c.scope, memory.Query{Text: questions[i%len(questions)], Where: c.where}, nil)
					if err != nil {
						b.Fatal(err)
					}
					spent, cpu = append(spent, time.Since(start)), append(cpu, processTime()-used)
					candidates += len(r.Ranking.Weights)
				}
				for name, d := range map[string][]time.Duration{"": spent, "cpu-": cpu} {
					slices.Sort(d)
					b.ReportMetric(float64(d[len(d)/2].Microseconds())/1000, name+"p50-ms")
					b.ReportMetric(float64(d[len(d)*95/100].Microseconds())/1000, name+"p95-ms")
				}
				b.ReportMetric(float64(candidates)/float64(len(spent)), "candidates/op")
			})
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
