package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The measures of a batch are those of OpenTelemetry's own batcher.
const (
	batchSpans  = 512
	mostPending = 2048
	batchTime   = 5 * time.Second
	flushTime   = 5 * time.Second // how long Close waits for a collector
)

// take keeps a span for the next batch. Where a collector does not keep up, spans are dropped and not waited for.
func (t *Provider) take(s otlpSpan) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.pending) >= mostPending {
		t.dropped++
		return
	}
	t.pending = append(t.pending, s)
	if len(t.pending) >= batchSpans {
		select {
		case t.wake <- struct{}{}:
		default:
		}
	}
}

// run sends batches until the provider is closed.
func (t *Provider) run() {
	defer close(t.stopped)
	tick := time.NewTicker(batchTime)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.wake:
		case <-t.stop:
			ctx, stop := context.WithTimeout(context.Background(), flushTime)
			defer stop()
			t.send(ctx)
			return
		}
		t.send(context.Background())
	}
}

// Close sends what is left, and ends the goroutine that sends.
func (t *Provider) Close() {
	close(t.stop)
	<-t.stopped
}

// send sends what is pending. What a collector refuses is lost: it is told once a batch, and answers do not wait for it.
func (t *Provider) send(ctx context.Context) {
	t.mu.Lock()
	spans, dropped := t.pending, t.dropped
	t.pending, t.dropped = nil, 0
	t.mu.Unlock()
	if dropped > 0 {
		t.log.Warn("traces were dropped: the collector does not keep up", "spans", dropped)
	}
	if len(spans) == 0 {
		return
	}
	if err := t.post(ctx, spans); err != nil {
		t.log.Warn("traces were not sent", "spans", len(spans), "error", err)
	}
}

func (t *Provider) post(ctx context.Context, spans []otlpSpan) error {
	byScope := map[string][]otlpSpan{}
	for _, s := range spans {
		byScope[s.scope] = append(byScope[s.scope], s)
	}
	of := otlpResourceSpans{}
	of.Resource.Attributes = t.resource
	for scope, spans := range byScope {
		one := otlpScopeSpans{Spans: spans}
		one.Scope.Name = scope
		of.ScopeSpans = append(of.ScopeSpans, one)
	}
	body, err := json.Marshal(map[string]any{"resourceSpans": []otlpResourceSpans{of}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	for key, value := range t.headers {
		r.Header.Set(key, value)
	}
	response, err := t.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<16)) // so that the connection can be used again
	if response.StatusCode >= 300 {
		return fmt.Errorf("the collector answers %s", response.Status)
	}
	return nil
}
