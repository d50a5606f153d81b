package refine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// BenchmarkRecall measures a whole recall from a store: the question is embedded, candidates are found and rescored, and
// the best ten records read.
func BenchmarkRecall(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			ctx := context.Background()
			store, err := memory.Create(ctx, filepath.Join(b.TempDir(), "memory.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			random := rand.New(rand.NewPCG(1, 2))
			zipf := rand.NewZipf(random, 1.1, 20, 20_000)
			sentence := func(words int) string {
				var s strings.Builder
				for range words {
					fmt.Fprintf(&s, "w%d ", zipf.Uint64())
				}
				return s.String()
			}
			records := make([]memory.Record, n)
			for i := range records {
				records[i] = memory.Record{Scope: memory.Scope{Tenant: "b", User: "u", Session: fmt.Sprint(i / 25)}, Kind: memory.KindTurn, Role: "user",
					Speaker: [2]string{"Ada", "Ben"}[i%2], Text: sentence(15 + random.IntN(20)), Position: i % 25,
					Created: now.Add(time.Duration(i/25-n) * time.Hour), Importance: .5, Confidence: 1, Origin: memory.Observed}
			}
			scope := memory.Scope{Tenant: "b", User: "u"}
			for part := range slices.Chunk(records, 5000) {
				if _, err := store.Add(ctx, scope, part...); err != nil {
					b.Fatal(err)
				}
			}
			questions := make([]string, 256)
			for i := range questions {
				questions[i] = "What did Ada say about " + sentence(6) + "?"
			}
			var spent, rescoring []time.Duration
			candidates, i := 0, 0
			for b.Loop() {
				q := memory.Query{Text: questions[i%len(questions)]}
				i++
				start := time.Now()
				r, err := refine.Recall(ctx, store, scope, q, nil)
				if err != nil {
					b.Fatal(err)
				}
				spent = append(spent, time.Since(start))
				candidates += len(r.Ranking.Weights)
				b.StopTimer()
				c, err := store.Candidates(ctx, scope, q, nil)
				if err != nil {
					b.Fatal(err)
				}
				start = time.Now()
				if _, err := refine.Rescore(ctx, c, nil); err != nil {
					b.Fatal(err)
				}
				rescoring = append(rescoring, time.Since(start))
				b.StartTimer()
			}
			at := func(d []time.Duration, share float64) float64 {
				slices.Sort(d)
				return float64(d[int(share*float64(len(d)-1))].Microseconds()) / 1000
			}
			b.ReportMetric(at(spent, .5), "p50-ms")
			b.ReportMetric(at(spent, .95), "p95-ms")
			b.ReportMetric(at(rescoring, .5), "rescore-p50-ms")
			b.ReportMetric(at(rescoring, .95), "rescore-p95-ms")
			b.ReportMetric(float64(candidates)/float64(i), "candidates/op")
		})
	}
}
