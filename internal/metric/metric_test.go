package metric_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trm-go/refiner/internal/metric"
)

func TestExposition(t *testing.T) {
	var r metric.Registry
	requests := r.Counter("requests_total", "Requests.", "code", "route")
	plain := r.Counter("plain_total", "Plain.")
	seconds := r.Histogram("seconds", "Time.", []float64{.125, 1}, "route")
	r.Gauge("depth", "Depth.", func() float64 { return 2.5 })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			requests.Add(1, "200", `a"b\c`+"\n")
			seconds.Observe(.125, "/")
			seconds.Observe(7, "/")
		})
	}
	all.Wait()
	plain.Add(.5)
	var got strings.Builder
	if err := r.Write(&got); err != nil {
		t.Fatal(err)
	}
	want := `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",route="a\"b\\c\n"} 8
# HELP plain_total Plain.
# TYPE plain_total counter
plain_total 0.5
# HELP seconds Time.
# TYPE seconds histogram
seconds_bucket{route="/",le="0.125"} 8
seconds_bucket{route="/",le="1"} 8
seconds_bucket{route="/",le="+Inf"} 16
seconds_sum{route="/"} 57
seconds_count{route="/"} 16
# HELP depth Depth.
# TYPE depth gauge
depth 2.5
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}
