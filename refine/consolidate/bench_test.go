package consolidate_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine/consolidate"
)

// shelf is a store of which only planning is asked.
type shelf []memory.Record

func (s shelf) Sign(context.Context, []byte) (string, error) { return "", nil }

func (s shelf) All(context.Context, memory.Scope, *memory.AllOptions) iter.Seq2[memory.Record, error] {
	return func(yield func(memory.Record, error) bool) {
		for _, r := range s {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			records := shelf(chatter(n, 1))
			for i := range records {
				records[i].ID = memory.ID(fmt.Sprintf("%026d", i))
				records[i].Kind, records[i].Origin = memory.KindTurn, memory.Observed
			}
			b.ReportAllocs()
			for b.Loop() {
				p, err := consolidate.New(context.Background(), records, scope, &consolidate.Options{Now: later.AddDate(20, 0, 0)})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(p.Steps), "steps")
				b.ReportMetric(float64(len(p.Changes)), "changes")
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
		})
	}
}
