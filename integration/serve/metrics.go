package serve

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/trm-go/refiner/internal/metric"
	"github.com/trm-go/refiner/memory"
	"github.com/trm-go/refiner/refine"
)

// metrics are what the server counts. Labels have few values: no user, no session, no text is in them.
type metrics struct {
	registry metric.Registry

	requests *metric.Counter   // code, route
	seconds  *metric.Histogram // route

	recall   *metric.Histogram
	upstream *metric.Counter   // code; "error" without an answer
	first    *metric.Histogram // to the upstream's first byte
	overhead *metric.Histogram // what the server adds to that

	rounds *metric.Histogram
	stops  *metric.Counter // stop
	tokens *metric.Counter // kind

	written, failed *metric.Counter
}

// fast are buckets from half a millisecond to a minute: a recall takes one, a language model thirty seconds.
var fast = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// newMetrics makes the metrics of a store and of a server: how many requests it is answering, and how many turns wait to be
// written.
func newMetrics(store refine.Records, inFlight, pending func() float64) *metrics {
	m := &metrics{}
	r := &m.registry
	m.requests = r.Counter("refine_http_requests_total", "Requests by route and status.", "code", "route")
	m.seconds = r.Histogram("refine_http_request_seconds", "Time to the end of the answer, streams included.", fast, "route")
	r.Gauge("refine_http_requests_in_flight", "Requests that are being answered.", inFlight)
	m.recall = r.Histogram("refine_recall_seconds", "Time to recall memories for a prompt.", fast)
	m.upstream = r.Counter("refine_upstream_requests_total", "Requests to the upstream by its status; error: it gave none.", "code")
	m.first = r.Histogram("refine_upstream_first_byte_seconds", "Time until the upstream began to answer.", fast)
	m.overhead = r.Histogram("refine_proxy_overhead_seconds", "Time from the request to sending it on: what the proxy adds to the first token.", fast)
	m.rounds = r.Histogram("refine_answer_rounds", "Rounds of refinement of an answer.", []float64{0, 1, 2, 3, 4, 5, 8, 13})
	m.stops = r.Counter("refine_answer_stops_total", "Refinements by why they stopped.", "stop")
	m.tokens = r.Counter("refine_tokens_total", "Tokens that language models reported, by kind.", "kind")
	m.written = r.Counter("refine_turns_written_total", "Turns written to memory; what was there already is not counted.")
	m.failed = r.Counter("refine_turns_failed_total", "Turns that could not be written; the log says why.")
	r.Gauge("refine_turns_pending", "Turns that wait to be written.", pending)
	size := &storeSize{store: store}
	r.Func("gauge", "refine_store_records", "Records of the whole store.", []string{"state"}, func() []metric.Value {
		s, ok := size.read()
		if !ok {
			return nil
		}
		return []metric.Value{{Labels: []string{"live"}, Value: float64(s.Live)}, {Labels: []string{"superseded"}, Value: float64(s.Superseded)}}
	})
	r.Func("gauge", "refine_store_bytes", "Size of the store's file and its log.", nil, func() []metric.Value {
		s, ok := size.read()
		if !ok {
			return nil
		}
		return []metric.Value{{Value: float64(s.Bytes)}}
	})
	r.Process()
	return m
}

// storeSize asks the store for its size, once for all metrics of a scrape.
type storeSize struct {
	store refine.Records

	mu    sync.Mutex
	at    time.Time
	stats memory.Stats
	err   error
}

const (
	scrapeTime = 5 * time.Second // bounds the counting of a store that is being written to
	scrapeKeep = time.Second     // how long a count serves
)

func (s *storeSize) read() (memory.Stats, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) > scrapeKeep {
		ctx, stop := context.WithTimeout(context.Background(), scrapeTime)
		defer stop()
		s.stats, s.err = s.store.Stats(ctx)
		s.at = time.Now()
	}
	return s.stats, s.err == nil
}

func (m *metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", metric.ContentType)
	_ = m.registry.Write(w) // fails only where the reader is gone
}
