package serve

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	prometheus "github.com/VictoriaMetrics/metrics"

	"github.com/trm-go/refiner/refine"
)

// metrics are what the server counts (docs/serve.md says what each means). Labels have few values: no user, no session, no text
// is in them.
type metrics struct {
	*prometheus.Set
	store                           refine.Records
	recall, first, overhead, rounds *prometheus.PrometheusHistogram
}

// fast are buckets from half a millisecond to a minute: a recall takes one, a language model thirty seconds.
var fast = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// newMetrics makes the metrics of a store and of a server: how many requests it is answering, and how many turns wait to be
// written.
func newMetrics(store refine.Records, inFlight, pending func() float64) *metrics {
	prometheus.ExposeMetadata(true)
	s := prometheus.NewSet()
	m := &metrics{s, store, s.NewPrometheusHistogramExt("refine_recall_seconds", fast), s.NewPrometheusHistogramExt("refine_upstream_first_byte_seconds", fast),
		s.NewPrometheusHistogramExt("refine_proxy_overhead_seconds", fast), s.NewPrometheusHistogramExt("refine_answer_rounds", []float64{0, 1, 2, 3, 4, 5, 8, 13})}
	m.count("refine_turns_written_total", 0)
	m.count("refine_turns_failed_total", 0)
	s.NewGauge("refine_http_requests_in_flight", inFlight)
	s.NewGauge("refine_turns_pending", pending)
	return m
}

// count adds to a counter, whose labels are names and values.
func (m *metrics) count(name string, n int, labels ...string) {
	m.GetOrCreateCounter(labelled(name, labels)).Add(n)
}

func labelled(name string, labels []string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	if len(pairs) == 0 {
		return name
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// scrapeTime bounds the counting of a store that is being written to.
const scrapeTime = 5 * time.Second

func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithTimeout(r.Context(), scrapeTime)
	defer stop()
	if size, err := m.store.Stats(ctx); err == nil {
		m.GetOrCreateGauge(`refine_store_records{state="live"}`, nil).Set(float64(size.Live))
		m.GetOrCreateGauge(`refine_store_records{state="superseded"}`, nil).Set(float64(size.Superseded))
		m.GetOrCreateGauge("refine_store_bytes", nil).Set(float64(size.Bytes))
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	m.WritePrometheus(w)
	prometheus.WriteProcessMetrics(w)
}
