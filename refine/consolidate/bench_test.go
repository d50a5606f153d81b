package consolidate_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/trm-go/refiner/refine/consolidate"
)

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := open(b, chatter(n, 1))
			b.ReportAllocs()
			for b.Loop() {
				p, err := consolidate.New(b.Context(), s, scope, &consolidate.Options{Now: later.AddDate(20, 0, 0)})
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
