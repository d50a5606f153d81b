package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/trm-go/refiner/refine"
)

// metrics are what the server counts. Labels have few values: no user, no session, no text is in them.
type metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec   // route, code
	seconds  *prometheus.HistogramVec // route
	inFlight prometheus.Gauge

	recall   prometheus.Histogram
	upstream *prometheus.CounterVec // code; "error" without an answer
	first    prometheus.Histogram   // to the upstream's first byte
	overhead prometheus.Histogram   // what the server adds to that

	rounds prometheus.Histogram
	stops  *prometheus.CounterVec // stop
	tokens *prometheus.CounterVec // kind

	written, failed prometheus.Counter
	pending         prometheus.GaugeFunc
}

// fast are buckets from half a millisecond to a minute: a recall takes one, a language model thirty seconds.
var fast = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// newMetrics makes the metrics of a store and of a writer, of which pending tells how many turns wait.
func newMetrics(store refine.Records, pending func() float64) *metrics {
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "refine", Name: name, Help: help, Buckets: buckets})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "refine", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "refine", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "refine", Name: name, Help: help})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counters("http_requests_total", "Requests by route and status.", "route", "code"),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "refine", Name: "http_request_seconds", Help: "Time to the end of the answer, streams included.", Buckets: fast}, []string{"route"}),
		inFlight: gauge("http_requests_in_flight", "Requests that are being answered."),
		recall:   histogram("recall_seconds", "Time to recall memories for a prompt.", fast),
		upstream: counters("upstream_requests_total", "Requests to the upstream by its status; error: it gave none.", "code"),
		first:    histogram("upstream_first_byte_seconds", "Time until the upstream began to answer.", fast),
		overhead: histogram("proxy_overhead_seconds", "Time from the request to sending it on: what the proxy adds to the first token.", fast),
		rounds:   histogram("answer_rounds", "Rounds of refinement of an answer.", []float64{0, 1, 2, 3, 4, 5, 8, 13}),
		stops:    counters("answer_stops_total", "Refinements by why they stopped.", "stop"),
		tokens:   counters("tokens_total", "Tokens that language models reported, by kind.", "kind"),
		written:  counter("turns_written_total", "Turns written to memory; what was there already is not counted."),
		failed:   counter("turns_failed_total", "Turns that could not be written; the log says why."),
		pending:  prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "refine", Name: "turns_pending", Help: "Turns that wait to be written."}, pending),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.seconds, m.inFlight, m.recall, m.upstream, m.first, m.overhead, m.rounds, m.stops, m.tokens,
		m.written, m.failed, m.pending, &storeSize{store})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// storeSize asks the store for its size when it is scraped.
type storeSize struct{ store refine.Records }

var (
	storeRecords = prometheus.NewDesc("refine_store_records", "Records of the whole store.", []string{"state"}, nil)
	storeBytes   = prometheus.NewDesc("refine_store_bytes", "Size of the store's file and its log.", nil, nil)
)

func (s *storeSize) Describe(ch chan<- *prometheus.Desc) {
	ch <- storeRecords
	ch <- storeBytes
}

// scrapeTime bounds the counting of a store that is being written to.
const scrapeTime = 5 * time.Second

func (s *storeSize) Collect(ch chan<- prometheus.Metric) {
	ctx, stop := context.WithTimeout(context.Background(), scrapeTime) // a collector is given none
	defer stop()
	stats, err := s.store.Stats(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(storeRecords, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(storeRecords, prometheus.GaugeValue, float64(stats.Live), "live")
	ch <- prometheus.MustNewConstMetric(storeRecords, prometheus.GaugeValue, float64(stats.Superseded), "superseded")
	ch <- prometheus.MustNewConstMetric(storeBytes, prometheus.GaugeValue, float64(stats.Bytes))
}
