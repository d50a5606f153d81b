package otlp_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"

	"github.com/trm-go/refiner/internal/otlp"
)

func TestSamplingFollowsTheCaller(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(&sent, r.Body)
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL+"/")
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a%2Cb")
	p, err := otlp.FromEnv("refine", "v1", slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	tracer := p.Tracer("test")
	for name, flags := range map[string]string{"recorded": "01", "skipped": "00"} {
		header := propagation.MapCarrier{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-" + flags}
		ctx, span := tracer.Start(propagation.TraceContext{}.Extract(t.Context(), header), name)
		span.SetAttributes(attribute.Int("n", 3), attribute.Bool("b", true), attribute.Float64("f", .5), attribute.StringSlice("s", []string{"x"}))
		out := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, out)
		if !strings.HasPrefix(out["traceparent"], "00-4bf92f3577b34da6a3ce929d0e0e4736-") || !strings.HasSuffix(out["traceparent"], flags) {
			t.Errorf("%s: the next process is told %s", name, out["traceparent"])
		}
		span.End()
		span.End()
	}
	_, alone := tracer.Start(t.Context(), "alone")
	alone.End()
	p.Close()
	for _, want := range []string{`"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`, `"parentSpanId":"00f067aa0ba902b7"`, `{"key":"n","value":{"intValue":"3"}}`,
		`{"key":"team","value":{"stringValue":"a,b"}}`, `"recorded"`} {
		if strings.Count(sent.String(), want) != 1 {
			t.Errorf("%s is not sent once: %s", want, sent.String())
		}
	}
	for _, other := range []string{"skipped", "alone"} {
		if strings.Contains(sent.String(), other) {
			t.Errorf("%s was sent", other)
		}
	}
}

func TestVariablesAreChecked(t *testing.T) {
	if p, err := otlp.FromEnv("refine", "v1", slog.Default()); p != nil || err != nil {
		t.Errorf("without an endpoint: %v, %v", p, err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	for name, value := range map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
		"OTEL_TRACES_SAMPLER": "sometimes", "OTEL_EXPORTER_OTLP_HEADERS": "a", "OTEL_RESOURCE_ATTRIBUTES": "x"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			if p, err := otlp.FromEnv("refine", "v1", slog.Default()); p != nil || !errors.Is(err, otlp.ErrVariable) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		})
	}
}
