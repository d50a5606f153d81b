package serve

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	prometheus "github.com/VictoriaMetrics/metrics"

	"github.com/trm-go/refiner/memory"
)

// What finds the queue full is dropped, counted, and logged once.
func TestWebhookQueueIsBounded(t *testing.T) {
	begun, hang := make(chan struct{}, 1), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-hang }))
	defer s.Close()
	defer close(hang)
	var log, scrape bytes.Buffer
	m := &metrics{Set: prometheus.NewSet()}
	w, err := newWebhooks([]Webhook{{URL: s.URL}}, nil, m, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	w.tell("deleted", memory.Scope{}, change{}) // needs no store
	<-begun
	for range mostChanges + 7 {
		w.tell("deleted", memory.Scope{}, change{})
	}
	if n := w.pending(); n != mostChanges {
		t.Errorf("%v wait", n)
	}
	if strings.Count(log.String(), "dropped") != 1 {
		t.Errorf("the log says %s", &log)
	}
	if m.WritePrometheus(&scrape); !strings.Contains(scrape.String(), `refine_webhook_events_total{result="dropped"} 7`) {
		t.Errorf("the metrics say %s", &scrape)
	}
	w.close(0)
	if n := w.pending(); n != 0 {
		t.Errorf("%v wait after the end", n)
	}
}
